"""Archives that others made, unpacked: only their notebooks, and only to where they belong.

What is a notebook is told by what it holds. Names are cleaned before they name anything; links,
devices and paths that lead elsewhere are refused. What is wrong with an entry is a sentence about
that entry, and the others are unpacked.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from autograder.course.collect.entries import (
    BROKEN,
    MIB,
    ArchiveError,
    Caps,
    Entry,
    copy,
    damaged,
    entries,
)
from autograder.course.collect.names import ARCHIVES, as_notebook, clean, is_archive, stem, tidy
from autograder.course.submissions import BLANK, LARGEST_NOTEBOOK, holds_notebook

FOREIGN = (".rar", ".7z", ".gz", ".bz2", ".xz", ".tar.bz2", ".tar.xz", ".zst")
LONGEST_PATH = 1000
DEEPEST_PATH = 20
#: What platforms write of the hand-ins, beside them: Gradescope's list, Blackboard's receipts.
ABOUT = re.compile(r"submission_metadata\.yml|.+_attempt_\d{4}(-\d\d){5}\.txt", re.IGNORECASE)
LARGEST_ABOUT = 32 * MIB
LONGEST_HEAD = 512
TOO_DEEP = "is an archive in an archive in an archive"
#: One student's own archive.
STUDENT = Caps(total=2 * LARGEST_NOTEBOOK)


@dataclass(frozen=True)
class Found:
    """One file of an archive: a cleaned name, and where it was unpacked, or why it was not.

    ``path`` is None for what is no notebook; ``when`` is the time that the archive gives. ``entry``
    is the outermost archive's own name for it, or for the archive in which it was ``inside``; None
    if that leads out. ``about`` is what a platform wrote of the hand-ins.
    """

    name: str
    path: Path | None = None
    when: datetime | None = None
    problem: str = ""
    entry: str | None = None
    inside: str = ""
    about: bytes = b""


def unpack(source: Path, folder: Path, zone: tzinfo = UTC, caps: Caps | None = None) -> list[Found]:
    """Unpack the notebooks of an archive, or take over those of a folder.

    An archive that stands in an archive or a folder is unpacked too, one level deep, into a folder
    of its name.

    Parameters
    ----------
    source : Path
        An archive, a folder, or one notebook.
    folder : Path
        Where the notebooks go; made if all of ``source`` has been read, and not before.
    zone : tzinfo
        The time zone of a zip's entries that do not say theirs.
    caps : Caps, optional
        The limits of the outermost archive.

    Raises
    ------
    ArchiveError
        If nothing can be read, or more than ``caps`` allow.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as scratch:
        room = Path(scratch) / "files"
        room.mkdir()
        unpacking = _Unpacking(room, zone, caps or Caps(), set())
        unpacking.take(source)
        os.rename(room, folder)
    return [
        replace(each, path=folder / each.path.relative_to(room)) if each.path else each
        for each in unpacking.found
    ]


