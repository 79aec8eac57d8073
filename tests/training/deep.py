"""Trains the deep recogniser on the corpus.

    python -m tests.training.deep [FOLDER [STAGES]]

Writes ``encoder.onnx``, ``tokenizer.json`` and ``decision.json`` into FOLDER (default: the
package). Starts from bge-small-en-v1.5 (:mod:`tests.training.base`). The stages of the training
are kept in the folder STAGES: what stands there is not trained again, so that a run that was
interrupted goes on. Begin with an empty one when corpus or code have changed.

1. The encoder learns every label of a turn from the turn and what stands before it: first on the
   turns of half of the writers of ``a`` to ``h``, then of all but those who write most like real
   people, then twice of all. In between it reads what it has not learnt from: the other half,
   those, the validation split.
2. With what it said there one weighted sum per label is fitted over the logits and the fast
   recogniser's findings, as these are when its weights know no more than the encoder. It corrects
   the fast recogniser only where that is right on writers unknown to both.
3. The encoder is written with whole-numbered weights.

The test split is only printed. Seeds are fixed; on other hardware sums are added up in another
order, and the figures differ by a hundredth or two. Needs the extra ``training-deep``.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer

import stream.recognition.deep
from stream.recognition import PROCESS, RECOGNITION, SCENARIOS, fast, label_names
from stream.recognition import agent as agent_rules
from stream.recognition.customer import log_odds
from stream.recognition.deep.decision import (
    AGENT,
    AGENT_LABELS,
    AGENT_LOGITS,
    CUSTOMER,
    CUSTOMER_LOGITS,
    DECIDED,
    SCENARIO,
    agent_row,
)
from stream.recognition.deep.pieces import (
    ACCOUNT_PIECES,
    AGENT_BEFORE_PIECES,
    EARLIER_PIECES,
    FIRST_ANSWER_PIECES,
    OPENING_PIECES,
    TURN_PIECES,
    Input,
    agent_input,
    customer_input,
    opening_input,
    plain,
)
from stream.recognition.scenario import scenario_scores
from tests.training.base import base_tokenizer, base_weights
from tests.training.corpus import (
    CODES,
    Conversation,
    read_everything,
    weight_of,
    writer_of,
)
from tests.training.encoder import Encoder
from tests.training.fast import customer_odds_unlearnt, scenario_scores_unlearnt

FOLDER = Path(str(stream.recognition.deep.__file__)).parent

LABELS = tuple(CODES.values())
RECOGNISES, FIRST = AGENT_LABELS, AGENT_LABELS + 1
_RECOGNITION = [LABELS.index(name) for name in label_names(RECOGNITION)]
_PROCESS = [LABELS.index(name) for name in label_names(PROCESS)]

BATCH = 32
HALF_EPOCHS, HALF_RATE = 3, 1e-4
"""Of the first training, on the turns of half of the writers."""
RATE, LAST_RATE = 6e-5, 4e-5
"""Of those that go on from there, of one epoch each; every one begins warm anew."""
HEADS = 8
"""How many times faster the heads and roles learn, which begin with nothing."""
SEED = 1
JOINED = 0.35
"""Share of turns that are read with another conversation's turn before or after them."""
WITHOUT_MARKS, WITH_HOLES, HOLES = 0.3, 0.3, 0.1
"""Shares of inputs without punctuation, and of those with holes in what stands before the turn."""


@dataclass(frozen=True)
class Example:
    """A turn, or a conversation's opening, as the encoder and the sums see it."""

    task: slice
    """Which of the encoder's logits are asked for."""
    writer: str
    social: bool
    turn: Sequence[int]
    account: Sequence[int]
    """What the customer said before it."""
    answers: Sequence[int]
    """What the agent said before a customer's turn, or first of all."""
    said: frozenset[int]
    gold: tuple[float, ...]
    """Per logit 0 or 1, or -1 where it is not known; of a scenario its number."""
    fast: tuple[float, ...]
    """What the fast recogniser finds."""
    weight: float


