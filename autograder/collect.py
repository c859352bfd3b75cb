"""From a learning platform's download to ``submitted/``, by nbgrader's ``zip_collect``.

nbgrader walks the files, asks its plugins whose each is, and sorts them by student. The plugins,
and what is done with the files in the end, are ours: nbgrader's own extractor writes whatever an
archive tells it to, its collector stops the class at two files without times, and an earlier
submission is deleted when a newer one is copied.
"""

from __future__ import annotations

import csv
import io
import logging
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dateutil import parser as dates
from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin

from autograder import assignment as assignments
from autograder.course import PROBLEM, Course, CourseError, is_id
from autograder.extract import ArchiveError, Found, clean, stem, unpack
from autograder.handins import HandIn, HandIns
from autograder.platforms import (
    Owned,
    assignment_of,
    owner,
    platform_of,
    without_common_folder,
)
from autograder.roster import Roster, Unknown, plain, read

PLATFORMS = ("auto", "canvas", "moodle", "folder")
#: Files that came from more than one student within this time have the download's time.
AT_ONCE = timedelta(minutes=10)
#: Columns of a table of times.
WHO = re.compile(r"^id\b|identifier|name|mail|user|student|_id$")
WHEN = re.compile(r"\(submission\)|submitted|^time|handed")


@dataclass
class Collected:
    """What came of collecting: how many hand-ins, whose, and what a person has to look at."""

    assignment: str = ""
    platform: str = ""
    new: list[str] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    failed: int = 0


@dataclass(frozen=True)
class File:
    """A file of one attempt of one student, on its way."""

    student: str
    handin: HandIn
    name: str


class SafeExtractor(ExtractorPlugin):
    """nbgrader's extractor plugin, with the extractor of this kit; only notebooks come out."""

    zone: Any = UTC

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Unpack an archive, or all that are in a folder."""
        self.found = unpack(Path(archive_path), Path(extracted_path), self.zone)
        for each in self.found:
            if each.problem:
                self.log.warning("%s %s.", each.name, each.problem)


class PlannedCollector(FileNameCollectorPlugin):
    """nbgrader's collector plugin; whose a file is was found out from all of them together."""

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """Say whose a file is, and which of its student's attempts it belongs to."""
        file = self.parent.plan.get(submitted_file)
        if file is None:
            return None
        attempt = f"{file.handin.came:%Y-%m-%dT%H%M%S.%f}"
        came = f"{file.handin.came.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
        return {
            "student_id": file.student,
            "file_id": f"{attempt}/{file.name}",
            "timestamp": came,
        }


class ZipCollect(ZipCollectApp):
    """nbgrader's zip_collect, which keeps every hand-in and puts the last into ``submitted/``."""

    def __init__(self, course: Course, assignment: str = "", **kwargs: Any) -> None:
        directory = CourseDirectory(root=str(course.folder), assignment_id=assignment)
        super().__init__(**kwargs, coursedir=directory)
        self.log = logging.Logger("zip_collect", logging.CRITICAL)
        self.extractor_plugin, self.collector_plugin = SafeExtractor, PlannedCollector
        self.course = course
        self.plan: dict[str, File] = {}
        self.outcome = Collected(assignment)
        self.init_plugins()
        self.extractor_plugin_inst.zone = course.time_zone

    def _transfer_files(self, collected_data: Mapping[str, Any]) -> None:
        """Keep each student's attempts, the earliest first."""
        for student, data in collected_data.items():
            attempts: dict[tuple[datetime, str], HandIn] = {}
            for source in data["src_files"]:
                file = self.plan[source]
                key = file.handin.came, file.handin.source
                handin = attempts.setdefault(key, file.handin)
                if not handin.problem:
                    files = {**handin.files, file.name: Path(source).read_bytes()}
                    attempts[key] = replace(handin, files=files)
            handins = HandIns(self.course, self.coursedir.assignment_id, student)
            for key in sorted(attempts):
                getattr(self.outcome, handins.add(attempts[key])).append(student)


