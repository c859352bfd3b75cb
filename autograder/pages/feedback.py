"""What a student gets back: one HTML page for each submission, which loads and runs nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from nbconvert.exporters import HTMLExporter
from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.converters import GenerateFeedback as NbgraderGenerateFeedback
from nbgrader.converters import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import GetGrades as NbgraderGetGrades
from pygments.formatters import HtmlFormatter
from traitlets import List, Type

from autograder.assignment.build import Said
from autograder.assignment.source import load
from autograder.course.errors import CourseError, Incomplete
from autograder.course.folder import Course
from autograder.course.gradebook import Gradebook
from autograder.course.marks import NO_RESPONSE, UNREADABLE, CellMark, Recorded
from autograder.course.settings import shown
from autograder.course.submissions import Submission
from autograder.files import write_atomically
from autograder.judging.rebuild import as_blank
from autograder.judging.verdict import ExerciseVerdict, TestVerdict, Verdict
from autograder.pages import exporter
from autograder.pages.notebook import NOT_SHOWN, as_notebook
from autograder.sandbox.disposable import Disposable, Spent

SECRET = "submission_secret.txt"
STATUS = {
    "passed": ("good", "every test passes"),
    "partial": ("partly", "{passed} of {tests} tests pass"),
    "failed": ("bad", "no test passes"),
    "unanswered": ("quiet", "not answered"),
    "timed_out": ("bad", "took too long"),
    "out_of_memory": ("bad", "asked for too much memory"),
    "crashed": ("bad", "ended Python"),
    "forbidden": ("bad", "needs a library that this exercise does without"),
}


class Judged(Protocol):
    """A submission that has a verdict."""

    @property
    def submission(self) -> Submission:
        """What was handed in."""

    @property
    def verdict(self) -> Verdict:
        """What the judge says of it."""


@dataclass(frozen=True)
class Row:
    """One exercise on a page, in words that a student knows."""

    name: str
    score: float
    max_score: float
    pending: bool
    colour: str
    said: str
    comment: str | None
    tests: tuple[TestVerdict, ...]


@dataclass(frozen=True)
class Page:
    """What a page says beside the notebook itself; ``cells`` finds the row of a cell."""

    assignment: str
    student: str
    handed_in: str
    readable: bool
    score: float
    max_score: float
    pending: float
    penalty: float
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    cells: Mapping[str, Row]
    highlighting: str

    @classmethod
    def of(cls, recorded: Recorded, nb: NotebookNode, zone: tzinfo) -> Page:
        """Sum up one student's submission."""
        judged = {exercise.name: exercise for exercise in recorded.verdict.exercises}
        marks = {mark.exercise: mark for mark in recorded.marks}
        rows: list[Row] = []
        cells: dict[str, Row] = {}
        comment = None
        for cell in nb.cells:
            grading = cell.metadata.get("nbgrader", {})
            name = grading.get("grade_id")
            if grading.get("solution"):  # an exercise's comment is given where its code is
                comment = recorded.comments.get(name)
                comment = None if comment == NO_RESPONSE else comment
            if grading.get("grade") and name in marks:
                row = _row(marks[name], judged.get(name), recorded, comment)
                rows.append(row)
                cells |= {name: row, f"{name}_code": row}
        return cls(
            recorded.assignment,
            recorded.student,
            _handed_in(recorded, zone),
            recorded.verdict.status not in UNREADABLE,
            recorded.score,
            recorded.max_score,
            sum(row.max_score for row in rows if row.pending),
            recorded.penalty,
            tuple(" ".join(note.split()) for note in recorded.verdict.notes),
            tuple(rows),
            cells,
            _highlighting(),
        )


def _handed_in(recorded: Recorded, zone: tzinfo) -> str:
    """Say when a submission came, as far as that is known."""
    if recorded.timestamp:
        return shown(recorded.timestamp, zone)
    if recorded.marked_late is None:
        return ""
    return f"{'late' if recorded.marked_late else 'on time'} by the learning platform's due date"


def _row(
    mark: CellMark, judged: ExerciseVerdict | None, recorded: Recorded, comment: str | None
) -> Row:
    pending = mark.exercise in recorded.pending and mark.manual_score is None
    tests = judged.tests if judged else ()
    if recorded.verdict.status in UNREADABLE:
        missing = recorded.verdict.status == "missing"
        colour, said = "bad", "not handed in" if missing else "could not be read"
    elif pending:
        colour, said = "partly", "waits to be marked"
    elif judged:
        colour, said = STATUS.get(judged.status, ("quiet", judged.status))
        passed = sum(test.outcome == "passed" for test in tests)
        said = said.format(passed=passed, tests=len(tests))
        if mark.manual_score is not None:
            said += "; points given by hand"
    else:
        colour = "good" if mark.score == mark.max_score else "partly" if mark.score else "quiet"
        said = "marked" if mark.manual_score is not None else "not answered"
    return Row(mark.exercise, mark.score, mark.max_score, pending, colour, said, comment, tests)


@cache
def _highlighting() -> str:
    return str(HtmlFormatter(nobackground=True).get_style_defs(".highlight"))


class GetGrades(NbgraderGetGrades):  # type: ignore[misc]  # nbgrader has no types
    """Put marks and comments beside a notebook, read in one go."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Put in those of one student."""
        resources["page"] = Page.of(resources["recorded"], nb, resources["zone"])
        return nb, resources