def half_of(writer: str) -> int:
    """Which half of the writers of ``a`` to ``h`` one belongs to."""
    return int(writer in ("a", "c", "e", "g-2", "g-4", "g-6", "h1", "h3", "h5"))


def is_late(writer: str) -> bool:
    """Whether one is learnt from last: ``k`` and most of ``j`` write most like real people."""
    return writer in ("j1", "j4", "j5", "j8", "j9", "ja", "k2")


def examples(conversations: Iterable[Conversation], tokenizer: Tokenizer) -> list[Example]:
    recognizer = fast()
    out: list[Example] = []
    for conversation in conversations:
        context = recognizer.new_context()
        heard: list[int] = []
        answered: list[int] = []
        answers: list[int] = []
        undecided = True
        about = writer_of(conversation), conversation.channel == "social"
        weight = weight_of(conversation)
        for turn, is_said in conversation.in_order():
            encoded = tokenizer.encode(plain(turn.text), add_special_tokens=False)
            pieces = encoded.ids[:TURN_PIECES]
            said = frozenset(heard)
            if turn.speaker == "agent":
                read = recognizer.read_agent(turn.text)
                gold = [float(name in turn.labels) for name in LABELS]
                recognises = any(gold[place] for place in _RECOGNITION)
                processes = any(gold[place] for place in _PROCESS)
                first = -1.0
                if recognises and not processes:
                    first = 1.0
                elif recognises and undecided and is_said:
                    first = float(conversation.recognized_first)
                seen = agent_rules.framed_views(read, context)
                told = agent_rules.agent_turn(read, context, seen)
                row = agent_row(read, context, told, seen)
                out.append(
                    Example(
                        AGENT, *about, pieces, heard[-ACCOUNT_PIECES:], (), said,
                        (*gold, float(recognises), first), tuple(row), weight,
                    )
                )  # fmt: skip
                if is_said:
                    undecided = undecided and not (recognises or processes)
                    context.add_agent(read)
                    answered += pieces
                    answers += pieces
            else:
                spoken = recognizer.read_customer(turn.text)
                odds = log_odds(spoken, context)
                odds += tuple(float(value >= 0) for value in odds)
                values = (turn.concern, turn.emotion > 0, turn.emotion > 1, turn.repeat)
                out.append(
                    Example(
                        CUSTOMER, *about, pieces, heard[-EARLIER_PIECES:],
                        answered[-AGENT_BEFORE_PIECES:], said,
                        tuple(map(float, values)), odds, weight,
                    )
                )  # fmt: skip
                if is_said:
                    context.add_customer(spoken)
                    heard += pieces
                    answered = []
        if heard:
            scenario = float(SCENARIOS.index(conversation.scenario))
            scores = tuple(scenario_scores(context))
            out.append(
                Example(
                    SCENARIO, *about, heard[:OPENING_PIECES], (), answers[:FIRST_ANSWER_PIECES],
                    frozenset(), (scenario,), scores, weight,
                )
            )  # fmt: skip
    return out


def learnt_from(examples: Iterable[Example]) -> list[Example]:
    """What the encoder learns. Of customers' turns those on social media and of ``f`` to
    ``k`` are plenty, and the rest costs a quarter of the time."""
    return [
        example
        for example in examples
        if example.task != CUSTOMER or example.social or example.writer[0] in "fghjk"
    ]


def marks_of(tokenizer: Tokenizer) -> set[int]:
    """The wordpieces of punctuation."""
    words = tokenizer.get_vocab().items()
    return {number for word, number in words if len(word) == 1 and not word.isalnum()}


def input_of(example: Example) -> Input:
    if example.task == SCENARIO:
        return opening_input(example.turn, example.answers)
    if example.task == AGENT:
        return agent_input(example.turn, example.account, set(example.said))
    return customer_input(example.turn, example.account, example.answers, set(example.said))


