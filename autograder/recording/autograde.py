"""Verdicts, put into nbgrader's gradebook and ``autograded/`` by nbgrader's own Autograde.

The same converter serves `record`, ``nbgrader autograde`` and formgrader's Autograde button:
`configure`, called by a course's nbgrader_config.py, puts it in the place of nbgrader's own.
"""

from __future__ import annotations

import fnmatch
import hashlib
import html
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any, Protocol

from autograder.assignment import fast_start  # noqa: F401 - before nbformat

# isort: split
import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.apps import api, autogradeapp, generatefeedbackapp
from nbgrader.converters import Autograde as NbgraderAutograde
from nbgrader.converters import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.preprocessors import SaveAutoGrades as NbgraderSaveAutoGrades
from traitlets import List
from traitlets.config import Config

from autograder.assignment import build
from autograder.assignment.source import Assignment, AssignmentError, load
from autograder.course import grading as grade
from autograder.course.folder import Course, CourseError, Incomplete, Submission
from autograder.course.gradebook import Entry, Gradebook, lasting
from autograder.judging.attempt import write_atomically
from autograder.judging.rebuild import Rebuilt
from autograder.judging.verdict import ExerciseVerdict, Verdict
from autograder.pages import formgrader, sanitise
from autograder.pages.feedback import GenerateFeedback, feedback
from autograder.pages.feedback import Graded as Judged
from autograder.recording import exchange

__all__ = ["Autograde", "as_notebook", "configure", "feedback", "record"]


NOTES = "The grader's notes"


class Graded(Judged, Protocol):
    """A submission on its way into the gradebook."""

    @property
    def rebuilt(self) -> Rebuilt:
        """The student's sources in the assignment's own cells."""


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


def as_notebook(rebuilt: Rebuilt) -> NotebookNode:
    """Make the notebook that is recorded: the student's sources under the master's metadata."""
    cells = []
    for piece in rebuilt.pieces:
        kind = "markdown" if piece.kind in ("prose", "written", "extra_prose") else "code"
        cell: dict[str, Any] = {"cell_type": kind, "id": piece.id, "source": piece.source}
        cell["metadata"] = build.grading(piece.cell) if piece.cell else {}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": list(piece.outputs)}
        elif piece.attachments:
            cell["attachments"] = piece.attachments
        cells.append(cell)
    whole = {"cells": cells, "metadata": build.METADATA, "nbformat": 4, "nbformat_minor": 5}
    return from_dict(whole)


class Sanitise(NbGraderPreprocessor):
    """Make everything that a student wrote safe to be shown on an instructor's own origin."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Sanitise one cell."""
        if cell.cell_type == "code":
            cell.outputs = from_dict(sanitise.outputs(cell.outputs))
        else:
            attached = sanitise.attachments(cell.pop("attachments", {}))
            if attached:
                cell.attachments = from_dict(attached)
            resources["prose"] = resources.get("prose", 0) + len(cell.source)
            if resources["prose"] > sanitise.MOST_MARKDOWN:
                cell.source = sanitise.verbatim(cell.source)
            else:
                cell.source = sanitise.markdown(cell.source, frozenset(attached))
        return cell, resources


class ShowVerdict(NbGraderPreprocessor):
    """Write each exercise's verdict below its check cell, and the grader's notes on top."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Write the verdict into a notebook."""
        verdict: Verdict = resources["verdict"]
        exercises = {exercise.name: exercise for exercise in verdict.exercises}
        for cell in nb.cells:
            grading = cell.metadata.get("nbgrader", {})
            if grading.get("grade") and grading["grade_id"] in exercises:
                cell.outputs = [from_dict(_shown(exercises[grading["grade_id"]]))]
        if verdict.notes:
            notes = [" ".join(note.split()) for note in verdict.notes]
            shown = from_dict(_display(NOTES, [(note, None) for note in notes]))
            cell = nbformat.v4.new_code_cell("", id="grader-notes", outputs=[shown])
            nb.cells.insert(0, cell)
        return nb, resources


class SaveAutoGrades(NbgraderSaveAutoGrades):
    """Write everything about a submission to the gradebook in one transaction."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Save one notebook."""
        gradebook: Gradebook = resources["gradebook"]
        gradebook.save(resources["nbgrader"]["assignment"], resources["entry"])
        return nb, resources


