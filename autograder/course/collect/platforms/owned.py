"""What the name of a downloaded file tells of it, and what a platform is to the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from autograder.course.collect.names import as_notebook, stem

#: What a browser or a platform puts behind the name of a file that was there already.
AGAIN = re.compile(r"(?:-(?P<dash>\d{1,3})| ?\((?P<round>\d{1,3})\))(?=(?:\.[a-zA-Z]\w*)*$|/)")


@dataclass(frozen=True)
class Owned:
    """A file, and what the platform calls whose it is.

    ``name`` is the outermost archive's, which the platform made: what is inside says nothing of
    whose it is. ``aliases`` are the platform's other words for the same person, ``when`` is the
    time that it gives (in the course's zone, if it says none), and ``again`` tells the attempts at
    one name in order: the platform's number of the upload, and the number behind the name.
    """

    name: str
    student: str
    number: str = ""
    late: bool = False
    file: str = ""
    again: tuple[int, int] = (0, 0)
    aliases: tuple[str, ...] = ()
    when: datetime | None = None

    @property
    def caller(self) -> tuple[str, ...]:
        """Whom the platform means: two of one name differ in its other words for them."""
        return self.aliases or (self.student, self.number)


@dataclass(frozen=True)
class Context:
    """What is known beside the names: the assignment, and whose words the roster has.

    ``about`` maps the names of what the platform wrote of the hand-ins to its bytes.
    """

    assignment: str = ""
    about: Mapping[str, bytes] | None = None
    knows: Callable[[str], bool] | None = None

    def has(self, word: str) -> bool:
        """Whether the roster has somebody's id, address or login."""
        return self.knows is not None and self.knows(word)


Reader = Callable[[Iterable[str], Context], Iterator[Owned]]


@dataclass(frozen=True)
class Platform:
    """A way to pack what a class handed in.

    ``mark`` finds what the platform itself writes into the first part of a name: what comes before
    it and in it is the platform's, and what comes after it the student's. ``read`` tells whose
    files are; ``says_late`` and ``says_when``, what it knows of times.
    """

    name: str
    read: Reader
    mark: re.Pattern[str] | None = None
    says_late: bool = False
    says_when: bool = False
    #: Whether the entries of the archive may have the times of handing in.
    keeps_times: bool = False


def attempt(file: str, assignment: str) -> tuple[str, int]:
    """Take off a file's name the number that says how often it was there before."""
    folder, slash, base = file.rpartition("/")
    base = as_notebook(base) if ".ipynb" in base.lower() else base
    file = folder + slash + base
    if stem(base).removesuffix(".ipynb") == assignment:
        return file, 0
    again = AGAIN.search(file)
    return AGAIN.sub("", file), int(again["dash"] or again["round"]) if again else 0
