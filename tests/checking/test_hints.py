"""Named mistakes recognised by what they give back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import hints
from autograder.checking.comparing import assert_close
from autograder.checking.marks import exercise
from autograder.checking.running import run_test
from autograder.checking.student import Namespace, Student, StudentError

X = np.random.default_rng(0).normal(size=(4, 3))
Y = np.random.default_rng(1).normal(size=(5, 3))


@exercise("norm")
def check_sum(student: Student) -> None:
    """total sums over the batch."""
    assert_close(student.total(X), X.sum(axis=0), name="total", axes="D")


#: What mistakes give back, by test.
Book = dict[str, list[dict[str, Any]]]


def space(function: Callable[[Any], Any]) -> Namespace:
    return Namespace({"total": function})


def raises(x: object) -> None:
    raise ValueError("no")


MEAN, LAST = "You average.", "You take the last row."
MISTAKES = [
    (MEAN, space(lambda x: x.mean(axis=0))),
    (LAST, space(lambda x: x[-1])),
    ("You raise.", space(raises)),
    ("You return nothing but zeros.", space(lambda x: 0 * x[0])),
    ("Not even wrong.", space(lambda x: x.sum(axis=0))),
]
RIGHT = [space(lambda x: x.sum(axis=0)), space(lambda x: np.ones(len(x)) @ x)]


def hinted(
    book: Book, tests: list[Callable[..., None]], function: Callable[[Any], Any]
) -> dict[str, str]:
    """What `check` would do with the tests of one exercise, all of which fail."""
    logs = {t.__name__: run_test(t, hints.fixtures(t, space(function))).log for t in tests}
    tables = {name: hints.Table(book.get(name, ())) for name in logs}
    return hints.earned(tables, {name: hints.fingerprint(log) for name, log in logs.items()})


def said(book: Book, function: Callable[[Any], Any]) -> str | None:
    return hinted(book, [check_sum], function).get("check_sum")


def test_a_mistake_is_known_again(tmp_path: Path) -> None:
    book = hints.build([check_sum], MISTAKES, RIGHT)
    (tmp_path / "hints.json").write_text(json.dumps(book), encoding="utf-8")
    book = hints.load(tmp_path)
    assert said(book, lambda x: x.sum(axis=0) / 4) == MEAN
    assert said(book, lambda x: np.einsum("nd->d", x) * 0.25 * (1 + 1e-14)) == MEAN
    assert said(book, lambda x: x[3]) == LAST
    assert said(book, lambda x: x[0]) is None
    assert said(book, lambda x: x.sum(axis=0)[None] / 4) is None


def test_what_says_too_little_is_left_out() -> None:
    book = hints.build([check_sum], MISTAKES, RIGHT)
    assert {entry["hint"] for entry in book["check_sum"]} == {MEAN, LAST}
    assert said(book, raises) is None
    assert said(book, lambda x: 0 * x[0]) is None


def test_what_ends_in_an_exception_says_too_little() -> None:
    @exercise("norm")
    def twice(student: Student) -> None:
        """Two totals."""
        assert_close(student.total(X), X.sum(axis=0), name="total", rtol=1.0)
        assert_close(student.total("X"), 1.0, name="total")

    mistakes = [("You average.", space(lambda x: x.mean(axis=0)))]
    assert hints.build([twice], mistakes, []) == {}


def test_two_mistakes_that_give_the_same_earn_no_hint() -> None:
    twins = [*MISTAKES, ("You divide by 4.", space(lambda x: x.sum(axis=0) / 4))]
    book = hints.build([check_sum], twins, RIGHT)
    assert said(book, lambda x: x.mean(axis=0)) is None
    assert said(book, lambda x: x[-1]) == LAST
    same = [*MISTAKES, (MEAN, space(lambda x: x.sum(axis=0) / 4))]
    assert said(hints.build([check_sum], same, RIGHT), lambda x: x.mean(axis=0)) == MEAN


def test_a_right_solution_earns_no_hint() -> None:
    book = hints.build([check_sum], MISTAKES, RIGHT)
    for function in (lambda x: x.sum(axis=0), lambda x: np.ones(len(x)) @ x):
        assert said(book, function) is None


def test_round_toy_numbers_are_too_weak() -> None:
    @exercise("norm")
    def toy(student: Student) -> None:
        """One number."""
        assert_close(student.total(np.ones(4)), 4.0, name="total")

    book = hints.build([toy], [("You average.", space(np.mean))], [space(np.sum)])
    assert book == {}


def test_no_hints_is_an_empty_book(tmp_path: Path) -> None:
    assert hints.load(tmp_path) == {}
    assert said({}, raises) is None


@exercise("norm")
def check_more(student: Student) -> None:
    """More rows."""
    assert_close(student.total(Y), Y.sum(axis=0), name="total")


def test_a_hint_that_another_failed_test_contradicts_says_so() -> None:
    book = hints.build([check_sum, check_more], MISTAKES, RIGHT)
    tests = [check_sum, check_more]
    assert set(hinted(book, tests, lambda x: x.mean(axis=0)).values()) == {MEAN}
    quarter = hinted(book, tests, lambda x: x.sum(axis=0) / 4)
    assert quarter == {"check_sum": f"{MEAN} {hints.DOUBT}"}
    both = hinted(book, tests, lambda x: x.mean(axis=0) if len(x) == 4 else x[-1])
    assert both == {"check_sum": f"{MEAN} {hints.DOUBT}", "check_more": f"{LAST} {hints.DOUBT}"}


def test_a_test_that_a_mistake_passes_contradicts_nothing() -> None:
    book = hints.build([check_sum], MISTAKES, RIGHT)
    assert hinted(book, [check_sum, check_more], lambda x: x.mean(axis=0)) == {"check_sum": MEAN}


def agree(a: Any, b: Any) -> bool:
    return bool(set(hints.fingerprint([a])) & set(hints.fingerprint([b])))


@given(st.integers(0, 2**16), st.sampled_from([(), (3,), (2, 5)]), st.floats(-8, 8))
def test_rounding_errors_do_not_matter_and_others_do(
    seed: int, shape: tuple[int, ...], exponent: float
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape) * 10**exponent
    assert agree(x, x * (1 + 1e-15 * rng.normal(size=shape)))
    assert not agree(x, x * (1 + 1e-4))
    assert not agree(x, -x)
    assert not agree(x, np.append(x, 1.0))


def test_round_numbers_lie_on_no_border() -> None:
    for value in (0.0, 1.0, 0.5, 1 / 3, 0.1, 1 / 7):
        x = np.array([1.0, value, -value, 0.0])
        assert hints.fingerprint([x]) == hints.fingerprint([x + 1e-16])


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (1, True),
        ((1, 2), [1, 2]),
        ((1, (2, 3)), ((1, 2), 3)),
        ({"a": 1}, {"b": 1}),
        (None, 0),
        ("a", "b"),
        (np.array([np.nan, 1]), np.array([1, np.nan])),
        (np.inf, -np.inf),
        (np.zeros(2), np.zeros(3)),
        (StudentError("ValueError", ""), StudentError("TypeError", "")),
    ],
)
def test_kinds_and_structures_differ(a: Any, b: Any) -> None:
    assert not agree(a, b)
    assert agree(a, a)


def test_the_order_of_a_dict_does_not_matter() -> None:
    assert agree({"a": 1, "b": 2}, {"b": 2, "a": 1})


def test_every_test_has_a_generator_of_its_own() -> None:
    def other() -> None:
        pass

    draws = {hints.generator(test, seed).normal() for test in (check_sum, other) for seed in (0, 1)}
    assert len(draws) == 4
    assert hints.generator(check_sum).normal() == hints.generator(check_sum).normal()
