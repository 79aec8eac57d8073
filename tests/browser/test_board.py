"""The board as people meet it, in headless Chromium."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stream.ops.board import Board
from stream.ops.metrics import Metrics
from stream.ops.server import OpsServer
from stream.session.gaps import RECOGNIZED
from tests.boards import HOUR, filled_board, gap

CHROMIUM = next(
    filter(
        None,
        map(
            shutil.which,
            ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"),
        ),
    ),
    None,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium: apt-get install chromium-headless-shell"
    ),
]

WIDTHS = (360, 1280)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium's sandbox cannot be had as root, as which CI runs; the page is our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Served:
    """A board that is served; ``now_ms`` is its time, and ``down`` makes it fail."""

    board: Board
    now_ms: int
    port: int = 0
    down: bool = False

    def snapshot(self) -> dict[str, Any]:
        if self.down:
            raise OSError("told to")
        return self.board.snapshot(self.now_ms)


def serve(board: Board, now_ms: int) -> Iterator[Served]:
    served = Served(board, now_ms)
    ops = OpsServer(
        "127.0.0.1",
        0,
        Metrics("test-1", 3).registry,
        lambda: "",
        lambda: "",
        board=served.snapshot,
    )
    ops.start()
    served.port = ops.port
    yield served
    ops.stop()


NOW_MS = int(time.time() * 1000) // HOUR * HOUR


@pytest.fixture
def full() -> Iterator[Served]:
    yield from serve(filled_board(NOW_MS), NOW_MS)


@pytest.fixture
def empty() -> Iterator[Served]:
    yield from serve(Board(Metrics("test-1", 3), lambda: "waiting for the brokers"), NOW_MS)


@dataclass
class Seen:
    """What a page said to the console, and what it asked of the network."""

    faults: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)


def opened(
    browser: Browser, served: Served, width: int = 1280, **options: Any
) -> tuple[Page, Seen]:
    page = browser.new_page(viewport={"width": width, "height": 800}, **options)
    page.set_default_timeout(20_000)
    seen = Seen()
    page.on("console", lambda message: seen.faults.append(message.text))
    page.on("pageerror", lambda error: seen.faults.append(str(error)))
    page.on("request", lambda request: seen.urls.append(request.url))
    page.goto(f"http://127.0.0.1:{served.port}/")
    page.wait_for_selector("#pipeline dd")
    return page, seen


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize("width", WIDTHS)
def test_it_tells_the_story(browser: Browser, full: Served, width: int) -> None:
    page, seen = opened(browser, full, width)
    expect(page.locator("#status")).to_contain_text("Worker ready")
    expect(page.locator("#drops")).to_contain_text("deliveries is dropping: recognised first fell")
    rows = page.get_by_role("table").first.get_by_role("row")
    expect(rows).to_have_count(5)
    deliveries = rows.nth(1)
    expect(deliveries.get_by_role("rowheader")).to_contain_text("deliveries dropping")
    expect(deliveries).to_contain_text("baseline")
    expect(rows.nth(4)).to_contain_text("too few")
    # A course is told in words, too.
    label = deliveries.get_by_role("img").get_attribute("aria-label") or ""
    assert label.startswith("Over 59\u00a0min: from ")
    expect(page.locator("#gaps tbody tr")).to_have_count(12)
    expect(page.locator("#gaps-open")).to_have_text("4 gaps open now, in all queues.")
    expect(page.locator("#breaks tbody")).to_contain_text("Data request")
    expect(page.locator("#pipeline")).to_contain_text("15 records")
    assert page.evaluate("document.querySelector('#queues .spark path').getAttribute('d')")
    assert overflow(page) <= 0
    assert seen.faults == []
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_it_waits_for_the_first_conversations(browser: Browser, empty: Served, width: int) -> None:
    page, seen = opened(browser, empty, width)
    expect(page.locator("#waiting")).to_contain_text("Waiting for the first conversations")
    expect(page.locator("#status")).to_contain_text("not ready: waiting for the brokers")
    assert page.locator("table:visible").count() == 0
    assert page.locator("#drops").is_hidden()
    assert overflow(page) <= 0
    empty.board.take("gaps", gap("s", NOW_MS).encode())
    expect(page.locator("#gaps tbody")).to_contain_text("Concern not recognised")
    expect(page.locator("#queues tbody")).to_contain_text("no window yet")
    assert page.locator("#waiting").is_hidden()
    assert seen.faults == []
    page.close()


def test_it_fits_every_width(browser: Browser, full: Served) -> None:
    page, _ = opened(browser, full)
    expect(page.locator("#queues tbody tr")).to_have_count(4)
    for width in range(320, 1500, 40):
        page.set_viewport_size({"width": width, "height": 800})
        assert overflow(page) <= 0, width
        clipped = page.evaluate(
            "[...document.querySelectorAll('section')].filter((each) => "
            "each.scrollWidth > each.clientWidth).map((each) => each.id)"
        )
        assert clipped == [], width
    page.close()


def test_it_asks_nobody_else_and_obeys_its_policy(browser: Browser, full: Served) -> None:
    page, seen = opened(browser, full)
    expect(page.locator("#queues tbody tr")).to_have_count(4)
    base = f"http://127.0.0.1:{full.port}/"
    own = [url for url in seen.urls if not url.startswith("data:")]
    assert set(own) == {base, f"{base}board.json"}
    # A policy that did not reach the browser would let this through.
    blocked = page.evaluate(
        "new Promise((done) => { document.addEventListener('securitypolicyviolation', "
        "(event) => done(event.effectiveDirective)); "
        "const image = new Image(); image.onload = image.onerror = "
        "() => setTimeout(() => done('asked'), 500); image.src = '/metrics'; })"
    )
    assert blocked == "img-src"
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_no_accessibility_fault_that_axe_knows(
    browser: Browser, full: Served, width: int, scheme: Any
) -> None:
    page, _ = opened(browser, full, width, color_scheme=scheme, reduced_motion="reduce")
    expect(page.locator("#queues tbody tr")).to_have_count(4)
    violations = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == []
    page.close()


def test_the_keyboard_reaches_and_works_everything(browser: Browser, full: Served) -> None:
    page, _ = opened(browser, full)
    expect(page.locator("#gaps .more")).to_be_visible()
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "document.activeElement === document.body ? '' : document.activeElement.textContent"
        )
        if not name or name in reached:
            break
        reached.append(name)
        width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert width == "2px", f"{name}: the focus is not seen"
    assert reached == [
        *("Queues", "Gaps", "Breaks", "Pipeline", "Pause updates", "Show all 30 gaps"),
        *("metrics", "healthz", "readyz", "board.json"),
    ]
    page.locator("#gaps .more").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#gaps tbody tr")).to_have_count(30)
    expect(page.locator("#gaps .more")).to_be_focused()
    expect(page.locator("#gaps .more")).to_have_attribute("aria-expanded", "true")
    page.close()


def test_gaps_come_and_close_while_it_is_open(browser: Browser, full: Served) -> None:
    page, seen = opened(browser, full)
    expect(page.locator("#gaps tbody tr")).to_have_count(12)
    row = page.locator("#gaps tbody tr").nth(0)
    page.evaluate("document.querySelector('#gaps tbody tr').id = 'first-row'")
    said = page.locator("#said")
    expect(said).to_have_text("")
    full.now_ms += 5_000
    event = gap("new", full.now_ms - 1_000, queue="returns", high_emotion=True)
    full.board.take("gaps", event.encode())
    expect(row).to_contain_text("high emotion")
    expect(said).to_have_text("New gap: Concern not recognised, returns.")
    closing = gap(
        "new", full.now_ms - 1_000, queue="returns", closed_ms=full.now_ms, closed_by=RECOGNIZED
    )
    full.board.take("gaps", closing.encode())
    expect(row).to_contain_text("recognised")
    expect(row).to_contain_text("after 1\u00a0s")
    # What is being read is changed in place, not drawn anew.
    expect(page.locator("#gaps tbody tr")).to_have_count(12)
    expect(page.locator("#gaps tbody tr").nth(1)).to_have_id("first-row")
    assert seen.faults == []
    page.close()


def test_it_can_be_paused(browser: Browser, full: Served) -> None:
    page, seen = opened(browser, full)
    page.get_by_role("button", name="Pause updates").click()
    expect(page.locator("#status")).to_contain_text("paused")
    before = len(seen.urls)
    # Coming back to a page asks at once, but not where it is paused: this request is our own.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange')); fetch('board.json?ours')")
    assert [url.rpartition("/")[2] for url in seen.urls[before:]] == ["board.json?ours"]
    before = len(seen.urls)
    page.get_by_role("button", name="Resume updates").click()
    expect(page.locator("#status")).to_contain_text("updated")
    assert len(seen.urls) > before
    page.close()


def test_it_says_that_the_worker_is_gone_and_comes_back(browser: Browser, full: Served) -> None:
    page, _ = opened(browser, full)
    expect(page.locator("#queues tbody tr")).to_have_count(4)
    full.down = True
    expect(page.locator("#trouble")).to_contain_text("The worker does not answer")
    expect(page.locator("#trouble")).to_contain_text("What is shown is from")
    expect(page.locator("#status")).to_contain_text("No connection")
    full.down = False
    expect(page.locator("#trouble")).to_be_hidden()
    expect(page.locator("#status")).to_contain_text("Worker ready")
    page.close()


def test_what_messages_hold_is_text_and_nothing_else(browser: Browser, empty: Served) -> None:
    hostile = '<img src=x onerror="document.title=1"><b>' + "long" * 40
    empty.board.take("gaps", gap("s", NOW_MS, queue=hostile).encode())
    page, seen = opened(browser, empty, 360)
    expect(page.locator("#queues tbody th")).to_contain_text(hostile)
    assert page.title() == "Empathy board"
    assert overflow(page) <= 0
    assert seen.faults == []
    page.close()
