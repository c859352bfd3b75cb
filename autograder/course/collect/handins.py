"""What students handed in, every time: ``collected/`` keeps it all, ``submitted/`` the last.

Each hand-in is a folder, ``collected/<assignment>/<student>/<time>/``, with its notebooks (or
``problem.txt``, if there are none) and ``handin.json``. It is written whole or not at all, and
never changed; only when it came may be learned later.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.submissions import MARKED, MARKS, PROBLEM, choose
from autograder.files import write_atomically

ABOUT = "handin.json"
TIMES = ("timestamp.txt", MARKED)
UNMATCHED = "unmatched"


@dataclass(frozen=True)
class HandIn:
    """One hand-in. ``came`` puts a student's in order; lateness is counted from ``stamp``.

    ``stamp`` is None where nobody knows when something was handed in; ``late`` is then what the
    platform says of it, by its own due date. ``surely`` is for a time that a person gave.
    """

    came: datetime
    stamp: datetime | None
    files: Mapping[str, bytes]
    problem: str = ""
    source: str = ""
    late: bool | None = None
    surely: bool = False

    @property
    def digest(self) -> str:
        """A digest of what was handed in, whenever that was."""
        counts = self.files.values() if self.files else [_said(self.problem)]
        return _digest({hashlib.sha256(data).hexdigest() for data in counts})


@dataclass(frozen=True)
class Kept:
    """A hand-in that is kept in ``collected/``."""

    name: str
    came: datetime
    digest: str
    problem: str
    folder: Path


class HandIns:
    """The hand-ins of one student for one assignment; ``aside``, of somebody not known."""

    def __init__(
        self, course: Course, assignment: str, student: str, *, aside: bool = False
    ) -> None:
        self.course, self.assignment, self.student, self.aside = course, assignment, student, aside
        root = course.collected / UNMATCHED if aside else course.collected
        self.folder = root / assignment / student
        self.submitted = course.submitted / student / assignment

    def kept(self) -> list[Kept]:
        """List what is kept, the last one handed in last."""
        found = []
        for entry in os.scandir(self.folder) if self.folder.is_dir() else ():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                about = json.loads((self.folder / entry.name / ABOUT).read_bytes())
                came = datetime.fromisoformat(about["came"])
                problem, digest = str(about["problem"]), str(about["digest"])
                found.append(Kept(entry.name, came, digest, problem, Path(entry.path)))
        return sorted(found, key=lambda kept: (kept.came, kept.name))

    def add(self, handin: HandIn) -> str:
        """Keep a hand-in; it goes to ``submitted/`` if none came later.

        Returns
        -------
        str
            "new", "older" (than what is in ``submitted/``), "known" (it was kept before) or
            "timed" (it was, and it is known only now when it came).
        """
        self.adopt()
        kept = self.kept()
        known = [each for each in kept if each.digest == handin.digest]
        if known and (known[-1] is kept[-1] or handin.came <= kept[-1].came):
            timed = self._learn(known[-1].folder, handin)
            if not self.submitted.exists():
                self._submit(kept[-1].folder)
            return "timed" if timed else "known"
        last = not kept or handin.came >= kept[-1].came
        with self._scratch() as scratch:
            self._write(scratch, handin)
            if last:
                self._submit(scratch)
            self._keep(scratch, handin.came)
        return "new" if last else "older"

    def _learn(self, folder: Path, handin: HandIn) -> bool:
        """Write down when a hand-in came that was kept before; give whether that is news."""
        told = _times(handin)
        known = {name: path.read_text() for name in TIMES if (path := folder / name).is_file()}
        if self.aside or told == known or not (handin.surely or (told and not known)):
            return False
        stands = [self.submitted] if _content(self.submitted) == _content(folder) else []
        for place in (folder, *stands):
            for name in TIMES:
                if name in told:
                    write_atomically(place / name, told[name].encode())
                else:
                    (place / name).unlink(missing_ok=True)
        return True

    def forget(self, those_of: HandIns) -> None:
        """Take away what is kept aside and in its student's place as well, and mere problems."""
        there = {each.digest for each in those_of.kept()}
        for each in self.kept():
            if each.problem or each.digest in there:
                shutil.rmtree(each.folder)
        for folder in (self.folder, self.folder.parent, self.folder.parent.parent):
            with contextlib.suppress(OSError):  # something is in it, or it is not there
                folder.rmdir()

    def use(self, name: str) -> None:
        """Put a hand-in that is kept into ``submitted/``, whichever came last.

        Raises
        ------
        CourseError
            If there is none of that name.
        """
        self.adopt()
        kept = {each.name: each for each in self.kept()}
        if name not in kept:
            there = ", ".join(kept) or "none"
            raise CourseError(
                f"{self.student} has no hand-in {name} of {self.assignment}; there are: {there}."
            )
        self._submit(kept[name].folder)

    def adopt(self) -> None:
        """Keep what stands in ``submitted/`` if it was put there in another way."""
        if self.aside or self.submitted.is_symlink() or not self.submitted.is_dir():
            return
        stands = _content(self.submitted)
        if not stands or any(stands <= _content(each.folder) for each in self.kept()):
            return
        (found,) = self.course.submissions(self.assignment, [self.student])
        came = found.timestamp or _mtime(self.submitted)
        with self._scratch() as scratch:
            shutil.copytree(
                self.submitted, scratch, symlinks=True, ignore=shutil.ignore_patterns(ABOUT)
            )
            _describe(scratch, came, "submitted/", found.problem, _digest(stands))
            self._keep(scratch, came)

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        self.course.collected.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.course.collected, prefix=".handin-") as scratch:
            yield Path(scratch) / "handin"

    def _write(self, folder: Path, handin: HandIn) -> None:
        folder.mkdir()
        for name, data in handin.files.items():
            (folder / name).write_bytes(data)
        if not handin.files:
            (folder / PROBLEM).write_bytes(_said(handin.problem))
        for name, text in _times(handin).items():
            (folder / name).write_text(text)
        _describe(folder, handin.came, handin.source, handin.problem, handin.digest)

    def _keep(self, scratch: Path, came: datetime) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{came.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"
        number = 1
        while (place := self.folder / (name if number == 1 else f"{name}-{number}")).exists():
            number += 1
        os.rename(scratch, place)

    def _submit(self, handin: Path) -> None:
        """Put a hand-in in the place of what is submitted."""
        if self.aside:
            return
        with tempfile.TemporaryDirectory(dir=self.course.collected, prefix=".submit-") as scratch:
            new, old = Path(scratch) / "new", Path(scratch) / "old"
            shutil.copytree(handin, new, ignore=shutil.ignore_patterns(ABOUT))
            chosen, _ = choose(new, self.assignment)
            if chosen is not None:
                os.rename(chosen, new / f"{self.assignment}.ipynb")
                for other in new.glob("*.ipynb"):
                    if other.stem != self.assignment:
                        other.unlink()
            came = datetime.fromisoformat(json.loads((handin / ABOUT).read_bytes())["came"])
            os.utime(new, (came.timestamp(), came.timestamp()))  # `adopt` knows it again by that
            self.submitted.parent.mkdir(parents=True, exist_ok=True)
            if self.submitted.is_symlink() or self.submitted.exists():
                os.rename(self.submitted, old)
            os.rename(new, self.submitted)


def _times(handin: HandIn) -> dict[str, str]:
    """Write when a hand-in came, as nbgrader does; or that it was late, where that is all."""
    if handin.stamp:
        return {"timestamp.txt": f"{handin.stamp.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC\n"}
    words = {value: word for word, value in MARKS.items()}
    return {MARKED: f"{words[handin.late]}\n"} if handin.late is not None else {}


def _describe(folder: Path, came: datetime, source: str, problem: str, digest: str) -> None:
    about = {"came": came.isoformat(), "source": source, "problem": problem, "digest": digest}
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _said(problem: str) -> bytes:
    return f"{problem}\n".encode()


def _digest(contents: set[str]) -> str:
    """Digest a hand-in, so that it is known again from what of it stands in ``submitted/``."""
    return hashlib.sha256(" ".join(sorted(contents)).encode()).hexdigest()


def _content(folder: Path) -> set[str]:
    """Digest what counts in a hand-in: its notebooks, or what is said in their place."""
    paths = [path for path in folder.rglob("*.ipynb") if path.is_file() and not path.is_symlink()]
    if not paths and (folder / PROBLEM).is_file():
        paths = [folder / PROBLEM]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _mtime(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
