"""What the judge says of one submission, and nothing about how it came to say it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

#: How bad a way of dying is for an exercise: the first of these that any test met is its status.
DEATHS = ("out_of_memory", "timed_out", "crashed")


@dataclass(frozen=True, slots=True)
class TestVerdict:
    """One property of one exercise: the sentence the student reads and what came of it."""

    __test__ = False  # not a test class, whatever pytest makes of the name

    name: str
    sentence: str
    outcome: str
    diagnosis: str | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ExerciseVerdict:
    """One exercise: its points and the verdicts of its tests."""

    name: str
    status: str
    score: float
    max_score: float
    tests: tuple[TestVerdict, ...] = ()

    @classmethod
    def of(cls, name: str, max_score: float, tests: Iterable[TestVerdict]) -> ExerciseVerdict:
        """Score an exercise: points times the weight of the tests that passed."""
        tests = tuple(tests)
        total = sum(test.weight for test in tests)
        passed = sum(test.weight for test in tests if test.outcome == "passed")
        score = max_score * passed / total if total else 0.0
        return cls(name, status_of(tests), score, max_score, tests)


def status_of(tests: tuple[TestVerdict, ...]) -> str:
    """Sum up the outcomes of an exercise's tests in one word."""
    outcomes = {test.outcome for test in tests}
    if outcomes == {"passed"}:
        return "passed"
    for status in (*DEATHS, "forbidden"):
        if status in outcomes:
            return status
    if "passed" in outcomes:
        return "partial"
    return "unanswered" if outcomes <= {"unanswered"} else "failed"


@dataclass(frozen=True)
class Verdict:
    """The verdict on one submission.

    ``max_score`` counts the automatic exercises; the names in ``written`` wait for a person.
    ``cpu`` holds seconds of CPU: ``student`` is what the student's own code took, ``tests`` what
    the tests took beside it. ``attempt`` is the key under which the verdict is kept.
    """

    status: str
    exercises: tuple[ExerciseVerdict, ...] = ()
    written: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cpu: dict[str, float] = field(default_factory=dict)
    attempt: str = ""

    @property
    def score(self) -> float:
        """Points won in the automatic exercises."""
        return sum(exercise.score for exercise in self.exercises)

    @property
    def max_score(self) -> float:
        """Points that the automatic exercises give."""
        return sum(exercise.max_score for exercise in self.exercises)

    def as_dict(self) -> dict[str, Any]:
        """Give the verdict as plain values, totals included."""
        return {"status": self.status, "score": self.score, "max_score": self.max_score} | {
            key: value for key, value in asdict(self).items() if key != "status"
        }

    def to_json(self) -> str:
        """Write the verdict as JSON."""
        return json.dumps(self.as_dict())

    @classmethod
    def from_json(cls, text: str | bytes) -> Verdict:
        """Read a verdict that `to_json` wrote."""
        data = json.loads(text)
        return cls(
            status=data["status"],
            exercises=tuple(
                ExerciseVerdict(
                    **{
                        **exercise,
                        "tests": tuple(_test(**test) for test in exercise["tests"]),
                    }
                )
                for exercise in data["exercises"]
            ),
            written=tuple(data["written"]),
            notes=tuple(data["notes"]),
            cpu=data["cpu"],
            attempt=data.get("attempt", ""),
        )


@lru_cache(maxsize=4096)
def _test(
    name: str, sentence: str, outcome: str, diagnosis: str | None = None, weight: float = 1.0
) -> TestVerdict:
    """Make a test's verdict; what many students share, as most that passed, is kept once."""
    return TestVerdict(name, sentence, outcome, diagnosis, weight)
