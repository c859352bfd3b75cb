"""The verdict on one submission: hidden tests here, the student's code in processes of its own."""

from __future__ import annotations

import ast
import re
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

from autograder.assignment import lessons, scopes
from autograder.assignment.source import Assignment
from autograder.checking import hints, magics
from autograder.checking.magics import UNREADABLE
from autograder.checking.marks import Mark, mark_of
from autograder.checking.running import Result, run_test
from autograder.checking.student import Namespace, Student
from autograder.judging import rebuild
from autograder.judging.hidden_tests import HiddenTests, generator
from autograder.judging.rebuild import Malformed, Rebuilt
from autograder.judging.verdict import ExerciseVerdict, TestVerdict, Verdict
from autograder.sandbox import Limits, StudentDied, StudentProcess, WarmParent
from autograder.sandbox.discretion import Discretion

Allows = frozenset[str]
Test = Callable[..., None]
#: CPU seconds that one test may take here, in the judge, with what it was given.
TEST_CPU = 30.0


class Judge:
    """Judges submissions of one assignment.

    Parameters
    ----------
    assignment : Assignment
        With its hidden tests and its named mistakes.
    parents : mapping
        A warm parent for each set of allowed imports that the assignment has.
    seed : int
        The course seed: the tests' random inputs come from it and from each test's name.
    slot : int
        Which of the machine's confined users the student processes run as.
    """

    def __init__(
        self,
        assignment: Assignment,
        parents: Mapping[Allows, WarmParent],
        *,
        seed: int = 0,
        slot: int = 0,
    ) -> None:
        self.assignment = assignment
        self.parents = parents
        self.seed = seed
        self.slot = slot
        self._lessons: dict[str, list[hints.Lesson]] = {}
        self._references: dict[Allows, Namespace] = {}

    @cached_property
    def hidden_tests(self) -> HiddenTests:
        """The hidden tests."""
        found = HiddenTests(self.assignment.module("hidden_tests"))
        for exercise in found.exercises:
            self.assignment.expect(exercise, "hidden_tests.py")
        return found

    def reference(self, allows: Allows = frozenset()) -> Namespace:
        """The reference solution, with as much of it as some allowed imports give."""
        if allows not in self._references:
            self._references[allows] = Namespace(self.assignment.namespace(allows))
        return self._references[allows]

    def submission(self, data: bytes, only: Iterable[str] | None = None) -> Verdict:
        """Judge a submitted file."""
        try:
            return self.verdict(rebuild.rebuild(data, self.assignment), only)
        except Malformed as problem:
            return unreadable(self.assignment, "malformed", str(problem))

    def verdict(self, rebuilt: Rebuilt, only: Iterable[str] | None = None) -> Verdict:
        """Judge a rebuilt submission, on all exercises or only on some."""
        with Examination(self, rebuilt) as examination:
            tests_cpu = examination.run(only)
        tests: dict[str, list[TestVerdict]] = defaultdict(list)
        earned = self._hints(examination)
        for result in examination.results:
            diagnosis = self._diagnosis(result, examination, earned.get(result.name))
            tests[result.exercise].append(
                TestVerdict(result.name, result.sentence, result.outcome, diagnosis, result.weight)
            )
        return Verdict(
            "graded",
            tuple(
                ExerciseVerdict.of(str(cell.name), cell.points, tests[str(cell.name)])
                for cell in self.assignment.exercises
                if only is None or cell.name in tests
            ),
            written=tuple(str(cell.name) for cell in self.assignment.written),
            notes=(*rebuilt.notes, *examination.notes()),
            cpu={"student": examination.student_cpu, "tests": tests_cpu},
        )

    def fixtures(self, test: Test, student: Student | None) -> dict[str, Any]:
        """Make the fixtures of a hidden test; a student who is not there yet is put in later."""
        rng = generator(test, self.seed)
        return {"student": student, "reference": self.reference(), "rng": rng}

    def _diagnosis(self, result: Result, examination: Examination, hint: str | None) -> str | None:
        """Say the most certain thing that is known of a failed test.

        What builds on something broken may show that fault and none of its own.
        """
        said = result.diagnosis
        if result.outcome in ("failed", "forbidden"):
            broken = examination.broken_below(result)
            said = examination.cell_error(result.exercise) or (hint if not broken else None) or said
            if broken:
                which, verb = " and ".join(broken), "fail" if len(broken) > 1 else "fails"
                start = f"It builds on {which}, which {verb} tests of its own: start there."
                said = f"{start} {said or ''}"
        said = (said or "") + examination.lost(said or "")
        return said.strip() or None

    def _hints(self, examination: Examination) -> dict[str, str]:
        """Find the named mistakes that give just what a submission gave, by failed test."""
        failed: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
        for result in examination.results:
            if result.name in examination.digests:
                failed[result.exercise][result.name] = examination.digests[result.name]
        passed = {result.name for result in examination.results if result.outcome == "passed"}
        found: dict[str, str] = {}
        for exercise, digests in failed.items():
            found |= hints.earned(self._lessons_of(exercise), digests, passed)
        return found

    def _lessons_of(self, exercise: str) -> list[hints.Lesson]:
        """Give what the named mistakes of an exercise give in its tests."""
        if exercise not in self._lessons:
            tests = self.hidden_tests.of(exercise)
            self._lessons[exercise] = lessons.learn(self.assignment, exercise, tests, self.fixtures)
        return self._lessons[exercise]


