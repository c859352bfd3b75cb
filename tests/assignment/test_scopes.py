"""What is built on what: names as Python looks them up."""

from __future__ import annotations

import pytest

from autograder.assignment.scopes import foundations

STEP = "def momentum(param, grad):\n    return param - grad\n"


def below(source: str, *others: tuple[str | None, str]) -> list[str]:
    return foundations([("momentum", STEP), *others, ("norm", source)])["norm"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def norm(x): return momentum(x, x)", ["momentum"]),
        ("def norm(x):\n    return [momentum(v, v) for v in x]", ["momentum"]),
        ("class norm:\n    def step(self):\n        return momentum(1, 2)", ["momentum"]),
        ("norm = lambda x: momentum(x, x)", ["momentum"]),
        ("def norm(x, momentum=0.9): return momentum * x", []),
        ("def norm(x, *, momentum):\n    return [momentum for _ in x]", []),
        ("def norm(x): return f(x, momentum=0.9)", []),
        ("def norm(x):\n    momentum = 0.9\n    return momentum * x", []),
        ("def norm(x): return x.momentum", []),
        ("def norm(x): return 'momentum'", []),
        ("momentum(1, 2)\ndef norm(x): return x", []),
        ("def norm(x): return norm(x)", []),
    ],
)
def test_only_a_global_name_is_the_other_function(source: str, found: list[str]) -> None:
    assert below(source) == found


def test_it_reaches_through_tables_and_own_helpers() -> None:
    table = (None, 'STEPS = {"momentum": momentum}\ndef unused(): pass\n')
    assert below("def norm(x): return STEPS[x]", table) == ["momentum"]
    assert below("def norm(x): return unused(x)", table) == []
    assert below("def norm(x): return go(x)", (None, "def go(x): return momentum(x, x)")) == [
        "momentum"
    ]


def test_it_reaches_through_other_exercises_in_their_order() -> None:
    middle = ("middle", "def middle(x): return momentum(x, x)")
    assert below("def norm(x): return middle(x)", middle) == ["momentum", "middle"]


@pytest.mark.parametrize("source", ["def norm(:", "\0", "(" * 500, "x = 1\n" * 10])
def test_what_cannot_be_read_is_built_on_nothing(source: str) -> None:
    assert foundations([("momentum", STEP), ("norm", source)]).get("norm", []) == []
