"""What is in an archive or a folder, entry by entry, read without trusting a byte of it.

Nothing is followed and nothing is read in pieces that its maker chose; sizes are bounded while
bytes come, whatever the headers say. What is wrong with one entry is a sentence about that entry.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import IO

from autograder.course.collect.names import ARCHIVES, is_archive
from autograder.course.submissions import BLANK, LARGEST_NOTEBOOK
from autograder.errors import UserError

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


class ArchiveError(UserError):
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


@dataclass(frozen=True)
class Entry:
    """One entry: the name, time and sizes that it claims, and its bytes or why there are none."""

    name: str
    when: datetime | None
    size: int
    packed: int
    file: IO[bytes] | None
    problem: str = ""


def entries(source: Path, zone: tzinfo, caps: Caps) -> Generator[Entry, None, None]:
    """Yield the entries of an archive, a folder or one notebook, each open until the next.

    Raises
    ------
    ArchiveError
        If it is none of these, or holds more than ``caps`` allow.
    """
    if source.is_dir():
        yield from _of_folder(source)
        return
    with _Bounded(source, caps.at_once) as file:
        head = file.read(512).lstrip(BLANK)
    if head.startswith((b"PK\3\4", b"\x1f\x8b")) or (is_archive(source.name) and head[:1] != b"{"):
        yield from _of_archive(source, zone, caps)
    elif source.name.lower().endswith(".ipynb") or head.startswith(b"{"):
        yield from _of_file(source, source.name)
    else:
        raise ArchiveError(
            f"it is none that can be opened ({', '.join(ARCHIVES)}), no folder and no notebook"
        )


def copy(source: IO[bytes] | gzip.GzipFile, target: IO[bytes], most: int) -> int:
    """Copy, and stop one byte beyond ``most``; give how many bytes there were."""
    size = 0
    while size <= most and (piece := source.read(min(MIB, most + 1 - size))):
        target.write(piece)
        size += len(piece)
    return size


def damaged(error: BaseException) -> str:
    """Say what a library found wrong, in one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    return f"is damaged ({''.join(c for c in said if c.isprintable())[:120]})"


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


# Folders


def _of_folder(folder: Path) -> Iterator[Entry]:
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(folders):
            if os.path.islink(os.path.join(place, name)):
                files.append(name)
        for name in sorted(files):
            path = Path(place) / name
            yield from _of_file(path, str(path.relative_to(folder)))


def _of_file(path: Path, name: str) -> Iterator[Entry]:
    status = path.lstat()
    when = datetime.fromtimestamp(status.st_mtime, UTC)
    with contextlib.ExitStack() as stack:
        file = None
        if stat.S_ISREG(status.st_mode):
            file = stack.enter_context(_Bounded(path, 2 * MIB))
        yield Entry(name, when, status.st_size, status.st_size, file, _special(status.st_mode))


def _special(mode: int) -> str:
    """Say what is wrong with a file of this mode; nothing if it is plain or does not say."""
    if stat.S_ISLNK(mode):
        return "is a link"
    return "" if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "is a device or another special file"


# Archives


def _of_archive(path: Path, zone: tzinfo, caps: Caps) -> Iterator[Entry]:
    with _Bounded(path, caps.at_once) as file:
        if zipfile.is_zipfile(file):
            file.seek(0)
            yield from _of_zip(file, zone, caps)
            return
        file.seek(0)
        head = file.read(2)
    with contextlib.ExitStack() as stack:
        if head == b"\x1f\x8b":
            path = stack.enter_context(_inflated(path, caps))
        file = stack.enter_context(_Bounded(path, caps.at_once))
        yield from _of_tar(file, caps)


@contextlib.contextmanager
def _inflated(path: Path, caps: Caps) -> Iterator[Path]:
    """Unpack gzip to disk first: what tar reads from it is then bounded like any file."""
    with tempfile.NamedTemporaryFile() as plain:
        with _Bounded(path, caps.at_once) as raw, gzip.open(raw) as packed:
            most = min(caps.total, max(caps.slack, caps.ratio * raw.length))
            if copy(packed, plain, most) > most:
                raise ArchiveError("it unpacks to far more than its size")
        plain.flush()
        yield Path(plain.name)


def _of_zip(file: _Bounded, zone: tzinfo, caps: Caps) -> Iterator[Entry]:
    with zipfile.ZipFile(file) as archive:
        listed = archive.infolist()
        _count(len(listed), caps)
        if sum(entry.compress_size for entry in listed) > file.length:
            raise ArchiveError("its entries overlap, as those of a zip bomb do")
        for entry in listed:
            if not entry.is_dir():
                yield from _of_zip_entry(archive, entry, zone)


def _of_zip_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, zone: tzinfo
) -> Iterator[Entry]:
    name = entry.orig_filename
    if not entry.flag_bits & 0x800:  # UTF-8 that does not say so, as macOS writes it
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    problem = _special(entry.external_attr >> 16)
    if entry.flag_bits & 0x1:
        problem = "is locked with a password"
    elif entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        problem = "is packed in an unusual way"
    with contextlib.ExitStack() as stack:
        file, size = None, entry.file_size
        if not problem:
            try:
                file = stack.enter_context(archive.open(entry))
            except BROKEN as error:
                problem = damaged(error)
        yield Entry(name, _zip_time(entry, zone), size, entry.compress_size, file, problem)


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


def _of_tar(file: _Bounded, caps: Caps) -> Iterator[Entry]:
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for number, entry in enumerate(archive, start=1):
            _count(number, caps)
            if entry.isdir():
                continue
            plain = entry.isreg() and not entry.issparse()
            problem = "" if plain else "is a link, a device or another special file"
            when = None
            with contextlib.suppress(OverflowError, ValueError, OSError):
                when = datetime.fromtimestamp(entry.mtime, UTC)
            opened = archive.extractfile(entry) if plain else None
            yield Entry(entry.name, when, entry.size, entry.size, opened, problem)


def _count(number: int, caps: Caps) -> None:
    if number > caps.entries:
        raise ArchiveError(f"it has more than {caps.entries} entries")
