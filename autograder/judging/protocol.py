"""What a worker and its coordinator say to each other.

A message is one line of JSON, followed by as many bytes as its ``size`` says.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

from autograder import files
from autograder.assignment.source import load
from autograder.sandbox import Limits

Allows = frozenset[str]
#: Room for the first message, so that many workers can be started at once.
PIPE_BYTES = 1 << 18


def send(stream: IO[bytes], message: dict[str, Any], payload: bytes = b"") -> None:
    """Write one message."""
    stream.write(json.dumps(message | {"size": len(payload)}).encode() + b"\n" + payload)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Read one message; None at the end of the stream."""
    line = stream.readline()
    if not line:
        return None
    message = json.loads(line)
    payload = stream.read(message["size"])
    return (message, payload) if len(payload) == message["size"] else None


@dataclass(frozen=True)
class Parent:
    """Where a worker has the warm parent for one set of imports from.

    It is either shared with other workers (``fd``, its control descriptor, and what ``isolation``
    it gives), or the worker's own, with users of its own from ``first_uid`` on.
    """

    allows: tuple[str, ...]
    fd: int | None = None
    isolation: dict[str, Any] | None = None
    first_uid: int | None = None


@dataclass(frozen=True)
class Start:
    """A worker's first message: all that it must know before it can judge.

    Attributes
    ----------
    root : str
        The repository; where there is none, the message's payload, `pack`, is laid out there.
    slot : int
        Which of the machine's confined users its student processes run as.
    limits : Limits
    parents : tuple of Parent
    gpu : bool
        Whether submissions may use the machine's NVIDIA devices.
    """

    root: str
    slot: int
    limits: Limits
    parents: tuple[Parent, ...]
    gpu: bool = False

    def send(self, process: subprocess.Popen[bytes], sources: bytes = b"") -> None:
        """Send it to a worker that was just started."""
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has died, as its stdout will say
            send(process.stdin, asdict(self), sources)

    @classmethod
    def read(cls, message: dict[str, Any]) -> Start:
        """Take it from a message as it was received."""
        known = {field.name: message[field.name] for field in fields(cls)}
        parents = (Parent(**{**each, "allows": tuple(each["allows"])}) for each in known["parents"])
        return cls(**known | {"limits": Limits(**known["limits"]), "parents": tuple(parents)})


def allowed_sets(names: Iterable[str], root: Path) -> list[Allows]:
    """Collect the sets of imports that the exercises of some assignments allow."""
    found = {cell.allows for name in names for cell in load(name, root).exercises}
    return sorted(found or {frozenset()}, key=sorted)


def pack(root: Path) -> bytes:
    """Pack the assignments' sources for a worker that cannot see them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in files.counted(root / "reference"):
            archive.add(root / "reference" / path, Path("reference") / path, filter=_anonymous)
    return packed.getvalue()


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0  # a root without CHOWN is to unpack it
    entry.uname = entry.gname = ""
    return entry


def unpack(sources: bytes, root: Path) -> None:
    """Lay out what `pack` gave, for no other user to see."""
    root.mkdir(mode=0o700)
    with tarfile.open(fileobj=io.BytesIO(sources)) as archive:
        archive.extractall(root)
