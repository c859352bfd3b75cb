"""Archives that others made, unpacked without trusting a byte of them.

Only notebooks are unpacked. Names are cleaned before they name anything; links, devices and paths
that lead elsewhere are refused; sizes are counted while bytes come, whatever the headers say. What
is wrong with an entry is a sentence about that entry, and the others are unpacked.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import shutil
import stat
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import IO

from autograder.course import LARGEST_NOTEBOOK

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
FOREIGN = (".rar", ".7z", ".gz", ".bz2", ".xz", ".tar.bz2", ".tar.xz", ".zst")
LONGEST_PATH = 1000
DEEPEST_PATH = 20
LONGEST_NAME = 200
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
MIB = 2**20

#: What reading a damaged or hostile archive raises.
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    gzip.BadGzipFile,
    struct.error,
    EOFError,
    RuntimeError,  # NotImplementedError, of a way of packing, is one too
    ValueError,
    OverflowError,
)


class ArchiveError(Exception):
    """An archive cannot be unpacked as a whole; the message says why and what to do."""


@dataclass(frozen=True)
class Caps:
    """What an archive may hold: entries, bytes in one file and in all, and how far they shrink.

    ``slack`` is what a file may unpack to however small it was packed; ``at_once`` is what is ever
    read in one piece, which bounds a zip's list of entries.
    """

    entries: int = 10_000
    file: int = LARGEST_NOTEBOOK
    total: int = 8_000_000_000
    ratio: int = 200
    slack: int = 10 * MIB
    at_once: int = 8 * MIB


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


def is_archive(name: str) -> bool:
    """Whether a name is that of an archive that can be unpacked."""
    return name.lower().endswith(ARCHIVES)


def stem(name: str) -> str:
    """Give an archive's name without what says that it is one."""
    return re.sub(r"(\.tar\.gz|\.tgz|\.tar|\.zip)$", "", name, flags=re.IGNORECASE)