class Autograde(NbgraderAutograde):
    """nbgrader's Autograde, with verdicts that come from the judge.

    Nothing of ``submitted/`` is copied: nbgrader's own follows links, and takes students' files
    over into a folder that formgrader serves.
    """

    sanitize_preprocessors = List([ShowVerdict, Sanitise]).tag(config=True)
    autograde_preprocessors = List([SaveAutoGrades]).tag(config=True)

    #: Gives verdicts where nbgrader's own commands ask for them.
    judged = staticmethod(grade.judged)

    def start(self) -> None:
        """Judge and record what nbgrader was asked to autograde."""
        try:
            course = Course.open(self.coursedir.root)
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
        except (CourseError, AssignmentError, build.BuildError) as error:
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
        self._show: list[Any] = [step(parent=self) for step in self.sanitize_preprocessors]
        self._save: list[Any] = [step(parent=self) for step in self.autograde_preprocessors]
        failed = []
        with Gradebook(course) as self._gradebook:
            for self._graded in graded:
                submission = self._graded.submission
                self._master(submission.assignment)
                try:
                    if self._graded.verdict.status != "internal_error":
                        self._convert(submission)
                except NbGraderException:
                    failed.append(f"{submission.student}/{submission.assignment}: {said.reason}")
                yield self._graded
            self._gradebook.settle()
        if failed:
            raise Incomplete(
                f"{len(failed)} of the submissions could not be recorded ({failed[0]}); "
                "all others are. Mend that and run the same command again."
            )

    def _convert(self, submission: Submission) -> None:
        folder = Path(self._format_source(submission.assignment, submission.student))
        self.assignments = {str(folder): [str(folder / f"{submission.assignment}.ipynb")]}
        self.convert_notebooks()

    def _master(self, name: str) -> Assignment:
        """Load an assignment, and see that the course has it as it is now."""
        if name not in self._masters:
            assignment = load(name, self._course.root)
            build.install(assignment, self._course.folder)
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
        notebook = as_notebook(self._graded.rebuilt)
        answers, blank = _answers(notebook, self._masters[submission.assignment])
        resources = self.init_single_notebook_resources(notebook_filename)
        resources["verdict"] = verdict
        for step in self._show:
            notebook, resources = step(notebook, resources)
        data = (json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
        stamp, text = _stamp(submission), lasting(verdict)
        key = hashlib.sha256(data + stamp + text.encode()).hexdigest()
        folder = Path(self._format_dest(submission.assignment, submission.student))
        path = folder / Path(notebook_filename).name
        if path.is_file() and key == self._gradebook.key(submission.assignment, submission.student):
            return
        write_atomically(path, data)
        write_atomically(folder / "timestamp.txt", stamp)
        resources["gradebook"] = self._gradebook
        resources["entry"] = Entry(
            submission.student, submission.timestamp, verdict, text, answers, blank, key
        )
        for step in self._save:
            notebook, resources = step(notebook, resources)


def configure(config: Config, file: str) -> None:
    """Make nbgrader's commands and formgrader grade a course through its judge.

    Parameters
    ----------
    config : Config
        What ``get_config()`` gives in nbgrader_config.py.
    file : str
        That file's own path: the course is the folder it is in.
    """
    config.CourseDirectory.root = str(Path(file).resolve().parent)
    config.GenerateAssignment.preprocessors = build.RELEASE_STEPS
    exchange.configure(config, Path(file).resolve().parent)
    # nbgrader copies students' files before it asks any preprocessor: only its converter's own
    # place is early enough.
    for module in (api, autogradeapp):
        module.Autograde = Autograde
    for module in (api, generatefeedbackapp):
        module.GenerateFeedback = GenerateFeedback
    if formgrader.EXTENSION in sys.modules:  # it takes a second to import
        formgrader.protect()


def _answers(notebook: NotebookNode, master: Assignment) -> tuple[dict[str, str], frozenset[str]]:
    """Digest the written answers, and name the cells that are as they were handed out."""
    handed_out = {cell.id: cell.skeleton.strip() for cell in (*master.exercises, *master.written)}
    written = {cell.id for cell in master.written}
    answers, blank = {}, set()
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name not in handed_out:
            continue
        attached = cell.get("attachments", {})
        if cell.source.strip() in ("", handed_out[name]) and not attached:
            blank.add(name)
        if name in written:
            said = json.dumps([cell.source, attached], sort_keys=True)
            answers[name] = hashlib.sha256(said.encode()).hexdigest()
    return answers, frozenset(blank)


def _stamp(submission: Submission) -> bytes:
    if submission.timestamp is None:
        return b""
    return f"{submission.timestamp.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC\n".encode()


def _shown(exercise: ExerciseVerdict) -> dict[str, Any]:
    """Show an exercise's verdict as the output of its check cell."""
    head = f"{exercise.name}: {exercise.score:.4g} of {exercise.max_score:.4g} points"
    mark = {True: "✓", False: "✗"}
    said = [
        (f"{mark[test.outcome == 'passed']} {test.sentence}", test.diagnosis)
        for test in exercise.tests
    ]
    return _display(head, said)


def _display(head: str, said: Iterable[tuple[str, str | None]]) -> dict[str, Any]:
    """Make an output of a headline and sentences, each with what explains it, all taken as text."""
    lines, items = [head], []
    for sentence, why in said:
        lines += [sentence, *([f"    {why}"] if why else [])]
        because = f"<br><i>{html.escape(why)}</i>" if why else ""
        items.append(f"<li>{html.escape(sentence)}{because}</li>")
    shown = f"<p><b>{html.escape(head)}</b></p>\n<ul>\n{chr(10).join(items)}\n</ul>"
    data = {"text/plain": "\n".join(lines), "text/html": shown}
    return {"output_type": "display_data", "metadata": {}, "data": data}
