"""Fits the weights of the fast recogniser on the corpus.

    python -m tests.training.fast [FOLDER]

Writes ``customer_weights.py`` and ``scenario_weights.py`` into FOLDER (default: the package).
Fits on the train split. Regularisation, thresholds and the say of the hand-written vocabulary
are chosen by the mean over the validation split and over train with one writer left out at a time;
of values that are no worse than the best by TOLERANCE, the strictest (of thresholds, the highest).
The test split is only printed. Nothing is random. Needs the ``training`` extra.
"""

from __future__ import annotations

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

import stream.recognition
from stream.recognition import SCENARIOS, Context, fast
from stream.recognition.customer import OWN_SHARE, features, named
from stream.recognition.customer_weights import FROM
from stream.recognition.scenario import (
    GRAMMAR,
    Weighed,
    answered,
    damping,
    heard,
    is_grammar,
    neighbours,
    said,
    vocabulary_scores,
)
from stream.recognition.scenario_weights import PRIOR
from stream.recognition.text import NUMBER_CODES, code, tokens
from stream.recognition.weights import Pair
from tests.training.corpus import Conversation, Turn, read_everything, weight_of

PACKAGE = Path(str(stream.recognition.__file__)).parent
WRITERS = 4
"""Words count that at least so many of the corpus's ten files use: no single trade's words."""
TOLERANCE = 0.01
"""Below what the splits can tell apart (about one standard error)."""
WORD = 0.5
"""Value of a word among the features: words are held tighter than named features."""

VALUES: dict[str, Callable[[Turn], bool]] = {
    "concern": lambda turn: turn.concern,
    "negative": lambda turn: turn.emotion > 0,
    "strong": lambda turn: turn.emotion > 1,
    "repeat": lambda turn: turn.repeat,
}


class Part(NamedTuple):
    """A split as the fits see it."""

    writers: list[str]
    rows: list[dict[str, float]]
    turns: list[Turn]
    weights: list[float]


def surface_forms(conversations: Iterable[Conversation]) -> dict[int, tuple[str, int]]:
    """Word code -> its most frequent form, and how many writers use it."""
    forms: dict[int, Counter[str]] = defaultdict(Counter)
    writers: dict[int, set[str]] = defaultdict(set)
    for conversation in conversations:
        for turn in conversation.turns:
            for token in tokens(turn.text):
                word = token.replace("-", "")
                if word.isalnum() and (key := code(word)) >= NUMBER_CODES:
                    forms[key][word] += 1
                    writers[key].add(conversation.id[0])
    return {
        key: (min(found, key=lambda word: (-found[word], word)), len(writers[key]))
        for key, found in forms.items()
    }


def shared_pairs(conversations: Iterable[Conversation], known: dict[int, str]) -> dict[Pair, str]:
    """The pairs of neighbouring words that customers of at least WRITERS writers say."""
    recognizer = fast()
    writers: dict[Pair, set[str]] = defaultdict(set)
    for conversation in conversations:
        context = Context()
        for turn in conversation.turns:
            if turn.speaker != "agent":
                context.add_customer(recognizer.read_customer(turn.text))
        for _, pairs in neighbours(context):
            for pair in pairs:
                writers[pair].add(conversation.id[0])
    return {
        pair: f"{known[pair[0]]} {known[pair[1]]}"
        for pair, found in writers.items()
        if len(found) >= WRITERS and known.keys() >= set(pair)
    }


def customer_part(
    conversations: Iterable[Conversation], known: dict[int, str], wordless: bool = False
) -> Part:
    """The customers' turns; those without any word, which no weights judge, only if wanted."""
    recognizer = fast()
    part = Part([], [], [], [])
    for conversation in conversations:
        context = Context()
        for turn, is_said in conversation.in_order():
            if turn.speaker == "agent":
                if is_said:
                    context.add_agent(recognizer.read_agent(turn.text))
                continue
            reading = recognizer.read_customer(turn.text)
            if reading.words or wordless:
                bits, own_share = features(reading, context)
                row = dict.fromkeys(named(bits), 1.0)
                if own_share:
                    row[OWN_SHARE] = own_share
                row.update((f" {known[word]}", WORD) for word in reading.words if word in known)
                part.writers.append(conversation.id[0])
                part.rows.append(row)
                part.turns.append(turn)
                part.weights.append(weight_of(conversation))
            if is_said:
                context.add_customer(reading)
    return part


