"""The worker: attempts in on stdin, verdicts out on stdout, one at a time.

A message is one line of JSON, followed by as many bytes as its ``size`` says. The same program
serves a local pool and a container, so it needs no network and no shared folder: what it is to
judge by comes with the first message, and its own first message says that it is ready.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tarfile
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from autograder.assignment import source as assignments
from autograder.judging.attempt import Attempt
from autograder.judging.judge import Judge
from autograder.judging.verdict import Verdict
from autograder.sandbox import Isolation, Limits, ParentGone, WarmParent, linux

Allows = frozenset[str]
#: Room for the first message, so that many workers can be started at once.
PIPE_BYTES = 1 << 18
#: Bytes that a judge may allocate: what a submission makes it ask for beyond is an error of its
#: test, and not the end of whatever the system ends when it has no memory left.
MOST_DATA = 3 << 30


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


def begin(process: subprocess.Popen[bytes], settings: dict[str, Any], sources: bytes = b"") -> None:
    """Send a worker that was just started its first message; see `main`."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has died, as its stdout will say
        send(process.stdin, settings, sources)


def allowed_sets(names: Iterable[str], root: Path) -> list[Allows]:
    """Collect the sets of imports that the exercises of some assignments allow."""
    found = {cell.allows for name in names for cell in assignments.load(name, root).exercises}
    return sorted(found or {frozenset()}, key=sorted)


def pack(root: Path) -> bytes:
    """Pack the assignments' sources for a worker that cannot see them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(root / "reference", "reference", filter=_source)
    return packed.getvalue()


def _source(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    entry.uid = entry.gid = 0  # a root without CHOWN is to unpack it
    entry.uname = entry.gname = ""
    return None if "__pycache__" in entry.name else entry


def unpack(sources: bytes, root: Path) -> None:
    """Lay out what `pack` gave, for no other user to see."""
    root.mkdir(mode=0o700)
    with tarfile.open(fileobj=io.BytesIO(sources)) as archive:
        archive.extractall(root)


class Worker:
    """Judges whatever comes, keeping one judge an assignment."""

    def __init__(
        self, root: Path, parents: dict[Allows, WarmParent], limits: Limits, slot: int
    ) -> None:
        self.root = root
        self.parents = parents
        self.limits = limits
        self.slot = slot
        self._judges: dict[tuple[str, int], Judge] = {}

    def verdict(self, attempt: Attempt) -> Verdict:
        """Judge an attempt; a fault of the kit or the tests is an ``internal_error``, no zero."""
        try:
            judge = self._judge(attempt.assignment, attempt.seed)
            return judge.submission(attempt.data, attempt.only)
        except ParentGone:
            raise
        except Exception as error:
            if not all(parent.forks(self.slot) for parent in self.parents.values()):
                raise ParentGone from error
            where = traceback.format_exc(limit=-4)
            return Verdict("internal_error", notes=(f"{type(error).__name__}: {error}", where))

    def _judge(self, name: str, seed: int) -> Judge:
        if (name, seed) not in self._judges:
            assignment = assignments.load(name, self.root)
            for cell in assignment.exercises:
                if cell.allows not in self.parents:
                    parent = WarmParent(tuple(sorted(cell.allows)), self.limits)
                    self.parents[cell.allows] = parent
            judge = Judge(assignment, self.parents, seed=seed, slot=self.slot)
            self._judges[name, seed] = judge
        return self._judges[name, seed]

    def close(self) -> None:
        """Let the warm parents go."""
        for parent in self.parents.values():
            parent.close()


def main() -> None:
    """Serve attempts until stdin ends.

    The first message has ``root``, ``slot``, ``limits``, ``gpu`` and ``parents``: for each set of
    allowed imports either the control descriptor of a warm parent that this process shares with
    others (``fd``), or the users that one of its own may have (``first_uid``). Its payload, if
    there is one, is what `pack` gave, to be unpacked at ``root``.
    """
    linux.die_with_parent(signal.SIGKILL)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = MOST_DATA if hard == resource.RLIM_INFINITY else min(MOST_DATA, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints, it does not print into the answers
    first = receive(sys.stdin.buffer)
    if first is None:
        return
    options, sources = first
    root, limits = Path(options["root"]), Limits(**options["limits"])
    if sources:
        unpack(sources, root)
    parents = {frozenset(each["allows"]): _parent(each, limits, options["gpu"])
               for each in options["parents"]}  # fmt: skip
    worker = Worker(root, parents, limits, options["slot"])
    try:
        isolations = [parent.isolation for parent in parents.values()]
        send(answers, {"isolation": isolations[0].to_dict()})
        while (request := receive(sys.stdin.buffer)) is not None:
            message, data = request
            attempt = Attempt(data=data, **message["attempt"])
            send(answers, {}, worker.verdict(attempt).to_json().encode())
    except ParentGone:
        sys.exit(1)  # the coordinator starts another worker, with parents that live
    finally:
        worker.close()


def _parent(each: dict[str, Any], limits: Limits, gpu: bool) -> WarmParent:
    if "fd" in each:
        isolation = Isolation.from_dict(each["isolation"])
        return WarmParent.from_fd(each["fd"], isolation, limits)
    return WarmParent(tuple(each["allows"]), limits, first_uid=each["first_uid"], gpu=gpu)


def _end_with_stdin() -> None:
    """End in the middle of an attempt too when the coordinator has gone, however it went."""
    poll = select.poll()
    poll.register(0, 0)  # nothing but the hang-up
    poll.poll()
    os._exit(1)


if __name__ == "__main__":
    main()
