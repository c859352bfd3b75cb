"""Whose a downloaded file is: how learning platforms name what they pack, each in its module.

What stands first in the outermost name is the platform's, and what comes after it the student's:
of two platforms' marks in one name, the first is meant. Which platform packed a download is a vote
in which everybody who handed in has one voice, however many files they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from autograder.course.collect.platforms import (
    blackboard,
    brightspace,
    canvas,
    folder,
    github,
    google,
    gradescope,
    moodle,
)
from autograder.course.collect.platforms.owned import Context, Owned, Platform

__all__ = [
    "FOLDER",
    "PLATFORMS",
    "Context",
    "Owned",
    "Platform",
    "marked",
    "owner",
    "owners",
    "platform_of",
]

MODULES = (canvas, moodle, blackboard, brightspace, gradescope, github, google, folder)
PLATFORMS: dict[str, Platform] = {module.PLATFORM.name: module.PLATFORM for module in MODULES}
FOLDER: Platform = folder.PLATFORM


def marked(name: str) -> Platform | None:
    """Give the platform whose mark stands first in the outermost part of a name."""
    top = name.partition("/")[0]
    found = [
        (match.start(match.lastgroup or 0), platform)
        for platform in PLATFORMS.values()
        if platform.mark and (match := platform.mark.search(top))
    ]
    return min(found, key=lambda each: each[0])[1] if found else None


def owners(names: Iterable[str], platform: Platform, known: Context) -> dict[str, list[Owned]]:
    """Give whose each file is; more than one may have handed it in."""
    theirs = [name for name in names if platform.mark is None or marked(name) is platform]
    found: dict[str, list[Owned]] = defaultdict(list)
    for whose in platform.read(theirs, known):
        found[whose.name].append(whose)
    return dict(found)


def owner(name: str, platform: str, assignment: str) -> Owned | None:
    """Tell whose a file is; None if its name does not say."""
    found = owners([name], PLATFORMS[platform], Context(assignment))
    return found[name][0] if found else None


def platform_of(names: Collection[str], known: Context | None = None) -> str:
    """Tell which platform names files so: the one that most of those who handed in have used."""
    known = known or Context()
    votes: dict[str, set[tuple[str, ...]]] = {
        platform.name: submitters(found)
        for platform in PLATFORMS.values()
        if platform.mark and (found := owners(names, platform, known))
    }
    ranked = sorted(votes, key=lambda name: -len(votes[name]))
    others = {name.partition("/")[0] for name in names if marked(name) is None}
    if ranked and len(votes[ranked[0]]) > len(others):
        return ranked[0]
    for platform in (github.PLATFORM, google.PLATFORM) if known.assignment else ():
        found = owners(names, platform, known)
        if len(submitters(found)) > len({n.partition("/")[0] for n in names if n not in found}):
            return platform.name
    return FOLDER.name


def submitters(found: dict[str, list[Owned]]) -> set[tuple[str, ...]]:
    """Give those who handed in, as the platform calls them."""
    return {whose.caller for each in found.values() for whose in each}
