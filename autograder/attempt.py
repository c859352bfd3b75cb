"""An attempt: everything that a verdict depends on, under one key, and the store of verdicts."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from autograder.verdict import Verdict

KIT = Path(__file__).resolve().parent
#: The libraries whose numbers a verdict may depend on.
LIBRARIES = ("numpy", "torch")


@dataclass(frozen=True)
class Attempt:
    """One submission of one assignment, to be judged under one key.

    With ``only``, just the tests of those exercises are run.
    """

    assignment: str
    data: bytes
    key: str = ""
    seed: int = 0
    only: tuple[str, ...] | None = None

    @classmethod
    def of(cls, assignment: str, data: bytes, *, seed: int, surroundings: bytes) -> Attempt:
        """Key a submission by its bytes and by all else that its verdict depends on.

        Parameters
        ----------
        assignment : str
        data : bytes
            The submitted file.
        seed : int
            The course seed, from which the tests draw their inputs.
        surroundings : bytes
            What `surroundings` gives.
        """
        digest = hashlib.sha256(hashlib.sha256(data).digest() + surroundings)
        digest.update(str(seed).encode())
        return cls(assignment, data, key=digest.hexdigest(), seed=seed)


def surroundings(folder: Path, conditions: dict[str, Any]) -> bytes:
    """Digest what every attempt at an assignment depends on beside the submission.

    Parameters
    ----------
    folder : Path
        The assignment's source, ``reference/<name>``.
    conditions : dict
        Limits and isolation, as plain values.
    """
    digest = hashlib.sha256(_tree_digest(folder) + _tree_digest(KIT))
    digest.update(
        json.dumps([conditions, sys.version, _libraries()], sort_keys=True, default=str).encode()
    )
    return digest.digest()


def _tree_digest(folder: Path) -> bytes:
    """Digest every source file below a folder: its path and its bytes."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()


def _libraries() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions


class Store:
    """Verdicts on disk, one file a key; a file is either whole or not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where the verdict of a key is kept."""
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> Verdict | None:
        """Read a verdict; one that is missing or damaged is simply not there."""
        try:
            return Verdict.from_json(self.path(key).read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, verdict: Verdict) -> None:
        """Write a verdict, atomically."""
        write_atomically(self.path(key), verdict.to_json().encode())


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
