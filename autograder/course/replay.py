"""A graded exercise once more, for the instructor: what each failed test asked and compared.

It shows hidden inputs and expected values: nothing of it is for students.
"""

from __future__ import annotations

import inspect
import linecache
import reprlib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

import numpy as np

from autograder.checking import comparing, families
from autograder.checking.families import Case
from autograder.checking.marks import mark_of
from autograder.course.gradebook import Gradebook
from autograder.course.grading import Grading
from autograder.course.submissions import Submission
from autograder.errors import UserError
from autograder.judging.judge import Examination, Judge
from autograder.judging.rebuild import Malformed, rebuild
from autograder.sandbox import StudentDied, WarmParent

#: Where the comparisons are that a test makes.
COMPARISONS = (comparing.__file__, families.__file__)
#: What a test is given; and the name for what it does not look at.
NOT_SHOWN = ("student", "reference", "rng", "_")


class ReplayError(UserError):
    """There is nothing to replay; the message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """A line of a test, or of the comparison that it made, with the values at hand there."""

    where: str
    line: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """A failed test: what it said, and the places from the test down to the comparison."""

    test: str
    sentence: str
    said: str
    places: tuple[Place, ...]

    @classmethod
    def of(cls, test: Any, error: BaseException) -> Failure:
        """Keep what a test raised."""
        sentence = (inspect.getdoc(test) or test.__name__).partition("\n")[0]
        said = " ".join(str(error).split()) or type(error).__name__
        return cls(test.__name__, sentence, said, tuple(_places(test, error)))


def graded_as(grading: Grading) -> str:
    """Say under which attempt the one submission was recorded, and whether that still stands."""
    who = _one(grading)
    with Gradebook(grading.course) as gradebook:
        recorded = gradebook.recorded(who.assignment, who.student)
    if not recorded or not recorded[0].verdict.attempt:
        return "Not recorded yet."
    key = recorded[0].verdict.attempt
    same = key == grading.key(who)
    since = "" if same else "; since then the submission, the tests or the kit have changed"
    return f"Recorded from attempt {key}{since}."


def replay(grading: Grading, exercise: str) -> list[Failure]:
    """Run an exercise's tests again on one submission; those after a death are not run.

    Parameters
    ----------
    grading : Grading
        Of just one submission.
    exercise : str

    Raises
    ------
    ReplayError
        If there is no such submission or exercise, or the notebook cannot be read.
    """
    submission = _one(grading)
    source = grading.sources[submission.assignment]
    known = [str(cell.name) for cell in source.exercises]
    if exercise not in known:
        raise ReplayError(
            f"{source.name} has no exercise {exercise!r}; there are {', '.join(known)}."
        )
    if why_not := submission.why_not():
        raise ReplayError(f"There is nothing to run: {why_not}")
    try:
        rebuilt = rebuild(submission.read() or b"", source)
    except Malformed as problem:
        raise ReplayError(f"There is nothing to run: {problem}") from problem
    allows = source.exercise(exercise).allows
    with WarmParent(tuple(sorted(allows)), grading.limits) as parent:
        judge = Judge(source, {allows: parent}, seed=grading.course.settings.seed)
        with Examination(judge, rebuilt) as examination:
            again = _Again(judge, examination, allows)
            judge.hidden_tests.run(lambda test: judge.fixtures(test, None), again.run, [exercise])
    return again.failures


class _Again:
    """Runs tests until one kills the student's process, and keeps what failed."""

    def __init__(self, judge: Judge, examination: Examination, allows: frozenset[str]) -> None:
        self.judge = judge
        self.examination = examination
        self.allows = allows
        self.failures: list[Failure] = []
        self.dead = False

    def run(self, test: Any, arguments: dict[str, Any]) -> None:
        """Run one test."""
        mark = mark_of(test)
        if self.dead or mark is None:
            return
        try:
            process = self.examination.open(self.allows)
            fixtures = {"student": process.namespace, "reference": self.judge.reference()}
            with process.limit(mark.cpu_seconds):
                test(**{name: fixtures.get(name, value) for name, value in arguments.items()})
        except (Exception, StudentDied) as error:
            self.dead = isinstance(error, StudentDied)
            self.failures.append(Failure.of(test, error))


def _one(grading: Grading) -> Submission:
    if not grading.submissions:
        raise ReplayError("There is no such submission; `autograder report` lists who handed in.")
    (submission,) = grading.submissions
    return submission


def _places(test: Any, error: BaseException) -> Iterator[Place]:
    """Go down from the test through its helpers to the comparison, and no further."""
    tests = inspect.getsourcefile(test)
    for frame, number in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if code.co_filename == tests:
            line = linecache.getline(code.co_filename, number).strip()
            yield Place(f"{code.co_name}, line {number}", line, dict(_inputs(frame)))
        elif code.co_filename in COMPARISONS and code.co_name.startswith("assert_"):
            yield Place(code.co_name, "", dict(_compared(frame)))


def _compared(frame: FrameType) -> Iterator[tuple[str, Any]]:
    """Give what a comparison compares, and the call that it is about."""
    for name in ("actual", "expected"):
        if name in frame.f_locals:
            yield name, frame.f_locals[name]
    if isinstance(case := frame.f_locals.get("case"), Case):
        for place, value in enumerate(case.arguments, start=1):
            yield from _flat(f"argument {place} of {case.function}", value)
        yield from case.options.items()


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Take the arrays out of a tuple, such as a cache, so that each can be shown."""
    if not isinstance(value, tuple):
        yield name, value
        return
    for place, item in enumerate(value):
        yield from _flat(f"{name}[{place}]", item)


def _inputs(frame: FrameType) -> Iterator[tuple[str, Any]]:
    for name, value in frame.f_locals.items():
        if not (name in NOT_SHOWN or callable(value) or isinstance(value, ModuleType)):
            yield name, value


def shown(name: str, value: Any) -> str:
    """Write a value beside its name, arrays with their dtype and shape, long ones shortened."""
    if not isinstance(value, np.ndarray):
        return f"{name} = {reprlib.repr(value)}"
    with np.printoptions(precision=6, threshold=60, edgeitems=3, linewidth=90):
        body = str(value).replace("\n", "\n      ")
    return f"{name} = {value.dtype} {value.shape}\n      {body}"
