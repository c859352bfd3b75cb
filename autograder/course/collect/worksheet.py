"""A table of who handed in when: Moodle's grading worksheet, or any CSV file like it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.course.collect import dates
from autograder.course.collect.platforms import Owned
from autograder.course.errors import CourseError
from autograder.course.naming import literal, words
from autograder.course.roster import Roster, Unknown, read_csv
from autograder.course.settings import Settings

ORDERS = ("dmy", "mdy")
#: Columns, by what their headings say in English, German, French and Spanish.
WHEN = re.compile(
    r"\((submission|abgabe|travail remis|remise|entrega)\)|submitted|^time|handed|^abgegeben|"
    r"^eingereicht|^remis|^fecha de entrega|^entregado"
)
MAIL = re.compile(r"mail|courriel|correo")
FULL = re.compile(r"^(full|voll|complete).*name|^name$|^student$|nom complet|nombre completo")
FIRST = re.compile(r"^(first|given|vor).*name|^prénom|^nombre")
LAST = re.compile(r"^(last|family|sur|nach|familien).*name|^nom( de famille)?$|^apellido")
WORD = re.compile(
    r"^id\b|^identif|user|student|_id$|matrik|kennung|anmeldename|usuario|utilisateur|"
    r"^(numéro|número|number|nummer)\b|name"
)
#: The identifier in Moodle's worksheets: a word for participants, and the number of one.
PARTICIPANT = re.compile(r"(?:participante?|teilnehmer\S*?|\w{4,} )\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """What one row says of one person."""

    line: int
    words: tuple[str, ...]
    name: str
    when: datetime | None

    @property
    def numbers(self) -> set[str]:
        """The numbers by which the table's platform knows the person."""
        found = (PARTICIPANT.fullmatch(word) for word in self.words)
        return {match[1] for match in found if match}


class Worksheet:
    """The rows of a table, found by what a platform or the roster calls somebody."""

    def __init__(self, rows: Sequence[Row], roster: Roster | None) -> None:
        self.rows, self._roster = rows, roster
        self._students = [(row, self._student(row)) for row in rows] if roster else []

    def of(self, student: str, whose: Owned) -> datetime | None:
        """Give the time at which somebody handed in; None if no row, or more than one, says it."""
        for rows in self._candidates(student, whose):
            if rows:
                times = {row.when for row in rows}
                return times.pop() if len(times) == 1 else None
        return None

    def aliases(self, number: str) -> tuple[str, ...]:
        """Give what else the table calls whom a platform knows by a number."""
        rows = [row for row in self.rows if number in row.numbers]
        return rows[0].words if len(rows) == 1 else ()

    def _candidates(self, student: str, whose: Owned) -> Iterator[list[Row]]:
        """Yield the rows that may be somebody's, the surest first: a number before a name."""
        yield [row for row in self.rows if whose.number and whose.number in row.numbers]
        known = self._roster.people.get(student) if self._roster else None
        for word in (student, known.email if known else "", whose.number):
            yield [row for row in self.rows if word and literal(word) in map(literal, row.words)]
        yield [row for row, whom in self._students if whom == student]
        called = "".join(words(whose.student))
        yield [row for row in self.rows if called and "".join(words(row.name)) == called]

    def _student(self, row: Row) -> str | None:
        """Find whom of the roster a row means."""
        assert self._roster is not None
        try:
            return self._roster.match("moodle", row.name, aliases=row.words).student
        except Unknown:
            return None


def read(path: Path, settings: Settings, roster: Roster | None, order: str | None) -> Worksheet:
    """Read a table of times.

    Parameters
    ----------
    path : Path
    settings : Settings
        Of the course; times that do not say their zone are in its own.
    roster : Roster, optional
    order : str, optional
        What comes first in 02/03/2027, "dmy" or "mdy"; by default what the whole column shows.

    Raises
    ------
    CourseError
        If it cannot be understood.
    """
    if order not in (None, *ORDERS):
        raise CourseError(f"--dates {order} is not known; it is {' or '.join(ORDERS)}.")
    table = read_csv(path)
    columns = _Columns(path, table[0] if table else [])
    said = [columns.when(row) for row in table[1:]]
    try:
        order = order or dates.order_of(said)
    except ValueError as error:
        raise CourseError(f"{path}: {error}; write all of them in one way.") from error
    rows = []
    for line, (cells, value) in enumerate(zip(table[1:], said, strict=True), start=2):
        when = _time(path, line, value, settings, order) if value not in ("", "-") else None
        rows.append(Row(line, columns.words(cells), columns.name(cells), when))
    return Worksheet(rows, roster)


def _time(path: Path, line: int, value: str, settings: Settings, order: str | None) -> datetime:
    try:
        return dates.parse(value, settings.time_zone, order).astimezone(UTC)
    except dates.Undecided as error:
        raise CourseError(
            f"{path}, row {line}: {value!r} may have the day or the month first, and no row says "
            "which; say it with --dates dmy or --dates mdy."
        ) from error
    except (ValueError, OverflowError) as error:
        raise CourseError(f"{path}, row {line}: {value!r} is not a time; change it.") from error


class _Columns:
    """Which columns say who, and which one says when."""

    def __init__(self, path: Path, header: list[str]) -> None:
        titles = [title.strip().casefold() for title in header]
        times = [i for i, title in enumerate(titles) if WHEN.search(title)]
        rest = {i: title for i, title in enumerate(titles) if i not in times}
        self._full, self._first, self._last = (
            [i for i, title in rest.items() if kind.search(title)] for kind in (FULL, FIRST, LAST)
        )
        self._first = [i for i in self._first if i not in self._full]
        names = {*self._full, *self._first, *self._last}
        self._words = [
            i for i, title in rest.items()
            if i not in names and (MAIL.search(title) or WORD.search(title))
        ]  # fmt: skip
        if not times or not (names or self._words):
            raise CourseError(
                f"{path} does not say who handed in when; give it columns called id and submitted."
            )
        self._when = times[0]

    def when(self, row: list[str]) -> str:
        """Give what a row says of the time."""
        return " ".join(self._cells(row, [self._when])).strip()

    def words(self, row: list[str]) -> tuple[str, ...]:
        """Give a row's ids, addresses and numbers."""
        return self._cells(row, self._words)

    def name(self, row: list[str]) -> str:
        """Give the full name in a row."""
        parts = self._full[:1] or [*self._first[:1], *self._last[:1]]
        return " ".join(self._cells(row, parts))

    @staticmethod
    def _cells(row: list[str], columns: list[int]) -> tuple[str, ...]:
        cells = (row[i].strip() for i in columns if i < len(row))
        return tuple(cell for cell in cells if cell)
