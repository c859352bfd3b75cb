"""Grading a class: judge what has no verdict yet, record everything, report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from autograder import assignment as assignments
from autograder.assignment import Assignment
from autograder.attempt import Attempt, Store
from autograder.course import Course, Submission
from autograder.engine import Pool
from autograder.judge import unreadable
from autograder.rebuild import Malformed, Rebuilt, as_blank, rebuild
from autograder.student import Limits
from autograder.verdict import Verdict


@dataclass(frozen=True)
class Graded:
    """A submission, its verdict, and the notebook that is recorded for it."""

    submission: Submission
    attempt: Attempt
    verdict: Verdict
    rebuilt: Rebuilt


def judge(
    course: Course,
    names: Iterable[str],
    students: Iterable[str] | None = None,
    *,
    workers: int = 1,
    on_start: Callable[[int, int], None] = lambda total, missing: None,
    on_verdict: Callable[[Submission, Verdict], None] = lambda submission, verdict: None,
) -> list[Graded]:
    """Give every submission its verdict: from the store if it is there, else from the judge.

    Each verdict is stored the moment it comes, so an interrupted run goes on where it stopped.
    """
    names = list(names)
    sources = {name: assignments.load(name, course.root) for name in names}
    limits = Limits(**course.limits)
    store = Store(course.attempts)
    plan = list(_plan(course, sources, students, asdict(limits)))
    verdicts = {}
    for submission, attempt in plan:
        verdict = _absent(submission, sources) or store.get(attempt.key)
        if verdict is not None:
            verdicts[attempt.key] = verdict
    missing = {a.key: a for _, a in plan if a.key not in verdicts}
    on_start(len(plan), len(missing))
    if missing:
        owners = {attempt.key: submission for submission, attempt in plan}
        with Pool(course.root, names, workers, limits) as pool:
            for attempt, verdict in pool.judge(missing.values()):
                if verdict.status != "internal_error":
                    store.put(attempt.key, verdict)
                verdicts[attempt.key] = verdict
                on_verdict(owners[attempt.key], verdict)
    return [
        Graded(
            submission,
            attempt,
            verdicts[attempt.key],
            _rebuilt(attempt.data, sources[attempt.assignment]),
        )
        for submission, attempt in plan
    ]


def _plan(
    course: Course,
    sources: dict[str, Assignment],
    students: Iterable[str] | None,
    conditions: dict[str, Any],
) -> Iterator[tuple[Submission, Attempt]]:
    for name, source in sources.items():
        for submission in course.submissions(name, students):
            data = submission.read() or b""
            yield (
                submission,
                Attempt.of(source.folder, data, seed=course.seed, conditions=conditions),
            )


def _absent(submission: Submission, sources: dict[str, Assignment]) -> Verdict | None:
    """Give the verdict on a submission in which no notebook can be found."""
    if submission.path is not None:
        return None
    return unreadable(sources[submission.assignment], "missing", str(submission.note))


def _rebuilt(data: bytes, source: Assignment) -> Rebuilt:
    """Rebuild what was judged; what could not be read is recorded as a blank notebook."""
    try:
        return rebuild(data, source)
    except Malformed as problem:
        return as_blank(source, str(problem))