def collect(
    course: Course,
    archives: Iterable[Path],
    assignment: str | None = None,
    platform: str = "auto",
    times: Path | None = None,
) -> Iterator[Collected]:
    """Collect downloads, and yield what came of each; one that cannot be read stops no other.

    The caller holds the course's lock.

    Parameters
    ----------
    course : Course
    archives : iterable of Path
        Archives or folders.
    assignment : str, optional
        Of what; by default what the files' names say.
    platform : str
        Where they were downloaded; "auto" looks at the files' names.
    times : Path, optional
        A CSV file that says who handed in when, as Moodle's grading worksheet does.
    """
    roster, told = read(course), _times(times, course) if times else {}
    for left in (*course.folder.glob(".collect-*"), *course.collected.glob(".*-*")):
        shutil.rmtree(left, ignore_errors=True)  # by one that was killed
    for archive in archives:
        with tempfile.TemporaryDirectory(dir=course.folder, prefix=".collect-") as scratch:
            try:
                yield _collect(course, archive, assignment, platform, roster, told, Path(scratch))
            except ArchiveError as error:
                said = f"{archive} was not collected: {error}; download it again, or unpack it "
                yield Collected(said=[said + "yourself and collect the folder."], failed=1)


def _collect(
    course: Course,
    archive: Path,
    assignment: str | None,
    platform: str,
    roster: Roster | None,
    told: Mapping[str, datetime],
    scratch: Path,
) -> Collected:
    app = ZipCollect(course)
    app.extractor_plugin_inst.extract(str(archive.resolve()), str(scratch / "files"))
    found = app.extractor_plugin_inst.found
    assignment = assignment or _assignment(course, archive, [each.name for each in found])
    app.coursedir.assignment_id = assignment
    sorting = _Sorting(course, assignment, platform, archive, roster, told, found)
    app.outcome = sorting.outcome
    for student, handins in sorting.handins().items():
        for number, (handin, files) in enumerate(handins):
            if not files:
                path = scratch / "problems" / clean(f"{student}-{number}") / PROBLEM
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(handin.problem, encoding="utf-8")
                files = {PROBLEM: path}
            app.plan |= {str(path): File(student, handin, name) for name, path in files.items()}
    app._transfer_files(app._collect_files(sorted(app.plan)))
    return app.outcome


def _assignment(course: Course, archive: Path, names: list[str]) -> str:
    known = assignments.names(course.root)
    found = assignment_of(names, known)
    if found is None:
        raise CourseError(
            f"{archive} does not say of which assignment it is; name it, with --assignment "
            f"{known[0] if known else 'NAME'} for one."
        )
    return found


