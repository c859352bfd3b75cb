"""The notebook that is recorded: a student's sources, sanitised, with the verdict in it."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from autograder.assignment import fast_start  # noqa: F401 - before nbformat

# isort: split
import nbformat
from nbformat.notebooknode import NotebookNode, from_dict

from autograder.assignment import build
from autograder.assignment.source import Assignment
from autograder.judging.rebuild import Malformed, Rebuilt, as_blank, rebuild, words
from autograder.judging.verdict import ExerciseVerdict, Verdict
from autograder.pages import sanitise

NOTES = "The grader's notes"
#: With what a `Spent` says.
NOT_SHOWN = "What was handed in is not shown: it {}. Its points are not touched by that."


@dataclass(frozen=True)
class Made:
    """The notebook that is recorded, as a file, and what the gradebook is told of it.

    Attributes
    ----------
    data : bytes
    answers : dict of str to str
        Digests of the written answers.
    blank : frozenset of str
        The cells that are as they were handed out.
    """

    data: bytes
    answers: dict[str, str]
    blank: frozenset[str]


def make(data: bytes, assignment: Assignment, verdict: Verdict) -> Made:
    """Make the notebook that is recorded of a submitted file; a blank one if it is malformed.

    What this takes is up to whoever wrote the file: ask for it in a `Disposable`.
    """
    try:
        rebuilt = rebuild(data, assignment)
    except Malformed as problem:
        rebuilt = as_blank(assignment, str(problem))
    notebook = as_notebook(rebuilt)
    answers, blank = _answers(notebook, assignment)
    _sanitise(notebook)
    return Made(_file(notebook, verdict), answers, blank)


def make_unseen(data: bytes, assignment: Assignment, verdict: Verdict) -> Made:
    """Make a blank notebook in the place of one that cannot be shown; a person is to look at it."""
    notebook = as_notebook(as_blank(assignment, ""))
    answers = dict.fromkeys((cell.id for cell in assignment.written), sha256(data).hexdigest())
    return Made(_file(notebook, verdict), answers, frozenset())


def _file(notebook: NotebookNode, verdict: Verdict) -> bytes:
    _show_verdict(notebook, verdict)
    return (json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _answers(notebook: NotebookNode, master: Assignment) -> tuple[dict[str, str], frozenset[str]]:
    """Digest the written answers, and name the cells that are as they were handed out."""
    handed_out = {cell.id: cell.skeleton.strip() for cell in (*master.exercises, *master.written)}
    written = {cell.id for cell in master.written}
    answers, blank = {}, set()
    prose = (cell for cell in notebook.cells if cell.cell_type == "markdown")
    own = [cell.source for cell in prose if cell.id.startswith("own-")]
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name not in handed_out:
            continue
        attached = cell.get("attachments", {})
        untouched = cell.source.strip() in ("", handed_out[name]) and not attached
        elsewhere = own if untouched and name in written else []  # it may stand in another cell
        if untouched and not elsewhere:
            blank.add(name)
        if name in written:
            said = json.dumps([cell.source, attached, *elsewhere], sort_keys=True)
            answers[name] = sha256(said.encode()).hexdigest()
    return answers, frozenset(blank)


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
    return from_dict(whole)  # type: ignore[no-any-return]  # nbformat has no types


def _sanitise(notebook: NotebookNode) -> None:
    """Make everything that a student wrote safe to be shown on an instructor's own origin."""
    allowance = sanitise.Allowance()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = from_dict(sanitise.outputs(cell.outputs, allowance))
            if not allowance.has(code=words(cell.source)):
                cell.metadata.plain = True  # the exporter is not to colour it
            continue
        attached, left_out = sanitise.attachments(cell.pop("attachments", {}), allowance)
        if attached:
            cell.attachments = from_dict(attached)
        shown = sanitise.markdown(cell.source, frozenset(attached), allowance)
        cell.source = "\n\n".join([shown, *left_out])


def _show_verdict(notebook: NotebookNode, verdict: Verdict) -> None:
    """Write each exercise's verdict below its check cell, and the grader's notes on top."""
    exercises = {exercise.name: exercise for exercise in verdict.exercises}
    for cell in notebook.cells:
        grading = cell.metadata.get("nbgrader", {})
        if grading.get("grade") and grading["grade_id"] in exercises:
            cell.outputs = [from_dict(_shown(exercises[grading["grade_id"]]))]
    if verdict.notes:
        notes = [" ".join(note.split()) for note in verdict.notes]
        shown = from_dict(_display(NOTES, [(note, None) for note in notes]))
        cell = nbformat.v4.new_code_cell("", id="grader-notes", outputs=[shown])
        notebook.cells.insert(0, cell)


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
    data = {"text/plain": "\n".join(lines), "text/html": sanitise.html(shown)}
    return {"output_type": "display_data", "metadata": {}, "data": data}
