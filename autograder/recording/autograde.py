"""Verdicts, put into nbgrader's gradebook and ``autograded/`` by nbgrader's own Autograde.

The same converter serves `record`, ``nbgrader autograde`` and formgrader's Autograde button:
`configure`, called by a course's nbgrader_config.py, puts it in the place of nbgrader's own.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from hashlib import sha256
from pathlib import Path

from autograder.assignment import fast_start  # noqa: F401 - before nbformat

# isort: split
from nbgrader.converters import Autograde as NbgraderAutograde
from nbgrader.converters import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.assignment import build
from autograder.assignment.source import Assignment, load
from autograder.course import grading, install
from autograder.course.errors import CourseError, Incomplete
from autograder.course.folder import Course
from autograder.course.gradebook import Gradebook
from autograder.course.grading import Graded
from autograder.course.marks import Entry, lasting
from autograder.course.submissions import Submission
from autograder.errors import UserError
from autograder.files import write_atomically
from autograder.pages.notebook import NOT_SHOWN, make, make_unseen
from autograder.sandbox.disposable import Disposable, Spent


def record(course: Course, graded: Iterable[Graded]) -> Iterator[Graded]:
    """Record graded submissions, each as a whole or not at all, and yield each one done.

    The caller holds the course's lock. An ``internal_error`` is never recorded: what the gradebook
    had stays.

    Raises
    ------
    Incomplete
        If some could not be recorded; all the others are.
    """
    yield from Autograde(coursedir=CourseDirectory(root=str(course.folder))).record(course, graded)


class Autograde(NbgraderAutograde):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's Autograde, with verdicts that come from the judge.

    Nothing of ``submitted/`` is copied: nbgrader's own follows links, and takes students' files
    over into a folder that formgrader serves.
    """

    #: Gives verdicts where nbgrader's own commands ask for them.
    judged = staticmethod(grading.judged)

    def start(self) -> None:
        """Judge and record what nbgrader was asked to autograde."""
        try:
            course = Course.open(self.coursedir.root)
            course.check_gradebook(self.coursedir.db_url)
            submissions = self._asked_for(course)
            names = dict.fromkeys(submission.assignment for submission in submissions)
            students = dict.fromkeys(submission.student for submission in submissions)
            asked = course, list(names), list(students)
            with course.lock(), closing(self.judged(*asked)) as graded:
                failed = [
                    f"{each.submission.student}/{each.submission.assignment}"
                    for each in self.record(course, graded)
                    if each.verdict.status == "internal_error"
                ]
        except UserError as error:
            self.log.error(str(error))
            raise NbGraderException(str(error)) from error
        if failed:
            who = ", ".join(failed)
            said = f"No grade was recorded of {who}: the judge failed, not they. Grade them anew."
            self.log.error(said)
            raise NbGraderException(said)

    def _asked_for(self, course: Course) -> list[Submission]:
        asked = self.coursedir
        excluded = asked.student_id_exclude.split(",")
        found = [
            submission
            for submission in course.submissions()
            if fnmatch.fnmatchcase(submission.assignment, asked.assignment_id)
            and fnmatch.fnmatchcase(submission.student, asked.student_id)
            and submission.student not in excluded
        ]
        if not found:
            raise CourseError(
                f"There is no submission of {asked.assignment_id!r} by {asked.student_id!r} "
                f"in {course.submitted}."
            )
        return found

    def record(self, course: Course, graded: Iterable[Graded]) -> Iterator[Graded]:
        """Record what is graded, as it comes."""
        said = build.Said()
        self.log.addHandler(said)
        try:
            yield from self._record(course, graded, said)
        finally:
            self.log.removeHandler(said)

    def _record(
        self, course: Course, graded: Iterable[Graded], said: build.Said
    ) -> Iterator[Graded]:
        self._course = course
        self._masters: dict[str, Assignment] = {}
        failed = []
        with Gradebook(course) as gradebook, Disposable(make) as self._make:
            self._gradebook = gradebook
            for each in graded:
                submission = each.submission
                self._master(submission.assignment)
                try:
                    if each.verdict.status != "internal_error":
                        self._convert(each)
                except NbGraderException:
                    failed.append(f"{submission.student}/{submission.assignment}: {said.reason}")
                yield each
            gradebook.settle()
        if failed:
            raise Incomplete(
                f"{len(failed)} of the submissions could not be recorded ({failed[0]}); "
                "all others are. Mend that and run the same command again."
            )

    def _convert(self, graded: Graded) -> None:
        self._graded = graded  # nbgrader hands its converters no more than a file's name
        submission = graded.submission
        folder = Path(self._format_source(submission.assignment, submission.student))
        self.assignments = {str(folder): [str(folder / f"{submission.assignment}.ipynb")]}
        self.convert_notebooks()

    def _master(self, name: str) -> Assignment:
        """Load an assignment, and see that the course has it as it is now."""
        if name not in self._masters:
            assignment = load(name, self._course.root)
            install.install(assignment, self._course.folder)
            self._masters[name] = assignment
        return self._masters[name]

    # What nbgrader does for each submission

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Process every submission: one that has not changed is seen later, and is cheap."""
        return True

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy nothing, and leave the gradebook's rows to the one transaction."""

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Sanitise one notebook, write it to ``autograded/`` and record its scores."""
        submission, verdict = self._graded.submission, self._graded.verdict
        handed_in = self._graded.data, self._masters[submission.assignment]
        try:
            made = self._make(*handed_in, verdict)
        except Spent as why:
            verdict = replace(verdict, notes=(*verdict.notes, NOT_SHOWN.format(why)))
            made = make_unseen(*handed_in, verdict)
        stamp, text = _stamp(submission), lasting(verdict)
        marked = b"" if submission.late is None else f"{submission.late}\n".encode()
        key = sha256(made.data + stamp + marked + text.encode()).hexdigest()
        folder = Path(self._format_dest(submission.assignment, submission.student))
        path = folder / Path(notebook_filename).name
        if path.is_file() and key == self._gradebook.key(submission.assignment, submission.student):
            return
        write_atomically(path, made.data)
        write_atomically(folder / "timestamp.txt", stamp)
        entry = Entry(
            submission.student,
            submission.timestamp,
            verdict,
            text,
            made.answers,
            made.blank,
            key,
            submission.late,
        )
        self._gradebook.save(submission.assignment, entry)


def _stamp(submission: Submission) -> bytes:
    if submission.timestamp is None:
        return b""
    return f"{submission.timestamp.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC\n".encode()