class GenerateFeedback(NbgraderGenerateFeedback):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's GenerateFeedback; a page is made anew when something on it changed."""

    preprocessors = List([GetGrades]).tag(config=True)
    exporter_class = Type(exporter.PageExporter, klass=HTMLExporter).tag(config=True)

    def start(self) -> None:
        """Make the pages of those whom nbgrader was asked for."""
        self._course = Course.open(self.coursedir.root)
        self._course.check_gradebook(self.coursedir.db_url)
        with Gradebook(self._course) as gradebook, Disposable(self._page) as self._asked:
            gradebook.settle()
            self._gradebook = gradebook
            super().start()

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Look at every submission: a page that is up to date is seen later, and is cheap."""
        return True

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy nothing beside the page."""

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Make one page."""
        resources = self.init_single_notebook_resources(notebook_filename)
        student, assignment = (resources["nbgrader"][key] for key in ("student", "assignment"))
        recorded = self._gradebook.recorded(assignment, student)
        if not recorded:
            raise CourseError(f"The gradebook has nothing of {student}'s {assignment}; grade it.")
        data = Path(notebook_filename).read_bytes()
        zone = self._gradebook.course.settings.time_zone
        mark = _mark(data, recorded[0], zone)
        name = resources["nbgrader"]["notebook"]
        path = Path(self._format_dest(assignment, student)) / f"{name}.html"
        self._take_along(Path(notebook_filename).parent, path.parent)
        if not _ends_with(path, mark):
            resources["zone"] = zone
            write_atomically(path, self._bounded(data, recorded[0], resources) + mark)

    def _bounded(self, data: bytes, recorded: Recorded, resources: dict[str, Any]) -> bytes:
        """Make a page of a notebook, or of a blank one if that takes more than it may."""
        try:
            return self._asked(data, recorded, resources)
        except Spent as why:
            notes = (*recorded.verdict.notes, NOT_SHOWN.format(why))
            recorded = replace(recorded, verdict=replace(recorded.verdict, notes=notes))
        blank = as_notebook(as_blank(load(recorded.assignment, self._course.root), ""))
        return self._page(json.dumps(blank).encode(), recorded, resources)

    def _page(self, data: bytes, recorded: Recorded, resources: dict[str, Any]) -> bytes:
        """Make a page: what this takes is up to whoever wrote the notebook."""
        resources["recorded"] = recorded
        notebook = from_dict(json.loads(data))
        page: str = self.exporter.from_notebook_node(notebook, resources)[0]
        return page.encode()

    def _take_along(self, autograded: Path, folder: Path) -> None:
        """Put beside the page what nbgrader's exchange asks for to give it to its student."""
        submitted = Path(self.coursedir.root, self.coursedir.submitted_directory)
        secret = submitted / folder.parent.name / folder.name / SECRET
        found = {
            "timestamp.txt": _small_file(autograded / "timestamp.txt"),
            SECRET: _small_file(secret),
        }
        if re.fullmatch(rb"[0-9a-f]{1,256}", found[SECRET]):
            for name, data in found.items():
                if _small_file(folder / name) != data or not (folder / name).is_file():
                    write_atomically(folder / name, data)


def _ends_with(path: Path, mark: bytes) -> bool:
    """Whether a file is there and ends so."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        file.seek(-len(mark), os.SEEK_END)
        return file.read() == mark
    return False


def _small_file(path: Path) -> bytes:
    """Read a small file through no link; nothing if there is none."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read(1024)
    except OSError:
        return b""


def feedback(course: Course, graded: Iterable[Judged] | None = None) -> Iterator[Judged]:
    """Write the feedback page of each recorded submission, and yield each one done.

    Parameters
    ----------
    course : Course
    graded : iterable, optional
        What has a submission and a verdict; all that the gradebook has by default.

    Raises
    ------
    Incomplete
        If some could not be written; all the others are.
    """
    said = Said()
    converter = GenerateFeedback(coursedir=CourseDirectory(root=str(course.folder)))
    converter.log = said.logger
    failed = []
    converter._course = course
    with Gradebook(course) as gradebook, Disposable(converter._page) as converter._asked:
        converter._gradebook = gradebook
        converter.exporter = converter.exporter_class(parent=converter, config=converter.config)  # type: ignore[no-untyped-call]  # nbconvert's has no types
        for step in converter.preprocessors:
            converter.exporter.register_preprocessor(step)
        for each in gradebook.recorded() if graded is None else graded:
            submission = each.submission
            folder = Path(converter._format_source(submission.assignment, submission.student))
            notebook = folder / f"{submission.assignment}.ipynb"
            if each.verdict.status != "internal_error" or notebook.is_file():
                converter.assignments = {str(folder): [str(notebook)]}
                try:
                    converter.convert_notebooks()
                except NbGraderException:
                    failed.append(f"{submission.student}/{submission.assignment}: {said.reason}")
            yield each
    if failed:
        raise Incomplete(
            f"{len(failed)} feedback pages could not be written ({failed[0]}); all others are. "
            "Mend that and run `autograder feedback`."
        )


def _mark(data: bytes, recorded: Recorded, zone: tzinfo) -> bytes:
    """End a page with a digest of what is on it."""
    said = f"{recorded!r} {zone}"
    digest = hashlib.sha256(exporter.look(Path(__file__)) + data + said.encode())
    return f"\n<!-- {digest.hexdigest()} -->\n".encode()
