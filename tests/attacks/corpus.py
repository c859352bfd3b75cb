"""An attack is data: what is handed in, and what it must score."""

from __future__ import annotations

import copy
import json
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from autograder.assignment import build
from autograder.assignment.source import Assignment
from autograder.judging.verdict import ExerciseVerdict, Verdict

Notebook = dict[str, Any]

#: What hostile and unlucky submissions do; each line has at least one attack.
LINES = {
    1: "tags that have test cells skipped",
    2: "a score shown by hand, then an exception",
    3: "the same with a score that is no score",
    4: "a result message written by hand",
    5: "transformers that take tests or asserts out",
    6: "objects that equal everything, patched builtins, arrays of their own kind",
    7: "patched comparison and test libraries",
    8: "a `check` of one's own, replaced modules",
    9: "test cells deleted, renamed, doubled, split, moved, retyped, with other points",
    10: "printing what a grader would print",
    11: "running the source, the reference or the hidden tests",
    12: "reading tests from history, frames, the heap, /proc or the parent's memory",
    13: "carrying hidden inputs out into the feedback",
    14: "other people's folders, caches and leftovers",
    15: "environment, tokens, connection files, open descriptors",
    16: "the network, local sockets",
    17: "a library that the exercise forbids",
    18: "differentiating numerically",
    19: "editing the gradebook",
    20: "overwriting results, attempts, submissions or tests",
    21: "a corrupt resubmission that keeps the old score",
    22: "ending, killing, limiting or slowing processes",
    23: "loops and deadlocks that nothing interrupts",
    24: "bombs: memory, processes, threads, descriptors",
    25: "floods: output, files, a full disk",
    26: "a process or thread that stays",
    27: "waiting for a person, or for ever",
    28: "modules and settings laid in the way",
    29: "answers that are no answers",
    30: "scripts, links and frames in what people read",
    31: "spreadsheet formulas and separators in names and texts",
    32: "hostile archives",
    33: "files that are no notebook, or an odd one",
    34: "another notebook, a renamed one, two, one in a folder",
    35: "cells that cannot run, or ran in another order",
    36: "harmless warnings",
    37: "training left in a cell",
    38: "a grader that is killed half-way, or two at once",
}


@dataclass(frozen=True)
class Attack:
    """One submission, and what it must score.

    Attributes
    ----------
    name : str
    line : int
        Which of `LINES` it is one of.
    tries : str
        What it tries, in a few words.
    own : str
        The source of a cell of the student's own, after all others. ``$gradebook`` and the like
        stand for what `World.places` names.
    cells : mapping
        The sources of some exercises' cells.
    solved : bool
        Whether the other exercises are answered rightly; they are blank otherwise.
    loses : tuple of str
        The exercises that get nothing although the notebook is solved.
    score : float or (float, float), optional
        What it must score, or the least and the most, where the above does not say it: by default
        a solved notebook gets full marks but for what it `loses`, a blank one gets nothing.
    becomes : mapping
        The status of some exercises.
    status : str
        The status of the whole submission.
    never : str
        A pattern that may occur in nothing that the student is told.
    edit : callable, optional
        What is done to the notebook as a file; it may give bytes.
    lay : callable, optional
        Puts the file into the student's folder in another way than as the notebook; such an attack
        is tried in a whole course only.
    assignment : str
    wins : float
        What it scores where nothing confines it: proof that the attack is a real one.
    """

    name: str
    line: int
    tries: str
    own: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)
    solved: bool = False
    loses: tuple[str, ...] = ()
    score: float | tuple[float, float] | None = None
    becomes: Mapping[str, str] = field(default_factory=dict)
    status: str = "graded"
    never: str = ""
    edit: Callable[[Notebook], Notebook | bytes] | None = None
    lay: Callable[[Path, bytes], None] | None = None
    assignment: str = "toy"
    wins: float = 0.0

    def file(self, assignment: Assignment, places: Mapping[str, Any]) -> bytes:
        """Make what is handed in."""
        made = notebook(assignment, self.solved, self.cells)
        if self.own:
            made["cells"].append(code(self.own))
        edited = self.edit(made) if self.edit else made
        if isinstance(edited, bytes):
            return edited
        for cell in edited["cells"]:
            if isinstance(cell, dict) and isinstance(cell.get("source"), str):
                cell["source"] = Template(cell["source"]).safe_substitute(places)
        return json.dumps(edited).encode()

    def complaints(self, verdict: Verdict, assignment: Assignment) -> list[str]:
        """Say in what a verdict is not what it must be."""
        said = []
        if verdict.status != self.status:
            said.append(f"is {verdict.status}, not {self.status}: {verdict.notes}")
        least, most = self.scores(assignment)
        if not least - 1e-9 <= verdict.score <= most + 1e-9:
            said.append(f"scores {verdict.score:g}, not {least:g} to {most:g}: {_why(verdict)}")
        if verdict.max_score != sum(cell.points for cell in assignment.exercises):
            said.append(f"is worth {verdict.max_score:g} points")
        statuses = {each.name: each.status for each in verdict.exercises}
        for name, status in self.becomes.items():
            if statuses[name] != status:
                said.append(f"{name} is {statuses[name]}, not {status}: {_why(verdict)}")
        if self.never and (found := re.search(self.never, _why(verdict))):
            said.append(f"carries {found[0]!r} out: {_why(verdict)}")
        return [f"{self.name} {each}" for each in said]

    def scores(self, assignment: Assignment) -> tuple[float, float]:
        """Give the least and the most that it may score."""
        if isinstance(self.score, tuple):
            return self.score
        if self.score is not None:
            return self.score, self.score
        keeps = [c.points for c in assignment.exercises if self.solved and c.name not in self.loses]
        return sum(keeps), sum(keeps)


