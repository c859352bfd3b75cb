"""A live course: its folder, and what lies where in it."""

from __future__ import annotations

import difflib
import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from autograder.assignment.source import AssignmentError, find_root, names
from autograder.course import settings
from autograder.course.errors import CourseError
from autograder.course.settings import Settings
from autograder.course.submissions import Submission, _lies, _subfolders, _submission, is_id

FOLDERS = ("submitted", "autograded", "feedback", "attempts", "report", "source", "release")
NBGRADER_CONFIG = """\
# nbgrader reads this file in every command that is run in this folder. It makes them all, and
# formgrader's Autograde button, grade through this course's judge.
try:
    from autograder.recording.configure import configure
except Exception as error:  # nbgrader would go on, and run students' code as its own
    raise SystemExit(f"This course is graded by Chainrule, which cannot be used here: {error}")

configure(get_config(), __file__)  # noqa: F821
"""


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
            seed = secrets.randbits(128) if seed is None else seed
            repository = json.dumps(os.path.relpath(course.root, course.folder))
            text = settings.TEMPLATE.format(seed=seed, repository=repository)
            _write_new(course.folder / "course.toml", text)
            _write_new(course.config, NBGRADER_CONFIG)
        except OSError as error:
            raise CourseError(
                f"{error.filename or course.folder} cannot be written ({error.strerror}); see what "
                "is there, or choose another folder with --course."
            ) from error
        return cls.open(folder, root)

    @classmethod
    def open(cls, folder: Path | str, root: Path | str | None = None) -> Course:
        """Open an existing course."""
        course = cls(folder, root)
        if not (course.folder / "course.toml").exists():
            raise CourseError(
                f"{course.folder} is not a course (it has no course.toml); "
                "make one with `autograder build --course`."
            )
        course._check_assignments()  # what is wrong with course.toml is said now, not half-way
        return course

    def _check_assignments(self) -> None:
        known = names(self.root)
        for name in self.settings.assignments:
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."
                raise CourseError(f"course.toml: there is no assignment {name!r}: {meant}")

    @cached_property
    def root(self) -> Path:
        """The repository that holds ``reference/``."""
        if self._root or not (self.folder / "course.toml").is_file():
            return self._root or find_root(self.folder)
        try:
            return find_root(self.folder / self.settings.repository)
        except AssignmentError as error:
            raise CourseError(f"course.toml: repository: {error}") from error

    @cached_property
    def settings(self) -> Settings:
        """What course.toml says."""
        return settings.read(self.folder / "course.toml")

    @property
    def db_url(self) -> str:
        """The gradebook as nbgrader names it."""
        return f"sqlite:///{self.gradebook}"

    def check_gradebook(self, db_url: str) -> None:
        """See that nbgrader has its marks where scores are recorded: one course, one gradebook."""
        if db_url != self.db_url:
            raise CourseError(
                f"nbgrader is told of another gradebook ({db_url}) than {self.gradebook}, where "
                "scores are recorded; take CourseDirectory.db_url out of its configuration."
            )

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