class OutOfTime(BaseException):
    """The judge itself has worked too long on a test, which cannot catch this."""


@contextmanager
def _alarm(cpu_seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` inside the block once this process has worked in it for so long."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal comes here
        return
    ringing = True

    def ring(*_: object) -> None:
        if ringing:
            raise OutOfTime

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds, 1.0)  # again, if a finaliser swallows it
    try:
        yield
    finally:
        ringing = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


class Examination:
    """One submission under test: its processes, what its cells said, what its tests found."""

    def __init__(self, judge: Judge, rebuilt: Rebuilt) -> None:
        self.judge = judge
        self.rebuilt = rebuilt
        self.results: list[Result] = []
        self.digests: dict[str, tuple[str, ...]] = {}  # of what failed tests were given
        self.student_cpu = 0.0
        self._began = time.monotonic()
        self._discretion = Discretion(judge.assignment.stubs)
        self._processes: dict[Allows, StudentProcess] = {}
        self._errors: dict[Allows, dict[str, str]] = defaultdict(dict)
        self._deadly: dict[Allows, dict[str, str]] = defaultdict(dict)
        self._dead: dict[str, StudentDied] = {}
        self._hopeless: set[tuple[Allows, str]] = set()  # cells that even so kill
        self._doubted: set[tuple[Allows, str]] = set()  # cells whose first death is not believed

    def __enter__(self) -> Examination:
        return self

    def __exit__(self, *_: object) -> None:
        for allows in list(self._processes):
            self._close(allows)

    def run(self, only: Iterable[str] | None) -> float:
        """Run the hidden tests, all or those of some exercises; give the CPU seconds they took."""
        return self.judge.hidden_tests.run(
            lambda test: self.judge.fixtures(test, None), self._judge, only
        )

    # Tests

    def _judge(self, test: Test, arguments: dict[str, Any]) -> None:
        """Run one test; what kills the student's process ends the exercise, and only that."""
        mark = mark_of(test)
        assert mark is not None
        if mark.name not in self._dead:
            try:
                with _alarm(TEST_CPU):
                    self._note(self._patiently(test, mark, arguments))
                return
            except StudentDied as died:
                # without the traceback, whose frames hold what the student sent
                self._dead[mark.name] = StudentDied(died.status, str(died))
            except OutOfTime:
                sentence = f"To test what it gives takes more than {TEST_CPU:g} s of CPU time."
                self._dead[mark.name] = StudentDied("timed_out", sentence)
        death = self._dead[mark.name]
        self.results.append(Result.of(test, death.status, str(death)))

    def _note(self, result: Result) -> None:
        """Keep a result without what the student sent: the processes of one may send gigabytes."""
        if result.outcome in ("failed", "forbidden"):
            self.digests[result.name] = hints.fingerprint(result.log)
        self.results.append(replace(result, log=[]))

    def _patiently(self, test: Test, mark: Mark, arguments: dict[str, Any]) -> Result:
        """Run a test; that it takes too much time or memory is believed when it happens twice.

        The system may have been busy, or may have killed the process for another's memory.
        """
        try:
            return self._once(test, mark, arguments)
        except StudentDied as death:
            if not death.doubtful:
                raise
        fresh = self.judge.fixtures(test, None)
        return self._once(
            test, mark, {name: fresh.get(name, arguments[name]) for name in arguments}
        )

    def _once(self, test: Test, mark: Mark, arguments: dict[str, Any]) -> Result:
        allows = self.judge.assignment.exercise(mark.name).allows
        process = self.open(allows)
        student: Student = process.namespace
        self._see_that_time_is_left()
        try:
            with process.limit(mark.cpu_seconds):
                return run_test(
                    test,
                    {
                        **arguments,
                        "student": student,
                        "reference": self.judge.reference(),
                    },
                    lambda: self.judge.fixtures(test, self.judge.reference(allows)),
                )
        except (StudentDied, OutOfTime):
            self._close(allows)
            raise

    # Processes

    def open(self, allows: Allows) -> StudentProcess:
        """Give the process for a set of allowed imports, its cells executed.

        A cell that kills its process is left out but for what it defines, and the process is
        forked again; if that kills it as well, the cell is left out altogether.
        """
        deadly = self._deadly[allows]
        while allows not in self._processes:
            self._see_that_time_is_left()
            self._errors[allows] = dict(deadly)
            process = self.judge.parents[allows].attempt(slot=self.judge.slot)
            process.discretion = self._discretion
            process.watch = self._see_that_time_is_left
            self._processes[allows] = process
            for cell_id, source in self.rebuilt.runnable(allows):
                if (allows, cell_id) in self._hopeless:
                    continue
                some = definitions_of(source) if cell_id in deadly else source
                if not self._execute(allows, cell_id, some):
                    break
        return self._processes[allows]

    @cached_property
    def _limits(self) -> Limits:
        return next(iter(self.judge.parents.values())).limits

    def _see_that_time_is_left(self) -> None:
        """Hold the whole submission, all its processes together, to the time it may take."""
        limit, patience = self._limits.attempt_cpu, self._limits.patience
        used = self.student_cpu + sum(each.cpu_seconds() for each in self._processes.values())
        if used > limit:
            sentence = f"The whole submission used up its {limit:g} s of CPU time."
            raise StudentDied("timed_out", sentence)
        if time.monotonic() - self._began > patience:
            sentence = f"The whole submission was not through after {patience:g} s."
            raise StudentDied("timed_out", sentence)

    def _execute(self, allows: Allows, cell_id: str, source: str) -> bool:
        """Execute one cell; say whether the process outlived it."""
        try:
            (outcome,) = self._processes[allows].execute([(cell_id, source)])
        except StudentDied as death:
            self._close(allows)
            doubtful = death.doubtful and death.status != "timed_out"
            if doubtful and (allows, cell_id) not in self._doubted:
                self._doubted.add((allows, cell_id))
            else:
                if cell_id in self._deadly[allows]:
                    self._hopeless.add((allows, cell_id))
                self._deadly[allows][cell_id] = str(death)
            return False
        if outcome.error:
            self._errors[allows][cell_id] = outcome.error
        return True

    def _close(self, allows: Allows) -> None:
        process = self._processes.pop(allows)
        self.student_cpu += process.cpu_seconds()
        process.kill()

    # What the cells said

    def cell_error(self, exercise: str) -> str | None:
        """Say why an exercise's cell did not run, if it did not."""
        cell = self.judge.assignment.exercise(exercise)
        error = self._errors[cell.allows].get(cell.id)
        if not error:
            return None
        return f"The cell of {exercise} did not run: {error}{self._of_another_python(error)}"

    def _of_another_python(self, error: str) -> str:
        """Say that a syntax error may be a newer Python's syntax, if the notebook is of one."""
        theirs = tuple(int(part) for part in self.rebuilt.python.split(".")[:2] if part.isdigit())
        if not error.startswith("SyntaxError") or theirs <= sys.version_info[:2]:
            return ""
        ours = ".".join(map(str, sys.version_info[:2]))
        return (
            f" The notebook was run with Python {self.rebuilt.python}, and the grader has {ours}: "
            "write it so that the older one understands it too."
        )

    def lost(self, said: str) -> str:
        """Say which cell was to define a name that is missing, if one that stopped was."""
        missing = re.search(r"NameError: name '(\w+)' is not defined", said)
        errors = {cell: error for known in self._errors.values() for cell, error in known.items()}
        for piece in self.rebuilt.pieces if missing and errors else ():
            if piece.id in errors and missing and missing[1] in stored(piece.source):
                which = f"the cell of {piece.cell.name}" if piece.cell else "a cell of yours"
                return (
                    f" {missing[1]} is set in {which} ({piece.id}) that stopped: {errors[piece.id]}"
                )
        return ""

    def broken_below(self, result: Result) -> list[str]:
        """Name the exercises that a failed test goes through and that fail tests of their own.

        They are those that the student's code reaches and those that the test asks for as well; of
        several on top of each other, only the lowest.
        """
        failing = {each.exercise for each in self.results if each.outcome != "passed"}
        through = [result.exercise, *self.judge.assignment.foundation(result.asked)]
        below = {
            name for each in through for name in (each, *self.foundations.get(each, ()))
        } & failing - {result.exercise}
        lowest = {n for n in below if not below.intersection(self.foundations.get(n, ()))}
        order = (str(cell.name) for cell in self.judge.assignment.exercises)
        return [name for name in order if name in (lowest or below)]

    @cached_property
    def foundations(self) -> dict[str, list[str]]:
        """The exercises that each exercise's code reaches, as the student has written it."""
        return scopes.foundations(
            (
                piece.cell.name if piece.cell and piece.kind == "solution" else None,
                magics.strip(piece.source),
            )
            for piece in self.rebuilt.pieces
            if piece.kind in ("provided", "solution", "extra")
        )

    def notes(self) -> list[str]:
        """List the student's own cells that did not run, each with its error."""
        own = [piece.id for piece in self.rebuilt.pieces if piece.cell is None]
        errors = self._errors[frozenset()]
        return [
            f"A cell of yours ({cell}) stopped: {errors[cell]}" for cell in own if cell in errors
        ]


def stored(source: str) -> set[str]:
    """Name the variables that a source sets."""
    try:
        nodes = list(ast.walk(ast.parse(magics.strip(source))))
    except UNREADABLE:
        return set()
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def definitions_of(source: str) -> str:
    """Keep what a cell defines and imports, and no training below it; lines keep their numbers."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    try:
        body = ast.parse(source).body
    except UNREADABLE:
        return ""
    lines = source.splitlines(keepends=True)
    for node in body:
        constant = isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if not isinstance(node, kinds) and not constant:
            span = slice(node.lineno - 1, node.end_lineno)
            lines[span] = ["\n"] * len(lines[span])
    return "".join(lines)


def unreadable(assignment: Assignment, status: str, sentence: str) -> Verdict:
    """Give the verdict on a file in which there is nothing to test."""
    test = TestVerdict("submission", "The submission can be read.", "failed", sentence)
    return Verdict(
        status,
        tuple(
            ExerciseVerdict.of(str(cell.name), cell.points, [test]) for cell in assignment.exercises
        ),
        written=tuple(str(cell.name) for cell in assignment.written),
        notes=(sentence,),
    )
