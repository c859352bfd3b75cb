"""The notebook that is recorded: a student's sources, sanitised, with the verdict in it."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from autograder.assignment import fast_start  # noqa: F401 - before nbformat

# isort: split
import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.assignment import build
from autograder.judging.rebuild import Rebuilt
from autograder.judging.verdict import ExerciseVerdict, Verdict
from autograder.pages import sanitise

NOTES = "The grader's notes"


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
    notebook: NotebookNode = from_dict(whole)
    return notebook


class Sanitise(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
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


class ShowVerdict(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
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
