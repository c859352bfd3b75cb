"""Scores follow weights, statuses follow outcomes, and JSON keeps all of it."""

from __future__ import annotations

import pytest

from autograder.judging.verdict import ExerciseVerdict, TestVerdict, Verdict


def exercise(*outcomes: str) -> ExerciseVerdict:
    tests = [TestVerdict(f"t{i}", "It holds.", o) for i, o in enumerate(outcomes)]
    return ExerciseVerdict.of("f", 6.0, tests)


@pytest.mark.parametrize(
    ("outcomes", "status", "score"),
    [
        (("passed", "passed"), "passed", 6),
        (("passed", "failed"), "partial", 3),
        (("failed", "failed"), "failed", 0),
        (("unanswered", "unanswered"), "unanswered", 0),
        (("failed", "unanswered"), "failed", 0),
        (("passed", "timed_out"), "timed_out", 3),
        (("timed_out", "out_of_memory"), "out_of_memory", 0),
        (("forbidden", "failed"), "forbidden", 0),
    ],
)
def test_status_and_score(outcomes: tuple[str, ...], status: str, score: float) -> None:
    verdict = exercise(*outcomes)
    assert (verdict.status, verdict.score) == (status, score)


def test_weights_count() -> None:
    tests = [TestVerdict("a", "", "passed", weight=3.0), TestVerdict("b", "", "failed", weight=1.0)]
    assert ExerciseVerdict.of("f", 8.0, tests).score == 6.0


def test_an_exercise_without_tests_earns_nothing() -> None:
    assert exercise().score == 0


def test_json_keeps_everything() -> None:
    verdict = Verdict(
        "graded", (exercise("passed", "failed"),), ("why",), ("a note",), {"student": 1.0}
    )
    assert Verdict.from_json(verdict.to_json()) == verdict
    assert (verdict.score, verdict.max_score) == (3, 6)