class Disturbance:
    """Makes another example of one, whose labels follow."""

    def __init__(self, examples: Sequence[Example], marks: set[int], rng: random.Random) -> None:
        self._calm = [e for e in examples if e.task == AGENT and not e.gold[RECOGNISES]]
        self._marks = marks
        self._rng = rng

    def of(self, example: Example) -> Example:
        rng, marks = self._rng, self._marks
        if example.task == AGENT and rng.random() < JOINED:
            example = self._joined(example)
        turn, *before = example.turn, example.account, example.answers
        if rng.random() < WITHOUT_MARKS:
            turn = [piece for piece in turn if piece not in marks]
            before = [[piece for piece in part if piece not in marks] for part in before]
        if rng.random() < WITH_HOLES:
            before = [[piece for piece in part if rng.random() >= HOLES] for part in before]
            if example.task == SCENARIO:
                turn = [piece for piece in turn if rng.random() >= HOLES]
        account, answers = before
        return replace(example, turn=turn, account=account, answers=answers)

    def _joined(self, example: Example) -> Example:
        """With another conversation's turn, which recognises nothing, before or after it: what
        recognises has to be found within a turn, and is no matter of a whole turn's tone."""
        other = self._rng.choice(self._calm)
        leads = self._rng.random() < 0.6
        if len(example.turn) + len(other.turn) > TURN_PIECES:
            return example
        gold = [max(pair) for pair in zip(example.gold, other.gold, strict=True)]
        if example.gold[RECOGNISES]:
            if not leads and any(other.gold[place] for place in _PROCESS):
                gold[FIRST] = 0.0
            elif not any(example.gold[place] for place in _PROCESS):
                gold[FIRST] = 1.0
        turn = [*example.turn, *other.turn] if leads else [*other.turn, *example.turn]
        return replace(example, turn=turn, gold=tuple(gold))


def batch(inputs: Sequence[Input]) -> tuple[torch.Tensor, torch.Tensor]:
    length = max(len(pieces) for pieces, _ in inputs)
    both = torch.zeros(2, len(inputs), length, dtype=torch.long)
    for n, given in enumerate(inputs):
        for part, values in zip(both, given, strict=True):
            part[n, : len(values)] = torch.tensor(values)
    return both[0], both[1]


_SCALES = {
    AGENT.start: torch.tensor([1.5] * 3 + [1.0] * (AGENT_LABELS - 3) + [2.0, 1.0]),
    CUSTOMER.start: torch.tensor([1.0, 1.5, 1.0, 1.5]),
}


def loss_of(logits: torch.Tensor, part: Sequence[Example]) -> torch.Tensor:
    task = part[0].task
    told = logits[:, task]
    gold = torch.tensor([example.gold for example in part])
    weight = torch.tensor([example.weight for example in part])
    if task == SCENARIO:
        each = F.cross_entropy(told, gold[:, 0].long(), reduction="none", label_smoothing=0.05)
        return (each * weight).mean()
    each = F.binary_cross_entropy_with_logits(told, gold.clamp(min=0), reduction="none")
    return 3 * (each * (gold >= 0) * _SCALES[task.start] * weight[:, None]).mean()


def in_batches(examples: Sequence[Example], rng: random.Random) -> list[list[Example]]:
    """Of one task each, of turns about as long, in any order."""
    batches: list[list[Example]] = []
    for task in (AGENT, CUSTOMER, SCENARIO):
        mine = [example for example in examples if example.task == task]
        rng.shuffle(mine)
        for start in range(0, len(mine), 16 * BATCH):
            pool = sorted(mine[start : start + 16 * BATCH], key=_length)
            batches += [pool[at : at + BATCH] for at in range(0, len(pool), BATCH)]
    rng.shuffle(batches)
    return batches


def _length(example: Example) -> int:
    return len(example.turn) + len(example.account) + len(example.answers)


