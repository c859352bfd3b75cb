"""A live course: its folder, what its settings say, and what students handed in."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from autograder.assignment.source import find_root
from autograder.errors import UserError

FOLDERS = ("submitted", "autograded", "feedback", "attempts", "report", "source", "release")
LONGEST_ID = 128  # what the gradebook's column holds
ISOLATIONS = ("process", "container")
LARGEST_NOTEBOOK = 100_000_000
#: Says, in place of a notebook, why there is none in what a student handed in.
PROBLEM = "problem.txt"
SPANS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}

SETTINGS = """\
# The settings of this course. A line that starts with # is not in force.

# Random test inputs come from this number: keep it, and a regrade sees the same ones.
seed = {seed}

# Where the assignments' reference/ is.
repository = {repository}

# [assignments.NAME]
# due = 2030-10-01T23:59:00+02:00
# late = {{ per_day = 0.1, at_most = 0.5, grace_minutes = 10 }}   # share of the points; or "zero"
# [assignments.NAME.extensions]
# ada = 2030-10-05T23:59:00+02:00                                # or "3 days"

# [exchange]                # nbgrader's, for a class on a JupyterHub
# course_id = "nn2030"
# root = "/srv/nbgrader/exchange"

# [limits]
# attempt_cpu = 120
"""

NBGRADER_CONFIG = """\
# nbgrader reads this file in every command that is run in this folder. It makes them all, and
# formgrader's Autograde button, grade through this course's judge.
try:
    from autograder.recording.autograde import configure
except Exception as error:  # nbgrader would go on, and run students' code as its own
    raise SystemExit(f"This course is graded by Chainrule, which cannot be used here: {error}")

configure(get_config(), __file__)  # noqa: F821
"""


class CourseError(UserError):
    """A course cannot be used as it stands; the message says why and what to do."""


class Incomplete(CourseError):
    """Something could not be done for some submissions; it was for all the others."""


@dataclass(frozen=True)
class LatePolicy:
    """What lateness costs, as a share of the points won: so much a started day, up to a limit."""

    per_day: float = 0.0
    at_most: float = 1.0
    grace_minutes: float = 0.0

    @classmethod
    def of(cls, setting: Any, where: str) -> LatePolicy:
        """Read ``late`` of course.toml: "none", "zero" or a table."""
        if setting in (None, "none"):
            return cls()
        if setting == "zero":
            return cls(per_day=1.0)
        try:
            policy = cls(**{key: float(value) for key, value in setting.items()})
        except (AttributeError, TypeError, ValueError):
            policy = None
        if policy is None or not (policy.per_day >= 0 and 0 <= policy.at_most <= 1):
            raise CourseError(
                f'{where}: late must be "none", "zero" or {{ per_day, at_most, grace_minutes }} '
                "with shares between 0 and 1."
            )
        return policy

    def share(self, seconds_late: float) -> float:
        """Give the share of the points that so many seconds cost."""
        seconds = seconds_late - 60 * self.grace_minutes
        if seconds <= 0:
            return 0.0
        return min(self.at_most, self.per_day * -(-seconds // 86_400))


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one assignment; ``path`` is None if there is no notebook."""

    student: str
    assignment: str
    path: Path | None
    timestamp: datetime | None = None
    note: str | None = None
    problem: str = ""

    def read(self) -> bytes | None:
        """Read the notebook's bytes, through no link and from no device; else see `why_not`."""
        found = self._look()
        return found if isinstance(found, bytes) else None

    def why_not(self) -> str:
        """Say in one sentence why `read` gives None; nothing if it does not."""
        found = self._look()
        return found if isinstance(found, str) else ""

    def _look(self) -> bytes | str:
        if self.path is None:
            return self.note or "No notebook was handed in."
        if self.problem:
            return self.problem
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    return f"{self.path.name} is not a plain file; hand in the notebook itself."
                if status.st_size > LARGEST_NOTEBOOK:
                    return (
                        f"{self.path.name} has {status.st_size / 2**20:.0f} MiB, too many to be "
                        "read; clear its outputs and hand it in again."
                    )
                return file.read(LARGEST_NOTEBOOK)
        except OSError as error:
            if error.errno == errno.ELOOP:
                return f"{self.path.name} is a link, and was not followed."
            return f"{self.path.name} cannot be read ({error.strerror}); see that it can be."


