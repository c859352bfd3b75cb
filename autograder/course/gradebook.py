"""nbgrader's gradebook, read and written in bulk: one short transaction for each submission.

Beside nbgrader's own tables stands ``chainrule_recording``, with what each submission was last
recorded from.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alembic.script import ScriptDirectory
from nbgrader import api
from nbgrader.dbutil import ALEMBIC_DIR

from autograder.course import roster
from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.marks import (
    NO_RESPONSE,
    UNREADABLE,
    CellMark,
    Entry,
    Master,
    Recorded,
    clamp,
)
from autograder.course.tables import CELLS, COMMENT, COMMENTED, MARK, SCHEMA, SUBMISSION, SUBMITTED
from autograder.judging.verdict import Verdict

#: Seconds for which other programs may hold the gradebook.
LONGEST_WAIT = 60
#: What sqlite says of a file, and not of a statement.
OF_THE_FILE = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY),
    *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL),
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB),
}


def create_gradebook(path: Path) -> None:
    """Make an empty gradebook where there is none: a whole one, or after a crash none at all."""
    if path.is_file() and not path.stat().st_size:
        path.unlink()  # as sqlite leaves one that was opened and never written
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".gradebook") as scratch:
        new = Path(scratch) / path.name
        api.get_alembic_version = _schema_version
        api.Gradebook(f"sqlite:///{new}").close()
        with contextlib.suppress(FileExistsError):
            os.link(new, path)


def _schema_version() -> str:
    """Give the version of nbgrader's tables, as nbgrader's own ``alembic heads`` does.

    That program is not found where an environment is used but not activated, and takes four
    seconds.
    """
    return str(ScriptDirectory(ALEMBIC_DIR).get_current_head())


class Gradebook:
    """The gradebook of a course, open."""

    def __init__(self, course: Course) -> None:
        self.course = course
        create_gradebook(course.gradebook)
        try:
            self._db = sqlite3.connect(course.gradebook, isolation_level=None, timeout=LONGEST_WAIT)
            self._db.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        self._masters: dict[str, Master] = {}

    def _unusable(self, error: sqlite3.Error) -> CourseError:
        return CourseError(
            f"The gradebook {self.course.gradebook} cannot be used ({error}); "
            "check that it may be written, or put a backup in its place."
        )

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._db.close()
        code = getattr(error, "sqlite_errorcode", None)
        if isinstance(error, sqlite3.Error) and code and code & 0xFF in OF_THE_FILE:
            raise self._unusable(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def assignments(self) -> list[str]:
        """List the assignments that the gradebook has."""
        return [name for (name,) in self._db.execute("SELECT name FROM assignment ORDER BY name")]

    def students(self) -> list[str]:
        """List the students that the gradebook has."""
        return [student for (student,) in self._db.execute("SELECT id FROM student ORDER BY id")]

    def names(self) -> dict[str, str]:
        """Give the full names of the students whose names are known."""
        rows = self._db.execute("SELECT id, first_name, last_name FROM student")
        named = {student: " ".join(filter(None, parts)) for student, *parts in rows}
        return {student: name for student, name in named.items() if name}

    def _enrol(self) -> None:
        """Take over the roster: who is in the course, and what they are called."""
        found = roster.read(self.course)
        people = found.people.values() if found else ()
        known = self._db.execute("SELECT id, first_name, last_name, email FROM student").fetchall()
        rows = {(each.id, each.first_name, each.last_name, each.email) for each in people}
        self._db.executemany(
            "INSERT INTO student (id, first_name, last_name, email) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET first_name = excluded.first_name, "
            "last_name = excluded.last_name, email = excluded.email",
            sorted(rows - set(known)),
        )

    def master(self, assignment: str) -> Master:
        """Find an assignment's rows."""
        if assignment not in self._masters:
            self._masters[assignment] = self._read_master(assignment)
        return self._masters[assignment]

    def _read_master(self, assignment: str) -> Master:
        row = self._db.execute(
            "SELECT a.id, n.id FROM assignment a JOIN notebook n ON n.assignment_id = a.id "
            "WHERE a.name = ? AND n.name = ?",
            (assignment, assignment),
        ).fetchone()
        if row is None:
            raise CourseError(
                f"The gradebook has no assignment {assignment!r}; "
                f"add it with `autograder build {assignment} --course {self.course.folder}`."
            )
        graded = self._db.execute(
            "SELECT b.name, b.id, g.max_score, g.cell_type FROM base_cell b "
            "JOIN grade_cells g ON g.id = b.id WHERE b.notebook_id = ?",
            row[1:],
        ).fetchall()
        solved = self._db.execute(
            "SELECT b.name, b.id FROM base_cell b JOIN solution_cells s ON s.id = b.id "
            "WHERE b.notebook_id = ?",
            row[1:],
        )
        return Master(
            assignment=row[0],
            notebook=row[1],
            points={name: points for name, _, points, _ in graded},
            written=frozenset(name for name, _, _, kind in graded if kind == "markdown"),
            grade_cells={name: cell for name, cell, _, _ in graded},
            solution_cells=dict(solved.fetchall()),
        )

    def key(self, assignment: str, student: str) -> str | None:
        """Give the key of what was last recorded for a student."""
        row = self._db.execute(
            "SELECT r.key FROM chainrule_recording r "
            "JOIN submitted_notebook n ON n.id = r.notebook_id "
            "JOIN submitted_assignment s ON s.id = n.assignment_id "
            "WHERE n.notebook_id = ? AND s.student_id = ?",
            (self.master(assignment).notebook, student),
        ).fetchone()
        return row[0] if row else None

    def save(self, assignment: str, entry: Entry) -> None:
        """Write everything about one submission, in one transaction."""
        master = self.master(assignment)
        unknown = {exercise.name for exercise in entry.verdict.exercises} - set(master.points)
        if unknown:
            raise CourseError(
                f"The gradebook's {assignment} has no exercise {sorted(unknown)[0]!r}: the "
                f"assignment changed. Run `autograder build {assignment} --course "
                f"{self.course.folder}`."
            )
        with self._transaction():
            submission, notebook = self._submission(master, entry)
            old = self._db.execute(
                "SELECT answers, verdict FROM chainrule_recording WHERE notebook_id = ?",
                (notebook,),
            ).fetchone()
            answers, verdict = json.loads(old[0]) if old else {}, json.loads(old[1]) if old else {}
            was_unreadable = verdict.get("status") in UNREADABLE
            self._save_grades(master, notebook, entry, answers, was_unreadable)
            self._save_comments(master, notebook, entry)
            self._save_lateness(notebook, entry)
            self._db.execute(
                "INSERT INTO chainrule_recording (notebook_id, late, answers, verdict, key) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (notebook_id) DO UPDATE SET "
                "late = excluded.late, answers = excluded.answers, verdict = excluded.verdict, "
                "key = excluded.key",
                (
                    notebook,
                    self._share(assignment, submission),
                    json.dumps(dict(entry.answers), sort_keys=True),
                    entry.text,
                    entry.key,
                ),
            )

    def _submission(self, master: Master, entry: Entry) -> tuple[str, str]:
        """Find or make the rows that nbgrader's own add_submission makes."""
        db = self._db
        db.execute("INSERT OR IGNORE INTO student (id) VALUES (?)", (entry.student,))
        row = db.execute(
            "SELECT id FROM submitted_assignment WHERE assignment_id = ? AND student_id = ?",
            (master.assignment, entry.student),
        ).fetchone()
        submission = row[0] if row else uuid.uuid4().hex
        if row is None:
            db.execute(
                "INSERT INTO submitted_assignment (id, assignment_id, student_id) VALUES (?, ?, ?)",
                (submission, master.assignment, entry.student),
            )
        db.execute(
            "UPDATE submitted_assignment SET timestamp = ? WHERE id = ?",
            (_stamp(entry.timestamp), submission),
        )
        row = db.execute(
            "SELECT id FROM submitted_notebook WHERE assignment_id = ? AND notebook_id = ?",
            (submission, master.notebook),
        ).fetchone()
        notebook = row[0] if row else uuid.uuid4().hex
        if row is None:
            db.execute(
                "INSERT INTO submitted_notebook (id, assignment_id, notebook_id, flagged) "
                "VALUES (?, ?, ?, 0)",
                (notebook, submission, master.notebook),
            )
        db.executemany(
            "INSERT OR IGNORE INTO grade (id, notebook_id, cell_id, needs_manual_grade) "
            "VALUES (?, ?, ?, 1)",
            [(uuid.uuid4().hex, notebook, cell) for cell in master.grade_cells.values()],
        )
        db.executemany(
            "INSERT OR IGNORE INTO comment (id, notebook_id, cell_id) VALUES (?, ?, ?)",
            [(uuid.uuid4().hex, notebook, cell) for cell in master.solution_cells.values()],
        )
        return submission, notebook

    def _save_grades(
        self,
        master: Master,
        notebook: str,
        entry: Entry,
        answers: Mapping[str, str],
        was_unreadable: bool,
    ) -> None:
        """Write automatic scores; a person's mark stays, and is asked for again if it is stale."""
        unreadable = entry.verdict.status in UNREADABLE
        scores = {exercise.name: exercise.score for exercise in entry.verdict.exercises}
        rows = self._db.execute(
            "SELECT cell_id, auto_score, manual_score FROM grade WHERE notebook_id = ?", (notebook,)
        )
        old = {cell: (auto, manual) for cell, auto, manual in rows}
        changes = []
        for name, cell in master.grade_cells.items():
            auto, manual = old[cell]
            if name in master.written:
                new = 0.0 if unreadable or name in entry.blank else None
                changed = answers.get(name) != entry.answers.get(name, "")
            else:
                new = clamp(scores.get(name, 0.0), master.points[name])
                changed = auto != new
            if changed or unreadable != was_unreadable:
                wants_a_person = new is None or manual is not None or unreadable
                changes.append((new, wants_a_person, notebook, cell))
        self._db.executemany(
            "UPDATE grade SET auto_score = ?, needs_manual_grade = ? "
            "WHERE notebook_id = ? AND cell_id = ?",
            changes,
        )

    def _save_comments(self, master: Master, notebook: str, entry: Entry) -> None:
        self._db.executemany(
            "UPDATE comment SET auto_comment = ? WHERE notebook_id = ? AND cell_id = ?",
            [
                (NO_RESPONSE if name in entry.blank else None, notebook, cell)
                for name, cell in master.solution_cells.items()
            ],
        )

    def _save_lateness(self, notebook: str, entry: Entry) -> None:
        """Keep what a platform says of lateness where it does not say when."""
        self._db.execute("DELETE FROM chainrule_lateness WHERE notebook_id = ?", (notebook,))
        if entry.timestamp is None and entry.marked_late is not None:
            row = notebook, entry.marked_late
            self._db.execute("INSERT INTO chainrule_lateness VALUES (?, ?)", row)

    def _share(self, assignment: str, submission: str) -> float:
        """Give the share of the points that a submission's lateness costs.

        Who is late by a platform's word alone is so by its due date: that costs the least that
        there is, and nothing of whom the course gives longer.
        """
        stamp, extension, due, student, marked = self._db.execute(
            "SELECT s.timestamp, s.extension, a.duedate, s.student_id, "
            "(SELECT MAX(l.late) FROM chainrule_lateness l JOIN submitted_notebook n "
            "ON n.id = l.notebook_id WHERE n.assignment_id = s.id) FROM submitted_assignment s "
            "JOIN assignment a ON a.id = s.assignment_id WHERE s.id = ?",
            (submission,),
        ).fetchone()
        if due is None:
            return 0.0
        settings, policy = self.course.settings, self.course.settings.of(assignment).late
        ends = _time(due) + _interval(extension)
        ends = max(ends, settings.due(assignment, student) or ends)
        if stamp is not None:
            return policy.share((_time(stamp) - ends).total_seconds())
        extended = ends > (settings.due(assignment) or _time(due))
        return policy.least if marked and not extended else 0.0

    def settle(self) -> None:
        """Bring names, due dates and lateness up to date with the roster and course.toml."""
        with self._transaction():
            self._enrol()
            for assignment in self.assignments():
                if due := self.course.settings.due(assignment):
                    self._db.execute(
                        "UPDATE assignment SET duedate = ? WHERE name = ?",
                        (_stamp(due), assignment),
                    )
            rows = self._db.execute(
                f"SELECT a.name, s.id, r.notebook_id, r.late {SUBMITTED}",
                {"assignment": "*", "student": "*"},
            ).fetchall()
            for assignment, submission, notebook, late in rows:
                if (share := self._share(assignment, submission)) != late:
                    self._db.execute(
                        "UPDATE chainrule_recording SET late = ? WHERE notebook_id = ?",
                        (share, notebook),
                    )

    def recorded(self, assignment: str = "*", student: str = "*") -> list[Recorded]:
        """Read recorded submissions with their marks, by assignment and student."""
        which = {"assignment": assignment, "student": student}
        marks: dict[str, list[CellMark]] = {}
        for notebook, *values in self._db.execute(f"SELECT {MARK} {CELLS}", which):
            marks.setdefault(notebook, []).append(CellMark(*values))
        comments: dict[str, dict[str, str]] = {}
        for notebook, name, comment in self._db.execute(f"SELECT {COMMENT} {COMMENTED}", which):
            comments.setdefault(notebook, {})[name] = comment
        rows = self._db.execute(
            f"SELECT {SUBMISSION} {SUBMITTED} ORDER BY a.name, s.student_id", which
        )
        return [
            Recorded(
                student,
                assignment,
                _time(stamp) if stamp else None,
                late,
                penalty,
                Verdict.from_json(verdict),
                tuple(marks.get(notebook, ())),
                comments.get(notebook, {}),
                None if marked is None else bool(marked),
            )
            for notebook, student, assignment, stamp, late, penalty, verdict, marked in rows
        ]


def _stamp(time: datetime | None) -> str | None:
    """Write a time as SQLAlchemy does: UTC, without saying so."""
    if time is None:
        return None
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _time(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).replace(tzinfo=UTC)


def _interval(stamp: str | None) -> timedelta:
    """Read an interval, which SQLAlchemy keeps in SQLite as a time after 1970."""
    if stamp is None:
        return timedelta(0)
    return _time(stamp) - datetime(1970, 1, 1, tzinfo=UTC)
