"""What the named mistakes of an exercise give, learned by making them.

Trusted code on trusted inputs: all of it is the author's, so it runs right here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from autograder.assignment import edits
from autograder.assignment.edits import Edit
from autograder.assignment.source import Assignment, Cell
from autograder.checking import hints
from autograder.checking.marks import mark_of
from autograder.checking.running import blaming
from autograder.checking.student import Namespace

Test = Callable[..., None]
CALL_SECONDS = 2


def edited(assignment: Assignment, cell: Cell, edit: Edit | None) -> Namespace:
    """Execute the reference with an edit of one exercise's cell."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for other in assignment.runnable(cell.allows):
        if edit is not None and other is cell:
            edit.execute(cell, names)
        else:
            assignment.execute(other, names)
    return _Timed(names)


class Lessons:
    """What an exercise's named mistakes give in a test, and the hint that each earns.

    Parameters
    ----------
    assignment : Assignment
    exercise : str
    fixtures : callable
        ``fixtures(test, namespace)`` makes the fixtures of a test.
    """

    def __init__(
        self,
        assignment: Assignment,
        exercise: str,
        fixtures: Callable[[Test, Any], Mapping[str, Any]] = hints.fixtures,
    ) -> None:
        cell = assignment.exercise(exercise)
        wrong = [m for m in edits.mistakes(assignment) if m.exercise == exercise]
        right = [a for a in edits.alternatives(assignment) if a.exercise == exercise]
        self._fixtures = fixtures
        self._learned: dict[str, dict[str, Any]] = {}
        with supervised():
            self._right = [edited(assignment, cell, each) for each in (None, *right)]
            self._wrong = [(each.hint, edited(assignment, cell, each)) for each in wrong]

    def of(self, test: Test) -> dict[str, Any]:
        """Learn one test, the first time that it is asked for; as `hints.build`.

        A test that limits the CPU teaches nothing: it tells slow from fast, not wrong from right.
        """
        mark = mark_of(test)
        if test.__name__ not in self._learned:
            tests = [test] if mark and mark.cpu_seconds is None else []
            with supervised(), blaming(test):
                self._learned[test.__name__] = hints.build(
                    tests, self._wrong, self._right, fixtures=self._fixtures
                )
        return self._learned[test.__name__]


def book(assignment: Assignment, exercises: Mapping[str, list[Test]]) -> dict[str, Any]:
    """Learn all tests of an assignment; a mistake that gives something else each time is left out.

    Parameters
    ----------
    exercises : mapping
        The tests of each exercise.
    """
    learned: dict[str, Any] = {}
    for exercise, tests in exercises.items():
        first, second = Lessons(assignment, exercise), Lessons(assignment, exercise)
        for test in tests:
            again = second.of(test).get(test.__name__, [])
            entries = [entry for entry in first.of(test).get(test.__name__, []) if entry in again]
            if entries:
                learned[test.__name__] = entries
    return learned


class _Timed(Namespace):
    """Names whose calls end: a mistake may loop, and the author should not wait for it."""

    def _call(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        signal.setitimer(signal.ITIMER_VIRTUAL, CALL_SECONDS)
        try:
            return super()._call(function, args, kwargs)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _stop(*_: object) -> None:
    raise TimeoutError(f"more than {CALL_SECONDS} s")


@contextlib.contextmanager
def supervised() -> Iterator[None]:
    """Keep what mistakes print and warn of to themselves, and end the calls that do not end."""
    timed = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGVTALRM, _stop) if timed else None
    try:
        with (
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        if timed:
            signal.signal(signal.SIGVTALRM, before)
