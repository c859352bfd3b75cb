"""Named mistakes recognised by what they give back."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
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


def hinted(lessons: Any, tests: Any, function: Any) -> Any:
    """What `check` would do with the tests of one exercise."""
    results = [run_test(t, hints.fixtures(t, space(function))) for t in tests]
    failed = {r.name: hints.fingerprint(r.log) for r in results if r.outcome == "failed"}
    return hints.earned(lessons, failed, {r.name for r in results if r.outcome == "passed"})


def said(lessons: Any, function: Any) -> Any:
    return hinted(lessons, [check_sum], function).get("check_sum")


def test_a_mistake_is_known_again() -> None:
    lessons = hints.build([check_sum], MISTAKES, RIGHT)
    assert said(lessons, lambda x: x.sum(axis=0) / 4) == MEAN
    assert said(lessons, lambda x: np.einsum("nd->d", x) * 0.25 * (1 + 1e-14)) == MEAN
    assert said(lessons, lambda x: x[3]) == LAST
    assert said(lessons, lambda x: x[0]) is None
    assert said(lessons, lambda x: x.sum(axis=0)[None] / 4) is None


@pytest.mark.parametrize(
    "junk",
    [
        lambda size: np.full(32 * size, np.nan, np.float16),
        lambda size: [0.5] * size,
        lambda size: ["x" * 4 * size],
        lambda size: {"x": np.ones(size), "y": np.ones(size)},
    ],
    ids=["NaN", "a list", "a text", "together"],
)
def test_what_would_take_seconds_to_digest_is_not_digested(junk: Callable[[int], Any]) -> None:
    much = junk(2**20)
    began = time.process_time()
    assert hints.fingerprint([much]) == ()
    assert time.process_time() - began < 1
    assert len(hints.fingerprint([junk(1000)])) == 2
    (lesson, *_) = hints.build([check_sum], MISTAKES, RIGHT)
    assert lesson.explains({"check_sum": ()}, ()) == []


def test_what_is_written_down_reads_as_it_was(tmp_path: Path) -> None:
    lessons = hints.build([check_sum], MISTAKES, RIGHT)
    book = {"total": [asdict(lesson) for lesson in lessons]}
    (tmp_path / "hints.json").write_text(json.dumps(book), encoding="utf-8")
    read = [hints.Lesson(**each) for each in hints.load(tmp_path)["total"]]
    assert said(read, lambda x: x.mean(axis=0)) == MEAN


def test_what_says_too_little_is_left_out() -> None:
    lessons = hints.build([check_sum], MISTAKES, RIGHT)
    assert {lesson.hint for lesson in lessons} == {MEAN, LAST}
    assert said(lessons, raises) is None
    assert said(lessons, lambda x: 0 * x[0]) is None


def test_what_ends_in_an_exception_says_too_little() -> None:
    @exercise("norm")
    def twice(student: Student) -> None:
        """Two totals."""
        assert_close(student.total(X), X.sum(axis=0), name="total", rtol=1.0)
        assert_close(student.total("X"), 1.0, name="total")

    mistakes = [("You average.", space(lambda x: x.mean(axis=0)))]
    assert hints.build([twice], mistakes, RIGHT) == []


def test_two_mistakes_that_give_the_same_earn_no_hint() -> None:
    twins = [*MISTAKES, ("You divide by 4.", space(lambda x: x.sum(axis=0) / 4))]
    lessons = hints.build([check_sum], twins, RIGHT)
    assert said(lessons, lambda x: x.mean(axis=0)) is None
    assert said(lessons, lambda x: x[-1]) == LAST
    same = [*MISTAKES, (MEAN, space(lambda x: x.sum(axis=0) / 4))]
    assert said(hints.build([check_sum], same, RIGHT), lambda x: x.mean(axis=0)) == MEAN


def test_a_right_solution_earns_no_hint() -> None:
    lessons = hints.build([check_sum], MISTAKES, RIGHT)
    for function in (lambda x: x.sum(axis=0), lambda x: np.ones(len(x)) @ x):
        assert said(lessons, function) is None


def test_round_toy_numbers_are_too_weak() -> None:
    @exercise("norm")
    def toy(student: Student) -> None:
        """One number."""
        assert_close(student.total(np.ones(4)), 4.0, name="total")

    lessons = hints.build([toy], [("You average.", space(np.mean))], [space(np.sum)])
    assert lessons == []


def test_no_hints_is_an_empty_book(tmp_path: Path) -> None:
    assert hints.load(tmp_path) == {}
    assert said([], raises) is None


@exercise("norm")
def check_more(student: Student) -> None:
    """More rows."""
    assert_close(student.total(Y), Y.sum(axis=0), name="total")


BOTH = [check_sum, check_more]


def test_one_mistake_explains_all_that_it_fails() -> None:
    lessons = hints.build(BOTH, MISTAKES, RIGHT)
    assert hinted(lessons, BOTH, lambda x: x.mean(axis=0)) == {
        "check_sum": MEAN,
        "check_more": MEAN,
    }


def test_a_failed_test_that_looks_different_speaks_against_a_mistake() -> None:
    lessons = hints.build(BOTH, MISTAKES, RIGHT)
    assert hinted(lessons, BOTH, lambda x: x.sum(axis=0) / 4) == {}
    assert hinted(lessons, BOTH, lambda x: x.mean(axis=0) if len(x) == 4 else x[-1]) == {}


def test_a_passed_test_that_a_mistake_fails_speaks_against_it() -> None:
    lessons = hints.build(BOTH, MISTAKES, RIGHT)
    assert hinted(lessons, BOTH, lambda x: x.sum(axis=0) / (4 if len(x) == 4 else 1)) == {}


def test_of_two_mistakes_the_one_that_explains_more_is_said() -> None:
    """A total of four rows is a mean in both; the second is right elsewhere."""
    four = ("You average four rows.", space(lambda x: x.sum(axis=0) / (4 if len(x) == 4 else 1)))
    lessons = hints.build(BOTH, [*MISTAKES, four], RIGHT)
    assert set(hinted(lessons, BOTH, lambda x: x.mean(axis=0)).values()) == {MEAN}
    found = hinted(lessons, BOTH, lambda x: x.sum(axis=0) / (4 if len(x) == 4 else 1))
    assert found == {"check_sum": "You average four rows."}


def test_a_test_that_a_mistake_passes_contradicts_nothing() -> None:
    lessons = hints.build([check_sum], MISTAKES, RIGHT)
    assert hinted(lessons, BOTH, lambda x: x.mean(axis=0)) == {"check_sum": MEAN}


PARTS = np.array([0.25, 0.5]), np.array([1.1, 2.3, 3.7])


@exercise("norm")
def check_pair(student: Student) -> None:
    """A loss and its gradient."""
    loss, gradient = student.total(X)
    assert_close(loss, 0.7, name="loss")
    assert_close(gradient, PARTS[1], name="gradient")


@exercise("norm")
def check_ordinary(student: Student) -> None:
    """A loss of ordinary numbers."""
    assert_close(student.total(Y)[0], 0.7, name="loss")


def test_infinities_are_no_evidence_where_another_test_tells_apart() -> None:
    """Two mistakes give ∞ for large numbers, and one of them is wrong for ordinary ones too."""
    tests = [check_pair, check_ordinary]
    right = space(lambda x: (0.7, PARTS[1]))
    charges = ("Charges.", space(lambda x: (np.inf if len(x) == 4 else 0.9, PARTS[1])))
    lessons = hints.build(tests, [charges], [right])
    assert set(hinted(lessons, tests, lambda x: (np.inf if len(x) == 4 else 0.9, PARTS[1]))) == {
        "check_pair", "check_ordinary",
    }  # fmt: skip
    assert hinted(lessons, tests, lambda x: (np.inf if len(x) == 4 else 0.7, PARTS[1])) == {}


def test_nothing_but_nan_says_too_little() -> None:
    nothing = ("Too little.", space(lambda x: (np.nan, PARTS[1] * np.nan)))
    assert hints.build([check_pair], [nothing], [space(lambda x: (0.7, PARTS[1]))]) == []


def test_one_guess_says_too_little_and_one_in_a_row_of_right_ones_says_enough() -> None:
    @exercise("norm")
    def one(student: Student) -> None:
        """The kind of a point."""
        assert student.total(1) == "saddle"

    @exercise("norm")
    def three(student: Student) -> None:
        """The kinds of three points."""
        assert [student.total(n) for n in range(3)] == ["minimum", "saddle", "maximum"]

    kinds = {0: "minimum", 1: "saddle", 2: "maximum"}
    wrong = [("No saddle.", space(lambda n: kinds[n] if n != 1 else "minimum"))]
    right = [space(lambda n: kinds[n])]
    assert hints.build([one], wrong, right) == []
    assert [lesson.hint for lesson in hints.build([three], wrong, right)] == ["No saddle."]


@pytest.mark.parametrize("hole", [0.0, np.nan, np.inf])
def test_holes_in_what_is_right_say_enough_and_nothing_but_holes_does_not(hole: Any) -> None:
    @exercise("norm")
    def rows(student: Student) -> None:
        """A row of numbers."""
        assert_close(student.total(X), X[0], name="row")

    right = [space(lambda x: x[0])]
    partly = ("A hole.", space(lambda x: np.array([x[0, 0], hole, x[0, 2]])))
    wholly = ("Nothing.", space(lambda x: np.full(3, hole)))
    assert [lesson.hint for lesson in hints.build([rows], [partly], right)] == ["A hole."]
    assert hints.build([rows], [wholly], right) == []


def test_float32_is_told_apart_by_three_digits() -> None:
    x = np.random.default_rng(3).normal(size=200).astype(np.float32)
    close = x * np.float32(1 + 3e-7)
    assert agree(x, close)
    assert not agree(x, x * np.float32(1.01))


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
