"""Whose a downloaded file is: how learning platforms name what they pack.

Each name is matched by a pattern with nbgrader's named groups: ``student_id`` and ``file_id``, and
where the platform has them ``number`` (of the student), ``upload`` (of the file) and ``late``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PATTERNS = {
    # doejane_LATE_1234_56789_mlp-1.ipynb
    "canvas": re.compile(
        r"(?P<student_id>[^/]+?)_(?P<late>LATE_)?(?P<number>\d+)_(?P<upload>\d+)_(?P<file_id>.+)"
    ),
    # Jane Doe_123456_assignsubmission_file_/NAME.ipynb, with or without the last _ or /
    "moodle": re.compile(
        # whoever has the platform's mark in a name of their own is nobody: a person is to look
        r"(?P<student_id>[^/]+?)_(?P<number>\d+)_assignsubmission_[a-z]+_?/?"
        r"(?P<file_id>(?!.*_assignsubmission_).+)"
    ),
    # jane/NAME.ipynb, jane.zip and what is in it, jane_NAME.ipynb, jane.ipynb
    "folder": re.compile(
        r"(?P<student_id>[^/]+?)(?:[_-]{assignment}(?:-\d+)?)?"
        r"(?:/(?P<file_id>.+)|\.(?:ipynb|zip|tar|tar\.gz|tgz))"
    ),
}
#: What a browser or a platform puts behind the name of a file that was there already.
AGAIN = re.compile(r"(?:-(?P<dash>\d{1,3})| \((?P<round>\d{1,3})\))(?=\.ipynb$|/)")


@dataclass(frozen=True)
class Owned:
    """A file, and what the platform calls whose it is.

    ``again`` tells the attempts at one name in order: the platform's number of the upload, and the
    number that it put behind the name.
    """

    name: str
    student: str
    number: str
    late: bool
    file: str
    again: tuple[int, int]


def platform_of(names: Iterable[str]) -> str:
    """Tell which platform names files so."""
    names = list(names)
    for platform in ("moodle", "canvas"):
        matched = sum(bool(PATTERNS[platform].fullmatch(name)) for name in names)
        if matched > len(names) / 2:
            return platform
    return "folder"


def owner(name: str, platform: str, assignment: str) -> Owned | None:
    """Tell whose a file is; None if its name does not say."""
    pattern = PATTERNS[platform].pattern.replace("{assignment}", re.escape(assignment))
    match = re.fullmatch(pattern, name, re.IGNORECASE if platform == "folder" else 0)
    if match is None:
        return None
    groups = match.groupdict()
    file = groups["file_id"] or f"{assignment}.ipynb"
    own = file == f"{assignment}.ipynb" and groups["file_id"] is not None
    again = None if own else AGAIN.search(groups["file_id"] or name)
    attempt = int(again["dash"] or again["round"]) if again else 0
    return Owned(
        name,
        match["student_id"].strip(),
        groups.get("number") or "",
        bool(groups.get("late")),
        file if own else AGAIN.sub("", file),
        (int(groups.get("upload") or 0), attempt),
    )


def without_common_folder(names: Sequence[str], assignment: str) -> dict[str, str]:
    """Take off the folder in which everything stands, unless it is a student's."""
    short = dict(zip(names, names, strict=True))
    while True:
        tops = {name.partition("/")[0] for name in short.values()}
        below = {name.partition("/")[2] for name in short.values()}
        if len(tops) != 1 or "" in below:
            return short
        if all("/" not in name and _is_work(name, assignment) for name in below):
            return short
        short = {name: cut.partition("/")[2] for name, cut in short.items()}


def assignment_of(names: Iterable[str], known: Sequence[str]) -> str | None:
    """Tell which assignment files are of, by their names; the only one there is, if it is."""
    if len(known) == 1:
        return known[0]
    found = {
        assignment
        for name in names
        for assignment in known
        if re.search(rf"(^|[/_-]){re.escape(assignment)}(-\d+| \(\d+\))?(\.ipynb$|/)", name)
    }
    return found.pop() if len(found) == 1 else None


def _is_work(name: str, assignment: str) -> bool:
    """Whether a file's name is the assignment's: then the folder around it is a student's."""
    return AGAIN.sub("", name) == f"{assignment}.ipynb" or not name.endswith(".ipynb")
