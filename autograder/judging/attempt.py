"""An attempt: everything that a verdict depends on, under one key, and the store of verdicts."""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from autograder import files
from autograder.assignment.source import Assignment
from autograder.files import KIT, write_atomically
from autograder.judging.verdict import Verdict

#: The libraries whose numbers a verdict may depend on.
LIBRARIES = ("numpy", "torch")


@dataclass(frozen=True)
class Surroundings:
    """What a verdict depends on beside the submission.

    Attributes
    ----------
    assignment, kit : str
        Digests of the assignment, with what it provides of others, and of this package.
    python : str
    libraries : dict of str to str
        Versions of the libraries whose numbers a verdict may depend on.
    seed : int
        The course seed, from which the tests draw their inputs.
    conditions : dict
        Limits, isolation and device, as plain values.
    """

    assignment: str
    kit: str
    python: str
    libraries: dict[str, str]
    seed: int
    conditions: dict[str, Any]

    @classmethod
    def of(cls, assignment: Assignment, *, seed: int, conditions: dict[str, Any]) -> Surroundings:
        """Look at an assignment's source and at this installation."""
        kit = files.digest(KIT, files.modules(KIT))
        return cls(assignment.digest, kit, sys.version, _libraries(), seed, conditions)

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)

    @cached_property
    def _encoded(self) -> bytes:
        return json.dumps(self.plain, sort_keys=True, default=str).encode()

    def key(self, data: bytes) -> str:
        """Give the key of a submission's verdict in these surroundings."""
        return sha256(sha256(data).digest() + self._encoded).hexdigest()


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


def _libraries() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions


class Store:
    """Verdicts on disk with what they were made from; a file is either whole or not there.

    ``<key>.json`` holds a verdict and, under ``surroundings`` and ``submission``, what it was made
    from; ``inputs/<digest>.ipynb.gz`` the submitted bytes, so that a grade can be traced long after
    the student handed in something else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where the verdict of a key is kept."""
        return self.folder / key[:2] / f"{key}.json"

    def input(self, digest: str) -> Path:
        """Where a submission is kept, by the SHA-256 of its bytes."""
        return self.folder / "inputs" / f"{digest}.ipynb.gz"

    def get(self, key: str) -> Verdict | None:
        """Read a verdict; one that is missing or damaged is simply not there."""
        try:
            return Verdict.from_json(self.path(key).read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, attempt: Attempt, verdict: Verdict, surroundings: Surroundings) -> None:
        """Keep a submission and its verdict."""
        digest = sha256(attempt.data).hexdigest()
        if not self.input(digest).is_file():
            write_atomically(self.input(digest), gzip.compress(attempt.data, 3, mtime=0))
        record = {
            **verdict.as_dict(),
            "assignment": attempt.assignment,
            "submission": digest,
            "surroundings": surroundings.plain,
        }
        write_atomically(self.path(attempt.key), json.dumps(record, default=str).encode())
