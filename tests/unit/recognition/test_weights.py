"""Numbers side by side in one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.recognition.weights import packed, unpacked

rows = st.lists(st.integers(-(2**20), 2**20), min_size=4, max_size=4)


@given(rows, rows, st.integers(0, 500))
def test_sums_and_multiples_keep_to_their_places(a: list[int], b: list[int], times: int) -> None:
    total = packed(a) * times + packed(b)
    assert unpacked(total, 4) == tuple(times * x + y for x, y in zip(a, b, strict=True))
