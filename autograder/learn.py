"""What the named mistakes of an exercise give, learned by making them.

Trusted code on trusted inputs: all of it is the author's, so it runs right here.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autograder import hints
from autograder.assignment import Assignment, Cell
from autograder.mutation import Edit
from autograder.testing import Namespace, mark_of

Test = Callable[..., None]


def of_exercise(exercise: str, functions: Iterable[Any]) -> list[Test]:
    """Pick the tests of one exercise."""
    return [f for f in functions if callable(f) and (mark := mark_of(f)) and mark.name == exercise]


def edited(assignment: Assignment, cell: Cell, edit: Edit | None) -> Namespace:
    """Execute the reference with an edit of one exercise's cell."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for other in assignment.runnable(cell.allows):
        source = edit.apply(cell) if edit is not None and other is cell else other.source
        exec(compile(source, f"<{assignment.name}:{other.id}>", "exec"), names)
    return Namespace(names)


def learn(
    assignment: Assignment,
    exercise: str,
    tests: Iterable[Test],
    fixtures: Callable[[Test, Any], Mapping[str, Any]] = hints.fixtures,
) -> dict[str, Any]:
    """Make each mistake of an exercise, run the tests on it, and keep what it gives with its hint.

    Parameters
    ----------
    assignment : Assignment
    exercise : str
    tests : iterable of tests
        Those that limit the CPU are left out: they tell slow from fast, not wrong from right.
    fixtures : callable
        ``fixtures(test, namespace)`` makes the fixtures of a test.

    Returns
    -------
    dict
        As `autograder.hints.build` makes it.
    """
    cell = assignment.exercise(exercise)
    quick = [test for test in tests if (mark := mark_of(test)) and mark.cpu_seconds is None]
    mistakes = [m for m in assignment.module("mistakes").MISTAKES if m.exercise == exercise]
    right = [a for a in assignment.module("alternatives").ALTERNATIVES if a.exercise == exercise]
    with _quiet():
        return hints.build(
            quick,
            [(mistake.hint, edited(assignment, cell, mistake)) for mistake in mistakes],
            [edited(assignment, cell, edit) for edit in (None, *right)],
            fixtures=fixtures,
        )


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep what mistakes print and warn of to themselves."""
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
