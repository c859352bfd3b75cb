"""The proof that an assignment is sound: its reference, its skeleton, its tests, its numbers."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder.assignment import build, edits, leaks
from autograder.assignment.lessons import edited, supervised
from autograder.assignment.mutants import mutants
from autograder.assignment.regions import REGION
from autograder.assignment.source import Assignment, load
from autograder.checking.checks import Checks, run_tests
from autograder.errors import UserError
from autograder.judging import vacuous
from autograder.judging.attempt import Attempt
from autograder.judging.numbers import Bound, read_bounds
from autograder.judging.pool import Pool
from autograder.judging.verdict import Verdict
from autograder.sandbox import Limits

#: Wrong code loops more often than it is slow: what the reference does takes a small part of this.
LIMITS = Limits(cell_cpu=5.0, call_cpu=1.0)
KILL_RATE = 0.97
#: Seconds that a cell of the solved notebook may take.
LONGEST_CELL = 1800
#: Prints what a notebook measured.
PROBE = """\
import json
try:
    print(json.dumps({str(name): float(value) for name, value in NUMBERS.items()}))
except (AttributeError, TypeError, ValueError):
    raise TypeError(f"NUMBERS is to map names to numbers, and is {NUMBERS!r:.200}") from None
"""
#: What a vacuous answer may win: a test of keys or sizes alone has no values to look at.
VACUOUS = 0.15


class ValidationError(UserError):
    """The proof cannot be made; the message is the fault that prevents it."""


@dataclass
class Finding:
    """One line of the proof: what was asked, whether it holds, what was measured, what is wrong."""

    check: str
    passed: bool
    measured: str
    details: list[str] = field(default_factory=list)


class Validation:
    """The proof of one assignment.

    Parameters
    ----------
    assignment : Assignment
    root : Path
        The repository.
    pool : Pool
        Judges what is to be judged, just as it judges a class.
    """

    def __init__(self, assignment: Assignment, root: Path, pool: Pool) -> None:
        self.assignment = assignment
        self.root = root
        self.pool = pool

    def run(self, notebook: bool = True) -> Iterator[Finding]:
        """Yield the findings, the quick ones first."""
        _ = self.bounds if notebook else None  # what is wrong with them is said now
        yield self.generated()
        yield self.leaks()
        yield self.reference()
        yield self.skeleton()
        yield self.mistakes()
        yield self.alternatives()
        yield self.vacuous()
        yield self.mutants()
        if notebook:
            yield self.numbers()

    # What is committed

    def generated(self) -> Finding:
        """Compare what is committed with what is generated."""
        found = build.drift([self.assignment.name], self.root)
        return Finding("committed = generated", not found, f"{len(found)} differ", found)

    def leaks(self) -> Finding:
        """Look for solutions in what students get."""
        found = leaks.find(self.assignment, self.root / "assignments" / self.assignment.name)
        return Finding("nothing leaks", not found, f"{len(found)} leaks", found)

    # What is judged

    def reference(self) -> Finding:
        """See that the reference gets every automatic point."""
        (verdict,) = self._judge([({}, None)])
        lost = [
            f"{test.name}: {test.outcome}: {test.diagnosis}"
            for exercise in verdict.exercises
            for test in exercise.tests
            if test.outcome != "passed"
        ]
        untested = [e.name for e in verdict.exercises if not e.tests]
        lost += [f"{name} has no hidden test; write one." for name in untested]
        measured = f"{verdict.score:g} of {verdict.max_score:g}"
        passed = verdict.status == "graded" and verdict.score == verdict.max_score > 0
        return Finding("reference", passed, measured, [*lost, *verdict.notes])

    def skeleton(self) -> Finding:
        """See that the skeleton gets nothing, and that each stub raises its own message."""
        blank = {cell.id: cell.skeleton for cell in self.assignment.exercises}
        (verdict,) = self._judge([(blank, None)])
        wrong = [
            f"{exercise.name} is {exercise.status} on the skeleton."
            for exercise in verdict.exercises
            if exercise.status != "unanswered" or exercise.score
        ]
        for cell in self.assignment.exercises:
            stubs = cell.skeleton.count(f"raise NotImplementedError('{cell.name}: ")
            stubs += cell.skeleton.count(f'raise NotImplementedError("{cell.name}: ')
            if stubs != len(REGION.findall(cell.source)):
                wrong.append(f"A stub of {cell.name} does not say which exercise it is.")
        return Finding("skeleton", not wrong, f"{verdict.score:g} points", wrong)

    def mistakes(self) -> Finding:
        """See that every named mistake dies by the hidden tests; count those the checks catch."""
        mistakes = edits.mistakes(self.assignment)
        verdicts = self._judge_edits(mistakes)
        alive = [
            f"{m.exercise}/{m.name} gets full marks: strengthen its hidden tests."
            for m, verdict in zip(mistakes, verdicts, strict=True)
            if verdict.score == verdict.max_score
        ]
        alive += [
            f"{m.exercise}/{m.name} never ends: make it a mistake that gives an answer."
            for m, verdict in zip(mistakes, verdicts, strict=True)
            if any(e.status in ("timed_out", "crashed", "out_of_memory") for e in verdict.exercises)
        ]
        tried = {mistake.exercise for mistake in mistakes}
        alive += [
            f"{cell.name} has no mistake: add what students get wrong to mistakes.py."
            for cell in self.assignment.exercises
            if cell.name not in tried
        ]
        visible = sum(map(self._caught_by_checks, mistakes))
        named = sum(
            any(
                test.diagnosis and m.hint in test.diagnosis for e in v.exercises for test in e.tests
            )
            for m, v in zip(mistakes, verdicts, strict=True)
        )
        measured = (
            f"{len(mistakes) - len(alive)} of {len(mistakes)} dead; {visible} also by the visible "
            f"checks; {named} named by their hint"
        )
        return Finding("mistakes", not alive, measured, alive)

    def alternatives(self) -> Finding:
        """See that what is right, though written differently, gets full marks."""
        right = edits.alternatives(self.assignment)
        failed = [
            f"{edit.exercise}/{edit.name}: {test.name}: {test.diagnosis}"
            for edit, verdict in zip(right, self._judge_edits(right), strict=True)
            for exercise in verdict.exercises
            for test in exercise.tests
            if test.outcome != "passed"
        ]
        alive = len(right) - len({line.split(":")[0] for line in failed})
        return Finding("alternatives", not failed, f"{alive} of {len(right)} alive", failed)

    def vacuous(self) -> Finding:
        """See that answers which say nothing win next to nothing."""
        kinds = (vacuous.DROPPED, *vacuous.ANSWERS)
        tried = [(cell, kind) for cell in self.assignment.exercises for kind in kinds]
        verdicts = self._judge(
            ({cell.id: vacuous.answering(cell.source, cell.defines, kind)}, str(cell.name))
            for cell, kind in tried
        )
        won, looks_at_no_answer, most = [], frozenset[str](), 0.0
        for (cell, kind), verdict in zip(tried, verdicts, strict=True):
            (exercise,) = verdict.exercises
            passed = {test.name: test.weight for test in exercise.tests if test.outcome == "passed"}
            if kind == vacuous.DROPPED:
                looks_at_no_answer = frozenset(passed)
                continue
            if kind != "idle" or "\nclass " in f"\n{cell.source}":  # its __init__ is no answer
                passed = {name: w for name, w in passed.items() if name not in looks_at_no_answer}
            share = sum(passed.values()) / sum(test.weight for test in exercise.tests)
            most = max(most, share)
            if share > VACUOUS:
                won.append(
                    f"{cell.name} wins {share:.0%} with {vacuous.ANSWERS[kind]}, by "
                    f"{', '.join(passed)}: see first that there is enough."
                )
        measured = f"{len(tried)} tried, at most {most:.0%} of the points won"
        return Finding("vacuous answers", not won, measured, won)

    def mutants(self) -> Finding:
        """Count the mechanical mutants that the hidden tests kill."""
        equivalent = edits.equivalents(self.assignment)
        found = [(cell, mutant) for cell in self.assignment.exercises for mutant in mutants(cell)]
        verdicts = self._judge([({c.id: m.source}, str(c.name)) for c, m in found])
        alive = [
            mutant.name
            for (_, mutant), verdict in zip(found, verdicts, strict=True)
            if verdict.score == verdict.max_score
        ]
        survivors = [name for name in alive if name not in equivalent]
        stale = [
            f"EQUIVALENT lists {n!r}, which no mutant is." for n in equivalent if n not in alive
        ]
        rate = 1 - len(survivors) / max(1, len(found) - (len(alive) - len(survivors)))
        measured = (
            f"{rate:.1%} of {len(found)} dead; {len(alive)} alive, "
            f"{len(alive) - len(survivors)} of them listed as equivalent"
        )
        details = [f"alive: {name}" for name in survivors] + stale
        return Finding("mechanical mutants", rate >= KILL_RATE and not stale, measured, details)

    # What runs

    def numbers(self) -> Finding:
        """Run the solved notebook top to bottom and hold its numbers against numbers.toml."""
        path = self.root / "build" / "solved" / f"{self.assignment.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(build.solved(self.assignment), encoding="utf-8")
        try:
            reached = run_notebook(path, self.root / "assignments" / self.assignment.name)
        except RuntimeError as error:
            return Finding("solved notebook", False, "stopped", [str(error)])
        short = [
            line
            for name, bound in self.bounds.items()
            for line in bound.short(name, reached.get(name))
        ]
        shown = ", ".join(f"{name} {value:.4g}" for name, value in reached.items())
        return Finding("solved notebook", not short, shown, short)

    @cached_property
    def bounds(self) -> dict[str, Bound]:
        """What numbers.toml asks of each number."""
        return read_bounds(self.assignment.file("numbers.toml"))

    # Helpers

    @cached_property
    def _solved(self) -> dict[str, Any]:
        notebook: dict[str, Any] = json.loads(build.solved(self.assignment))
        return notebook

    def _judge(self, edits: Iterable[tuple[dict[str, str], str | None]]) -> list[Verdict]:
        """Judge the solved notebook with some cells replaced, as if students had handed it in."""
        attempts = []
        for number, (sources, only) in enumerate(edits):
            cells = [
                {**cell, "source": sources.get(cell["id"], cell["source"])}
                for cell in self._solved["cells"]
            ]
            data = json.dumps({**self._solved, "cells": cells}).encode()
            chosen = None if only is None else (only,)
            attempts.append(Attempt(self.assignment.name, data, key=str(number), only=chosen))
        done = {attempt.key: verdict for attempt, verdict in self.pool.judge(attempts)}
        for verdict in done.values():
            if verdict.status != "graded":
                raise ValidationError(
                    f"{self.assignment.name} cannot be judged: {chr(10).join(verdict.notes)}"
                )
        return [done[attempt.key] for attempt in attempts]

    def _judge_edits(self, edits: Iterable[Any]) -> list[Verdict]:
        def one(edit: Any) -> tuple[dict[str, str], str]:
            cell = self.assignment.exercise(edit.exercise)
            return {cell.id: edit.apply(cell)}, edit.exercise

        return self._judge([one(edit) for edit in edits])

    @cached_property
    def _checks(self) -> dict[str, list[Callable[..., None]]]:
        return Checks(self.assignment.file("checks.py").parent).exercises

    def _caught_by_checks(self, mistake: Any) -> bool:
        student = edited(self.assignment, self.assignment.exercise(mistake.exercise), mistake)
        with supervised():
            results = run_tests(self._checks.get(mistake.exercise, ()), student)
        return any(result.outcome != "passed" for result in results)


def run_notebook(path: Path, folder: Path) -> dict[str, float]:
    """Execute a notebook as if it were in a folder, write it back, and return its ``NUMBERS``.

    It runs in a copy of the folder: what its experiments write does not belong to the assignment.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    notebook = nbformat.read(path, as_version=4)
    probe = nbformat.v4.new_code_cell(PROBE)
    notebook.cells.append(probe)
    with tempfile.TemporaryDirectory() as scratch:
        place = shutil.copytree(folder, Path(scratch) / folder.name)
        where = {"metadata": {"path": str(place)}}
        try:
            NotebookClient(notebook, timeout=LONGEST_CELL, resources=where).execute()
        except CellExecutionError as error:
            raise RuntimeError(f"{path.name} stops: {error.ename}: {error.evalue}") from None
        except CellTimeoutError:
            raise RuntimeError(f"{path.name} has a cell that takes {LONGEST_CELL} s.") from None
        finally:
            notebook.cells.remove(probe)
            nbformat.write(notebook, path)
    reached: dict[str, float] = json.loads(probe.outputs[-1]["text"])
    return reached


def validate(
    names: Iterable[str], root: Path, workers: int, notebook: bool = True
) -> Iterator[tuple[str, Finding]]:
    """Prove assignments sound; yield (assignment, finding) as they come."""
    names = list(names)
    with Pool(root, names, workers, LIMITS, weak=True) as pool:  # it is the author's own code
        for name in names:
            for finding in Validation(load(name, root), root, pool).run(notebook):
                yield name, finding
