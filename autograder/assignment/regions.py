"""Solution regions: where they are, and lines that look like their markers and mark nothing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

REGION = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION[ \t]*(?P<task>[^\n]*)\n"
    r"(?P<body>.*?)^[ \t]*### END SOLUTION[^\n]*$",
    re.MULTILINE | re.DOTALL,
)
#: How a marker begins, as people mistype it.
VERB = re.compile(r"(BEGI*N+|BEGNI|BEIGN|BGEIN|END)")
#: What it is a marker of; nbgrader has two more kinds, which mean nothing here.
WHAT = ("SOLUTION", "HIDDENTESTS", "MARKSCHEME")
#: How alike the letters of a line and one of these are, of 1, where that is what was meant.
ALIKE = 0.75


def stray(source: str) -> Iterator[tuple[int, str]]:
    """Yield (number, line) for each line that looks like a marker and is not one of a region's.

    What stands behind such a line would reach the students.
    """
    used = set()
    for region in REGION.finditer(source):
        used |= {_line(source, region.start()), _line(source, region.end())}
    for number, line in enumerate(source.splitlines(), start=1):
        if number not in used and _looks_like_a_marker(line):
            yield number, line.strip()


def _line(source: str, place: int) -> int:
    return source.count("\n", 0, place) + 1


def _looks_like_a_marker(line: str) -> bool:
    """Whether a line is a comment, or two words alone, that begins as a marker does."""
    if not re.match(r"\W*#|\W*\w+[\s_-]+\w+\W*$", line):
        return False
    letters = re.sub(r"[^A-Z]", "", line.upper())
    verb = VERB.match(letters)
    rest = letters[verb.end() :] if verb else ""
    return any(
        difflib.SequenceMatcher(None, rest[: len(what)], what).ratio() >= ALIKE for what in WHAT
    )
