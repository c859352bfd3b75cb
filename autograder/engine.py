"""The engine: attempts to verdicts, on a pool of local workers.

It only launches. What is judged already is for the attempt store to say, so the engine may die at
any moment: whatever it had not delivered is judged again.
"""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autograder import worker
from autograder.attempt import Attempt
from autograder.student import SLOTS, Limits, WarmParent
from autograder.verdict import Verdict

#: A worker that has judged so many is replaced, so that nothing can pile up in it.
RECYCLE_AFTER = 500
TRIES = 2


class Pool:
    """Local workers that share one warm parent for each set of allowed imports.

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
    """

    def __init__(
        self, root: Path, names: Iterable[str], workers: int, limits: Limits | None = None
    ) -> None:
        self.root = root
        self.size = min(max(1, workers), SLOTS)
        self.limits = limits or Limits()
        self._stack = ExitStack()
        self._workers: list[_Worker] = []
        self.parents: dict[frozenset[str], WarmParent] = {}
        for allows in sorted(worker.allowed_sets(names, root), key=sorted):
            parent = WarmParent(tuple(sorted(allows)), self.limits)
            self.parents[allows] = self._stack.enter_context(parent)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._workers:
            each.close()
        self._stack.close()

    @property
    def isolation(self) -> Any:
        """What confines the student processes on this machine."""
        return next(iter(self.parents.values())).isolation

    def judge(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Verdict]]:
        """Judge attempts; yield each with its verdict, in the order in which they are done."""
        queue = deque((attempt, TRIES) for attempt in attempts)
        while len(self._workers) < min(self.size, len(queue)):
            self._workers.append(self._start(slot=len(self._workers)))
        with selectors.DefaultSelector() as selector:
            for each in self._workers:
                self._next(each, queue, selector)
            while selector.get_map():
                for key, _ in selector.select():
                    each = key.data
                    selector.unregister(key.fileobj)
                    attempt, tries = each.task
                    verdict = each.answer()
                    if verdict is None:
                        self._replace(each)
                        if tries > 1:
                            queue.append((attempt, tries - 1))
                        else:
                            yield attempt, Verdict("internal_error", notes=(DIED,))
                    else:
                        yield attempt, verdict
                    self._next(self._workers[each.slot], queue, selector)

    def _next(
        self, each: _Worker, queue: deque[tuple[Attempt, int]], selector: selectors.BaseSelector
    ) -> None:
        """Give a worker its next attempt, if there is one."""
        if not queue:
            return
        if each.judged >= RECYCLE_AFTER:
            each = self._replace(each)
        each.ask(*queue.popleft())
        selector.register(each.stdout, selectors.EVENT_READ, each)

    def _start(self, slot: int) -> _Worker:
        shared = [[sorted(allows), parent.fileno()] for allows, parent in self.parents.items()]
        return _Worker(self.root, slot, self.limits, shared)

    def _replace(self, each: _Worker) -> _Worker:
        each.close()
        self._workers[each.slot] = self._start(each.slot)
        return self._workers[each.slot]


DIED = "The worker died while judging this submission, twice; run `autograder doctor`."


class _Worker:
    """The near end of one worker program."""

    def __init__(self, root: Path, slot: int, limits: Limits, shared: list[Any]) -> None:
        self.slot = slot
        self.judged = 0
        self.task: tuple[Attempt, int] | None = None
        settings = {"root": str(root), "slot": slot, "limits": asdict(limits), "parents": shared}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "autograder.worker", json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[fd for _, fd in shared],
            start_new_session=True,  # an interrupt at the terminal is the coordinator's to handle
        )
        assert self._process.stdin and self._process.stdout
        self.stdin, self.stdout = self._process.stdin, self._process.stdout

    def ask(self, attempt: Attempt, tries: int) -> None:
        """Send an attempt; the answer comes when the worker's stdout is readable."""
        self.task = attempt, tries
        self.judged += 1
        try:
            what = {"assignment": attempt.assignment, "seed": attempt.seed, "only": attempt.only}
            worker.send(self.stdin, {"attempt": what}, attempt.data)
        except BrokenPipeError:
            pass  # it is dead: its stdout ends, which `answer` reports

    def answer(self) -> Verdict | None:
        """Read the verdict; None if the worker died."""
        reply = worker.receive(self.stdout)
        return Verdict.from_json(reply[1]) if reply else None

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.communicate()
