"""The mark that ties a test to its exercise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from autograder.errors import UserError
from autograder.files import shown

Test = TypeVar("Test", bound=Callable[..., None])


@dataclass(frozen=True)
class Mark:
    """Which exercise a test belongs to, what it weighs there, and the CPU seconds of one call."""

    name: str
    weight: float = 1.0
    cpu_seconds: float | None = None


def exercise(
    name: str, *, weight: float = 1.0, cpu_seconds: float | None = None
) -> Callable[[Test], Test]:
    """Mark a test as one of an exercise's.

    Parameters
    ----------
    name : str
        The exercise, as in the notebook's cell and the gradebook.
    weight : float
        The test's share of the exercise's points, relative to its other tests.
    cpu_seconds : float, optional
        A tighter limit for each call of the student's code.

    Raises
    ------
    UserError
        If one of these is not what it is to be.
    """
    if not isinstance(name, str):
        raise UserError('@exercise needs the name of one; write @exercise("name").')
    for key, value in {"weight": weight, "cpu_seconds": cpu_seconds}.items():
        if value is not None and not (isinstance(value, (int, float)) and value > 0):
            raise UserError(f"{key}={value!r} is no number above 0; change it.")

    def decorate(test: Test) -> Test:
        test.__exercise__ = Mark(name, weight, cpu_seconds)  # type: ignore[attr-defined]  # a function takes any
        return test

    return decorate


def place_of(test: Callable[..., Any]) -> str:
    """Name the file and the line where a test stands."""
    code = test.__code__
    return f"{shown(Path(code.co_filename))}, line {code.co_firstlineno}"


def mark_of(test: Callable[..., Any]) -> Mark | None:
    """Return the mark that `exercise` gave a test, if any."""
    return getattr(test, "__exercise__", None)
