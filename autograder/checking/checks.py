"""The student's checks: what is right, what is not, and why."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder.checking import hints
from autograder.checking.marks import mark_of, place_of
from autograder.checking.running import BrokenTest, Result, run_test
from autograder.checking.student import Namespace, Student
from autograder.checking.view import Progress, Report, _show
from autograder.errors import UserError, told
from autograder.files import read_text, shown

__all__ = ["CheckFailed", "Result", "check", "progress", "run_test", "run_tests"]
Test = Callable[..., None]
#: What a check can ask for.
FIXTURES = ("student", "rng")


class CheckFailed(UserError, AssertionError):
    """A property that an exercise should have is missing."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show the sentence alone: the table above has said the rest."""
        return [f"{type(self).__name__}: {self}"]


def run_tests(
    functions: Iterable[Test],
    namespace: Mapping[str, Any] | Student,
    *,
    rng_seed: int = 0,
    reference: Student | None = None,
) -> list[Result]:
    """Run tests on a student and list what came of each.

    Parameters
    ----------
    functions : iterable of tests
    namespace : mapping or student
        The notebook's names, or anything with a student's face.
    rng_seed : int
        Every test draws from a generator of its own, made of this seed and its name.
    reference : student, optional
        For tests that ask for it.
    """
    student = Namespace(namespace) if isinstance(namespace, Mapping) else namespace
    return [
        run_test(
            test,
            {"student": student, "reference": reference, "rng": hints.generator(test, rng_seed)},
        )
        for test in functions
    ]


def check(name: str, *, folder: Path | str | None = None) -> None:
    """Check one exercise with its visible tests and show what they found.

    Parameters
    ----------
    name : str
        The exercise.
    folder : path, optional
        Where ``checks.py`` is; the current folder by default.

    Raises
    ------
    CheckFailed
        If the exercise lacks any of its properties.
    """
    report = Report(name, Checks(folder).results(name, sys._getframe(1).f_globals))
    _show(report)
    if report.summary:
        raise CheckFailed(report.summary)


def progress(*, folder: Path | str | None = None) -> None:
    """Show every exercise of the assignment, and the points as far as its visible checks go."""
    checks = Checks(folder)
    names = sys._getframe(1).f_globals
    reports = [Report(name, checks.results(name, names)) for name in checks.exercises]
    _show(Progress(reports, checks.points))


class Checks:
    """The visible tests of an assignment and the hints that go with them.

    Parameters
    ----------
    folder : path, optional
        Where ``checks.py`` and ``hints.json`` are; the current folder by default.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        path = Path(folder or ".").resolve() / "checks.py"
        if not path.is_file():
            raise CheckFailed(
                f"There is no checks.py in {path.parent}: start the notebook in its assignment's "
                "folder, or say check(…, folder=…)."
            )
        names = _executed(path)
        self.hints = hints.load(path.parent)
        self.exercises: dict[str, list[Test]] = {}
        for test in names.values():
            if (mark := mark_of(test)) is not None:
                _check_fixtures(test)
                self.exercises.setdefault(mark.name, []).append(test)

    @property
    def points(self) -> dict[str, float]:
        """The points of each exercise, in the assignment's order."""
        points: dict[str, float] = self.hints.get("_exercises", {})
        return points

    def results(self, exercise: str, names: Mapping[str, Any]) -> list[Result]:
        """Run the tests of an exercise on a notebook's names."""
        if exercise not in self.exercises:
            raise CheckFailed(
                f"There is no exercise {exercise!r} here; there are {', '.join(self.exercises)}."
            )
        results = run_tests(self.exercises[exercise], names)
        failed = {
            each.name: hints.fingerprint(each.log) for each in results if each.outcome == "failed"
        }
        if not failed:
            return results
        if broken := self._broken_below(exercise, names):
            which, verb = " and ".join(broken), "fail" if len(broken) > 1 else "fails"
            start = f"{which} {verb} checks of its own: if {exercise} calls it, start there."
            return [
                replace(each, diagnosis=f"{start} {each.diagnosis or ''}".strip())
                if each.name in failed
                else each
                for each in results
            ]
        lessons = [hints.Lesson(**lesson) for lesson in self.hints.get(exercise, ())]
        passed = {each.name for each in results if each.outcome == "passed"}
        earned = hints.earned(lessons, failed, passed)
        return [replace(each, diagnosis=earned.get(each.name, each.diagnosis)) for each in results]

    def _broken_below(self, exercise: str, names: Mapping[str, Any]) -> list[str]:
        """Name the exercises on which this one may be built and that fail checks of their own."""
        below = self.hints.get("_builds_on", {}).get(exercise, ())
        return [
            name
            for name in below
            if any(each.outcome == "failed" for each in run_tests(self.exercises[name], names))
        ]


def _executed(path: Path) -> dict[str, Any]:
    """Execute ``checks.py`` and give its names."""
    names: dict[str, Any] = {"__name__": "checks", "__file__": str(path)}
    text = read_text(path)
    try:
        exec(compile(text, str(path), "exec"), names)
    except (Exception, SystemExit) as error:
        raise CheckFailed(told(error, str(path), shown(path))) from error
    return names


def _check_fixtures(test: Test) -> None:
    """See that a test asks for nothing that ``check`` does not have."""
    strange = [name for name in inspect.signature(test).parameters if name not in FIXTURES]
    if strange:
        raise BrokenTest(
            f"{place_of(test)}: {test.__name__} asks for {strange[0]!r}; "
            f"a check can ask for {' and '.join(FIXTURES)}."
        )
