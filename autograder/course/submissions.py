"""What students handed in, as it lies in a course's folder."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.judging.rebuild import MAX_BYTES

LONGEST_ID = 128  # what the gradebook's column holds
LARGEST_NOTEBOOK = MAX_BYTES
BLANK = b"\xef\xbb\xbf \t\r\n"
LONGEST_TIME = 100  # bytes
#: Years that every part of the gradebook can count with.
EARLIEST, LATEST = 1970, 2999
#: Says, in place of a notebook, why there is none in what a student handed in.
PROBLEM = "problem.txt"
#: Says whether a platform calls a hand-in late, where it does not say when it came.
MARKED = "lateness.txt"
MARKS = {"late": True, "on time": False}


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one assignment; ``path`` is None if there is no notebook.

    Where nobody knows when it came, ``late`` is what a platform says of it, by its own due date.
    """

    student: str
    assignment: str
    path: Path | None
    timestamp: datetime | None = None
    note: str | None = None
    problem: str = ""
    late: bool | None = None

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


def holds_notebook(data: bytes) -> bool:
    """Whether a file holds a notebook, whatever it is called."""
    return data.lstrip(BLANK)[:1] == b"{" and b'"nbformat"' in data and b'"cells"' in data


def is_id(name: str) -> bool:
    """Whether a name can be a student's id: a folder's, a gradebook's and the exchange's."""
    plain = name.isprintable() and 0 < len(name) <= LONGEST_ID
    return plain and name != "*" and not name.startswith(".") and not set("+/\\") & set(name)


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
    note = problem or doubt or other
    late = _marked(folder / MARKED) if timestamp is None else None
    return Submission(student, assignment, path, timestamp, note, problem, late)


def _marked(path: Path) -> bool | None:
    """Read whether a platform calls a hand-in late, as ``autograder collect`` wrote it."""
    if path.is_symlink() or not path.is_file():
        return None
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return MARKS.get(file.read(100).decode(errors="replace").strip())
    return None


def _problem(path: Path) -> str:
    """Read why there is no notebook, as ``autograder collect`` wrote it."""
    if path.is_symlink() or not path.is_file():
        return ""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return " ".join(file.read(1000).decode(errors="replace").split())
    return ""


def choose(folder: Path, assignment: str) -> tuple[Path | None, str | None]:
    """Choose the notebook: the one named as the assignment, else the only one there is."""
    files = []
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(place) / name for name in sorted(names)]
    found = [path for path in files if path.suffix == ".ipynb" and not path.is_symlink()]
    found = found or [path for path in files if _holds_notebook(path)]
    named = [path for path in found if path.name == f"{assignment}.ipynb"]
    if folder / f"{assignment}.ipynb" in named:
        return folder / f"{assignment}.ipynb", None
    choice = named if len(named) == 1 else found
    if len(choice) == 1:
        return choice[0], f"The notebook was handed in as {choice[0].relative_to(folder)}."
    if not found:
        return None, "No notebook was handed in."
    return None, f"{len(found)} notebooks were handed in and none is {assignment}.ipynb."


def _holds_notebook(path: Path) -> bool:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return False
            head = file.read(512)
            is_json = head.lstrip(BLANK)[:1] == b"{"
            return is_json and holds_notebook(head + file.read(LARGEST_NOTEBOOK))
    except OSError:
        return False


def _timestamp(path: Path) -> tuple[datetime | None, str | None]:
    """Read when a submission came, as nbgrader and its exchange write it."""
    from nbgrader.utils import parse_utc

    try:
        if path.is_symlink() or not path.is_file():
            return None, None
        with path.open("rb") as file:
            data = file.read(LONGEST_TIME)
    except OSError:
        return None, "timestamp.txt cannot be read, so lateness is not known."
    with contextlib.suppress(Exception):  # it says what it stumbles over in many ways
        when = parse_utc(data.decode().strip()).replace(tzinfo=UTC)
        if EARLIEST <= when.year <= LATEST:
            return when, None
    return None, "timestamp.txt is not a time, so lateness is not known."
