"""How grading grows with the class: time, memory, and what the workers' cores do meanwhile.

    python benchmarks/scaling.py [--sizes 100 1000] [--workers 2] [--assignment NAME]

No two submissions are the same. A third of them is solved; in each of the others two exercises hold
one of the assignment's named mistakes. A class of every size is graded from nothing, the start of
all programs included, and memory is a program's largest resident set (`VmHWM`).
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.assignment import build, edits, source
from autograder.assignment.source import Assignment
from autograder.course import install
from autograder.course.folder import Course
from autograder.judging.verdict import Verdict

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 10  # in the KiB that /proc counts


@dataclass(frozen=True)
class Run:
    """What grading one class took: seconds, and MiB."""

    size: int
    wall: float
    useful: float
    coordinator: float
    worker: float


def submissions(assignment: Assignment, count: int) -> Iterator[dict[str, Any]]:
    """Make notebooks of which no two are the same."""
    solved = json.loads(build.solved(assignment))
    mistakes = edits.mistakes(assignment)
    for number in range(count):
        notebook = copy.deepcopy(solved)
        chosen = (mistakes[number % len(mistakes)], mistakes[(7 * number + 3) % len(mistakes)])
        wrong = {
            f"{mistake.exercise}_code": mistake.apply(assignment.exercise(mistake.exercise))
            for mistake in (chosen if number % 3 else ())
        }
        for cell in notebook["cells"]:
            cell["source"] = wrong.get(cell["id"], cell["source"])
        notebook["cells"].append(
            {"cell_type": "markdown", "id": "own", "metadata": {}, "source": f"By {number}."}
        )
        yield notebook


def graded(assignment: Assignment, size: int, workers: int, scratch: Path) -> Run:
    """Grade a class of some size and watch it."""
    course = Course.create(scratch / str(size), ROOT, seed=1)
    install.fill(course, [assignment.name])
    for number, notebook in enumerate(submissions(assignment, size)):
        home = course.submitted / f"student_{number:05}" / assignment.name
        home.mkdir(parents=True)
        (home / f"{assignment.name}.ipynb").write_text(json.dumps(notebook))
    command = [sys.executable, "-m", "autograder", "grade", "--course", str(course.folder)]
    with open(scratch / "log.txt", "w") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--no-feedback", "--workers", str(workers)],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        peaks: dict[int, int] = {}
        while process.poll() is None:
            watch(process.pid, peaks)
            time.sleep(0.1)
        wall = time.perf_counter() - began
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{(scratch / 'log.txt').read_text()[-3000:]}")
    files = list(course.attempts.glob("??/*.json"))
    verdicts = [Verdict.from_json(file.read_bytes()) for file in files]
    assert [verdict.status for verdict in verdicts] == size * ["graded"]
    useful = sum(sum(verdict.cpu.values()) for verdict in verdicts)
    coordinator = peaks.pop(process.pid)
    return Run(size, wall, useful, coordinator / MIB, max(peaks.values()) / MIB)


def watch(coordinator: int, peaks: dict[int, int]) -> None:
    """Note the largest resident sets so far of the coordinator and of its workers."""
    children = Path(f"/proc/{coordinator}/task/{coordinator}/children")
    try:
        pids = [coordinator, *map(int, children.read_text().split())]
    except OSError:
        return
    for pid in pids:
        try:
            program = Path(f"/proc/{pid}/cmdline").read_bytes()
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue  # it has ended
        if (pid == coordinator or b"autograder.judging.worker" in program) and "VmHWM:" in status:
            peaks[pid] = int(status.partition("VmHWM:")[2].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--assignment", default=source.names(ROOT)[0])
    options = parser.parse_args()
    assignment = source.load(options.assignment, ROOT)
    scratch = Path(tempfile.mkdtemp(prefix="scaling-"))
    runs: list[Run] = []
    try:
        for size in options.sizes:
            runs.append(run := graded(assignment, size, options.workers, scratch))
            print(f"{size} submissions of {assignment.name}, {options.workers} workers")
            print(f"  wall                                   {run.wall / size:8.3f} s a submission")
            share = run.useful / (options.workers * run.wall)
            print(f"  student and tests / (workers x wall)   {share:8.3f}")
            print(f"  peak memory of the coordinator         {run.coordinator:8.0f} MiB")
            print(f"  peak memory of a worker                {run.worker:8.0f} MiB", flush=True)
        first = runs[0]
        for run in runs[1:]:
            wall = (run.wall / run.size) / (first.wall / first.size)
            print(f"{run.size} submissions against {first.size}")
            print(f"  wall a submission                      {wall:8.3f} times")
            memory = run.coordinator / first.coordinator
            print(f"  peak memory of the coordinator         {memory:8.3f} times")
            print(
                f"  peak memory of a worker                {run.worker / first.worker:8.3f} times"
            )
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