def f1(gold: Any, told: Any, weight: Any) -> float:
    both = float(weight @ gold + weight @ told)
    return float(2 * (weight @ (gold & told)) / both) if both else 0.0


def fit_customer(parts: dict[str, list[Conversation]], known: dict[int, str]) -> str:
    data = {name: customer_part(part, known) for name, part in parts.items()}
    vectorizer = DictVectorizer()
    x = {"train": vectorizer.fit_transform(data["train"].rows)}
    x |= {name: vectorizer.transform(part.rows) for name, part in data.items() if name != "train"}
    names = list(vectorizer.get_feature_names_out())
    writers = np.array(data["train"].writers)
    weight = {name: np.array(part.weights) for name, part in data.items()}
    columns: list[Any] = []
    bias: list[float] = []
    starts: list[float] = []
    for value, holds in VALUES.items():
        y = {name: np.array([holds(turn) for turn in part.turns]) for name, part in data.items()}
        tried: list[tuple[float, float, float, Any]] = []
        for c in (0.1, 0.3, 1.0):
            left_out = np.zeros(len(writers))
            for writer in sorted(set(writers)):
                rest = writers != writer
                model = _logistic(c, x["train"][rest], y["train"][rest], weight["train"][rest])
                left_out[writers == writer] = model.decision_function(x["train"][writers == writer])
            model = _logistic(c, x["train"], y["train"], weight["train"])
            kept = model.decision_function(x["validation"])
            for p in np.arange(0.7, 0.19, -0.05):
                start = math.log(p / (1 - p))
                share = f1(y["train"], left_out >= start, weight["train"])
                share = (share + f1(y["validation"], kept >= start, weight["validation"])) / 2
                tried.append((share, c, start, model))
        _, c, start, model = _simplest(tried)
        reported = {
            name: round(f1(y[name], model.decision_function(x[name]) >= start, weight[name]), 3)
            for name in x
        }
        print(f"{value}: C={c} from={start:.2f} F1 {reported}")
        columns.append(model.coef_[0])
        bias.append(round(float(model.intercept_[0]), 2))
        starts.append(round(start, 2))
    weights = np.array(columns).T
    named = [n for n, name in enumerate(names) if not name.startswith(" ")]
    words = [n for n, name in enumerate(names) if name.startswith(" ")]
    lines = [
        _docstring(
            "Weights of the customer features, per value: concern, negative, strongly negative, "
            "repeat."
        ),
        f"BIAS = {tuple(bias)}",
        '"""Log-odds without any feature."""\n',
        f"FROM = {tuple(starts)}",
        '"""Log-odds from which the value is given."""\n',
        "WEIGHTS: dict[str, tuple[float, float, float, float]] = {",
    ]
    for n in named:
        lines.append(f'    "{names[n]}": {tuple(round(float(w), 2) + 0.0 for w in weights[n])},')
    lines += [
        "}",
        '"""By the names that :func:`stream.recognition.customer.named` gives."""\n',
        *_table("WORDS", {names[n].strip(): weights[n] * WORD for n in words}),
    ]
    return "\n".join(lines) + "\n"


def _simplest(tried: list[Any]) -> Any:
    """The first that is about as good as the best; ``tried`` begins with the strictest."""
    best = max(score for score, *_ in tried)
    return next(found for found in tried if found[0] >= best - TOLERANCE)


def _logistic(c: float, x: Any, y: Any, weight: Any) -> LogisticRegression:
    return LogisticRegression(C=c, max_iter=2000, tol=1e-6).fit(x, y, sample_weight=weight)


