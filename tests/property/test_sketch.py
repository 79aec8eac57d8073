"""The sketch of merged values is the sketch of all values, and its quantiles are close."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from stream.windows.sketch import LARGEST, RELATIVE_ERROR, SMALLEST, Sketch, add, merge, quantile

seconds = st.floats(0, LARGEST, allow_nan=False)


def sketch(values: list[float]) -> Sketch:
    made: Sketch = {}
    for value in values:
        add(made, value)
    return made


@given(st.lists(seconds), st.lists(seconds))
def test_merged_is_the_sketch_of_all(left: list[float], right: list[float]) -> None:
    merged = sketch(left)
    merge(merged, sketch(right))
    assert merged == sketch(left + right)


@given(st.lists(seconds, min_size=1), st.floats(0, 1))
def test_a_quantile_is_within_the_stated_error(values: list[float], q: float) -> None:
    exact = sorted(values)[math.floor(q * (len(values) - 1))]
    got = quantile(sketch(values), q)
    assert got is not None
    if exact < SMALLEST:
        assert got == 0
    else:
        assert abs(got - exact) <= RELATIVE_ERROR * exact * (1 + 1e-9)


def test_an_empty_sketch_has_no_quantile() -> None:
    assert quantile({}, 0.5) is None


def test_a_sketch_is_bounded() -> None:
    made = sketch([10 ** (power / 1000) for power in range(-10_000, 20_000)])
    assert len(made) <= 544
    assert quantile(made, 1.0) <= LARGEST * (1 + RELATIVE_ERROR)
