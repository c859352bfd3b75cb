"""Who is in the course: ``roster.csv``, and finding people in it by what platforms call them."""

from __future__ import annotations

import csv
import difflib
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.submissions import is_id
from autograder.files import read_text

COLUMNS = ("id", "first_name", "last_name", "email")
#: How a platform may call a student, beside by name and number: a column of roster.csv for each.
ALSO = ("canvas_name", "moodle_name")
NUMBERS = {"canvas": "canvas_id", "moodle": "moodle_id"}


class Unknown(Exception):
    """Nobody in the roster, or more than one, is called so; the message says which."""


@dataclass(frozen=True)
class Person:
    """One row of the roster."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    canvas_name: str = ""
    canvas_id: str = ""
    moodle_name: str = ""
    moodle_id: str = ""

    @property
    def name(self) -> str:
        """The full name."""
        return " ".join(part for part in (self.first_name, self.last_name) if part)

    @property
    def names(self) -> set[str]:
        """What the student may be called, in `plain` letters."""
        first, last = self.first_name, self.last_name
        both = (first + last, last + first) if first and last else ()
        mailbox = self.email.partition("@")[0]
        called = (self.id, self.email, mailbox, self.canvas_name, self.moodle_name, *both)
        return {plain(each) for each in called} - {""}


class Roster:
    """The people of a course."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.people = {person.id: person for person in people}
        self._named: dict[str, set[str]] = defaultdict(set)
        for person in self.people.values():
            for name in person.names:
                self._named[name].add(person.id)

    def find(self, platform: str, name: str, number: str = "") -> str:
        """Give the id of whom a platform calls so; a number counts more than a name.

        Raises
        ------
        Unknown
            If nobody or more than one is meant.
        """
        column = NUMBERS.get(platform, "")
        if number and column:
            for person in self.people.values():
                if getattr(person, column) == number:
                    return person.id
        meant = {name} if name in self.people else self._named.get(plain(name), set())
        if len(meant) == 1:
            (found,) = meant
            if not (number and column and getattr(self.people[found], column)):
                return found
            meant = set()  # who has another number is somebody else, whatever the name
        add = f"write {number} as {column} in the right row" if number and column else "add a row"
        if meant:
            raise Unknown(f"may be any of {', '.join(sorted(meant))} in roster.csv; {add}")
        raise Unknown(f"is nobody in roster.csv; {add}")


def plain(text: str) -> str:
    """Take a name down to its letters and digits, without accents and case."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in letters if c.isalnum())


def read(course: Course) -> Roster | None:
    """Read ``roster.csv``; None if the course has none.

    Raises
    ------
    CourseError
        If it cannot be understood.
    """
    path = course.folder / "roster.csv"
    if not path.exists():
        return None
    rows = read_csv(path)
    header = [re.sub(r"\W+", "_", column.strip().casefold()) for column in rows[0]] if rows else []
    if "id" not in header:
        raise CourseError(
            f"{path} has no column id; give it a first line like {','.join(COLUMNS)},canvas_id."
        )
    people: dict[str, Person] = {}
    for line, row in enumerate(rows[1:], start=2):
        values = {name: value.strip() for name, value in zip(header, row, strict=False)}
        person = Person(**{name: values.get(name, "") for name in Person.__dataclass_fields__})
        if not any(values.values()):
            continue
        if not is_id(person.id) or person.id in people:
            why = "is there twice" if person.id in people else "cannot be a student's id"
            raise CourseError(f"{path}, row {line}: {person.id!r} {why}; change it.")
        people[person.id] = person
    _check_extensions(course, list(people))
    return Roster(people.values())


def read_csv(path: Path) -> list[list[str]]:
    """Read a table as spreadsheets save it."""
    text = read_text(path)
    try:
        return list(csv.reader(io.StringIO(text), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise CourseError(f"{path} is not CSV ({error}); save it as CSV in UTF-8.") from error


def _check_extensions(course: Course, known: list[str]) -> None:
    """See that whoever course.toml gives an extension to is there to have it."""
    for name, assignment in course.settings.assignments.items():
        for student in assignment.extensions:
            if student not in known:
                close = difflib.get_close_matches(student, known, 1)
                meant = f"did you mean {close[0]}?" if close else "add a row, or mend the id."
                raise CourseError(
                    f"course.toml extends {name} for {student!r}, who is not in roster.csv: {meant}"
                )


def _delimiter(text: str) -> str:
    """Tell what separates columns: spreadsheets of many countries write semicolons."""
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)
