"""Workers as local programs."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from autograder.judging.protocol import PIPE_BYTES, Allows, Parent, Start
from autograder.sandbox import ONE_THREAD, Isolation, Limits, WarmParent


class Launcher(Protocol):
    """Starts workers, here or in containers, and ends them."""

    @property
    def isolation(self) -> Isolation | None:
        """What confines the student processes, if that is known without a worker."""

    def start(self, slot: int) -> subprocess.Popen[bytes]:
        """Start a worker and send it its first message."""

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End a worker, whatever it does, and all that it started."""

    def complain(self, process: subprocess.Popen[bytes]) -> None:
        """Raise why a worker ended before it was ready, if another try is of no use."""

    def close(self) -> None:
        """Let go of what the workers shared."""


class Processes:
    """Workers as local programs, which share one warm parent for each set of allowed imports."""

    def __init__(self, root: Path, allowed: list[Allows], limits: Limits, gpus: str = "") -> None:
        self.root = root
        self.limits = limits
        self.gpu = bool(gpus)
        self.parents: dict[Allows, WarmParent] = {}
        self._started: set[int] = set()
        self._stack = ExitStack()
        try:
            self._warm(allowed)
        except BaseException:
            self.close()
            raise
        self.isolation = self.parents[allowed[0]].isolation

    def _warm(self, allowed: list[Allows]) -> None:
        """Start parents, side by side, and wait until they are warm."""
        for allows in allowed:
            parent = WarmParent(tuple(sorted(allows)), self.limits, gpu=self.gpu)
            self.parents[allows] = self._stack.enter_context(parent)
        for allows in allowed:
            _ = self.parents[allows].isolation

    def _revive(self, slot: int) -> None:
        """Replace the parents that have ended: it may be what the slot's last worker died of."""
        ended = [allows for allows, parent in self.parents.items() if not parent.forks(slot)]
        for allows in ended:
            self.parents[allows].close()
        self._warm(ended)

    def start(self, slot: int) -> subprocess.Popen[bytes]:
        """Start a worker that inherits the parents' control descriptors."""
        if slot in self._started:
            self._revive(slot)
        self._started.add(slot)
        process = subprocess.Popen(
            [sys.executable, "-m", "autograder.judging.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=PIPE_BYTES,
            env={**os.environ, **ONE_THREAD},
            pass_fds=[parent.fileno() for parent in self.parents.values()],
            start_new_session=True,  # an interrupt at the terminal is the coordinator's to handle
        )
        confined = self.isolation.to_dict()
        parents = tuple(
            Parent(tuple(sorted(allows)), parent.fileno(), confined)
            for allows, parent in self.parents.items()
        )
        Start(str(self.root), slot, self.limits, parents, self.gpu).send(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the program."""
        process.kill()
        process.communicate()

    def complain(self, process: subprocess.Popen[bytes]) -> None:
        """Say nothing: it may have been killed, and the next one not."""

    def close(self) -> None:
        """End the warm parents."""
        self._stack.close()
