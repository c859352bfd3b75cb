"""Assignments put into a course: nbgrader's source/, release/ and gradebook."""

from __future__ import annotations

import contextlib
import filecmp
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from autograder import files
from autograder.assignment.build import generate, solved
from autograder.assignment.source import Assignment, load
from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.gradebook import LONGEST_WAIT, create_gradebook


def fill(course: Course, names: Iterable[str]) -> None:
    """Put assignments into a course: nbgrader's ``source/``, ``release/`` and gradebook."""
    with course.lock():
        for name in names:
            install(load(name, course.root), course.folder)


def install(assignment: Assignment, course: Path) -> None:
    """Put one assignment into a course's folder, if it is not there as it is now.

    The caller holds the course's lock.
    """
    source, release = (course / name / assignment.name for name in ("source", "release"))
    notebook = Path(f"{assignment.name}.ipynb")
    released = release / notebook
    gradebook = course / "gradebook.db"
    built = assignment.root / "assignments" / assignment.name
    beside = {path: built / path for path in files.counted(built) if path != notebook}
    if (
        released.is_file()
        and (source / notebook).is_file()
        and (source / notebook).read_text(encoding="utf-8") == solved(assignment)
        and all(
            _is_copy(folder / path, of)
            for path, of in beside.items()
            for folder in (source, release)
        )
        and _has(gradebook, assignment)
    ):
        return
    released.unlink(missing_ok=True)  # so that a step that is interrupted is done again
    for path, of in beside.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(of, source / path)
    source.mkdir(parents=True, exist_ok=True)
    (source / notebook).write_text(solved(assignment), encoding="utf-8")
    create_gradebook(gradebook)
    generate(course, assignment.name, f"sqlite:///{gradebook}")


def _has(gradebook: Path, assignment: Assignment) -> bool:
    """Whether a gradebook has an assignment as it is now: it may have been removed or be older."""
    if not gradebook.exists() or not gradebook.stat().st_size:
        return False
    try:
        with contextlib.closing(sqlite3.connect(gradebook, timeout=LONGEST_WAIT)) as db:
            rows = db.execute(
                "SELECT b.name, g.max_score FROM notebook n JOIN base_cell b "
                "ON b.notebook_id = n.id JOIN grade_cells g ON g.id = b.id WHERE n.name = ?",
                (assignment.name,),
            ).fetchall()
    except sqlite3.Error as error:
        raise CourseError(
            f"The gradebook {gradebook} cannot be read ({error}); close what else has it open, "
            "or put a backup in its place."
        ) from error
    graded = (*assignment.exercises, *assignment.written)
    return {cell.name: cell.points for cell in graded}.items() <= dict(rows).items()


def _is_copy(path: Path, of: Path) -> bool:
    return path.is_file() and filecmp.cmp(path, of, shallow=False)
