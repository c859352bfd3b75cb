"""The worker: attempts in on stdin, verdicts out on stdout, one at a time.

A message is one line of JSON, followed by as many bytes as its ``size`` says. The same program
serves a local pool and a container, so it needs no network and no shared folder.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from autograder import assignment as assignments
from autograder.attempt import Attempt
from autograder.judge import Judge
from autograder.student import Limits, WarmParent, linux
from autograder.verdict import Verdict

Allows = frozenset[str]


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


def allowed_sets(names: Iterable[str], root: Path) -> set[Allows]:
    """Collect the sets of imports that the exercises of some assignments allow."""
    return {cell.allows for name in names for cell in assignments.load(name, root).exercises} or {
        frozenset()
    }


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
        except Exception as error:
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


def main(settings: str) -> None:
    """Serve attempts until stdin ends.

    Parameters
    ----------
    settings : str
        JSON: ``root``, ``slot``, ``limits`` and ``parents``, which lists the warm parents that this
        process shares with others as [allowed imports, control descriptor].
    """
    linux.die_with_parent(signal.SIGKILL)
    options = json.loads(settings)
    limits = Limits(**options["limits"])
    parents = {
        frozenset(allows): WarmParent.from_fd(fd, tuple(allows), limits)
        for allows, fd in options["parents"]
    }
    worker = Worker(Path(options["root"]), parents, limits, options["slot"])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints, it does not print into the answers
    try:
        while (request := receive(sys.stdin.buffer)) is not None:
            message, data = request
            attempt = Attempt(data=data, **message["attempt"])
            send(answers, {}, worker.verdict(attempt).to_json().encode())
    finally:
        worker.close()


if __name__ == "__main__":
    main(sys.argv[1])
