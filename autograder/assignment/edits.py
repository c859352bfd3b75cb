"""Edits of a right solution, as rows of tables: named mistakes, and other right ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self, TypeVar

from autograder.assignment.regions import REGION
from autograder.assignment.source import Assignment, AssignmentError, Cell


class Whole(Enum):
    """What an edit may replace without quoting it."""

    BODY = "the one region between ### BEGIN SOLUTION and ### END SOLUTION"
    CELL = "the cell"


BODY, CELL = Whole.BODY, Whole.CELL
Pair = tuple[str | Whole, str]


@dataclass(frozen=True)
class Edit:
    """A change to one exercise's cell: of each pair, the first occurs once and becomes the second.

    The first may also be `BODY` or `CELL`, for all of it.
    """

    exercise: str
    name: str
    pairs: tuple[Pair, ...]

    def apply(self, cell: Cell) -> str:
        """Return the edited source of the exercise's cell."""
        source = cell.source
        for find, replace in self.pairs:
            whole = self._all_of(source, find) if isinstance(find, Whole) else find
            if source.count(whole) != 1:
                raise AssignmentError(
                    f"{self.exercise}/{self.name}: {whole!r} occurs {source.count(whole)} times "
                    "in the solution; make it occur exactly once."
                )
            source = source.replace(whole, replace)
        return source

    def _all_of(self, source: str, part: Whole) -> str:
        if part is CELL:
            return source
        bodies = [region["body"].rstrip("\n") for region in REGION.finditer(source)]
        if len(bodies) != 1:
            raise AssignmentError(
                f"{self.exercise}/{self.name}: {self.exercise} has {len(bodies)} regions; "
                "quote what BODY is to replace."
            )
        return bodies[0]


@dataclass(frozen=True)
class Mistake(Edit):
    """A plausible wrong solution, and the hint that whoever makes it deserves."""

    hint: str

    @classmethod
    def of(cls, exercise: str, row: tuple[Any, ...]) -> Self:
        """Read ``(name, find, replace, hint)`` and any further (find, replace) pairs."""
        match row:
            case (str(name), str() | Whole(), str(), str(hint), *further):
                return cls(exercise, name, _pairs(exercise, row[1:3], further), hint)
        raise _unreadable(exercise, row, "its name, what is found, what takes its place, the hint")


@dataclass(frozen=True)
class Alternative(Edit):
    """A right solution, written differently: it must get full marks and no hint."""

    @classmethod
    def of(cls, exercise: str, row: tuple[Any, ...]) -> Self:
        """Read ``(name, find, replace)`` and any further (find, replace) pairs."""
        match row:
            case (str(name), str() | Whole(), str(), *further):
                return cls(exercise, name, _pairs(exercise, row[1:3], further))
        raise _unreadable(exercise, row, "its name, what is found, what takes its place")


def _pairs(exercise: str, first: Any, further: Iterable[Any]) -> tuple[Pair, ...]:
    for pair in further:
        match pair:
            case (str(), str()):
                continue
        raise _unreadable(exercise, pair, "what is found, what takes its place")
    return (first, *further)


def _unreadable(exercise: str, row: Any, columns: str) -> AssignmentError:
    return AssignmentError(f"{exercise}: the row {row!r:.60}… is not one of {columns}; mend it.")


class Mistakes(list[Mistake]):
    """A table of mistakes in one exercise, a row each; see `Mistake.of`."""

    def __init__(self, exercise: str, *rows: tuple[Any, ...]) -> None:
        super().__init__(Mistake.of(exercise, row) for row in rows)


class Alternatives(list[Alternative]):
    """A table of other right solutions of one exercise, a row each; see `Alternative.of`."""

    def __init__(self, exercise: str, *rows: tuple[Any, ...]) -> None:
        super().__init__(Alternative.of(exercise, row) for row in rows)


T = TypeVar("T", Mistakes, Alternatives)


def mistakes(assignment: Assignment) -> list[Mistake]:
    """List the rows of every table in the assignment's ``mistakes.py``."""
    return [row for table in _tables(assignment, "mistakes", Mistakes) for row in table]


def alternatives(assignment: Assignment) -> list[Alternative]:
    """List the rows of every table in the assignment's ``alternatives.py``."""
    return [row for table in _tables(assignment, "alternatives", Alternatives) for row in table]


def _tables(assignment: Assignment, stem: str, kind: type[T]) -> list[T]:
    """Walk a module: a table cannot be left out of a list, for there is none."""
    return [value for value in vars(assignment.module(stem)).values() if isinstance(value, kind)]
