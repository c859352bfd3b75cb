"""What the named mistakes of an exercise give, learned by making them.

Trusted code on trusted inputs: all of it is the author's, so it runs right here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from autograder.assignment import edits
from autograder.assignment.edits import Edit
from autograder.assignment.source import Assignment, Cell
from autograder.checking import hints
from autograder.checking.marks import mark_of
from autograder.checking.running import blaming, run_test
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


def learn(
    assignment: Assignment,
    exercise: str,
    tests: Iterable[Test],
    fixtures: Callable[[Test, Any], Mapping[str, Any]] = hints.fixtures,
) -> list[hints.Lesson]:
    """Make an exercise's named mistakes, and note what each gives in the tests that it fails.

    A test that limits the CPU teaches nothing: it tells slow from fast, not wrong from right.

    Parameters
    ----------
    assignment : Assignment
    exercise : str
    tests : iterable of tests
        All that the exercise has.
    fixtures : callable
        ``fixtures(test, student)`` makes the fixtures of a test.
    """
    cell = assignment.exercise(exercise)
    wrong = [m for m in edits.mistakes(assignment) if m.exercise == exercise]
    right = [a for a in edits.alternatives(assignment) if a.exercise == exercise]
    telling = [test for test in tests if (mark := mark_of(test)) and mark.cpu_seconds is None]
    with supervised():
        solutions = [edited(assignment, cell, each) for each in (None, *right)]
        mistaken = [(each.hint, edited(assignment, cell, each)) for each in wrong]
        return hints.build(telling, mistaken, solutions, fixtures=fixtures)


def book(
    assignment: Assignment, exercises: Mapping[str, Sequence[Test]]
) -> dict[str, list[dict[str, Any]]]:
    """Learn all exercises of an assignment; what a mistake gives only now and then is left out.

    Parameters
    ----------
    exercises : mapping
        The tests of each exercise.
    """
    learned = {}
    for exercise, tests in exercises.items():
        first, second = (learn(assignment, exercise, tests) for _ in range(2))
        if kept := [asdict(lesson) for lesson in first if lesson in second]:
            learned[exercise] = kept
    return learned


def built_on(
    assignment: Assignment, exercises: Mapping[str, Sequence[Test]]
) -> dict[str, list[str]]:
    """Name the exercises on which each is built, in its solution or in what its tests ask for."""
    found = {}
    for exercise, tests in exercises.items():
        solved = edited(assignment, assignment.exercise(exercise), None)
        asked: set[str] = set()
        for test in tests:
            with blaming(test):
                asked |= run_test(test, hints.fixtures(test, solved)).asked
        through = [exercise, *assignment.foundation(asked)]
        below = {n for each in through for n in (each, *assignment.foundations[each])} - {exercise}
        if below:
            found[exercise] = [name for name in assignment.foundations if name in below]
    return found


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
