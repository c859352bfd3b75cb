"""Brightspace's (D2L's) download: ``39786-640693 - Jane Doe - Oct 10, 2027 1022 AM/hw.ipynb``.

Two numbers, of which one is the person's and the other that of the folder that all handed in to;
the name; the time, without a colon. Each hand-in is a folder, or a file with `` - `` before its
name; ``index.html`` stands beside them.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from autograder.course.collect import dates
from autograder.course.collect.platforms.owned import Context, Owned, Platform, attempt

MARK = re.compile(r"^(?P<mark>\d+-\d+ - ).")
DAY = r"\w+\.? \d{1,2},? \d{4}|\d{1,2}\.? (?:de )?\w+\.?,? (?:de )?\d{4}|\d{4}-\d\d-\d\d"
TIMED = re.compile(
    rf"(?P<first>\d+)-(?P<second>\d+) - (?P<student>[^/]+?) - "
    rf"(?P<day>{DAY}),? (?P<hour>\d{{1,2}})(?:[:.h]| h )?(?P<minute>\d\d)"
    r"(?P<half> ?[AaPp]\.? ?[Mm]\.?)?(?:(?: - |/)(?P<file>.+))?"
)
UNTIMED = re.compile(
    r"(?P<first>\d+)-(?P<second>\d+) - (?P<student>[^/]+?)(?: - [^/]+)?/(?P<file>.+)"
)


def read(names: Iterable[str], known: Context) -> Iterator[Owned]:
    """Tell whose files are."""
    matches = [
        match for name in names if (match := TIMED.fullmatch(name) or UNTIMED.fullmatch(name))
    ]
    number_is = _persons(matches)
    for match in matches:
        file, again = attempt(match["file"] or match["student"], known.assignment)
        number, student = match[number_is] if number_is else "", match["student"].strip()
        yield Owned(match[0], student, number, False, file, (0, again), when=_time(match))


def _persons(matches: list[re.Match[str]]) -> str | None:
    """Tell which of the numbers is the person's: the one that all have in common is not.

    Else it is one that everybody has but once, however often they handed in.
    """
    halves = ("first", "second")
    of_all = [half for half in halves if len({match[half] for match in matches}) == 1]
    if len(matches) > 1 and len(of_all) == 1:
        return next(half for half in halves if half not in of_all)
    people = len({match["student"] for match in matches})
    once = [h for h in halves if len({(match["student"], match[h]) for match in matches}) == people]
    return once[0] if once else None


def _time(match: re.Match[str]) -> datetime | None:
    """Read a folder's time; one in a language that is not known here says nothing."""
    found = match.groupdict()
    if "day" in found:
        with contextlib.suppress(ValueError):
            clock = f"{found['hour']}:{found['minute']} {found['half'] or ''}"
            return dates.parse(f"{found['day']} {clock}", UTC).replace(tzinfo=None)
    return None


PLATFORM = Platform("brightspace", read, MARK, says_when=True)
