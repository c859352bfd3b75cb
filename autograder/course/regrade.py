"""Whose recorded scores a new judgement would change, before anything is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autograder.course.folder import Course
from autograder.course.grading import Graded
from autograder.course.gradebook import Gradebook
from autograder.course.marks import clamp


@dataclass(frozen=True)
class Change:
    """An exercise whose automatic score would change; ``outcome`` says what became of it."""

    student: str
    assignment: str
    exercise: str
    before: float
    after: float
    outcome: str

    @property
    def difference(self) -> float:
        """Points won or lost."""
        return self.after - self.before


def changes(course: Course, graded: Iterable[Graded]) -> Iterator[Change]:
    """Compare verdicts with what the gradebook has of the same students.

    Who has no grade yet does not change; an ``internal_error`` changes nothing.
    """
    with Gradebook(course) as gradebook:
        for each in graded:
            who = each.submission
            before = {
                mark.exercise: mark
                for recorded in gradebook.recorded(who.assignment, who.student)
                for mark in recorded.marks
            }
            for exercise in each.verdict.exercises:
                mark = before.get(exercise.name)
                if mark is None or mark.auto_score is None:
                    continue
                after = clamp(exercise.score, mark.max_score)
                if after != mark.auto_score:
                    yield Change(
                        who.student,
                        who.assignment,
                        exercise.name,
                        mark.auto_score,
                        after,
                        exercise.status,
                    )
