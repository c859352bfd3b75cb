"""The demo class judged in local processes and in a container: same verdicts, and what it costs.

    python benchmarks/isolation.py [--assignment NAME] [--rounds 3]

Both pools have one worker and judge each submission in turn, so what else the machine does hits
both. `make image` first.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from autograder.assignment import source
from autograder.course import demo
from autograder.judging.attempt import Attempt
from autograder.judging.pool import Pool
from autograder.judging.verdict import Verdict

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("process", "container")


def judged(pool: Pool, attempt: Attempt) -> tuple[Verdict, float]:
    """Judge one submission; give its verdict and the seconds that it took."""
    began = time.perf_counter()
    ((_, verdict),) = pool.judge([attempt])
    return verdict, time.perf_counter() - began


def substance(verdict: Verdict) -> list[tuple[str, str, float]]:
    """What a verdict says, without how long it took: every exercise's status and score."""
    whole = [("", verdict.status, verdict.score)]
    return whole + [(each.name, each.status, each.score) for each in verdict.exercises]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--assignment", default=source.names(ROOT)[0])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    pools: dict[str, Pool] = {}
    verdicts: dict[tuple[str, str], list[tuple[str, str, float]]] = {}
    seconds: dict[tuple[str, str], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        course = demo.create(Path(folder) / "demo", ROOT, options.assignment)
        attempts = {
            submission.student: Attempt(options.assignment, submission.read() or b"", seed=1)
            for submission in course.submissions()
        }
    first = next(iter(attempts.values()))
    for kind in KINDS:
        began = time.perf_counter()
        pools[kind] = Pool(ROOT, [options.assignment], 1, isolation=kind)
        print(f"{kind}: {pools[kind].isolation}")
        ready = time.perf_counter() - began
        _, warming = judged(pools[kind], first)  # the hidden tests are collected with the first
        print(f"{kind}: ready after {ready:.1f} s, first verdict {warming:.1f} s later")
    for student, attempt in attempts.items():
        took: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for number in range(options.rounds):
            for kind in KINDS if number % 2 else reversed(KINDS):
                verdict, duration = judged(pools[kind], attempt)
                verdicts[student, kind] = substance(verdict)
                took[kind].append(duration)
        seconds |= {(student, kind): statistics.median(took[kind]) for kind in KINDS}
    for pool in pools.values():
        pool.__exit__()

    differing = [who for who in attempts if verdicts[who, KINDS[0]] != verdicts[who, KINDS[1]]]
    more = [1000 * (seconds[who, KINDS[1]] - seconds[who, KINDS[0]]) for who in attempts]
    exercises = sum(len(verdicts[who, KINDS[0]]) - 1 for who in attempts)
    print(f"{len(attempts)} submissions, {exercises} exercises; other verdicts: {differing or 0}")
    for kind in KINDS:
        middle = 1000 * statistics.median(seconds[who, kind] for who in attempts)
        print(f"{kind}: {middle:.0f} ms a submission, in the middle")
    print(f"container: {statistics.median(more):+.0f} ms a submission, in the middle")
    if differing or statistics.median(more) > 50:
        sys.exit("The container changes verdicts or costs more than 50 ms a submission.")


if __name__ == "__main__":
    main()