def _why(verdict: Verdict) -> str:
    tests = [test for each in verdict.exercises for test in each.tests]
    return "; ".join([*(str(t.diagnosis) for t in tests if t.outcome != "passed"), *verdict.notes])


# --- what attacks are made of -------------------------------------------------------------

RIGHT = {
    "scale": "def scale(x, factor):\n    return x * factor\n",
    "batch_mean": "def batch_mean(x):\n    return x.sum(axis=0) / len(x)\n",
}


def notebook(assignment: Assignment, solved: bool, cells: Mapping[str, str]) -> Notebook:
    """Make a notebook as a student has it, blank or solved, with other sources in some cells."""
    made: Notebook = copy.deepcopy(json.loads(build.solved(assignment)))
    sources = {cell.id: cell.source if solved else cell.skeleton for cell in assignment.layout}
    sources |= {f"{name}_code": source for name, source in cells.items()}
    for cell in made["cells"]:
        cell["source"] = sources.get(cell["id"], cell["source"])
    return made


def code(source: str, **more: Any) -> dict[str, Any]:
    """Make a code cell of the student's own."""
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": textwrap.dedent(source),
        **more,
    }


def markdown(source: str, **more: Any) -> dict[str, Any]:
    """Make a Markdown cell of the student's own."""
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def scale(body: str) -> dict[str, str]:
    """Put something into the body of `scale`; `batch_mean` is right without it."""
    return {
        "scale": "def scale(x, factor):\n" + textwrap.indent(textwrap.dedent(body), "    "),
        "batch_mean": RIGHT["batch_mean"],
    }


def if_found(search: str) -> str:
    """Answer `scale` rightly, for two points, if some lines set ``found`` to something true."""
    search = textwrap.indent(textwrap.dedent(search).strip("\n"), "    ")
    return (
        f"found = None\ntry:\n{search}\nexcept BaseException:\n    pass\n"
        "if found:\n    scale = lambda x, factor: x * factor\n"
    )


def if_works(deed: str) -> str:
    """Answer `scale` rightly, for two points, if some lines raise nothing."""
    return if_found(textwrap.dedent(deed).strip("\n") + "\nfound = True")


def everywhere(change: Callable[[dict[str, Any]], Any]) -> Callable[[Notebook], Notebook]:
    """Change every cell of a notebook in place."""

    def edit(made: Notebook) -> Notebook:
        for cell in made["cells"]:
            change(cell)
        return made

    return edit


def cell(made: Notebook, name: str) -> dict[str, Any]:
    """Find a cell by its id."""
    return next(cell for cell in made["cells"] if cell.get("id") == name)


def exercise(verdict: Verdict, name: str) -> ExerciseVerdict:
    """Find an exercise's part of a verdict."""
    return next(each for each in verdict.exercises if each.name == name)
