"""The engine: attempts to verdicts, on a pool of workers, local programs or containers.

It only launches. What is judged already is for the attempt store to say, so the engine may die at
any moment: whatever it had not delivered is judged again.
"""

from __future__ import annotations

import selectors
import subprocess
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from autograder.errors import UserError
from autograder.judging import protocol
from autograder.judging.attempt import Attempt
from autograder.judging.container import Containers
from autograder.judging.judge import TEST_CPU
from autograder.judging.processes import Launcher, Processes
from autograder.judging.verdict import Verdict
from autograder.sandbox import SLOTS, Isolation, Limits

#: A worker that has judged so many is replaced, so that nothing can pile up in it.
RECYCLE_AFTER = 500
#: A machine that is short of memory may kill more than once.
TRIES = 3
#: Seconds that a worker may take beyond the submission and its tests.
GRACE = 120.0
READY: Literal["ready"] = "ready"
DIED = "The worker died three times while judging this submission; run `autograder doctor`."
HUNG = "The worker did not answer, twice, while judging this submission; run `autograder doctor`."


class IsolationError(UserError):
    """Submissions would run where something that must hold does not."""

    def __init__(self, need: str, layers: tuple[str, ...]) -> None:
        super().__init__(
            f"On this machine nothing sees to it that {need} (it lacks {' and '.join(layers)}; "
            "`autograder doctor` says why): use --isolation container, or a Linux that has it; "
            "--weak grades all the same, and the verdicts will say so."
        )


class Pool:
    """Workers that judge side by side.

    Parameters
    ----------
    root : Path
        The repository.
    names : iterable of str
        The assignments that will be judged.
    workers : int
        How many submissions are judged at a time.
    limits : Limits
        What a student process may use.
    isolation : str
        ``process``, or ``container`` for a container for each worker.
    gpus : str
        The GPUs that submissions may use, as the container engine names them; none by default.
    weak : bool
        Judge although nothing sees to something that must hold.

    Raises
    ------
    IsolationError
        From `judge`, where nothing does.
    """

    def __init__(
        self,
        root: Path,
        names: Iterable[str],
        workers: int,
        limits: Limits | None = None,
        isolation: str = "process",
        gpus: str = "",
        weak: bool = False,
    ) -> None:
        self.weak = weak
        self.size = min(max(1, workers), SLOTS)
        self._workers: list[_Worker] = []
        launch = Containers if isolation == "container" else Processes
        allowed = protocol.allowed_sets(names, root)
        limits = limits or Limits()
        # the judge looks at the time at every question: a worker that takes longer hangs
        self.patience = limits.patience + limits.wall_factor * TEST_CPU + GRACE
        self.launcher: Launcher = launch(root, allowed, limits, gpus)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._workers:
            self.launcher.end(each.process)
        self.launcher.close()

    @property
    def isolation(self) -> Isolation:
        """What confines the student processes; a container is asked once it is ready."""
        if self.launcher.isolation is not None:
            return self.launcher.isolation
        if not self._workers:
            self._workers.append(self._start(slot=0))
        first = self._workers[0]
        if first.isolation is None and first.read() is None:
            self.launcher.complain(first.process)
        assert first.isolation is not None
        return first.isolation

    def judge(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Verdict]]:
        """Judge attempts; yield each with its verdict, in the order in which they are done."""
        self._see_that_it_holds(self.launcher.isolation)
        queue = _Queue(attempts)
        with selectors.DefaultSelector() as selector:
            for slot in range(self.size):
                self._next(slot, queue, selector)
            while waiting := [key.data for key in selector.get_map().values()]:
                first = min(each.asked for each in waiting) + self.patience
                ready = [k.data for k, _ in selector.select(max(0.0, first - time.monotonic()))]
                overdue = [each for each in waiting if each.overdue(self.patience)]
                hung = [each for each in overdue if each not in ready]
                for each in (*ready, *hung):
                    selector.unregister(each.stdout)
                    yield from self._advance(each, queue, selector, hangs=each in hung)

    def _next(self, slot: int, queue: _Queue, selector: selectors.BaseSelector) -> None:
        """Give the worker of a slot its next attempt, if there is one."""
        task = queue.take()
        if task is None:
            return
        if slot == len(self._workers):
            self._workers.append(self._start(slot))
        each = self._workers[slot]
        if each.judged >= RECYCLE_AFTER:
            each = self._replace(each)
        each.ask(task)
        selector.register(each.stdout, selectors.EVENT_READ, each)

    def _advance(
        self, each: _Worker, queue: _Queue, selector: selectors.BaseSelector, hangs: bool
    ) -> Iterator[tuple[Attempt, Verdict]]:
        """Take what a worker says, or that it died, or end one that hangs."""
        reply = None if hangs else each.read()
        if reply == READY:
            self._see_that_it_holds(each.isolation)
            selector.register(each.stdout, selectors.EVENT_READ, each)
            return
        attempt, tries = each.task
        if reply is None:
            self._replace(each)
            tries = min(tries, 2) if hangs else tries
            if tries > 1:
                queue.again.append((attempt, tries - 1))
            else:
                reply = Verdict("internal_error", notes=(HUNG if hangs else DIED,))
        self._next(each.slot, queue, selector)  # it is not to wait until the verdict is stored
        if reply is not None:
            yield attempt, reply

    def _see_that_it_holds(self, isolation: Isolation | None) -> None:
        """See that what must hold does, as soon as it is known."""
        if isolation is not None and not self.weak:
            for need, layers in isolation.unmet().items():
                raise IsolationError(need, layers)

    def _start(self, slot: int) -> _Worker:
        return _Worker(self.launcher.start(slot), slot)

    def _replace(self, each: _Worker) -> _Worker:
        if each.isolation is None:
            self.launcher.complain(each.process)
        self.launcher.end(each.process)
        self._workers[each.slot] = self._start(each.slot)
        return self._workers[each.slot]