def train(
    model: Encoder,
    examples: Sequence[Example],
    marks: set[int],
    epochs: int,
    rate: float,
    seed: int = SEED,
) -> Encoder:
    """``model`` itself, which has learnt."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    new = [value for name, value in model.named_parameters() if name.startswith(("heads", "roles"))]
    known = {id(value) for value in new}
    old = [p for p in model.parameters() if p.requires_grad and id(p) not in known]
    optimizer = torch.optim.AdamW(
        [{"params": old, "lr": rate}, {"params": new, "lr": HEADS * rate}], weight_decay=0.01
    )
    disturbance = Disturbance(examples, marks, rng)
    batches = [part for _ in range(epochs) for part in in_batches(examples, rng)]
    warm = 0.08 * len(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda n: min(n / warm, max(0.02, (len(batches) - n) / (len(batches) - warm))),
    )
    model.train()
    started, total = time.time(), 0.0
    for step, part in enumerate(batches, start=1):
        disturbed = [disturbance.of(example) for example in part]
        loss = loss_of(model(*batch([input_of(example) for example in disturbed])), disturbed)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*old, *new], 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % 50 == 0:
            seconds = time.time() - started
            print(f"{step}/{len(batches)} loss {total / 50:.3f} {seconds:.0f} s", flush=True)
            total = 0.0
    return model.eval()


@torch.no_grad()
def read(model: Encoder, examples: Sequence[Example]) -> np.ndarray:
    """The logits of all heads per example."""
    order = sorted(range(len(examples)), key=lambda n: _length(examples[n]))
    out = np.zeros((len(examples), SCENARIO.stop), np.float32)
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        out[rows] = model(*batch([input_of(examples[n]) for n in rows])).numpy()
    return out


class Fitted(NamedTuple):
    """A sum as it is written; see :class:`stream.recognition.deep.decision.Sum`."""

    bias: float
    weights: list[tuple[int, float]]

    def of(self, rows: np.ndarray) -> Any:
        return self.bias + sum(rows[:, place] * weight for place, weight in self.weights)


class Rows(NamedTuple):
    """One task's rows (logits, then what fast finds) and gold, of turns not learnt from."""

    rows: np.ndarray
    gold: np.ndarray
    weight: np.ndarray
    writers: np.ndarray


def rows_of(examples: Sequence[Example], logits: np.ndarray, task: slice) -> Rows:
    mine = [n for n, example in enumerate(examples) if example.task == task]
    return Rows(
        np.array([[*logits[n, task], *examples[n].fast] for n in mine], np.float64),
        np.array([examples[n].gold for n in mine]),
        np.array([examples[n].weight for n in mine]),
        np.array([examples[n].writer for n in mine]),
    )


def f1(gold: np.ndarray, told: np.ndarray, weight: np.ndarray) -> float:
    both = float((weight * gold).sum() + (weight * told).sum())
    return float(2 * (weight * (gold & told)).sum() / both) if both else 0.0


PENALTY = 0.03
"""Inverse strength of the sums' regularisation; stricter and looser ones are no better."""


class Shares(NamedTuple):
    """Of its corrections, in which a sum has to be right, on writers unknown to it."""

    add: float
    take: float


AGENT_SHARES, CUSTOMER_SHARES = (Shares(0.8, 0.9), Shares(0.8, 0.8)), (Shares(0.5, 0.8),)
"""A label added to what the fast recogniser tells lifts F1 where it is right in more than half of
F1, one taken away only where it is wrong in more than the rest. On the corpus such shares, which
are lower, do better; but on real turns the encoder is right less often than here, since our
writers write more alike than they think: agents more than customers. Of several the first, unless
another is better by TOLERANCE."""
TOLERANCE = 0.01
"""In F1 or accuracy: less than the writers not learnt from can tell apart."""
GAIN = 0.015
"""In F1, that a label's corrections have to bring; without it the label is left to the fast one:
less is within what the writers differ by."""
FEWEST = 10
"""Corrections that a share is told by; more where fewer could not tell it from all."""
NEVER = 20.0
"""Log-odds that no sum reaches."""