class _Sorting:
    """The files of one archive on their way to being hand-ins of students."""

    def __init__(
        self,
        course: Course,
        assignment: str,
        platform: str,
        archive: Path,
        roster: Roster | None,
        told: Mapping[str, datetime],
        found: list[Found],
    ) -> None:
        self.course, self.assignment, self.archive = course, assignment, archive
        self.roster, self.told, self.found = roster, told, found
        short = without_common_folder([each.name for each in found], assignment)
        self.names = short
        self.platform = platform_of(short.values()) if platform == "auto" else platform
        self.outcome = Collected(assignment, self.platform)
        self.fallback = datetime.fromtimestamp(archive.stat().st_mtime, UTC)

    def handins(self) -> dict[str, list[tuple[HandIn, dict[str, Path]]]]:
        """Give each student's hand-ins, the last one last, each with its notebooks."""
        owned: dict[str, list[tuple[Owned, Found]]] = defaultdict(list)
        for each in self.found:
            whose = self._owner(self.names[each.name])
            if whose is not None:
                owned[f"{whose.student}\0{whose.number}"].append((whose, each))
            elif each.problem or each.path:
                self._say(f"{each.name} {each.problem or 'does not say whose it is'}; look at it.")
        timed = self._are_timed(owned)
        students: dict[str, list[tuple[HandIn, dict[str, Path]]]] = defaultdict(list)
        callers: dict[str, str] = {}
        untimed, late = [], []
        for key, files in owned.items():
            whose = files[0][0]
            student = self._student(whose)
            if student in callers and callers[student] != key and self.platform != "folder":
                first = callers[student].partition("\0")[0]
                self._aside(
                    whose, files, f"is {student} as {first} is; tell them apart in roster.csv"
                )
                continue
            if student is None:
                self._aside(whose, files, self._unknown(whose))
                continue
            callers[student] = key
            attempts = list(self._attempts(student, files))
            for number, (came, handed, parts) in enumerate(attempts):
                last = number == len(attempts) - 1
                stamp = self._stamp(student, whose, came, timed, parts[0][0].late, last)
                untimed += [student] if stamp is None else []
                late += [student] if last and parts[0][0].late and stamp != came else []
                problem = "" if handed else self._problem(student, parts, last)
                for of, each in parts if handed else ():
                    if each.problem:
                        self._say(f"{student}: {of.file} {each.problem}; the rest was taken.")
                source = f"{self.archive.name}: {parts[0][1].name}"
                students[student].append((HandIn(came, stamp, {}, problem, source), handed))
        self._say_times(untimed, late)
        return students

    def _say(self, sentence: str) -> None:
        self.outcome.said.append(sentence)

    def _owner(self, name: str) -> Owned | None:
        whose = owner(name, self.platform, self.assignment)
        if self.platform != "folder" or self.archive.is_dir():
            return whose
        own = stem(self.archive.name).removesuffix(".ipynb")
        alone = name == f"{self.assignment}.ipynb"
        if alone or (whose and self.roster and not self._find(whose) and self._find(own)):
            whose = owner(f"{own}/{name}", self.platform, self.assignment)
        return whose

    def _find(self, whose: Owned | str) -> str | None:
        if self.roster is None:
            return None
        name, number = (whose, "") if isinstance(whose, str) else (whose.student, whose.number)
        try:
            return self.roster.find(self.platform, name, number)
        except Unknown:
            return None

    def _student(self, whose: Owned) -> str | None:
        """Give a student's id: the roster's, or without one what the platform calls people."""
        if self.roster is not None:
            return self._find(whose)
        name = clean(whose.student).replace("+", "_")
        if self.platform == "canvas":  # two may have one name; the number is theirs for good
            name = f"{name}_{whose.number}"
        elif self.platform == "moodle":
            name = name.replace(" ", "_")
        return name if is_id(name) else None

    def _unknown(self, whose: Owned) -> str:
        """Say why nobody is found."""
        try:
            if self.roster is not None:
                self.roster.find(self.platform, whose.student, whose.number)
        except Unknown as error:
            return str(error)
        return "is no name for a student's id; say in a roster.csv who it is"

    def _aside(self, whose: Owned, files: list[tuple[Owned, Found]], why: str) -> None:
        """Keep what nobody in the roster handed in, and say so."""
        name = clean("_".join(filter(None, (whose.student, whose.number))))
        handins = HandIns(self.course, self.assignment, name, aside=True)
        for came, handed, parts in self._attempts(name, files):
            problem = "" if handed else parts[0][1].problem or "there is no notebook"
            data = {part: path.read_bytes() for part, path in handed.items()}
            handins.add(HandIn(came, None, data, problem, self.archive.name))
        self.outcome.unmatched.append(name)
        kept = handins.folder.relative_to(self.course.folder)
        self._say(f"{whose.student} {why}, and collect again. It is kept in {kept}.")

    def _attempts(
        self, student: str, files: list[tuple[Owned, Found]]
    ) -> Iterator[tuple[datetime, dict[str, Path], list[tuple[Owned, Found]]]]:
        """Part one student's files into attempts: a name that comes again begins a new one."""
        files = sorted(files, key=lambda of: (of[0].again, of[1].name.count("/"), of[0].name))
        groups: list[list[tuple[Owned, Found]]] = [[]]
        for pair in files:
            if any(pair[0].file == other.file for other, _ in groups[-1]):
                groups.append([])
            groups[-1].append(pair)
        came = None
        for parts in groups:
            times = [each.when for _, each in parts if each.when]
            newest = max(times) if times else self.fallback
            came = newest if came is None else max(newest, came + timedelta(seconds=1))
            handed: dict[str, Path] = {}
            for whose, each in parts:
                if each.path is not None:
                    base = whose.file.rpartition("/")[2]
                    handed[base if base not in handed else clean(whose.file)] = each.path
            yield came, handed, parts

    def _problem(self, student: str, parts: list[tuple[Owned, Found]], last: bool) -> str:
        """Say why there is no notebook in an attempt."""
        whose, each = next((pair for pair in parts if pair[1].problem), parts[0])
        problem = (
            f"{whose.file} {each.problem or 'is no notebook'}; hand in {self.assignment}.ipynb."
        )
        counts = " It is what counts, and will be graded malformed." if last else ""
        self._say(f"{student}: {problem}{counts}")
        return problem

    # When

    def _are_timed(self, owned: Mapping[str, list[tuple[Owned, Found]]]) -> bool:
        """Whether the archive's times are those of handing in, and not of the download."""
        times = [each.when for files in owned.values() for _, each in files if each.when]
        if self.platform == "canvas" or not times:
            return False
        return len(owned) == 1 or max(times) - min(times) > AT_ONCE

    def _stamp(
        self, student: str, whose: Owned, came: datetime, timed: bool, late: bool, last: bool
    ) -> datetime | None:
        """Give the time from which lateness is counted; None if it is not known."""
        for name in (student, whose.student, whose.number):
            if last and name and plain(name) in self.told:
                return self.told[plain(name)]
        due = self.course.due(self.assignment, student)
        if timed or due is None:
            return came if timed else None
        if late:
            grace = self.course.late_policy(self.assignment).grace_minutes
            return min(came, due + timedelta(minutes=grace, seconds=1))
        return came if came <= due else due if self.platform == "canvas" else None

    def _say_times(self, untimed: list[str], late: list[str]) -> None:
        if late:
            self._say(
                f"Canvas says that these are late, and not by how much: {_list(late)}. The least "
                "that counts as late is taken; say when they came with --times."
            )
        if untimed and self.course.due(self.assignment):
            self._say(
                f"{self.archive.name} does not say when {_list(untimed)} handed in, so no "
                "lateness is counted; say it with --times."
            )