def scenario_rows(
    conversations: Sequence[Conversation], known: dict[int, str], pairs: dict[Pair, str]
) -> tuple[list[dict[str, float]], Any, Any, Any]:
    """Words and pairs, the vocabulary's scores, the gold scenarios by their place, and weights."""
    recognizer = fast()
    rows: list[dict[str, float]] = []
    scores: list[list[float]] = []
    for conversation in conversations:
        context = Context()
        for turn in conversation.turns:
            if turn.speaker == "agent":
                context.add_agent(recognizer.read_agent(turn.text))
            else:
                context.add_customer(recognizer.read_customer(turn.text))
        row = dict.fromkeys(heard(context), 1.0)
        for who, words in (("c", said(context)), ("a", answered(context))):
            for word, weight in weights_of(words):
                if word in known:
                    row[f"{who} {known[word]}"] = WORD * weight
        for weight, found in neighbours(context):
            for pair in found & pairs.keys():
                row[f"p {pairs[pair]}"] = WORD * weight / 10
        rows.append(row)
        scores.append(vocabulary_scores(context))
    gold = [SCENARIOS.index(conversation.scenario) for conversation in conversations]
    weights = [weight_of(conversation) for conversation in conversations]
    return rows, np.array(scores), np.array(gold), np.array(weights)


def weights_of(words: Weighed[int]) -> Iterable[tuple[int, float]]:
    """Words and their weights in the scenario's sum."""
    share = damping(words)
    for weight, held in words:
        for word in held:
            yield word, weight / 4 * share * (GRAMMAR / 10 if is_grammar(word) else 1.0)


def fit_softmax(x: csr_matrix, offset: Any, y: Any, weight: Any, penalty: float) -> Any:
    """Weights (features, then the bias) of a softmax regression on top of ``offset``."""
    classes, (count, width) = len(SCENARIOS), x.shape
    gold = np.eye(classes)[y]

    def loss(flat: Any) -> tuple[float, Any]:
        weights = flat.reshape(width + 1, classes)
        z = x @ weights[:-1] + weights[-1] + offset
        z -= z.max(axis=1, keepdims=True)
        share = np.exp(z)
        share /= share.sum(axis=1, keepdims=True)
        value = -weight @ np.log(share[np.arange(count), y])
        value += penalty / 2 * (weights[:-1] ** 2).sum()
        slope = (share - gold) * weight[:, None]
        inner = x.T @ slope + penalty * weights[:-1]
        return float(value), np.vstack([inner, slope.sum(axis=0)[None]]).ravel()

    start = np.zeros((width + 1) * classes)
    options = {"maxiter": 500, "ftol": 1e-10, "gtol": 1e-6}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(width + 1, classes)


def fit_scenario(parts: dict[str, list[Conversation]], known: dict[int, str]) -> str:
    pairs = shared_pairs(parts["train"], known)
    data = {name: scenario_rows(part, known, pairs) for name, part in parts.items()}
    vectorizer = DictVectorizer()
    x = {"train": vectorizer.fit_transform(data["train"][0])}
    x |= {name: vectorizer.transform(part[0]) for name, part in data.items() if name != "train"}
    _, offset, y, weight = data["train"]
    writers = np.array([conversation.id[0] for conversation in parts["train"]])

    def accuracy(weights: Any, rows: Any, offsets: Any, gold: Any, weight: Any) -> float:
        told = (rows @ weights[:-1] + weights[-1] + offsets).argmax(axis=1)
        return float(np.average(told == gold, weights=weight))

    tried: list[tuple[float, float, float, Any]] = []
    for prior in (3.0, 2.0):
        for penalty in (3.0, 1.0):
            unseen = []
            for writer in "abcdjk":
                # Writers e to k cover every industry: without them, those left out are unseen.
                # Those of j and k write of the same as the rest, and most like real people.
                others = (writer,) if writer in "jk" else (writer, *"efghjk")
                rest, here = ~np.isin(writers, others), writers == writer
                weights = fit_softmax(
                    x["train"][rest], prior * offset[rest], y[rest], weight[rest], penalty
                )
                unseen.append(
                    accuracy(weights, x["train"][here], prior * offset[here], y[here], weight[here])
                )
            weights = fit_softmax(x["train"], prior * offset, y, weight, penalty)
            _, kept, gold, theirs = data["validation"]
            score = accuracy(weights, x["validation"], prior * kept, gold, theirs)
            score = (sum(unseen) / len(unseen) + score) / 2
            print(f"scenario: prior={prior} penalty={penalty} choice={score:.3f}")
            tried.append((score, prior, penalty, weights))
    _, prior, penalty, weights = _simplest(tried)
    reported = {
        name: round(accuracy(weights, x[name], prior * part[1], *part[2:]), 3)
        for name, part in data.items()
    }
    print(f"scenario: prior={prior} penalty={penalty} accuracy {reported}")
    names = vectorizer.get_feature_names_out()
    lines = [
        _docstring("What words add to a scenario, in the order of the codebook's scenarios."),
        f"PRIOR = {prior}",
        '"""Say of the hand-written vocabulary."""\n',
        f"BIAS = {tuple(round(float(b), 2) for b in weights[-1])}",
        '"""Score of a scenario without any word."""\n',
        "WEIGHTS: dict[str, tuple[float, ...]] = {",
        *(
            f'    "{name}": {tuple(round(float(w), 2) + 0.0 for w in weights[n])},'
            for n, name in enumerate(names)
            if " " not in name
        ),
        "}",
        '"""By the names that :func:`stream.recognition.scenario.heard` gives."""\n',
    ]
    for table, who in (("SAID", "c"), ("ANSWERED", "a"), ("PAIRS", "p")):
        rows = {
            name[2:]: weights[n] * WORD
            for n, name in enumerate(names)
            if name.startswith(f"{who} ")
        }
        lines += _table(table, rows)
    return "\n".join(lines) + "\n"