def clean(name: str) -> str:
    """Make one part of a path safe to write, anywhere, and to show."""
    text = unicodedata.normalize("NFC", name)
    text = "".join(c for c in text if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029")
    text = re.sub(r'[<>:"/\\|?*]', "_", text).strip().rstrip(". ")
    if RESERVED.match(text):
        text = f"_{text}"
    head, dot, tail = text.rpartition(".")
    head, end = (head, dot + tail) if head and len(tail) <= 10 else (text, "")
    room = LONGEST_NAME - len(end.encode())
    return (head.encode()[:room].decode(errors="ignore") + end) or "_"


class _Bounded(io.FileIO):
    """A file of which nobody reads more than a bounded piece at once."""

    def __init__(self, path: Path, at_once: int) -> None:
        super().__init__(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
        self._at_once = at_once
        self.length = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1) -> bytes:
        """Read a piece."""
        if size is None or size < 0:
            size = max(0, self.length - self.tell())
        if size > self._at_once:
            raise ArchiveError("its list of entries is too long")
        return super().read(size) or b""


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
            if source.is_dir():
                self._folder(source)
            elif is_archive(source.name):
                self._archive(source)
            elif source.name.endswith(".ipynb"):
                self._file_of_folder(source, source.name)
            else:
                raise ArchiveError(
                    f"it is none that can be opened ({', '.join(ARCHIVES)}), no folder and no "
                    "notebook"
                )
        except BROKEN as error:
            raise ArchiveError(f"it is damaged ({_one_line(error)})") from error
        except OSError as error:
            raise ArchiveError(f"it cannot be read or unpacked ({error.strerror})") from error

    # Where entries come from

    def _folder(self, folder: Path) -> None:
        for place, folders, files in os.walk(folder):
            folders.sort()
            for name in sorted(folders):
                if os.path.islink(os.path.join(place, name)):
                    files.append(name)
            for name in sorted(files):
                path = Path(place) / name
                self._file_of_folder(path, str(path.relative_to(folder)))

    def _file_of_folder(self, path: Path, name: str) -> None:
        status = path.lstat()
        when = datetime.fromtimestamp(status.st_mtime, UTC)
        with contextlib.ExitStack() as stack:
            file = None
            if stat.S_ISREG(status.st_mode):
                file = stack.enter_context(_Bounded(path, 2 * MIB))
            kind = _kind(status.st_mode)
            self._entry(name, when, kind, file, status.st_size, status.st_size)

    def _archive(self, path: Path) -> None:
        with _Bounded(path, self.caps.at_once) as file:
            if zipfile.is_zipfile(file):
                file.seek(0)
                self._zip(file)
                return
            file.seek(0)
            head = file.read(2)
        with contextlib.ExitStack() as stack:
            if head == b"\x1f\x8b":
                path = stack.enter_context(self._inflated(path))
            file = stack.enter_context(_Bounded(path, self.caps.at_once))
            self._tar(file)

    @contextlib.contextmanager
    def _inflated(self, path: Path) -> Iterator[Path]:
        """Unpack gzip to disk first: what tar reads from it is then bounded like any file."""
        with tempfile.NamedTemporaryFile() as plain:
            with _Bounded(path, self.caps.at_once) as raw, gzip.open(raw) as packed:
                most = min(self.caps.total, max(self.caps.slack, self.caps.ratio * raw.length))
                if _copy(packed, plain, most) > most:
                    raise ArchiveError("it unpacks to far more than its size")
            plain.flush()
            yield Path(plain.name)

    def _zip(self, file: _Bounded) -> None:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            self._count(len(entries))
            if sum(entry.compress_size for entry in entries) > file.length:
                raise ArchiveError("its entries overlap, as those of a zip bomb do")
            for entry in entries:
                if not entry.is_dir():
                    self._zip_entry(archive, entry)

    def _zip_entry(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        name = entry.orig_filename
        if not entry.flag_bits & 0x800:  # UTF-8 that does not say so, as macOS writes it
            with contextlib.suppress(UnicodeError):
                name = name.encode("cp437").decode("utf-8")
        kind = _kind(entry.external_attr >> 16)
        if entry.flag_bits & 0x1:
            kind = "is locked with a password"
        elif entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            kind = "is packed in an unusual way"
        with contextlib.ExitStack() as stack:
            file, size = None, entry.file_size
            if not kind:
                try:
                    file = stack.enter_context(archive.open(entry))
                except BROKEN as error:
                    kind = f"is damaged ({_one_line(error)})"
            self._entry(name, _zip_time(entry, self.zone), kind, file, size, entry.compress_size)

    def _tar(self, file: _Bounded) -> None:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for number, entry in enumerate(archive, start=1):
                self._count(number)
                if entry.isdir():
                    continue
                plain = entry.isreg() and not entry.issparse()
                kind = "" if plain else "is a link, a device or another special file"
                when = None
                with contextlib.suppress(OverflowError, ValueError, OSError):
                    when = datetime.fromtimestamp(entry.mtime, UTC)
                opened = archive.extractfile(entry) if plain else None
                self._entry(entry.name, when, kind, opened, entry.size, entry.size)

    def _count(self, entries: int) -> None:
        if entries > self.caps.entries:
            raise ArchiveError(f"it has more than {self.caps.entries} entries")

    # What becomes of them

    def _entry(
        self,
        name: str,
        when: datetime | None,
        kind: str,
        file: IO[bytes] | None,
        size: int,
        packed: int,
    ) -> None:
        """Unpack one entry, or say why not. ``kind`` says what is wrong with it."""
        name = name.replace("\\", "/")
        parts = [clean(part) for part in name.split("/") if part not in ("", ".", "..")]
        if not parts or any(part.startswith(".") or part == "__MACOSX" for part in parts):
            if ".." not in name.split("/"):
                return
            parts = parts or ["_"]
        if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
            kind = "has a path that leads out of the archive"
        elif len(name) > LONGEST_PATH or len(parts) > DEEPEST_PATH:
            kind, parts = "has too long a path", parts[:2]
        shown = "/".join(parts)
        lower = parts[-1].lower()
        if not kind and not lower.endswith((".ipynb", *ARCHIVES)):
            foreign = lower.endswith(FOREIGN)
            self._say(shown, when, "cannot be opened here; ask for a zip" if foreign else "")
        elif not kind and is_archive(lower) and self.above:
            self._say(shown, when, "is an archive in an archive in an archive")
        elif not kind and (self.above + shown).casefold() in self._taken:
            self._say(shown, when, "stands in the archive twice; the first was taken")
        elif kind or file is None or (kind := self._too_much(size, packed)):
            self._say(shown, when, kind)
        else:
            self._taken.add((self.above + shown).casefold())
            self._write(parts, when, file)

    def _say(self, name: str, when: datetime | None, problem: str = "") -> None:
        self.found.append(Found(self.above + name, None, when, problem))

    def _too_much(self, size: int, packed: int) -> str:
        if size > self.caps.file:
            return f"has {size / MIB:.0f} MiB, more than the {self.caps.file / MIB:.0f} allowed"
        if size > self.caps.slack and size > self.caps.ratio * packed:
            return "unpacks to far more than its size, as a zip bomb does"
        return ""

    def _write(self, parts: list[str], when: datetime | None, file: IO[bytes]) -> None:
        with tempfile.NamedTemporaryFile(suffix=_suffix(parts[-1])) as written:
            most = min(self.caps.file, self._left)
            try:
                size = _copy(file, written, most)
                problem = "has more bytes than are allowed" if size > most else ""
            except (*BROKEN, ArchiveError) as error:
                size, problem = 0, f"is damaged ({_one_line(error)})"
            self._left -= min(size, most)
            written.flush()
            name = "/".join(parts)
            if problem:
                self._say(name, when, problem)
                return
            try:
                if is_archive(name):
                    self._nested(Path(written.name), parts, when)
                else:
                    place = self.room.joinpath(*parts)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(written.name, place)
                    self.found.append(Found(self.above + name, place, when))
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                self._say(name, when, "has the name of something else that stands beside it")

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


def _copy(source: IO[bytes] | gzip.GzipFile, target: IO[bytes], most: int) -> int:
    """Copy, and stop one byte beyond ``most``; give how many bytes there were."""
    size = 0
    while size <= most and (piece := source.read(min(MIB, most + 1 - size))):
        target.write(piece)
        size += len(piece)
    return size


def _kind(mode: int) -> str:
    """Say what is wrong with a file of this mode; nothing if it is plain or does not say."""
    if stat.S_ISLNK(mode):
        return "is a link"
    return "" if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "is a device or another special file"


def _zip_time(entry: zipfile.ZipInfo, zone: tzinfo) -> datetime | None:
    """Read an entry's time: the one in UTC where there is one, else the wall clock's in a zone."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        if kind == 0x5455 and length >= 5 and len(extra) >= 9 and extra[4] & 1:
            return datetime.fromtimestamp(struct.unpack("<i", extra[5:9])[0], UTC)
        extra = extra[4 + length :]
    try:
        return datetime(*entry.date_time, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _one_line(error: BaseException) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    return "".join(c for c in said if c.isprintable())[:120]
