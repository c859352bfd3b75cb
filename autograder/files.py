"""Files: which ones of a folder count, digests of them, reading and writing one whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path, PurePath

from autograder.errors import UserError

#: The package's folder.
KIT = Path(__file__).resolve().parent
#: The checkout that it stands in, if it was not installed from a wheel.
CHECKOUT = KIT.parent


class FileError(UserError):
    """A file cannot be read; the message says which and what to do."""


def counts(path: PurePath) -> bool:
    """Whether a file, by its path inside a folder, is more than a cache, a checkpoint or hidden."""
    return not any(part.startswith((".", "__pycache__")) for part in path.parts)


def counted(folder: Path) -> list[Path]:
    """List the files of a folder that count, relative to it; links are not followed."""
    inside = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in (each.relative_to(folder) for each in inside) if counts(path))


def digest(folder: Path, paths: Iterable[Path]) -> str:
    """Digest files: their paths inside the folder and their bytes."""
    whole = sha256()
    for path in paths:
        whole.update(path.as_posix().encode() + b"\0")
        whole.update(sha256((folder / path).read_bytes()).digest())
    return whole.hexdigest()


def shown(path: Path) -> str:
    """Name a file to a person: from ``reference/`` on, or from where the command runs."""
    for folder in (path.parent, path.parent.parent):
        if folder.name == "reference":
            return path.relative_to(folder.parent).as_posix()
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)


def read_text(path: Path) -> str:
    """Read what a person wrote.

    Raises
    ------
    FileError
        If it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise FileError(f"{shown(path)}, line {line}, is not UTF-8; save it as UTF-8.") from None
    except OSError as error:
        raise FileError(
            f"{shown(path)} cannot be read ({error.strerror}); make it a file that can be."
        ) from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that whoever looks sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