def customer_odds_unlearnt(
    learnt: Sequence[Conversation], others: Sequence[Conversation], c: float = 0.3
) -> Any:
    """What the customer's sums would say of every customer turn of ``others``, were their weights
    fitted on ``learnt``: log-odds, less what is needed to give the value."""
    known = widely_known(learnt)
    part, theirs = customer_part(learnt, known), customer_part(others, known, wordless=True)
    vectorizer = DictVectorizer()
    x, x_theirs = vectorizer.fit_transform(part.rows), vectorizer.transform(theirs.rows)
    odds = []
    for start, holds in zip(FROM, VALUES.values(), strict=True):
        y = np.array([holds(turn) for turn in part.turns])
        model = _logistic(c, x, y, np.array(part.weights))
        odds.append(model.decision_function(x_theirs) - start)
    return np.array(odds).T


def scenario_scores_unlearnt(
    learnt: Sequence[Conversation], others: Sequence[Conversation], penalty: float = 3.0
) -> Any:
    """What the scenario's sum would say of ``others``, were its weights fitted on ``learnt``."""
    known = widely_known(learnt)
    pairs = shared_pairs(learnt, known)
    rows, offset, gold, weight = scenario_rows(learnt, known, pairs)
    told, theirs, *_ = scenario_rows(others, known, pairs)
    vectorizer = DictVectorizer()
    weights = fit_softmax(vectorizer.fit_transform(rows), PRIOR * offset, gold, weight, penalty)
    return vectorizer.transform(told) @ weights[:-1] + weights[-1] + PRIOR * theirs


def widely_known(conversations: Iterable[Conversation]) -> dict[int, str]:
    """The words that at least WRITERS writers use, by their codes."""
    forms = surface_forms(conversations)
    return {key: form for key, (form, writers) in forms.items() if writers >= WRITERS}


def _table(name: str, rows: dict[str, Any]) -> list[str]:
    lines = [f'{name} = """']
    for word, weights in sorted(rows.items()):
        whole = [round(100 * float(weight)) for weight in weights]
        if max(map(abs, whole)) >= 3:
            lines.append(f"{word} {' '.join(map(str, whole))}")
    return [*lines, '"""', '"""A word (or two) a line, and the weights in hundredths."""\n']


def _docstring(first: str) -> str:
    return f'''"""{first}

Fitted by ``python -m tests.training.fast`` on the train split of the project's own corpus with
scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {np.__version__}.
Not edited by hand.
"""

from __future__ import annotations
'''


def main(folder: Path = PACKAGE) -> None:
    parts = read_everything()
    known = widely_known(parts["train"])
    for name, text in (
        ("customer_weights.py", fit_customer(parts, known)),
        ("scenario_weights.py", fit_scenario(parts, known)),
    ):
        (folder / name).write_text(text.rstrip("\n") + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
