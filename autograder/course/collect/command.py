"""What ``autograder collect`` does, and what it tells whoever collects."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course.collect.handins import HandIns
from autograder.course.collect.outcome import listed
from autograder.course.collect.platforms import PLATFORMS
from autograder.course.collect.zipcollect import collect
from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.roster import read

FROM = ("auto", *PLATFORMS)


@dataclass
class Told:
    """What to tell whoever collects, and whether something failed."""

    lines: list[str] = field(default_factory=list)
    failed: bool = False


def run(
    course: Course,
    archives: list[Path],
    assignment: str | None,
    platform: str,
    times: Path | None,
    student: str | None,
    use: str | None,
    listing: bool,
    dates: str | None = None,
) -> Told:
    """Do what ``autograder collect`` was asked for."""
    if platform not in FROM:
        raise CourseError(f"--from {platform} is not known; it is {' or '.join(FROM)}.")
    if not (archives or use or listing):
        raise CourseError("Name what to collect: an archive or a folder, or --list what is kept.")
    for archive in archives:
        if not archive.exists():
            raise CourseError(f"{archive} is not there; name a downloaded archive or a folder.")
    told = Told()
    for each in collect(course, archives, assignment, platform, times, dates):
        told.lines += each.lines()
        told.failed |= bool(each.failed or each.unmatched)
    if archives:
        told.lines += _missing(course, assignment)
    if use:
        if not (student and assignment):
            raise CourseError("--use needs to know whose and of what: --student and --assignment.")
        HandIns(course, assignment, student).use(use)
        told.lines.append(f"{student}: the hand-in of {use} is graded from now on.")
    if listing:
        told.lines += _kept(course, assignment, student)
    return told


def _missing(course: Course, assignment: str | None) -> list[str]:
    """Say who in the roster handed in nothing."""
    roster = read(course)
    if roster is None:
        return []
    handed_in = defaultdict(set)
    for each in course.submissions():
        handed_in[each.assignment].add(each.student)
    said = []
    for name, whose in handed_in.items():
        nothing = [person for person in roster.people if person not in whose]
        if nothing and assignment in (None, name):
            said.append(f"{name}: nothing from {listed(nothing)}.")
    return said


def _kept(course: Course, assignment: str | None, student: str | None) -> list[str]:
    """List the hand-ins that are kept."""
    found = []
    for path in sorted(course.collected.glob("*/*/")):
        name, whose = path.parent.name, path.name
        if name.startswith(".") or assignment not in (None, name) or student not in (None, whose):
            continue
        for kept in HandIns(course, name, whose).kept():
            found.append(f"{name}  {whose}  {kept.name}  {kept.problem}".rstrip())
    return found or ["Nothing is kept in collected/ yet."]
