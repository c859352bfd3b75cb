"""Grading a class: judge what has no verdict yet, record everything, report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from autograder import assignment as assignments
from autograder.assignment import Assignment
from autograder.attempt import Attempt, Store, surroundings
from autograder.course import Course, Submission
from autograder.engine import Pool
from autograder.judge import unreadable
from autograder.rebuild import Malformed, Rebuilt, as_blank, rebuild
from autograder.student import Limits, survey
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
    on_verdict: Callable[[int], None] = lambda submissions: None,
) -> list[Graded]:
    """Give every submission its verdict: from the store if it is there, else from the judge.

    Each verdict is stored the moment it comes, so an interrupted run goes on where it stopped.
    ``on_start`` is told how many submissions there are and how many wait for the judge;
    ``on_verdict``, how many of them a verdict settles.
    """
    names = list(names)
    sources = {name: assignments.load(name, course.root) for name in names}
    limits = Limits(**course.limits)
    store = Store(course.attempts)
    plan = list(_plan(course, sources, students, limits))
    verdicts = [_known(submission, sources, store.get(a.key)) for submission, a in plan]
    missing = {
        attempt.key: attempt
        for (_, attempt), verdict in zip(plan, verdicts, strict=True)
        if verdict is None
    }
    on_start(len(plan), sum(verdict is None for verdict in verdicts))
    judged: dict[str, Verdict] = {}
    if missing:
        with Pool(course.root, names, workers, limits) as pool:
            for attempt, verdict in pool.judge(missing.values()):
                if verdict.status != "internal_error":
                    store.put(attempt.key, verdict)
                judged[attempt.key] = verdict
                on_verdict(sum(other.key == attempt.key for _, other in plan))
    return [
        Graded(
            submission,
            attempt,
            verdict or judged[attempt.key],
            _rebuilt(attempt.data, sources[attempt.assignment]),
        )
        for (submission, attempt), verdict in zip(plan, verdicts, strict=True)
    ]


def _plan(
    course: Course,
    sources: dict[str, Assignment],
    students: Iterable[str] | None,
    limits: Limits,
) -> Iterator[tuple[Submission, Attempt]]:
    conditions = {"limits": asdict(limits), "isolation": survey().in_force}
    for name, source in sources.items():
        around = surroundings(source.folder, conditions)
        for submission in course.submissions(name, students):
            data = submission.read() or b""
            attempt = Attempt.of(name, data, seed=course.seed, surroundings=around)
            yield submission, attempt


def _known(
    submission: Submission, sources: dict[str, Assignment], stored: Verdict | None
) -> Verdict | None:
    """Give the verdict that needs no judging: a stored one, or that there is no notebook."""
    source = sources[submission.assignment]
    if submission.path is None:
        return unreadable(source, "missing", str(submission.note))
    if submission.read() is None:
        return unreadable(source, "malformed", submission.why_not())
    return stored


def _rebuilt(data: bytes, source: Assignment) -> Rebuilt:
    """Rebuild what was judged; what could not be read is recorded as a blank notebook."""
    try:
        return rebuild(data, source)
    except Malformed as problem:
        return as_blank(source, str(problem))