def fit_sum(
    learnt: Rows,
    place: int,
    used: Sequence[int],
    column: int,
    shares: Sequence[Shares],
    name: str,
) -> Fitted:
    """The sum for the gold's ``place`` over the columns ``used``. It corrects what the fast
    recogniser has ``told``, in its ``column`` where 1 says so, where it is right often enough;
    elsewhere that stays."""
    known = learnt.gold[:, place] >= 0
    x, y = learnt.rows[known][:, used], learnt.gold[known, place] > 0
    weight, writers = learnt.weight[known], learnt.writers[known]
    told = learnt.rows[known, column] > 0
    scale = x.std(0) + 1e-6
    odds = np.zeros(len(y))
    for writer in sorted(set(writers)):
        own = writers == writer
        if len(set(y[~own])) == 2:
            odds[own] = _logistic(x[~own] / scale, y[~own], weight[~own]).decision_function(
                x[own] / scale
            )
    tried = []
    for share in shares:
        from_ = _from(odds[~told], y[~told], weight[~told], share.add)
        until = -_from(-odds[told], ~y[told], weight[told], share.take)
        corrected = np.where(told, odds > until, odds >= from_)
        tried.append((f1(y, corrected, weight), from_, until))
        print(
            f"{name:18} fast {f1(y, told, weight):.3f} corrected {tried[-1][0]:.3f} {share}",
            f"on {int((~told & corrected).sum())} off {int((told & ~corrected).sum())}",
        )
    best = max(reached for reached, *_ in tried)
    reached, from_, until = next(one for one in tried if one[0] >= best - TOLERANCE)
    if reached < f1(y, told, weight) + GAIN:
        return Fitted(-0.5, [(column, 1.0)])
    model = _logistic(x / scale, y, weight)
    weights = dict(zip(used, model.coef_[0] / scale, strict=True))
    weights[column] = weights.get(column, 0.0) + from_ - until
    return Fitted(
        round(float(model.intercept_[0]) - from_, 4),
        [(place, round(float(weight), 4)) for place, weight in weights.items()],
    )


def _from(odds: np.ndarray, right: np.ndarray, weight: np.ndarray, needed: float) -> float:
    """The lowest log-odds from which on a share of at least ``needed`` is ``right``."""
    order = np.argsort(-odds)
    share = np.cumsum((right * weight)[order]) / np.cumsum(weight[order])
    fewest = max(FEWEST, round(1 / (1 - needed)))
    enough = np.flatnonzero((share >= needed) & (np.arange(len(order)) >= fewest - 1))
    return float(odds[order][enough[-1]]) if len(enough) else NEVER


def _logistic(x: Any, y: Any, weight: Any) -> LogisticRegression:
    return LogisticRegression(C=PENALTY, max_iter=2000).fit(x, y, sample_weight=weight)


def fit_agent(learnt: Rows) -> list[Fitted]:
    sums = []
    every = range(learnt.rows.shape[1])
    for place in DECIDED:
        column = AGENT_LOGITS + place
        sums.append(fit_sum(learnt, place, every, column, AGENT_SHARES, LABELS[place]))
    return sums


def fit_customer(learnt: Rows) -> list[Fitted]:
    """The fast recogniser's log-odds stand behind the logits, and whether they are enough behind
    these."""
    sums = []
    for place, name in enumerate(("concern", "negative", "strong", "repeat")):
        odds, column = CUSTOMER_LOGITS + place, 2 * CUSTOMER_LOGITS + place
        used = [*range(CUSTOMER_LOGITS), odds]
        sums.append(fit_sum(learnt, place, used, column, CUSTOMER_SHARES, name))
    return sums


def fit_scenario(learnt: Rows) -> float:
    gold = learnt.gold[:, 0]
    count = len(SCENARIOS)

    def right(say: float) -> float:
        told = (learnt.rows[:, count:] + say * learnt.rows[:, :count]).argmax(1)
        return float(np.average(told == gold, weights=learnt.weight))

    tried = {say: right(say) for say in (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5)}
    print("scenario, accuracy by the encoder's say:", tried)
    return next(say for say, value in tried.items() if value >= max(tried.values()) - TOLERANCE)


