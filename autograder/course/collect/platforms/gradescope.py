"""Gradescope's *Export Submissions*: ``submission_123/`` and, beside, ``submission_metadata.yml``.

That file alone says who handed in what, and when; of a group's hand-in it names every member.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml

from autograder.course.collect import dates
from autograder.course.collect.platforms.owned import Context, Owned, Platform, attempt

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LONGEST_WORD, DEEPEST = 1000, 4
METADATA = "submission_metadata.yml"
MARK = re.compile(r"^(?P<mark>submission_\w+)$")
NAME = re.compile(r"(?P<submission>submission_\w+)/(?P<file>.+)")


def read(names: Iterable[str], known: Context) -> Iterator[Owned]:
    """Tell whose files are."""
    about = known.about or {}
    listed = _listed(about.get(METADATA, b""))
    for name in names:
        match = NAME.fullmatch(name)
        if match is None:
            continue
        file, again = attempt(match["file"], known.assignment)
        submission = listed.get(match["submission"], _Submission())
        for person in submission.people.values() or [{}]:
            aliases = tuple(person[key] for key in (":email", ":sid") if person.get(key))
            called = person.get(":name") or match["submission"]
            when = submission.when
            yield Owned(name, called, "", False, file, (0, again), aliases, when)


@dataclass
class _Submission:
    """What the metadata say of one submission: when it came, and of each submitter who that is."""

    when: datetime | None = None
    people: dict[object, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))


def _listed(text: bytes) -> dict[str, _Submission]:
    """Read of each submission who and when; what tests printed of it is passed over."""
    found: dict[str, _Submission] = defaultdict(_Submission)
    with contextlib.suppress(yaml.YAMLError, UnicodeDecodeError):
        events = yaml.parse(text.decode("utf-8-sig"), Loader=LOADER)
        for place, value in _scalars(events):
            match place:
                case (submission, ":created_at"):
                    with contextlib.suppress(ValueError):
                        found[submission].when = dates.parse(value, UTC)
                case (submission, ":submitters", number, ":name" | ":email" | ":sid" as key):
                    found[submission].people[number][key] = value
    return found


def _scalars(events: Iterable[Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield the values in a YAML file, each with the keys and numbers that lead to it."""
    place: list[Any] = []  # of every open collection, the key or the number where it stands
    keyed: list[bool | None] = []  # whether the next part is a value; None in a sequence
    anchors: dict[str, str] = {}
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            mapping = isinstance(event, yaml.MappingStartEvent)
            place.append(None if mapping else 0)
            keyed.append(False if mapping else None)
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            place.pop()
            keyed.pop()
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            value = getattr(event, "value", None) or anchors.get(event.anchor, "")
            if event.anchor and len(value) < LONGEST_WORD:
                anchors[event.anchor] = value
            if keyed and keyed[-1] is False:
                place[-1] = value
            elif len(place) <= DEEPEST and len(value) < LONGEST_WORD:
                yield tuple(place), value
        if keyed:
            place[-1] = place[-1] + 1 if keyed[-1] is None else place[-1]
            keyed[-1] = None if keyed[-1] is None else not keyed[-1]


PLATFORM = Platform("gradescope", read, MARK, says_when=True)
