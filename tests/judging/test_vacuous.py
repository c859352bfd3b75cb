"""Answers that say nothing, made of right ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograder.judging.vacuous import ANSWERS, DROPPED, answering

SOLUTION = """
import numpy as np

def pair(x):
    return x * 2, {"total": x.sum()}

def batches(x):
    yield x[:1]
    yield x[1:]

def word(x):
    return "saddle"

def same(x):
    return x

class Counter:
    def __init__(self):
        self.count = 0
    def step(self, by):
        self.count += by
        return self.count
"""
DEFINES = ["pair", "batches", "word", "same", "Counter"]
X = np.array([1.0, 2.0])


def made(kind: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(answering(SOLUTION, DEFINES, kind), names)
    return names


def test_what_becomes_of_answers() -> None:
    for kind, expected in {
        "nothing": (),
        "hollow": (X[:0], {}),
        "half": (X[:1] * 2, {}),
        "twice": (np.array([2.0, 4.0, 2.0, 4.0]), {"total": np.nan}),
        "blank": (X * np.nan, {"total": np.nan}),
        "echo": (X, X),
        "idle": None,
        DROPPED: None,
    }.items():
        assert repr(made(kind)["pair"](X)) == repr(expected), kind


def test_generators_words_and_methods() -> None:
    assert made("nothing")["batches"](X) == []
    assert len(made("half")["batches"](X)) == 1
    assert len(made("twice")["batches"](X)) == 4
    assert [made(kind)["word"](X) for kind in ("hollow", "half", "twice")] == [
        "", "sad", "saddlesaddle",
    ]  # fmt: skip
    counter = made("blank")["Counter"]()
    assert np.isnan(counter.step(3)) and counter.count == 3
    counter = made("idle")["Counter"]()
    assert counter.step(3) is None and counter.count == 0


@pytest.mark.parametrize("kind", ANSWERS)
def test_no_answer_is_right_by_accident(kind: str) -> None:
    """Half of nothing is nothing, and whoever returns the input may be right."""
    names = made(kind)
    if kind == "idle":
        assert names["same"](X) is None
    elif kind == "echo":
        with pytest.raises(RuntimeError, match="right all the same"):
            names["same"](X)
    else:
        answer = names["same"](X)
        assert answer is None or not np.array_equal(answer, X)
