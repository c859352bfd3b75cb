"""Moodle's *Download all submissions*: ``Jane Doe_123456_assignsubmission_file_/hw.ipynb``.

The full name without underscores, the participant's number, which is one for each assignment, and
the plugin's name; folders or not. Of a team's hand-in, name and number are the group's, and a team
that has no group has no number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from autograder.course.collect.platforms.owned import Context, Owned, Platform, attempt

MARK = re.compile(r"^[^/]+?(?P<mark>(?:_\d+)?_assignsubmission_[a-z]+)")
NAME = re.compile(
    r"(?P<student>[^/]+?)(?:_(?P<number>\d+))?_assignsubmission_[a-z]+_?/?(?P<file>.+)"
)


def read(names: Iterable[str], known: Context) -> Iterator[Owned]:
    """Tell whose files are."""
    for name in names:
        if match := NAME.fullmatch(name):
            file, again = attempt(match["file"], known.assignment)
            number = match["number"] or ""
            yield Owned(name, match["student"].strip(), number, False, file, (0, again))


PLATFORM = Platform("moodle", read, MARK, keeps_times=True)