def joined(parts: Iterable[Rows]) -> Rows:
    return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def write_encoder(model: Encoder, folder: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = folder / "encoder.float.onnx"
    given = torch.ones(1, 40, dtype=torch.long), torch.ones(1, 40, dtype=torch.long)
    torch.onnx.export(
        model, given, str(whole), input_names=["pieces", "roles"], output_names=["logits"],
        dynamic_axes={"pieces": {1: "length"}, "roles": {1: "length"}}, opset_version=17,
        dynamo=False,
    )  # fmt: skip
    # Seven bits: two products of eight-bit numbers are too large for what adds them up on
    # processors without VNNI.
    quantize_dynamic(
        whole, folder / "encoder.onnx", weight_type=QuantType.QInt8, per_channel=True,
        reduce_range=True,
    )  # fmt: skip
    whole.unlink()


def unlearnt(
    model: Encoder,
    learnt: Sequence[Conversation],
    others: Sequence[Conversation],
    tokenizer: Tokenizer,
) -> dict[int, Rows]:
    """By task: what the encoder, which knows ``learnt``, and the fast recogniser's weights, were
    they fitted on these, say of ``others``."""
    read_of = examples(others, tokenizer)
    logits = read(model, read_of)
    rows = {task.start: rows_of(read_of, logits, task) for task in (AGENT, CUSTOMER, SCENARIO)}
    odds = customer_odds_unlearnt(learnt, others)
    rows[CUSTOMER.start].rows[:, CUSTOMER_LOGITS:] = np.hstack([odds, odds >= 0])
    rows[SCENARIO.start].rows[:, len(SCENARIOS) :] = scenario_scores_unlearnt(learnt, others)
    return rows


class Stage(NamedTuple):
    """Of the training: what is learnt from, and what is read then that is not known yet."""

    learnt: list[Conversation]
    others: list[Conversation]
    epochs: int
    rate: float
    seed: int = SEED


def stages_of(corpus: dict[str, list[Conversation]]) -> list[Stage]:
    every = corpus["train"]
    half = [c for c in every if half_of(writer_of(c))]
    rest = [c for c in every if not half_of(writer_of(c)) and c.id[0] not in "jk"]
    early = [c for c in every if not is_late(writer_of(c))]
    late = [c for c in every if is_late(writer_of(c))]
    return [
        Stage(half, rest, HALF_EPOCHS, HALF_RATE),
        Stage(early, late, 1, RATE),
        Stage(early + late, [], 1, RATE),
        Stage(every, corpus["validation"], 1, LAST_RATE, SEED + 1),
    ]


def main(folder: Path = FOLDER, stages: Path | None = None) -> None:
    torch.set_num_threads(2)
    words = base_tokenizer()
    marks = marks_of(words)
    torch.manual_seed(SEED)
    model = Encoder(base_weights())
    found = []
    for number, stage in enumerate(stages_of(read_everything()), start=1):
        kept = stages / f"{number}.pt" if stages else None
        if kept and kept.exists():
            weights, rows = torch.load(kept, weights_only=False)
            model.load_state_dict(weights)
        else:
            learnt = learnt_from(examples(stage.learnt, words))
            train(model, learnt, marks, stage.epochs, stage.rate, stage.seed)
            rows = unlearnt(model, stage.learnt, stage.others, words) if stage.others else {}
            if kept:
                torch.save((model.state_dict(), rows), kept)
        found += [rows] if rows else []
    agent, customer, scenario = (
        joined(rows[task.start] for rows in found) for task in (AGENT, CUSTOMER, SCENARIO)
    )
    decision = {
        "agent": [tuple(one) for one in fit_agent(agent)],
        "customer": [tuple(one) for one in fit_customer(customer)],
        "scenario": fit_scenario(scenario),
    }
    (folder / "decision.json").write_bytes(orjson.dumps(decision))
    words.save(str(folder / "tokenizer.json"), pretty=False)
    write_encoder(model, folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
