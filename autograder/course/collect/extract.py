"""Archives that others made, unpacked: only their notebooks, and only to where they belong.

Names are cleaned before they name anything; links, devices and paths that lead elsewhere are
refused. What is wrong with an entry is a sentence about that entry, and the others are unpacked.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
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
from autograder.course.collect.names import ARCHIVES, clean, is_archive, stem
from autograder.course.submissions import LARGEST_NOTEBOOK

FOREIGN = (".rar", ".7z", ".gz", ".bz2", ".xz", ".tar.bz2", ".tar.xz", ".zst")
LONGEST_PATH = 1000
DEEPEST_PATH = 20
#: One student's own archive.
STUDENT = Caps(total=2 * LARGEST_NOTEBOOK)


@dataclass(frozen=True)
class Found:
    """One file of an archive: a cleaned name, and where it was unpacked, or why it was not.

    ``path`` is None for what is no notebook; ``when`` is the time that the archive gives.
    """

    name: str
    path: Path | None = None
    when: datetime | None = None
    problem: str = ""


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
        parts = [clean(part) for part in name.split("/") if part not in ("", ".", "..")]
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if (hidden or not parts) and not leads_up:
            return
        parts = parts or ["_"]
        if leads_up or name.startswith("/") or re.match(r"[A-Za-z]:", name):
            problem = "has a path that leads out of the archive"
        elif len(name) > LONGEST_PATH or len(parts) > DEEPEST_PATH:
            problem, parts = "has too long a path", parts[:2]
        why_not = problem or self._why_not(entry, self.above + "/".join(parts))
        if why_not is None:
            self._write(entry, parts)
        else:
            self._say("/".join(parts), entry.when, why_not)

    def _why_not(self, entry: Entry, name: str) -> str | None:
        """Say why an entry is left out, with nothing to what nobody misses; None if it is not."""
        lower = name.lower()
        if not lower.endswith((".ipynb", *ARCHIVES)):
            return "cannot be opened here; ask for a zip" if lower.endswith(FOREIGN) else ""
        if is_archive(name) and self.above:
            return "is an archive in an archive in an archive"
        if name.casefold() in self._taken:
            return "stands in the archive twice; the first was taken"
        if entry.size > self.caps.file:
            allowed = f"{self.caps.file / MIB:.0f} allowed"
            return f"has {entry.size / MIB:.0f} MiB, more than the {allowed}"
        if entry.size > self.caps.slack and entry.size > self.caps.ratio * entry.packed:
            return "unpacks to far more than its size, as a zip bomb does"
        return None

    def _say(self, name: str, when: datetime | None, problem: str) -> None:
        self.found.append(Found(self.above + name, None, when, problem))

    def _write(self, entry: Entry, parts: list[str]) -> None:
        assert entry.file is not None  # there is one where there is no problem
        name = "/".join(parts)
        self._taken.add((self.above + name).casefold())
        with tempfile.NamedTemporaryFile(suffix=_suffix(parts[-1])) as written:
            most = min(self.caps.file, self._left)
            try:
                size = copy(entry.file, written, most)
                problem = "has more bytes than are allowed" if size > most else ""
            except (*BROKEN, ArchiveError) as error:
                size, problem = 0, damaged(error)
            self._left -= min(size, most)
            written.flush()
            if problem:
                self._say(name, entry.when, problem)
                return
            try:
                self._place(Path(written.name), parts, entry.when)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                self._say(name, entry.when, "has the name of something else that stands beside it")

    def _place(self, written: Path, parts: list[str], when: datetime | None) -> None:
        """Put what was unpacked where it belongs."""
        if is_archive(parts[-1]):
            self._nested(written, parts, when)
            return
        place = self.room.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(written, place)
        self.found.append(Found(self.above + "/".join(parts), place, when))

    def _nested(self, archive: Path, parts: list[str], when: datetime | None) -> None:
        """Unpack an archive of an archive; its files came when it came."""
        name = "/".join([*parts[:-1], stem(parts[-1])])
        room = self.room / name
        room.mkdir(parents=True, exist_ok=True)
        inner = _Unpacking(room, self.zone, STUDENT, self._taken, f"{self.above}{name}/")
        try:
            inner.take(archive)
        except ArchiveError as error:
            self._say("/".join(parts), when, str(error).removeprefix("it "))
        self.found += [replace(each, when=when) for each in inner.found]


def _suffix(name: str) -> str:
    return name[len(stem(name)) :] if is_archive(name) else ""
