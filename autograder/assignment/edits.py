"""Edits of a right solution, as rows of tables: named mistakes, and other right ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Self, TypeVar

from autograder.assignment.regions import REGION
from autograder.assignment.source import Assignment, AssignmentError, Cell
from autograder.errors import UserError, told
from autograder.files import shown


class Whole(Enum):
    """What an edit may replace without quoting it."""

    BODY = "the one region between ### BEGIN SOLUTION and ### END SOLUTION"
    CELL = "the cell"


BODY, CELL = Whole.BODY, Whole.CELL
Pair = tuple[str | Whole, str]


@dataclass(frozen=True)
class Edit:
    """A change to one exercise's cell: of each pair, the first occurs once and becomes the second.

    The first may also be `BODY` or `CELL`, for all of it. ``file`` is where its author wrote it.
    """

    exercise: str
    name: str
    pairs: tuple[Pair, ...]
    file: str = field(default="", kw_only=True)

    @property
    def place(self) -> str:
        """Where its author finds it."""
        return f"{self.file}: {self.exercise}/{self.name}".removeprefix(": ")

    def execute(self, cell: Cell, names: dict[str, Any]) -> None:
        """Execute the exercise's cell, edited. Only for trusted callers."""
        try:
            exec(compile(self.apply(cell), f"<{self.place}>", "exec"), names)
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            shown = f"{self.place}: the edited cell"
            raise AssignmentError(told(error, f"<{self.place}>", shown)) from error

    def apply(self, cell: Cell) -> str:
        """Return the edited source of the exercise's cell."""
        source = cell.source
        for find, new in self.pairs:
            whole = self._all_of(source, find) if isinstance(find, Whole) else find
            if source.count(whole) != 1:
                raise AssignmentError(
                    f"{self.place}: {whole!r} occurs {source.count(whole)} times "
                    "in the solution; make it occur exactly once."
                )
            source = source.replace(whole, new)
        return source

    def _all_of(self, source: str, part: Whole) -> str:
        if part is CELL:
            return source
        bodies = [region["body"].rstrip("\n") for region in REGION.finditer(source)]
        if len(bodies) != 1:
            raise AssignmentError(
                f"{self.place}: {self.exercise} has {len(bodies)} regions; "
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


E = TypeVar("E", Mistake, Alternative)


def mistakes(assignment: Assignment) -> list[Mistake]:
    """List the rows of every table in the assignment's ``mistakes.py``."""
    return _rows(assignment, "mistakes", Mistakes)


def alternatives(assignment: Assignment) -> list[Alternative]:
    """List the rows of every table in the assignment's ``alternatives.py``."""
    return _rows(assignment, "alternatives", Alternatives)


def equivalents(assignment: Assignment) -> dict[str, str]:
    """Give the mechanical mutants that change nothing, each with the reason."""
    found = getattr(assignment.module("alternatives"), "EQUIVALENT", {})
    if not isinstance(found, dict):
        raise AssignmentError(
            f"{shown(assignment.folder / 'alternatives.py')}: EQUIVALENT is {found!r:.60}; "
            "make it a dict, each mutant's name with the reason."
        )
    return found


def _rows(assignment: Assignment, stem: str, table: type[list[E]]) -> list[E]:
    """Walk a module: a table cannot be left out of a list, for there is none."""
    values = vars(assignment.module(stem)).values()
    rows = [row for value in values if isinstance(value, table) for row in value]
    for row in rows:
        assignment.expect(row.exercise, f"{stem}.py")
    label = shown(assignment.folder / f"{stem}.py")
    return [replace(row, file=label) for row in rows]
