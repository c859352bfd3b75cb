"""Who is in the course: ``roster.csv``, and finding people in it by what platforms call them."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.naming import FOLDS, SHAPES, WAYS, literal, orders, words
from autograder.course.submissions import is_id
from autograder.files import read_text

COLUMNS = ("id", "first_name", "last_name", "email")
#: Platforms that call people by their full names; the others, by a word of their own.
BY_NAME = ("canvas", "moodle", "blackboard", "brightspace", "gradescope", "google")
#: Platforms whose number of a person is the same for good. Moodle's is one for each assignment.
LASTING = ("canvas",)


class Unknown(Exception):
    """Nobody in the roster, or more than one, is called so; the message says which."""

    def __init__(self, message: str, several: bool = False) -> None:
        super().__init__(message)
        self.several = several


@dataclass(frozen=True)
class Person:
    """One row of the roster: besides names, what platforms call somebody, and by which number."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    canvas_name: str = ""
    canvas_id: str = ""
    moodle_name: str = ""
    moodle_id: str = ""
    blackboard_name: str = ""
    brightspace_name: str = ""
    brightspace_id: str = ""
    gradescope_name: str = ""
    gradescope_id: str = ""
    github_name: str = ""
    google_name: str = ""
    group: str = ""

    @property
    def name(self) -> str:
        """The full name."""
        return " ".join(part for part in (self.first_name, self.last_name) if part)

    def called(self, platform: str) -> str:
        """What a platform calls the person, where that is no name of theirs."""
        return getattr(self, f"{platform}_name", "")

    def number(self, platform: str) -> str:
        """The person's number on a platform."""
        return getattr(self, f"{platform}_id", "")


@dataclass(frozen=True)
class Match:
    """Whom a platform's words mean.

    ``exact`` says that they are letter by letter what the roster has, ``named`` that a number does
    not contradict the name beside it.
    """

    student: str
    exact: bool = True
    named: bool = True


Found = tuple[set[str], bool]


class Roster:
    """The people of a course."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.people = {person.id: person for person in people}
        self._words: dict[str, set[str]] = defaultdict(set)
        self._mailboxes: dict[str, set[str]] = defaultdict(set)
        self._names: dict[str, Mapping[tuple[int, str], set[str]]] = {}
        for person in self.people.values():
            self._words[literal(person.id)].add(person.id)
            if person.email:
                self._words[literal(person.email)].add(person.id)
                self._mailboxes[literal(person.email.partition("@")[0])].add(person.id)

    def find(self, platform: str, name: str, number: str = "") -> str:
        """Give the id of whom a platform calls so.

        Raises
        ------
        Unknown
            If nobody or more than one is meant.
        """
        return self.match(platform, name, number).student

    def match(
        self, platform: str, name: str, number: str = "", aliases: Collection[str] = ()
    ) -> Match:
        """Tell whom a platform means by a name, a number, and other words of its own.

        A number that lasts decides, and who has another one is somebody else. One that does not
        tells namesakes apart, and says nothing against a name.

        Raises
        ------
        Unknown
            If nobody or more than one is meant.
        """
        people = self.people.values()
        numbered = {each.id for each in people if number and each.number(platform) == number}
        if len(numbered) == 1 and platform in LASTING:
            (student,) = numbered
            return Match(student, named=not name or student in self._by_name(platform, name)[0])
        for found, exact in self._sources(platform, name, aliases):
            meant = found
            if platform in LASTING and number:
                theirs = {each: self.people[each].number(platform) for each in found}
                meant = {each for each in found if theirs[each] in ("", number)}
                meant = meant or (found if len(found) > 1 else set())
            for narrower in (numbered, self._by_mailbox(aliases)):
                meant = (meant & narrower or meant) if len(meant) > 1 else meant
            if len(meant) > 1:
                several = f"may be any of {', '.join(sorted(meant))} in roster.csv"
                raise Unknown(several, several=True)
            if meant:
                return Match(meant.pop(), exact)
        if len(numbered) == 1 and not any(self.people[each].name for each in numbered):
            return Match(numbered.pop())  # there is no name that the number could contradict
        raise Unknown("is nobody in roster.csv")

    def knows(self, word: str, platform: str = "") -> bool:
        """Whether a word is somebody's own: an id, an address or its first part, a login."""
        return bool(self._by_word(platform, [word]) or self._by_mailbox([word]))

    def team(self, name: str) -> list[str]:
        """Give the ids of those who are in the group of this name."""
        for shape in SHAPES:
            called = shape.join(words(name))
            members = [
                each
                for each in self.people.values()
                if called and shape.join(words(each.group)) == called
            ]
            if len({each.group for each in members}) == 1:
                return [each.id for each in members]
        return []

    def _sources(self, platform: str, name: str, aliases: Collection[str]) -> Iterator[Found]:
        """Yield who may be meant, by one sort of word after the other, the surest first.

        What may be a name means nobody by their id or mailbox alone who has another name: the
        ngbo of Canvas is Bo Ng, and not Boris Ng whose id it is.
        """
        nameless = {each.id for each in self.people.values() if not each.name}
        by_id, by_mailbox = (
            self._by_word(platform, [name]),
            self._by_mailbox([name] if name else aliases),
        )
        yield self._by_word(platform, aliases), True
        if platform not in BY_NAME:
            yield by_id, True
            yield self._by_name(platform, name)
            yield by_mailbox, True
        else:
            yield self._by_name(platform, name)
            yield by_id & nameless if platform == "canvas" else by_id, True
            yield by_mailbox & nameless if name else by_mailbox, True

    def _by_word(self, platform: str, spoken: Collection[str]) -> set[str]:
        exact = {word for word in spoken if word in self.people}
        theirs = {literal(word) for word in spoken} - {""}
        named = {
            each.id
            for each in self.people.values()
            if theirs & {literal(each.called(platform)), literal(each.number(platform))}
        }
        return exact or named.union(*(self._words.get(word, ()) for word in theirs))

    def _by_mailbox(self, spoken: Collection[str]) -> set[str]:
        return set().union(*(self._mailboxes.get(literal(word), ()) for word in spoken))

    def _by_name(self, platform: str, name: str) -> Found:
        """Find a full name, in the strictest of the ways in which somebody has it."""
        if platform not in self._names:
            self._names[platform] = self._index(platform)
        for way, (fold, shape, _) in enumerate(WAYS):
            key = shape.join(words(name, fold))
            if key and (found := self._names[platform].get((way, key))):
                return set(found), fold is not FOLDS[-1]
        return set(), True

    def _index(self, platform: str) -> Mapping[tuple[int, str], set[str]]:
        """List whose names are spelled how, in each of the ways to compare them."""
        index: dict[tuple[int, str], set[str]] = defaultdict(set)
        for person in self.people.values():
            for way, (fold, shape, any_order) in enumerate(WAYS):
                first, last = words(person.first_name, fold), words(person.last_name, fold)
                usual, others = orders(first, last, sortable=platform == "canvas")
                spelled = [usual, words(person.called(platform), fold)]
                for name in spelled + others if any_order else spelled:
                    index[way, shape.join(name)].add(person.id)
        return index


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
