"""Verdicts, put into nbgrader's gradebook and ``autograded/`` by nbgrader's own Autograde.

The same converter serves `record`, the command ``nbgrader autograde`` and formgrader's Autograde
button: `configure`, called by a course's nbgrader_config.py, puts it in the place of nbgrader's own.
"""

from __future__ import annotations

import fnmatch
import hashlib
import html
import importlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.apps import api, autogradeapp
from nbgrader.converters import Autograde as NbgraderAutograde
from nbgrader.converters import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.preprocessors import SaveAutoGrades as NbgraderSaveAutoGrades
from nbgrader.utils import compute_checksum, is_solution
from traitlets import List
from traitlets.config import Config

from autograder import build, sanitise
from autograder.assignment import load
from autograder.attempt import write_atomically
from autograder.course import Course, CourseError, Submission
from autograder.gradebook import Entry, Gradebook, lasting
from autograder.rebuild import Rebuilt
from autograder.verdict import ExerciseVerdict, Verdict

#: What nbgrader's own commands judge a submission with, by import path; None notebook: not readable.
JUDGE = "autograder.engine:judge"
Judge = Callable[[Course, Submission], tuple[Verdict, NotebookNode | None]]


@dataclass
class Recording:
    """What came of a recording: the verdicts recorded, and what was not recorded and why."""

    recorded: list[tuple[Submission, Verdict]] = field(default_factory=list)
    unchanged: int = 0
    failed: list[tuple[Submission, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Graded:
    """A submission on its way into the gradebook."""

    submission: Submission
    verdict: Verdict
    gradebook: Gradebook


def record(
    course: Course, graded: Iterable[tuple[Submission, Verdict, NotebookNode | None]]
) -> Recording:
    """Record graded submissions, each as a whole or not at all.

    Parameters
    ----------
    course : Course
    graded : iterable of (Submission, Verdict, notebook)
        ``notebook`` is what `as_notebook` makes of a rebuilt submission, or None where there was
        nothing to rebuild. It may be a generator: submissions are recorded as they come.

    Returns
    -------
    Recording
        An ``internal_error`` is never recorded: it is listed, and what the gradebook had stays.
    """
    with course.lock(), Gradebook(course) as gradebook:
        converter = Autograde(coursedir=_coursedir(course), parent=None)
        converter.open(course, gradebook)
        for submission, verdict, notebook in graded:
            converter.convert(submission, verdict, notebook)
        gradebook.settle()
    return converter.recording


def as_notebook(rebuilt: Rebuilt) -> NotebookNode:
    """Make the notebook that is recorded: the student's sources under the master's metadata."""
    cells = []
    for piece in rebuilt.pieces:
        kind = "markdown" if piece.kind in ("prose", "written", "extra_prose") else "code"
        cell = {"cell_type": kind, "id": piece.id, "source": piece.source, "metadata": {}}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": list(piece.outputs)}
        if piece.cell is not None:
            cell["metadata"] = build.grading(piece.cell)
        cells.append(cell)
    return from_dict({"cells": cells, "metadata": build.METADATA, "nbformat": 4, "nbformat_minor": 5})


class Sanitise(NbGraderPreprocessor):
    """Make everything that a student wrote safe to be shown on an instructor's own origin."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Sanitise one cell."""
        if cell.cell_type == "code":
            cell.outputs = from_dict(sanitise.outputs(cell.outputs))
        else:
            cell.source = sanitise.markdown(cell.source)
            if "attachments" in cell:
                cell.attachments = from_dict(sanitise.attachments(cell.attachments))
        return cell, resources


class ShowVerdict(NbGraderPreprocessor):
    """Write each exercise's verdict below its check cell, and the grader's notes on top."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Write the verdict into a notebook."""
        verdict: Verdict = resources["graded"].verdict
        exercises = {exercise.name: exercise for exercise in verdict.exercises}
        for cell in nb.cells:
            grading = cell.metadata.get("nbgrader", {})
            if grading.get("grade") and grading["grade_id"] in exercises:
                cell.outputs = [from_dict(_shown(exercises[grading["grade_id"]]))]
        if verdict.notes:
            items = "\n".join(f"<li>{html.escape(note)}</li>" for note in verdict.notes)
            note = nbformat.v4.new_markdown_cell(
                f"**The grader's notes**\n\n<ul>\n{items}\n</ul>", id="grader-notes"
            )
            nb.cells.insert(0, note)
        return nb, resources


class SaveAutoGrades(NbgraderSaveAutoGrades):
    """Write everything about a submission to the gradebook in one transaction."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Save one notebook."""
        graded: Graded = resources["graded"]
        graded.gradebook.save(graded.submission.assignment, resources["entry"])
        return nb, resources


class Autograde(NbgraderAutograde):
    """nbgrader's Autograde, with verdicts that come from the judge.

    Nothing of ``submitted/`` is copied: nbgrader's own follows links and takes students' files over
    into a folder that formgrader serves.
    """

    sanitize_preprocessors = List([Sanitise, ShowVerdict]).tag(config=True)
    autograde_preprocessors = List([SaveAutoGrades]).tag(config=True)

    judge: Judge | None = None
    recording: Recording
    _graded: Graded
    _notebook: NotebookNode | None
