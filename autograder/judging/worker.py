"""The worker: attempts in on stdin, verdicts out on stdout, one at a time.

The same program serves a local pool and a container, so it needs no network and no shared folder:
what it is to judge by comes with the first message (`protocol.Start`), and its own first message
says that it is ready.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import threading
import traceback
from pathlib import Path

from autograder.assignment.source import load
from autograder.errors import UserError
from autograder.judging.attempt import Attempt
from autograder.judging.judge import Judge
from autograder.judging.protocol import Allows, Parent, Start, receive, send, unpack
from autograder.judging.verdict import Verdict
from autograder.sandbox import Isolation, Limits, ParentGone, WarmParent, linux

#: Bytes that a judge may allocate: what a submission makes it ask for beyond is an error of its
#: test, and not the end of whatever the system ends when it has no memory left.
MOST_DATA = 3 << 30


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
            if isinstance(error, UserError):  # an author's, most often
                return Verdict("internal_error", notes=(str(error),))
            where = traceback.format_exc(limit=-4)
            return Verdict("internal_error", notes=(f"{type(error).__name__}: {error}", where))

    def _judge(self, name: str, seed: int) -> Judge:
        if (name, seed) not in self._judges:
            assignment = load(name, self.root)
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
    """Serve attempts until stdin ends."""
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
    message, sources = first
    start = Start.read(message)
    if sources:
        unpack(sources, Path(start.root))
    parents = {frozenset(each.allows): _parent(each, start) for each in start.parents}
    worker = Worker(Path(start.root), parents, start.limits, start.slot)
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


def _parent(where: Parent, start: Start) -> WarmParent:
    if where.fd is not None and where.isolation is not None:
        isolation = Isolation.from_dict(where.isolation)
        return WarmParent.from_fd(where.fd, isolation, start.limits)
    return WarmParent(where.allows, start.limits, first_uid=where.first_uid, gpu=start.gpu)


def _end_with_stdin() -> None:
    """End in the middle of an attempt too when the coordinator has gone, however it went."""
    poll = select.poll()
    poll.register(0, 0)  # nothing but the hang-up
    poll.poll()
    os._exit(1)


if __name__ == "__main__":
    main()