class _Queue:
    """The attempts that wait, each with the tries that it has left; read as they are needed."""

    def __init__(self, attempts: Iterable[Attempt]) -> None:
        self.fresh = iter(attempts)
        self.again: deque[tuple[Attempt, int]] = deque()

    def take(self) -> tuple[Attempt, int] | None:
        """Give the next one; None if no more wait."""
        for attempt in self.fresh:
            return attempt, TRIES
        return self.again.popleft() if self.again else None


class _Worker:
    """The near end of one worker."""

    def __init__(self, process: subprocess.Popen[bytes], slot: int) -> None:
        assert process.stdin and process.stdout
        self.process = process
        self.stdin, self.stdout = process.stdin, process.stdout
        self.slot = slot
        self.judged = 0
        self.asked = 0.0  # when it got what it is busy with
        self.isolation: Isolation | None = None
        self._task: tuple[Attempt, int] | None = None

    @property
    def task(self) -> tuple[Attempt, int]:
        """The attempt in hand."""
        assert self._task is not None
        return self._task

    def ask(self, task: tuple[Attempt, int]) -> None:
        """Give it an attempt; the answer comes when the worker's stdout is readable."""
        self._task = task
        self.judged += 1
        self.asked = time.monotonic()
        if self.isolation is not None:
            self._send()

    def overdue(self, patience: float) -> bool:
        """Whether it has had its time."""
        return time.monotonic() - self.asked > patience

    def _send(self) -> None:
        attempt, _ = self.task
        self.asked = time.monotonic()
        what = {"assignment": attempt.assignment, "seed": attempt.seed, "only": attempt.only}
        with suppress(BrokenPipeError):  # it is dead: its stdout ends, which `read` reports
            protocol.send(self.stdin, {"attempt": what}, attempt.data)

    def read(self) -> Verdict | Literal["ready"] | None:
        """Read a verdict, or that it is ready; None if it has died."""
        reply = protocol.receive(self.stdout)
        if reply is None:
            return None
        message, payload = reply
        if self.isolation is not None:
            return Verdict.from_json(payload)
        self.isolation = Isolation.from_dict(message["isolation"])
        if self._task is not None:
            self._send()
        return READY