def _list(names: Iterable[str]) -> str:
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def _times(path: Path, course: Course) -> dict[str, datetime]:
    """Read who handed in when: names, numbers and addresses in `plain` letters → time."""
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is not UTF-8; save it as CSV in UTF-8.") from error
    header = [column.casefold() for column in rows[0]] if rows else []
    people = [i for i, name in enumerate(header) if WHO.search(name)]
    columns = [i for i, name in enumerate(header) if WHEN.search(name) and i not in people]
    if not columns or not people:
        raise CourseError(
            f"{path} does not say who handed in when; give it columns called id and submitted."
        )
    roster, told = read(course), {}
    for line, row in enumerate(rows[1:], start=2):
        said = row[columns[0]].strip() if len(row) > columns[0] else ""
        if said in ("", "-"):
            continue
        try:
            when = dates.parse(said)
        except (ValueError, OverflowError) as error:
            raise CourseError(f"{path}, row {line}: {said!r} is not a time; change it.") from error
        when = when if when.tzinfo else when.replace(tzinfo=course.time_zone)
        for value in (row[i] for i in people if i < len(row)):
            told[plain(value.removeprefix("Participant "))] = when.astimezone(UTC)
            if roster and not value.isdigit():
                try:
                    told[plain(roster.find("", value))] = when.astimezone(UTC)
                except Unknown:
                    continue
    told.pop("", None)
    return told


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
    listed: bool,
) -> Told:
    """Do what ``autograder collect`` was asked for."""
    if platform not in PLATFORMS:
        raise CourseError(f"--from {platform} is not known; it is {' or '.join(PLATFORMS)}.")
    if not (archives or use or listed):
        raise CourseError("Name what to collect: an archive or a folder, or --list what is kept.")
    for archive in archives:
        if not archive.exists():
            raise CourseError(f"{archive} is not there; name a downloaded archive or a folder.")
    told = Told()
    for each in collect(course, archives, assignment, platform, times):
        told.lines += _summary(each)
        told.failed |= bool(each.failed or each.unmatched)
    if archives:
        told.lines += _missing(course, assignment)
    if use:
        if not (student and assignment):
            raise CourseError("--use needs to know whose and of what: --student and --assignment.")
        HandIns(course, assignment, student).use(use)
        told.lines.append(f"{student}: the hand-in of {use} is graded from now on.")
    return Told(told.lines + (_listing(course, assignment, student) if listed else []), told.failed)


def _summary(each: Collected) -> list[str]:
    if not each.assignment:
        return each.said
    counts = {
        "put into submitted/": each.new,
        "kept beside a later one": each.older,
        "known already": each.known,
        "unmatched": each.unmatched,
    }
    shown = ", ".join(f"{len(whose)} {what}" for what, whose in counts.items() if whose)
    return [f"{each.assignment}, from {each.platform}: {shown or 'nothing'}.", *each.said]


def _missing(course: Course, assignment: str | None) -> list[str]:
    """Say who in the roster handed in nothing."""
    roster = read(course)
    handed_in = defaultdict(set)
    for each in course.submissions():
        handed_in[each.assignment].add(each.student)
    said = []
    for name, whose in handed_in.items() if roster else ():
        nothing = [person for person in roster.people if person not in whose] if roster else []
        if nothing and assignment in (None, name):
            said.append(f"{name}: nothing from {_list(nothing)}.")
    return said


def _listing(course: Course, assignment: str | None, student: str | None) -> list[str]:
    """List the hand-ins that are kept."""
    found = []
    for path in sorted(course.collected.glob("*/*/")):
        name, whose = path.parent.name, path.name
        if name.startswith(".") or assignment not in (None, name) or student not in (None, whose):
            continue
        for kept in HandIns(course, name, whose).kept():
            found.append(f"{name}  {whose}  {kept.name}  {kept.problem}".rstrip())
    return found or ["Nothing is kept in collected/ yet."]
