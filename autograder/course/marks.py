"""What the gradebook holds of a submission, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from autograder.course.submissions import Submission
from autograder.judging.verdict import Verdict

#: A zero for one of these is shown to a person: it may be an upload gone wrong.
UNREADABLE = ("malformed", "missing")
#: What nbgrader has as a comment on an answer that is as it was handed out.
NO_RESPONSE = "No response."


@dataclass(frozen=True)
class Master:
    """An assignment as the gradebook knows it: its rows' ids by name."""

    assignment: str
    notebook: str
    points: Mapping[str, float]
    written: frozenset[str]
    grade_cells: Mapping[str, str]
    solution_cells: Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """What is recorded of one submission.

    ``answers`` maps each written question to a digest of what the student wrote; ``blank`` names
    the cells that are as they were handed out; ``text`` is the verdict as `lasting` writes it.
    """

    student: str
    timestamp: datetime | None
    verdict: Verdict
    text: str
    answers: Mapping[str, str]
    blank: frozenset[str]
    key: str
    marked_late: bool | None = None


@dataclass(frozen=True, slots=True)
class CellMark:
    """One graded cell of one student's submission, as it stands in the gradebook."""

    student: str
    assignment: str
    exercise: str
    written: bool
    max_score: float
    auto_score: float | None
    manual_score: float | None
    extra_credit: float | None
    needs_manual_grade: bool

    @property
    def score(self) -> float:
        """The points that count now: a person's mark before the automatic score."""
        mark = self.auto_score if self.manual_score is None else self.manual_score
        return 0.0 if mark is None else mark + (self.extra_credit or 0.0)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One student's submission as it stands in the gradebook.

    ``late`` is the share of the points that lateness costs; ``marked_late`` is what a platform
    says of it where it does not say when the submission came.
    """

    student: str
    assignment: str
    timestamp: datetime | None
    late: float
    penalty: float
    verdict: Verdict
    marks: tuple[CellMark, ...]
    comments: Mapping[str, str]
    marked_late: bool | None = None

    @property
    def submission(self) -> Submission:
        """What was handed in, as far as the gradebook knows."""
        return Submission(self.student, self.assignment, None, self.timestamp)

    @property
    def raw_score(self) -> float:
        """Points before the late penalty."""
        return sum(mark.score for mark in self.marks)

    @property
    def score(self) -> float:
        """Points that count."""
        return max(0.0, self.raw_score - self.penalty)

    @property
    def max_score(self) -> float:
        """Points that there are."""
        return sum(mark.max_score for mark in self.marks)

    @property
    def pending(self) -> list[str]:
        """The questions that wait for a person, where there is something to read."""
        if self.verdict.status in UNREADABLE:
            return []
        return [mark.exercise for mark in self.marks if mark.needs_manual_grade]


def clamp(score: float, points: float) -> float:
    """Hold a score within its points, and take rounding off one that is whole."""
    if abs(score - round(score)) < 1e-9:
        score = float(round(score))
    return min(max(score, 0.0), points)


def lasting(verdict: Verdict) -> str:
    """Write a verdict without the CPU times, which differ between two gradings of the same."""
    plain: dict[str, Any] = json.loads(verdict.to_json())
    return json.dumps(plain | {"cpu": {}}, sort_keys=True)