class Course:
    """A course folder with its paths, settings and submissions."""

    def __init__(self, folder: Path | str, root: Path | str | None = None) -> None:
        self.folder = Path(folder).resolve()
        self._root = Path(root).resolve() if root else None
        for name in FOLDERS:
            setattr(self, name, self.folder / name)
        self.gradebook = self.folder / "gradebook.db"
        self.config = self.folder / "nbgrader_config.py"
        self.collected = self.folder / "collected"

    submitted: Path
    autograded: Path
    feedback: Path
    attempts: Path
    report: Path
    source: Path
    release: Path

    @classmethod
    def create(
        cls, folder: Path | str, root: Path | str | None = None, *, seed: int | None = None
    ) -> Course:
        """Make a course, or add to an existing one what it lacks; nothing is ever overwritten."""
        course = cls(folder, root)
        try:
            for name in FOLDERS:
                (course.folder / name).mkdir(parents=True, exist_ok=True)
            seed = secrets.randbelow(2**32) if seed is None else seed
            repository = json.dumps(os.path.relpath(course.root, course.folder))
            settings = SETTINGS.format(seed=seed, repository=repository)
            _write_new(course.folder / "course.toml", settings)
            _write_new(course.config, NBGRADER_CONFIG)
        except OSError as error:
            raise CourseError(
                f"The course folder {course.folder} cannot be written ({error.strerror}); "
                "choose another with --course."
            ) from error
        return cls.open(folder, root)

    @classmethod
    def open(cls, folder: Path | str, root: Path | str | None = None) -> Course:
        """Open an existing course."""
        course = cls(folder, root)
        if not (course.folder / "course.toml").is_file():
            raise CourseError(
                f"{course.folder} is not a course (it has no course.toml); "
                "make one with `autograder build --course`."
            )
        course.limits  # noqa: B018 - a broken course.toml is said now, not half-way
        return course

    @cached_property
    def root(self) -> Path:
        """The repository that holds ``reference/``."""
        if self._root or not (self.folder / "course.toml").is_file():
            return self._root or find_root(self.folder)
        return find_root(self.folder / str(self.settings.get("repository", ".")))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What course.toml says."""
        path = self.folder / "course.toml"
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CourseError(f"{path} is not valid TOML ({error}); mend that line.") from error

    @property
    def db_url(self) -> str:
        """The gradebook as nbgrader names it."""
        return f"sqlite:///{self.gradebook}"

    @property
    def seed(self) -> int:
        """The number from which random test inputs come."""
        seed = self.settings.get("seed")
        if not isinstance(seed, int) or seed < 0:
            raise CourseError(f"{self.folder / 'course.toml'} needs a line like `seed = 20301`.")
        return seed

    @property
    def isolation(self) -> str:
        """Where submissions run: ``process`` or ``container``."""
        where = self.settings.get("isolation", "process")
        if where not in ISOLATIONS:
            raise CourseError(
                f"course.toml: isolation is {where!r}; make it {' or '.join(ISOLATIONS)}."
            )
        return where

    @property
    def limits(self) -> dict[str, Any]:
        """Limits that differ from the kit's own."""
        limits = self._table("limits")
        if limits:
            from autograder.sandbox import Limits

            known = {field.name: type(field.default) for field in fields(Limits)}
            for name, value in limits.items():
                if name not in known:
                    raise CourseError(
                        f"course.toml: there is no limit {name!r}; there are {', '.join(known)}."
                    )
                allowed = (int,) if known[name] is int else (int, float)
                if type(value) not in allowed or not 0 < value < float("inf"):
                    kind = "whole number" if known[name] is int else "number"
                    raise CourseError(
                        f"course.toml: the limit {name} is {value!r}; make it a {kind} above 0."
                    )
        return limits

    def due(self, assignment: str, student: str | None = None) -> datetime | None:
        """When an assignment is due, in UTC, if course.toml says so; for one, with an extension."""
        due = self._of(assignment).get("due")
        if due is None:
            return None
        if not isinstance(due, datetime):
            raise CourseError(
                f"course.toml: due of {assignment} must be a time like 2030-10-01T23:59:00+02:00."
            )
        due = _utc(due)
        more = (
            self._table("assignments", assignment, "extensions").get(student) if student else None
        )
        return due if more is None else max(due, _extended(due, more, f"{assignment}, {student}"))

    def late_policy(self, assignment: str) -> LatePolicy:
        """What lateness costs in an assignment."""
        return LatePolicy.of(self._of(assignment).get("late"), f"course.toml, {assignment}")

    @property
    def time_zone(self) -> ZoneInfo:
        """The zone of times that do not say theirs, as those in zips do not; by default UTC."""
        name = self.settings.get("time_zone", "UTC")
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
            raise CourseError(
                f'course.toml: time_zone is {name!r}; make it one like "Europe/Berlin".'
            ) from error

    @property
    def exchange(self) -> dict[str, str]:
        """How nbgrader's exchange knows the course: ``course_id`` and ``root``, where it is set."""
        found = self._table("exchange")
        for name, value in found.items():
            if name not in ("course_id", "root") or not isinstance(value, str):
                raise CourseError(
                    f"course.toml: exchange.{name} is {value!r}; [exchange] has course_id and "
                    "root, both in quotes."
                )
        return found

    def _of(self, assignment: str) -> dict[str, Any]:
        return self._table("assignments", assignment)

    def _table(self, *names: str) -> dict[str, Any]:
        """Read a table of course.toml, empty where there is none."""
        table: Any = self.settings
        for depth, name in enumerate(names):
            table = table.get(name, {})
            if not isinstance(table, dict):
                where = ".".join(names[: depth + 1])
                raise CourseError(
                    f"course.toml: {where} is {table!r}; make it a table, [{where}], with a line "
                    "for each setting."
                )
        return dict(table)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the course, so that no two processes record into it at once."""
        with open(self.folder / ".lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CourseError(
                    f"Another process is recording into {self.folder}; wait until it has ended."
                ) from None
            yield

    def students(self) -> list[str]:
        """List the students who have a folder in submitted/."""
        if not self.submitted.is_dir():
            return []
        found = sorted(
            entry.name
            for entry in os.scandir(self.submitted)
            if not entry.name.startswith(".") and (entry.is_dir() or entry.is_symlink())
        )
        for name in found:
            if not is_id(name):
                raise CourseError(
                    f"submitted/ has a folder {name!r}, which cannot be a student's id; rename it."
                )
        return found

    def submissions(
        self, assignment: str | None = None, students: Iterable[str] | None = None
    ) -> list[Submission]:
        """List what was handed in, by student and assignment."""
        known = self.students()
        wanted = list(students) if students is not None else known
        for student in wanted:
            if student not in known:
                raise CourseError(
                    f"submitted/ has no student {student!r}; "
                    f"look in {self.submitted} for the ids there are."
                )
        found = []
        for student in wanted:
            folder = self.submitted / student
            names = [assignment] if assignment else _subfolders(folder)
            found += [_submission(folder, student, name) for name in names if _lies(folder, name)]
        return found


def _write_new(path: Path, text: str) -> None:
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        pass


def is_id(name: str) -> bool:
    """Whether a name can be a student's id: a folder's, a gradebook's and the exchange's."""
    plain = name.isprintable() and 0 < len(name) <= LONGEST_ID
    return plain and name != "*" and not name.startswith(".") and not set("+/\\") & set(name)


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _extended(due: datetime, more: Any, where: str) -> datetime:
    """Read an extension: a new due date, or how much longer."""
    if isinstance(more, datetime):
        return _utc(more)
    found = re.fullmatch(r"(\d+) (minute|hour|day|week)s?", more) if isinstance(more, str) else None
    if found is None or len(found[1]) > 4:
        raise CourseError(
            f"course.toml: the extension of {where} is {more!r}; make it a time like "
            '2030-10-05T23:59:00+02:00, or "3 days".'
        )
    return due + timedelta(seconds=int(found[1]) * SPANS[found[2]])


def _lies(folder: Path, name: str) -> bool:
    return folder.is_symlink() or not _is_open(folder) or os.path.lexists(folder / name)


def _is_open(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)


def _subfolders(folder: Path) -> list[str]:
    if folder.is_symlink() or not _is_open(folder):
        return []
    entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    return sorted(entry.name for entry in entries if entry.is_dir() or entry.is_symlink())


def _submission(home: Path, student: str, assignment: str) -> Submission:
    folder = home / assignment
    note = None
    if home.is_symlink() or (_is_open(home) and (folder.is_symlink() or not folder.is_dir())):
        note = f"submitted/{student}/{assignment} is not a plain folder; it was not read."
    elif not (_is_open(home) and _is_open(folder)):
        note = f"submitted/{student}/{assignment} may not be read; change its permissions."
    if note:
        return Submission(student, assignment, None, None, note)
    path, doubt = choose(folder, assignment)
    timestamp, other = _timestamp(folder / "timestamp.txt")
    problem = "" if path else _problem(folder / PROBLEM)
    if problem:
        path = folder / PROBLEM
    return Submission(student, assignment, path, timestamp, problem or doubt or other, problem)


def _problem(path: Path) -> str:
    """Read why there is no notebook, as ``autograder collect`` wrote it."""
    if path.is_symlink() or not path.is_file():
        return ""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return " ".join(file.read(1000).decode(errors="replace").split())
    return ""


def choose(folder: Path, assignment: str) -> tuple[Path | None, str | None]:
    """Choose the notebook: the one named as the assignment, else the only one there is."""
    found = []
    for place, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(place) / name for name in sorted(files))
        found += [path for path in paths if path.suffix == ".ipynb" and not path.is_symlink()]
    named = [path for path in found if path.name == f"{assignment}.ipynb"]
    if folder / f"{assignment}.ipynb" in named:
        return folder / f"{assignment}.ipynb", None
    choice = named if len(named) == 1 else found
    if len(choice) == 1:
        return choice[0], f"The notebook was handed in as {choice[0].relative_to(folder)}."
    if not found:
        return None, "No notebook was handed in."
    return None, f"{len(found)} notebooks were handed in and none is {assignment}.ipynb."


def _timestamp(path: Path) -> tuple[datetime | None, str | None]:
    """Read when a submission came, as nbgrader and its exchange write it."""
    from nbgrader.utils import parse_utc

    try:
        if path.is_symlink() or not path.is_file():
            return None, None
        return parse_utc(path.read_text(encoding="utf-8").strip()).replace(tzinfo=UTC), None
    except (ValueError, OverflowError, AttributeError):
        return None, "timestamp.txt is not a time, so lateness is not known."
    except OSError:
        return None, "timestamp.txt cannot be read, so lateness is not known."
