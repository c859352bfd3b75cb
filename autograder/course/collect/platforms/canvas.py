"""Canvas's *Download Submissions*: ``doejane_LATE_1234_56789_mlp-1.ipynb``.

The sortable name without all that is no letter, LATE, the person's number, the file's number. Of
a group's hand-in the name is the group's, and the number that of one of its members. Where grading
is anonymous, ``anon_x7Yz1`` stands in the place of both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from autograder.course.collect.platforms.owned import Context, Owned, Platform, attempt

ANONYMOUS = "anon"
MARK = re.compile(
    r"^(?!gradebook_)[^/\s]*?(?P<mark>_(?:LATE_)?\d+_(?:\d+_|text\.html$|link\.html$))"
    r"|^(?:LATE_)?(?P<anonymous>anon_[^\W_]{5}_\d+_)"
)
NAME = re.compile(
    r"(?P<student>[^/\s]*?)_(?P<late>LATE_)?(?P<number>\d+)_"
    r"(?:(?P<upload>\d+)_(?P<file>.+)|(?P<page>text\.html|link\.html))"
)
HIDDEN = re.compile(r"(?P<late>LATE_)?(?P<student>anon_[^\W_]{5})_(?P<upload>\d+)_(?P<file>.+)")


def read(names: Iterable[str], known: Context) -> Iterator[Owned]:
    """Tell whose files are."""
    for name in names:
        match = HIDDEN.fullmatch(name) or NAME.fullmatch(name)
        if match is None:
            continue
        groups = match.groupdict()
        file, again = attempt(groups["file"] or groups["page"], known.assignment)
        number, upload = groups.get("number") or "", int(groups["upload"] or 0)
        late = bool(groups["late"])
        yield Owned(name, match["student"] or number, number, late, file, (upload, again))


PLATFORM = Platform("canvas", read, MARK, says_late=True)
