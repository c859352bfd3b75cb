"""Blackboard's *Assignment File Download*, with a receipt beside the files of each attempt.

``gradebook_NN2027_MLP_jdoe_attempt_2027-03-01-10-15-00_mlp.ipynb``: course, assignment, username
and the time of the attempt; Ultra writes no course. Each may have underscores of its own, so that
only the receipts, whose names end with the time, say where the username begins.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from autograder.course.collect import dates
from autograder.course.collect.platforms.owned import Context, Owned, Platform, attempt

TIME = r"\d{4}(?:-\d\d){5}"
MARK = re.compile(
    rf"^(?P<gradebook>gradebook_)[^/]*?_attempt_{TIME}|(?P<mark>_attempt_{TIME}(?=[_.]))"
)
NAME = re.compile(rf"(?P<whose>[^/]+?)_attempt_(?P<when>{TIME})(?:_(?P<file>.+)|\.txt)")
RECEIPT = re.compile(r"\s*\w+\s*:\s*(?P<name>.*?)(?:\s*\((?P<username>[^()]+)\))?\s*")


def read(names: Iterable[str], known: Context) -> Iterator[Owned]:
    """Tell whose files are."""
    matches = [match for name in names if (match := NAME.fullmatch(name))]
    receipts = {name: _receipt(text) for name, text in (known.about or {}).items()}
    before = _before(matches, receipts, known)
    alike = len({match["whose"] for match in matches}) == 1
    for match in matches:
        whose = match["whose"]
        after = whose.removeprefix(before) if before and whose.startswith(before) else ""
        receipt = receipts.get(f"{whose}_attempt_{match['when']}.txt")
        if receipt and (alike or receipt[1] in ("", after)):
            called, username = receipt
        elif receipt:  # what stands in the place of the username is the name of a group
            called, username = after or whose.rpartition("_")[2], ""
        else:
            called, username = after or whose, after
        file, again = attempt(match["file"] or match[0], known.assignment)
        when = _time(match["when"])
        aliases = (username,) if username else ()
        yield Owned(match[0], called, "", False, file, (0, again), aliases, when)


def _receipt(text: bytes) -> tuple[str, str] | None:
    """Read whose a receipt is from its first line: ``Name: Jane Doe (jdoe)``."""
    first = text[:2000].decode("utf-8-sig", errors="replace").strip().partition("\n")[0]
    match = RECEIPT.fullmatch(first)
    return (match["name"], (match["username"] or "").strip()) if match else None


def _before(
    matches: list[re.Match[str]], receipts: dict[str, tuple[str, str] | None], known: Context
) -> str:
    """Find what stands before the usernames: the receipts say it, or the roster's own words."""
    counts: Counter[str] = Counter()
    for whose in {match["whose"] for match in matches}:
        parts = whose.split("_")
        counts.update(
            before
            for i in range(1, len(parts))
            if known.has("_".join(parts[i:])) and (before := "_".join(parts[:i]) + "_")
        )
    for match in matches:
        receipt = receipts.get(match[0])
        if receipt and receipt[1] and match["whose"].endswith(f"_{receipt[1]}"):
            return match["whose"].removesuffix(receipt[1])
    ranked = counts.most_common(2)
    alone = len(ranked) == 1 or (len(ranked) > 1 and ranked[0][1] > ranked[1][1])
    return ranked[0][0] if alone else ""


def _time(text: str) -> datetime | None:
    date, clock = text[:10], text[11:].replace("-", ":")
    with contextlib.suppress(ValueError):
        return dates.parse(f"{date} {clock}", UTC).replace(tzinfo=None)
    return None


PLATFORM = Platform("blackboard", read, MARK, says_when=True)