class _Unpacking:
    """An archive on its way to disk."""

    def __init__(
        self, room: Path, zone: tzinfo, caps: Caps, taken: set[str], above: str = ""
    ) -> None:
        self.room, self.zone, self.caps, self.above = room, zone, caps, above
        self.found: list[Found] = []
        self._left = caps.total
        self._taken = taken  # names without their case: some file systems don't tell them apart

    def take(self, source: Path) -> None:
        """Take over an archive, a folder or a notebook."""
        try:
            with contextlib.closing(entries(source, self.zone, self.caps)) as found:
                for entry in found:
                    self._entry(entry)
        except BROKEN as error:
            raise ArchiveError(f"it {damaged(error)}") from error
        except OSError as error:
            raise ArchiveError(f"it cannot be read or unpacked ({error.strerror})") from error

    def _entry(self, entry: Entry) -> None:
        """Unpack one entry, or say why not."""
        name, problem = entry.name.replace("\\", "/"), entry.problem
        leads_up = ".." in name.split("/")
        told = [tidy(part) for part in name.split("/") if part not in ("", ".", "..")]
        parts = [clean(part) for part in told]
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if (hidden or not parts) and not leads_up:
            return
        self._called: str | None = "/".join(told)[:LONGEST_PATH]
        parts = parts or ["_"]
        if leads_up or name.startswith("/") or re.match(r"[A-Za-z]:", name):
            problem, self._called = "has a path that leads out of the archive", None
        elif len(name) > LONGEST_PATH or len(parts) > DEEPEST_PATH:
            problem, parts = "has too long a path", parts[:2]
        why_not = problem or self._why_not(entry, "/".join(parts))
        if why_not is None:
            self._write(entry, parts)
        else:
            self._say("/".join(parts), entry.when, why_not)

    def _why_not(self, entry: Entry, name: str) -> str | None:
        """Say why an entry is left out, with nothing to what nobody misses; None if it is not."""
        lower = name.lower()
        if lower.endswith(FOREIGN) and not is_archive(name):
            return "cannot be opened here; ask for a zip"
        wrong = self._wrong(entry, name)
        return wrong if not wrong or _is_named(name) else ""

    def _wrong(self, entry: Entry, name: str) -> str | None:
        if (self.above + name).casefold() in self._taken:
            return "stands in the archive twice; the first was taken"
        if entry.size > self.caps.file:
            allowed = f"{self.caps.file / MIB:.0f} allowed"
            return f"has {entry.size / MIB:.0f} MiB, more than the {allowed}"
        if entry.size > self.caps.slack and entry.size > self.caps.ratio * entry.packed:
            return "unpacks to far more than its size, as a zip bomb does"
        return None

    def _say(self, name: str, when: datetime | None, problem: str, about: bytes = b"") -> None:
        inside = name if self.above else ""
        said = Found(self.above + name, None, when, problem, self._called, inside, about)
        self.found.append(said)

    def _write(self, entry: Entry, parts: list[str]) -> None:
        assert entry.file is not None  # there is one where there is no problem
        name, most = "/".join(parts), min(self.caps.file, self._left)
        with tempfile.NamedTemporaryFile(suffix=_suffix(parts[-1])) as written:
            try:
                head = entry.file.read(LONGEST_HEAD)
                kind = _kind(parts[-1], head, outermost=not self.above)
                if not kind or (kind == "archive" and self.above):
                    self._say(name, entry.when, TOO_DEEP if kind else "")
                    return
                written.write(head)
                size = len(head) + copy(entry.file, written, most - len(head))
                problem = "has more bytes than are allowed" if size > most else ""
            except (*BROKEN, ArchiveError) as error:
                kind, size, problem = "", 0, damaged(error)
            self._left -= min(size, most)
            written.flush()
            if problem:
                self._say(name, entry.when, problem if _is_named(name) else "")
                return
            try:
                self._place(Path(written.name), parts, entry.when, kind)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                self._say(name, entry.when, "has the name of something else that stands beside it")

    def _place(self, written: Path, parts: list[str], when: datetime | None, kind: str) -> None:
        """Put what was unpacked where it belongs."""
        if kind == "archive":
            self._nested(written, parts, when)
            return
        data = written.read_bytes()
        if kind == "about" or not (_is_named(parts[-1]) or holds_notebook(data)):
            about = data[:LARGEST_ABOUT] if kind == "about" else b""
            self._say("/".join(parts), when, "", about)
            return
        name = "/".join([*parts[:-1], as_notebook(parts[-1])])
        while (self.above + name).casefold() in self._taken:
            name += ".ipynb"  # of two that are one but for their endings
        self._taken.add((self.above + name).casefold())
        place = self.room / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        inside = name if self.above else ""
        self.found.append(Found(self.above + name, place, when, "", self._called, inside))

    def _nested(self, archive: Path, parts: list[str], when: datetime | None) -> None:
        """Unpack an archive of an archive; its files came when it came."""
        name = "/".join([*parts[:-1], stem(parts[-1])])
        self._taken.add((self.above + "/".join(parts)).casefold())
        room = self.room / name
        room.mkdir(parents=True, exist_ok=True)
        inner = _Unpacking(room, self.zone, STUDENT, self._taken, f"{self.above}{name}/")
        try:
            inner.take(archive)
        except ArchiveError as error:
            self._say("/".join(parts), when, str(error).removeprefix("it "))
        self.found += [replace(each, when=when, entry=self._called) for each in inner.found]


def _is_named(name: str) -> bool:
    """Whether a name says that the file is a notebook, or an archive that may hold one."""
    return name.lower().endswith((".ipynb", *ARCHIVES))


def _suffix(name: str) -> str:
    return name[len(stem(name)) :] if is_archive(name) else ""


def _kind(name: str, head: bytes, outermost: bool) -> str:
    """Tell by its first bytes, and by its name only where they do not say, what a file may be."""
    if outermost and ABOUT.fullmatch(name):
        return "about"
    if head.lstrip(BLANK)[:1] == b"{":
        return "notebook"
    if is_archive(name) or (name.lower().endswith(".ipynb") and head.startswith(b"PK\3\4")):
        return "archive"
    return "notebook" if name.lower().endswith(".ipynb") else ""
