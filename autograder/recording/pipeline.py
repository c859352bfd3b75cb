"""Grading a class, from hand-ins to what people read: all that ``autograder grade`` does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from autograder.course.collect.outcome import listed
from autograder.course.errors import Incomplete
from autograder.course.folder import Course
from autograder.course.grading import Graded, Grading
from autograder.pages import export, report
from autograder.pages.feedback import feedback
from autograder.recording.autograde import record
from autograder.recording.preview import Preview, preview


class Watch(Protocol):
    """Takes the steps of a stage, one a submission, and shows how far they are."""

    def __call__(self, stage: str, total: int, steps: Iterator[Any]) -> None: ...


def grade(
    grading: Grading,
    workers: int,
    watch: Watch,
    *,
    accept: Callable[[Preview], bool] | None = None,
    pages: bool = True,
) -> list[str] | None:
    """Judge what has no verdict yet, record it as it comes, and write feedback, CSV and report.

    The caller holds the course's lock.

    Parameters
    ----------
    grading : Grading
    workers : int
        How many submissions are judged at a time.
    watch : Watch
    accept : callable, optional
        Is shown all that recording would change, once all is judged: nothing is recorded unless it
        says yes, and then just what it was shown.
    pages : bool
        Whether feedback pages are written.

    Returns
    -------
    list of str or None
        What could not be done, a sentence each; None if the changes were not accepted.
    """
    course = grading.course
    if accept is not None:
        watch("judging", len(grading), grading.judged(workers))
        if not accept(preview(grading)):
            return None
    troubles: list[str] = []
    source = grading.judged(workers) if accept is None else iter(grading)
    with closing(source) as judged:
        recorded = record(course, _noting(judged, troubles))
        _through(watch, "grading", grading, recorded, troubles)
    if pages:
        _through(watch, "feedback", grading, feedback(course, grading), troubles)
    summarise(course)
    return troubles


def write_feedback(grading: Grading, workers: int, watch: Watch) -> list[str]:
    """Write the feedback pages anew; return what could not be done."""
    troubles: list[str] = []
    watch("judging", len(grading), grading.judged(workers))
    _through(watch, "feedback", grading, feedback(grading.course, grading), troubles)
    return troubles


def summarise(course: Course) -> Path:
    """Write the tables and the report, as things stand in the gradebook; return the report."""
    export.write(course)
    return report.write(course)


def _through(
    watch: Watch, stage: str, grading: Grading, steps: Iterator[Any], troubles: list[str]
) -> None:
    """Take the steps; what some submissions did not come through is said, and the others go on."""
    try:
        watch(stage, len(grading), steps)
    except Incomplete as error:
        troubles.append(str(error))


def _noting(judged: Iterator[Graded], troubles: list[str]) -> Iterator[Graded]:
    """Pass submissions on, and note those that the judge failed: never their own fault."""
    failed: dict[str, list[str]] = defaultdict(list)
    for graded in judged:
        if graded.verdict.status == "internal_error":
            who = f"{graded.submission.student}/{graded.submission.assignment}"
            failed[graded.verdict.notes[0]].append(who)
        yield graded
    for why, whose in failed.items():
        said = f"{listed(whose)} could not be judged, and no grade was recorded: {why}"
        troubles.append(said)
