"""A folder named by students: ``jane/hw.ipynb``, ``jane_mlp.ipynb``, ``jane.zip``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from autograder.course.collect.platforms.owned import AGAIN, Context, Owned, Platform, attempt

#: The end of a notebook's or an archive's name, with what is put behind it.
END = re.compile(
    r"( ?\(\d{1,3}\))?\.(ipynb|zip|tar|tgz|json|txt)( ?\(\d{1,3}\))?(\.\w+)*$", re.IGNORECASE
)


def read(names: Iterable[str], known: Context) -> Iterator[Owned]:
    """Tell whose files are."""
    named = re.escape(known.assignment)
    work = re.compile(rf"[_-]{named}(-\d+)?$|^{named}[_-](?=\D)", re.IGNORECASE)
    for name in names:
        top, slash, below = name.partition("/")
        student = work.sub("", top if slash else END.sub("", top)).strip()
        if slash:
            file, again = attempt(below, known.assignment)
        else:
            number = AGAIN.search(name)
            again = int(number["dash"] or number["round"]) if number else 0
            file = f"{known.assignment}.ipynb"
        if student and student.casefold() != known.assignment.casefold():
            yield Owned(name, student, "", False, file, (0, again))


PLATFORM = Platform("folder", read, keeps_times=True)
