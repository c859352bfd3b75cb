"""Grading a class: judge what has no verdict yet; give each submission with its verdict."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from autograder.assignment import source
from autograder.course import roster
from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.submissions import Submission
from autograder.judging.attempt import Attempt, Store, Surroundings
from autograder.judging.judge import unreadable
from autograder.judging.pool import Pool
from autograder.judging.verdict import Verdict
from autograder.sandbox import survey

CHANGED = "The submission changed while the class was being graded; run the same command again."


@dataclass(frozen=True)
class Graded:
    """A submission, its verdict, and the bytes that it was given for."""

    submission: Submission
    verdict: Verdict
    data: bytes


class Grading:
    """The submissions of a class and their verdicts, never more than one of them in memory.

    `judged` gives a `Graded` for each submission as the judge goes; iterating afterwards, as often
    as one likes, gives them again in the order of the class.

    Parameters
    ----------
    course : Course
    names : iterable of str
        The assignments.
    students : iterable of str, optional
        Only these; all by default.
    isolation : str, optional
        ``process`` or ``container``; by default what the course says.
    gpus : str
        The GPUs that submissions may use, as the container engine names them.
    weak : bool
        Judge although nothing sees to something that must hold; the verdicts' surroundings say so.
    """

    def __init__(
        self,
        course: Course,
        names: Iterable[str],
        students: Iterable[str] | None = None,
        *,
        isolation: str | None = None,
        gpus: str = "",
        weak: bool = False,
    ) -> None:
        self.course = course
        self.isolation = isolation or course.settings.isolation
        self.gpus = gpus
        self.weak = weak
        self.limits = course.settings.limits
        self.store = Store(course.attempts)
        roster.read(course)  # what is wrong with it is said before the class is judged
        self.sources = {name: source.load(name, course.root) for name in names}
        students = None if students is None else list(students)
        self.submissions = [
            submission for name in self.sources for submission in course.submissions(name, students)
        ]
        self._failed: dict[str, Verdict] = {}

    def __len__(self) -> int:
        return len(self.submissions)

    def __iter__(self) -> Generator[Graded, None, None]:
        for submission in self.submissions:
            yield self._graded(submission)

    def key(self, submission: Submission) -> str:
        """Give the key of a submission's attempt, as things stand now."""
        return self._key(submission, submission.read() or b"")

    def confinement(self) -> str:
        """Say in a few words what confines the submissions."""
        if self.isolation == "process":
            return f"local processes, confined by {survey()}"
        return f"containers of {self._device()['image']}"

    @cached_property
    def surroundings(self) -> dict[str, Surroundings]:
        """What the verdicts depend on, by assignment."""
        conditions = {"limits": asdict(self.limits), **self._device()}
        return {
            name: Surroundings.of(source, seed=self.course.settings.seed, conditions=conditions)
            for name, source in self.sources.items()
        }

    def _device(self) -> dict[str, Any]:
        if self.isolation == "process":
            isolation = survey()
            weak = list(isolation.unmet())  # it was judged because --weak said so
            known = {"isolation": isolation.in_force, "landlock": isolation.landlock}
            return known | ({"weak": weak} if weak else {})
        from autograder.judging import container

        return {"isolation": "container", "image": container.image(), "gpus": self.gpus}

    def judged(self, workers: int = 1) -> Generator[Graded, None, None]:
        """Give each submission the moment it has a verdict: from the store, or from the judge.

        The verdict is stored by then, so an interrupted run goes on where it stopped; the judge
        goes on with the others while the caller looks at this one.
        """
        waiting: dict[str, list[Submission]] = {}
        for submission in self.submissions:
            data = submission.read() or b""
            if verdict := self._verdict(submission, data):
                yield Graded(submission, verdict, data)
            else:
                waiting.setdefault(self._key(submission, data), []).append(submission)
        if not waiting:
            return
        names = list(dict.fromkeys(each[0].assignment for each in waiting.values()))
        how = self.limits, self.isolation, self.gpus
        size = min(workers, len(waiting))
        with Pool(self.course.root, names, size, *how, weak=self.weak) as pool:
            for attempt, verdict in pool.judge(self._attempts(waiting.copy())):
                self._keep(attempt, replace(verdict, attempt=attempt.key))
                for submission in waiting.pop(attempt.key):
                    yield self._graded(submission, attempt.key)
        for key, submissions in waiting.items():  # all that had these bytes have changed
            for submission in submissions:
                yield self._graded(submission, key)

    def _attempts(self, waiting: Mapping[str, list[Submission]]) -> Iterator[Attempt]:
        """Read each submission when its turn comes; one that has changed by then is left out."""
        for key, submissions in waiting.items():
            for submission in submissions:
                data = submission.read() or b""
                if self._key(submission, data) == key:
                    yield Attempt(
                        submission.assignment, data, key=key, seed=self.course.settings.seed
                    )
                    break

    def _keep(self, attempt: Attempt, verdict: Verdict) -> None:
        if verdict.status == "internal_error":
            self._failed[attempt.key] = verdict
        else:
            self.store.put(attempt, verdict, self.surroundings[attempt.assignment])

    def _graded(self, submission: Submission, key: str | None = None) -> Graded:
        """Give what is known of a submission, if it still has the key that it is to have."""
        data = submission.read() or b""
        verdict = self._verdict(submission, data)
        if verdict is None or key not in (None, self._key(submission, data)):
            verdict = Verdict("internal_error", notes=(CHANGED,))
        return Graded(submission, verdict, data)

    def _key(self, submission: Submission, data: bytes) -> str:
        return self.surroundings[submission.assignment].key(data)

    def _verdict(self, submission: Submission, data: bytes) -> Verdict | None:
        """Give the verdict that is known: a stored one, a failure, or that nothing can be read."""
        source = self.sources[submission.assignment]
        if submission.path is None:
            return unreadable(source, "missing", str(submission.note))
        if why_not := submission.why_not():
            return unreadable(source, "malformed", why_not)
        key = self._key(submission, data)
        return self._failed.get(key) or self.store.get(key)


def handed_in(course: Course) -> list[str]:
    """List the assignments of which something was handed in.

    Raises
    ------
    CourseError
        If there is none.
    """
    known = source.names(course.root)
    found = {submission.assignment for submission in course.submissions()}
    if strange := ", ".join(sorted(found - {*known})) if found.isdisjoint(known) else "":
        raise CourseError(
            f"{course.submitted} holds {strange}, and this course has no such assignment: it has "
            f"{', '.join(known) or 'none'}; rename what does not fit."
        )
    if not found:
        raise CourseError(
            f"{course.submitted} holds no submission that can be read; put notebooks there as "
            "<student>/<assignment>/<assignment>.ipynb, or try `autograder demo`."
        )
    return [name for name in known if name in found]


def judged(
    course: Course, names: Iterable[str], students: Iterable[str] | None = None, *, workers: int = 1
) -> Generator[Graded, None, None]:
    """Judge a class; see `Grading.judged`."""
    return Grading(course, names, students).judged(workers)
