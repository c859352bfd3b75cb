"""From a learning platform's download to ``submitted/``, by nbgrader's ``zip_collect``.

nbgrader walks the files, asks its plugins whose each is, and sorts them by student. The plugins,
and what is done with the files in the end, are ours: nbgrader's own extractor writes whatever an
archive tells it to, its collector stops the class at two files without times, and an earlier
submission is deleted when a newer one is copied.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin

from autograder.course.collect import worksheet
from autograder.course.collect.download import Unrecognised, understand
from autograder.course.collect.entries import ArchiveError
from autograder.course.collect.extract import Found, unpack
from autograder.course.collect.handins import HandIn, HandIns
from autograder.course.collect.names import clean
from autograder.course.collect.outcome import Collected
from autograder.course.collect.sorting import Sorting
from autograder.course.folder import Course
from autograder.course.roster import read
from autograder.course.submissions import PROBLEM


def collect(
    course: Course,
    archives: Iterable[Path],
    assignment: str | None = None,
    platform: str = "auto",
    times: Path | None = None,
    dates: str | None = None,
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
    dates : str, optional
        What comes first in its dates, "dmy" or "mdy", where they do not show it.
    """
    roster = read(course)
    told = worksheet.read(times, course.settings, roster, dates) if times else None
    for left in (*course.folder.glob(".collect-*"), *course.collected.glob(".*-*")):
        shutil.rmtree(left, ignore_errors=True)  # by one that was killed
    for archive in archives:
        with tempfile.TemporaryDirectory(dir=course.folder, prefix=".collect-") as scratch:
            app = ZipCollect(course, Path(scratch))
            try:
                found = app.extract(archive)
                download = understand(course, archive, found, roster, assignment or "", platform)
                yield app.take(Sorting(course, download, roster, told))
            except Unrecognised as error:
                yield Collected(said=[str(error)], failed=1)
            except ArchiveError as error:
                said = f"{archive} was not collected: {error}; download it again, or unpack it "
                yield Collected(said=[said + "yourself and collect the folder."], failed=1)


@dataclass(frozen=True)
class File:
    """A file of one hand-in of one student, on its way."""

    student: str
    handin: HandIn
    name: str


class SafeExtractor(ExtractorPlugin):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's extractor plugin, with the extractor of this kit; only notebooks come out."""

    zone: Any = UTC

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Unpack an archive, or all that are in a folder."""
        self.found = unpack(Path(archive_path), Path(extracted_path), self.zone)
        for each in self.found:
            if each.problem:
                self.log.warning("%s %s.", each.name, each.problem)


class PlannedCollector(FileNameCollectorPlugin):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's collector plugin; whose a file is was found out from all of them together."""

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """Say whose a file is, and which of its student's hand-ins it belongs to."""
        file = self.parent.plan.get(submitted_file)
        if file is None:
            return None
        came = file.handin.came
        return {
            "student_id": file.student,
            "file_id": f"{came:%Y-%m-%dT%H%M%S.%f}/{file.name}",
            "timestamp": f"{came.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}",
        }


class ZipCollect(ZipCollectApp):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's zip_collect, which keeps every hand-in and puts the last into ``submitted/``."""

    def __init__(self, course: Course, scratch: Path, **kwargs: Any) -> None:
        super().__init__(**kwargs, coursedir=CourseDirectory(root=str(course.folder)))
        self.log = logging.Logger("zip_collect", logging.CRITICAL)
        self.extractor_plugin, self.collector_plugin = SafeExtractor, PlannedCollector
        self.course, self.scratch = course, scratch
        self.plan: dict[str, File] = {}
        self.outcome = Collected()
        self.init_plugins()
        self.extractor_plugin_inst.zone = course.settings.time_zone

    def extract(self, archive: Path) -> list[Found]:
        """Unpack a download, and give what was found in it."""
        self.extractor_plugin_inst.extract(str(archive.resolve()), str(self.scratch / "files"))
        found: list[Found] = self.extractor_plugin_inst.found
        return found

    def take(self, sorting: Sorting) -> Collected:
        """Keep the hand-ins of a download that was unpacked."""
        self.coursedir.assignment_id = sorting.assignment
        self.outcome = sorting.outcome
        for student, handins in sorting.handins().items():
            for number, (handin, files) in enumerate(handins):
                files = files or self._problem(f"{student}-{number}", handin)
                for name, path in files.items():
                    self.plan[self._place(path)] = File(student, handin, name)
        self._transfer_files(self._collect_files(sorted(self.plan)))
        for student, names in sorting.callers.items():
            for name in names:
                HandIns(self.course, sorting.assignment, name, aside=True).forget(
                    HandIns(self.course, sorting.assignment, student)
                )
        return self.outcome

    def _place(self, path: Path) -> str:
        """Give a file a place of its own for everybody in a group that handed it in."""
        if str(path) in self.plan:
            copy = self.scratch / "groups" / str(len(self.plan)) / path.name
            copy.parent.mkdir(parents=True)
            path = Path(shutil.copyfile(path, copy))
        return str(path)

    def _problem(self, name: str, handin: HandIn) -> dict[str, Path]:
        """Write down, in place of a notebook, why there is none."""
        path = self.scratch / "problems" / clean(name) / PROBLEM
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(handin.problem, encoding="utf-8")
        return {PROBLEM: path}

    def _transfer_files(self, collected_data: Mapping[str, Any]) -> None:
        """Keep each student's hand-ins, the earliest first."""
        for student, data in collected_data.items():
            found: dict[tuple[datetime, str], HandIn] = {}
            for source in data["src_files"]:
                file = self.plan[source]
                key = file.handin.came, file.handin.source
                handin = found.setdefault(key, file.handin)
                if not handin.problem:
                    files = {**handin.files, file.name: Path(source).read_bytes()}
                    found[key] = replace(handin, files=files)
            handins = HandIns(self.course, self.coursedir.assignment_id, student)
            for key in sorted(found):
                getattr(self.outcome, handins.add(found[key])).append(student)
