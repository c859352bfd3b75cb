"""A folder of Google Drive in which files are named by students.

Classroom's copies are called ``Jane Doe - hw.ipynb``, what a form took ``hw - Jane Doe.ipynb``.
Which of both it is, all files together say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from autograder.course.collect.names import is_archive, stem
from autograder.course.collect.platforms.owned import AGAIN, Context, Owned, Platform

COPY = re.compile(r"^copy of ", re.IGNORECASE)


def read(names: Iterable[str], known: Context) -> Iterator[Owned]:
    """Tell whose files are."""
    parted = [(name, *_parts(name)) for name in names if " - " in name.partition("/")[0]]
    first = {left for _, left, _, _, after in parted if _is(after, known.assignment)}
    last = {right for _, _, right, before, _ in parted if _is(before, known.assignment)}
    if not first and not last:
        return
    for name, left, right, before, after in parted:
        student, title = (left, after) if len(first) > len(last) else (right, before)
        again = AGAIN.search(title)
        attempt = int(again["dash"] or again["round"]) if again else 0
        yield Owned(name, student, "", False, f"{AGAIN.sub('', title)}.ipynb", (0, attempt))


def _parts(name: str) -> tuple[str, str, str, str]:
    """Give who may be named first and last, and what stands before the last and after the first."""
    top = name.partition("/")[0]
    whole = stem(top) if is_archive(top) else re.sub(r"(\.[A-Za-z]\w*)+$", "", top)
    left, _, after = whole.partition(" - ")
    before, _, right = whole.rpartition(" - ")
    return left.strip(), AGAIN.sub("", right).strip(), before.strip(), after.strip()


def _is(title: str, assignment: str) -> bool:
    return AGAIN.sub("", COPY.sub("", title)).casefold() == assignment.casefold()


PLATFORM = Platform("google", read)
