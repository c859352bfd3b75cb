"""What grading costs beside the student's code and the tests; stock nbgrader beside it.

    python benchmarks/grading.py [--submissions 60] [--stock 60] [--assignment NAME]

Everything is measured in one run, with one thread a program: where programs share the cores,
threads wait for one another more than they compute. Both graders get the same solved notebooks,
without experiments, and the same hidden tests; nbgrader's stand in its notebook's own cells. A
grader's time is the CPU of its process and of all that it started, as the operating system counts
it (`wait4`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from autograder.assignment import build, source
from autograder.assignment.source import Assignment
from autograder.checking import hints
from autograder.checking.marks import mark_of
from autograder.checking.running import run_test
from autograder.checking.student import Namespace
from autograder.course import install
from autograder.course.folder import Course
from autograder.sandbox import ONE_THREAD

ROOT = Path(__file__).resolve().parent.parent


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Run a command; give its CPU seconds, children included, and its wall seconds."""
    began = time.perf_counter()
    log = folder / "log.txt"
    with open(log, "w") as file:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # nbgrader calls alembic
        environment = {**os.environ, "PATH": path}
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=file, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{log.read_text()[-3000:]}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - began


def floor(assignment: Assignment, repeats: int = 15) -> float:
    """Measure what the student's code and the tests take by themselves, in this process."""
    tests = [t for t in vars(assignment.module("hidden_tests")).values() if mark_of(t)]
    everything = frozenset[str]().union(*(cell.allows for cell in assignment.exercises))
    reference = Namespace(assignment.namespace())

    def once() -> float:
        began = time.process_time()
        student = Namespace(assignment.namespace(everything))
        for test in tests:
            fixtures = {"student": student, "reference": reference, "rng": hints.generator(test, 0)}
            assert run_test(test, fixtures).outcome == "passed", test.__name__
        return time.process_time() - began

    once()
    return statistics.median(once() for _ in range(repeats))


def submit(folder: Path, name: str, notebook: str, count: int) -> None:
    """Hand in a notebook many times, each time a little different: equal bytes are judged once."""
    for number in range(count):
        home = folder / "submitted" / f"student_{number:03}" / name
        home.mkdir(parents=True)
        own = json.loads(notebook)
        own["cells"].append(
            {"cell_type": "markdown", "id": "own", "metadata": {}, "source": f"By {number}."}
        )
        (home / f"{name}.ipynb").write_text(json.dumps(own))


def ours(assignment: Assignment, count: int, feedback: bool, scratch: Path) -> tuple[float, float]:
    """Grade a class of solved notebooks with `autograder grade`."""
    folder = scratch / f"ours-{feedback}"
    course = Course.create(folder, ROOT, seed=1)
    install.fill(course, [assignment.name])
    submit(folder, assignment.name, build.solved(assignment), count)
    command = [sys.executable, "-m", "autograder", "grade", "--course", str(folder)]
    return timed(
        [*command, "--workers", "2", "--feedback" if feedback else "--no-feedback"], scratch
    )


HARNESS = """
from autograder.checking import hints
from autograder.checking.marks import mark_of
from autograder.checking.running import run_test
from autograder.checking.student import Namespace

def grade_exercise(name):
    space = Namespace(globals())
    for test in list(globals().values()):
        if mark_of(test) and mark_of(test).name == name:
            result = run_test(test, {"student": space, "reference": space,
                                     "rng": hints.generator(test, 0)})
            assert result.outcome == "passed", result.diagnosis
"""


def stock_notebook(assignment: Assignment) -> dict[str, Any]:
    """Put the hidden tests into the notebook's cells, as nbgrader wants them."""
    tests = (assignment.folder / "hidden_tests.py").read_text()
    notebook = json.loads(build.solved(assignment))
    kept = []
    for cell in notebook["cells"]:
        if cell["id"].startswith("experiment-"):
            continue
        if cell["metadata"].get("nbgrader", {}).get("grade") and cell["cell_type"] == "code":
            cell["source"] = f'grade_exercise("{cell["id"]}")'
        kept.append(cell)
    harness: dict[str, Any] = {
        "cell_type": "code",
        "id": "harness",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        "source": tests + HARNESS,
    }
    at = max(i for i, cell in enumerate(kept) if cell["id"].endswith("_code"))
    first = next(i for i, cell in enumerate(kept) if cell["id"].endswith("_code"))
    assert at >= first
    return {**notebook, "cells": [*kept[:first], harness, *kept[first:]]}


def stock(assignment: Assignment, count: int, scratch: Path) -> tuple[float, float]:
    """Grade the same class with stock `nbgrader autograde`."""
    folder = scratch / "stock"
    source = folder / "source" / assignment.name
    source.mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\nc.Exchange.enabled = False\nc.CourseDirectory.course_id = 'stock'\n"
        "c.ExecutePreprocessor.timeout = 600\nc.ClearSolutions.enforce_metadata = False\n"
    )
    notebook = json.dumps(stock_notebook(assignment))
    (source / f"{assignment.name}.ipynb").write_text(notebook)
    nbgrader = [sys.executable, "-m", "nbgrader"]
    timed([*nbgrader, "generate_assignment", assignment.name, "--force"], folder)
    submit(folder, assignment.name, notebook, count)
    cost = timed([*nbgrader, "autograde", assignment.name], folder)
    lost = (folder / "log.txt").read_text().count("ERROR")
    if lost:
        sys.exit(f"nbgrader reported errors:\n{(folder / 'log.txt').read_text()[-3000:]}")
    return cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=60)
    parser.add_argument("--stock", type=int, default=60, help="submissions for stock nbgrader")
    parser.add_argument("--assignment", default=source.names(ROOT)[0])
    options = parser.parse_args()
    if not ONE_THREAD.items() <= os.environ.items():  # NumPy reads them when it is imported
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    assignment = source.load(options.assignment, ROOT)
    scratch = Path(tempfile.mkdtemp(prefix="grading-"))
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        bare = floor(assignment)
        n = options.submissions
        cpu, wall = ours(assignment, n, False, scratch)
        with_feedback, _ = ours(assignment, n, True, scratch)
        print(f"student's code and tests by themselves   {bare:8.3f} s CPU a submission")
        print(f"autograder grade, {n} submissions, 2 workers")
        print(f"  whole                                  {cpu / n:8.3f} s CPU a submission")
        print(f"  beyond student's code and tests        {cpu / n - bare:8.3f}")
        print(f"  feedback pages, in addition            {(with_feedback - cpu) / n:8.3f}")
        print(f"  wall                                   {wall / n:8.3f} s a submission")
        if options.stock:
            m = options.stock
            stock_cpu, stock_wall = stock(assignment, m, scratch)
            beyond = stock_cpu / m - bare
            print(f"nbgrader autograde, {m} submissions")
            print(
                f"  whole                                  {stock_cpu / m:8.3f} s CPU a submission"
            )
            print(f"  beyond student's code and tests        {beyond:8.3f}")
            print(f"  wall                                   {stock_wall / m:8.3f} s a submission")
            print(f"ratio of what is beyond (ours / stock)   {(cpu / n - bare) / beyond:8.3f}")
            print(f"ratio of wall (ours / stock)             {(wall / n) / (stock_wall / m):8.3f}")
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
