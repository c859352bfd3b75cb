"""A process of our own that works on what students wrote, and may die of it.

No line of theirs is executed there: it reads, sanitises and typesets. But what somebody wrote can
make a parser take minutes or gigabytes, and that is to be the end of this process, and not of the
one that grades the class. It is forked, so it is ready at once, and holds what its maker held.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import signal
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Generic, ParamSpec, TypeVar

from autograder.sandbox import linux

CPU_SECONDS = 10.0
MEMORY = 512 << 20
#: On a machine where many wait for a core, seconds of CPU take longer.
WALL_FACTOR = 30
_FORK = multiprocessing.get_context("fork")

P = ParamSpec("P")
R = TypeVar("R")


class Spent(Exception):
    """Some work took more than it may, or failed: the text says what it does, in the present.

    Attributes
    ----------
    fresh : bool
        Whether another process would find the same: what this one had kept of others' work had no
        part in it.
    """

    def __init__(self, what: str, *, fresh: bool = False) -> None:
        super().__init__(what)
        self.fresh = fresh


class Disposable(Generic[P, R]):
    """A function that works in a process with limits, one piece of work after the other.

    The process is kept, and replaced when it has died or grown. It is forked at the first call,
    and knows what its maker knew by then.

    Parameters
    ----------
    work : callable
        What it does; arguments and results are pickled, the function is not.
    cpu : float
        CPU seconds for each call.
    memory : int
        Bytes beyond what the process has when it is forked.
    """

    def __init__(
        self, work: Callable[P, R], *, cpu: float = CPU_SECONDS, memory: int = MEMORY
    ) -> None:
        self._work = work
        self._cpu = cpu
        self._memory = memory
        self._near: Connection | None = None

    def __enter__(self) -> Disposable[P, R]:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do one piece of work.

        Raises
        ------
        Spent
            If it took too much CPU or memory, or raised anything.
        """
        fresh = self._near is None
        try:
            return self._ask(args, kwargs)
        except Spent as spent:
            if fresh or spent.fresh:
                raise
        return self._ask(args, kwargs)

    def _ask(self, args: Any, kwargs: Any) -> R:
        near = self._near or self._start()
        stays = False
        try:
            near.send((args, kwargs))
            if not near.poll(self._cpu * WALL_FACTOR):
                raise Spent("does not come to an end")
            stays, done, result = near.recv()
        except (EOFError, OSError):
            self._process.join()
            raise self._cause() from None
        finally:
            if not stays:
                self._end()
        if not done:
            raise Spent(result)
        worked: R = result
        return worked

    def _cause(self) -> Spent:
        code = self._process.exitcode
        if code == -signal.SIGPROF:
            return Spent(f"takes more than {self._cpu:g} s of CPU time", fresh=True)
        if code == -signal.SIGABRT:  # so Rust ends without memory
            return Spent(_too_large(self._memory))
        return Spent(f"ends the process that shows it (exit code {code})")

    # The process

    def _start(self) -> Connection:
        self._near, far = _FORK.Pipe()
        self._process = _FORK.Process(target=self._serve, args=(far, os.getpid()), daemon=True)
        with warnings.catch_warnings():  # other threads, as the progress bar's, hold nothing of it
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        far.close()
        return self._near

    def _end(self) -> None:
        if self._near is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._near.close()
            self._near = None

    def _serve(self, far: Connection, maker: int) -> None:
        """Work, in the forked process, until the maker goes. Never returns."""
        try:
            _alone(far.fileno(), maker)
            begun = _data()
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            most = begun + self._memory
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
            stays = True
            while stays:
                args, kwargs = far.recv()
                signal.setitimer(signal.ITIMER_PROF, self._cpu)
                done, result = self._try(args, kwargs)
                stays = done and _data() - begun < self._memory // 4
                far.send((stays, done, result))
                signal.setitimer(signal.ITIMER_PROF, 0)
        finally:
            os._exit(1)  # whatever happened, the maker's own work is not for this process

    def _try(self, args: Any, kwargs: Any) -> tuple[bool, Any]:
        try:
            return True, self._work(*args, **kwargs)
        except MemoryError:
            return False, _too_large(self._memory)
        except Exception as error:
            return False, f"cannot be worked on ({type(error).__name__})"


def _alone(connection: int, maker: int) -> None:
    """Let go of all that was the maker's but memory and one connection."""
    linux.die_with_parent(signal.SIGKILL)
    if os.getppid() != maker:
        os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # at the terminal it is for the maker
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    gc.freeze()  # what would close a file when it is collected is never collected
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(3, connection)
    linux.close_from(connection + 1)


def _data() -> int:
    """Bytes of memory of its own that the process has asked for, as the system counts them."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[5]) * resource.getpagesize()


def _too_large(memory: int) -> str:
    return f"takes more than {memory >> 20} MiB of memory"
