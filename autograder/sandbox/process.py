"""A student process, as the judge sees it: asked one question after the other.

Everything that comes from a student process is checked before it is believed; whatever breaks the
rules of the wire, or a limit, ends the process.
"""

from __future__ import annotations

import contextlib
import json
import select
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from autograder.checking.running import last_line
from autograder.checking.student import Expression, StudentError
from autograder.sandbox import parent, wire
from autograder.sandbox.discretion import LONGEST_LINE, Discretion
from autograder.sandbox.errors import ParentGone, ProtocolError, Refused, StudentDied
from autograder.sandbox.limits import Limits
from autograder.sandbox.proxies import RemoteMethod, RemoteNamespace, RemoteObject

_SLICE_MILLISECONDS = 50
_STIR_SECONDS = 0.001  # of CPU time: less is not a sign of life


@dataclass(frozen=True)
class CellOutcome:
    """What became of a cell: ``ok``, or ``error`` with one line that says which."""

    id: str
    status: str
    error: str | None = None


class StudentProcess:
    """One attempt: a confined process that holds what a notebook defined.

    Attributes
    ----------
    pid : int
    namespace : RemoteNamespace
        What the executed cells defined.
    limits : Limits
    watch : callable
        Called at every question, and while one is not answered; what it raises ends the process.
    """

    watch: Callable[[], None] = staticmethod(lambda: None)

    def __init__(
        self, pid: int, data: socket.socket, status: socket.socket, limits: Limits
    ) -> None:
        self.pid = pid
        self.limits = limits
        self.namespace = RemoteNamespace(self)
        self.channel = data
        self.channel.setblocking(False)
        self._status = status
        self._call_cpu = limits.call_cpu
        self.methods: set[tuple[str, str]] = set()  # (class, name) of what is known to be one
        self._sequence = 0
        self._received = 0
        self._live = 0
        self._dropped: list[int] = []
        self._death: StudentDied | None = None
        self._end: dict[str, Any] = {}  # what the parent says when it is over
        self.discretion = Discretion()

    def execute(self, cells: Iterable[tuple[str, str]]) -> list[CellOutcome]:
        """Run cells, given as (id, source), one after the other; an error ends only its cell.

        Raises
        ------
        StudentDied
            If a cell ends the process.
        """
        return [self._cell(name, source) for name, source in cells]

    def _cell(self, name: str, source: str) -> CellOutcome:
        name = name[:200]
        self.discretion.add(name, source)
        try:
            self.ask("cell", self.limits.cell_cpu, {"id": name}, source=source)
        except StudentError as error:
            return CellOutcome(name, "error", f"{error}{last_line(error.trace)}")
        return CellOutcome(name, "ok")

    @contextlib.contextmanager
    def limit(self, cpu_seconds: float | None) -> Iterator[None]:
        """Give calls inside the block another CPU limit; None leaves it as it is."""
        before = self._call_cpu
        self._call_cpu = before if cpu_seconds is None else cpu_seconds
        try:
            yield
        finally:
            self._call_cpu = before

    def cpu_seconds(self) -> float:
        """CPU time that the process has used so far, or in all."""
        if not self._end:
            with contextlib.suppress(OSError):
                return time.clock_gettime((~self.pid << 3) | 2)  # clock_getcpuclockid(3)
            self._finish()
        return float(self._end["cpu"])

    @property
    def alive(self) -> bool:
        """Whether the process may still be asked, as far as is known."""
        return self._death is None

    def kill(self) -> None:
        """End the process and all that it started, and wait until it is gone."""
        if not self._end:
            with contextlib.suppress(OSError):
                self._status.shutdown(socket.SHUT_WR)
            self._finish()
        if self._death is None:
            self._death = StudentDied("crashed", "The student's process was ended.")
        self.channel.close()

    def __enter__(self) -> StudentProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    # Asking

    def ask(self, operation: str, cpu: float | None = None, header: dict[str, Any] | None = None,
            **values: Any) -> Any:  # fmt: skip
        """Send one request and return the value that answers it."""
        if self._death is not None:
            raise self._death
        encoder = wire.Encoder(_outgoing)
        request = {"op": operation, **(header or {}), "drop": self._dropped[:1000]}
        try:
            request |= {name: encoder(value) for name, value in values.items()}
        except wire.TooLarge as error:  # a test hands back what it was given
            raise StudentError("TooLarge", str(error)) from None
        self.discretion.strict |= operation not in ("cell", "name")
        self._sequence += 1
        request["seq"] = self._sequence
        try:
            budget = _Budget(self, self._call_cpu if cpu is None else cpu)
            if self._end:
                raise EOFError("it ended between two requests")
            wire.send(self.channel, request, encoder.buffers, self.limits.frame, budget.wait)
            del self._dropped[:1000]
            reply, buffers = wire.receive(self.channel, self.limits.frame, budget.wait)
            self._received += sum(buffer.nbytes for buffer in buffers)
            if self._received > self.limits.received:
                raise wire.WireError("more arrays than it may send")
            return self._answer(reply, buffers)
        except (EOFError, OSError):
            if not self._end:
                self._finish()
            self._die(self._cause())
        except wire.TooLarge as error:
            raise StudentError("TooLarge", str(error)) from None
        except wire.WireError as error:
            self.reject(str(error))

    def _answer(self, reply: dict[str, Any], buffers: list[np.ndarray]) -> Any:
        if reply.get("seq") != self._sequence:
            raise wire.WireError("an answer to another question")
        if "error" in reply:
            raise _student_error(reply["error"], self.discretion)
        if "value" not in reply:
            raise wire.WireError("an answer without a value")
        return wire.decode(reply["value"], buffers, {"handle": self._incoming})

    def _incoming(self, rest: list[Any]) -> RemoteObject:
        number, kind = rest if len(rest) == 2 else (None, None)
        if type(number) is not int or not 0 < number < 2**53:
            raise wire.WireError("malformed handle")
        if self._live >= self.limits.handles:
            raise wire.WireError("too many handles")
        self._live += 1
        return RemoteObject(self, number, _printable(kind, 100))

    def release(self, number: int) -> None:
        """Forget a handle; the process hears of it with the next request."""
        self._live -= 1
        self._dropped.append(number)

    # Ending

    def time_out(self, sentence: str) -> None:
        """End the process because it has used up its time."""
        self._die(StudentDied("timed_out", sentence))

    def see(self) -> None:
        """End the process if whoever asks has no more time for it."""
        try:
            self.watch()
        except StudentDied as death:
            self._die(death)

    def reject(self, what: str) -> NoReturn:
        """End the process because of an answer that is none."""
        self._die(ProtocolError(f"The code broke the connection to the grader: {what}."))

    def _die(self, death: StudentDied) -> NoReturn:
        self._death = death
        self.kill()
        raise death from None

    def _finish(self) -> None:
        """Wait for the parent's last message about this process."""
        self._end = {"exit": None, "cpu": 0.0, "memory": 0}
        with contextlib.suppress(OSError, ValueError):
            while message := self._status.recv(parent.MESSAGE_BYTES):
                self._end |= json.loads(message)
        self._status.close()
        self.channel.close()

    def _cause(self) -> StudentDied:
        """Say why the process has ended by itself."""
        end, limits = self._end, self.limits
        if "refused" in end:
            raise Refused(end["refused"])
        if end["exit"] is None:
            raise ParentGone
        if end["cpu"] >= limits.attempt_cpu:
            return StudentDied("timed_out", _used_up(limits.attempt_cpu, "in all"))
        if end["memory"] >= 0.8 * limits.memory:
            return StudentDied("out_of_memory", "The code used more memory than it may.")
        if end["exit"] == -signal.SIGKILL:
            said = "Python was killed while it ran the code, by the system or by the code itself."
            return StudentDied("crashed", said, doubtful=True)
        if end["exit"] < 0:
            return StudentDied("crashed", f"The code crashed Python (signal {-end['exit']}).")
        return StudentDied("crashed", "The code ended Python.")


def _used_up(seconds: float, where: str) -> str:
    return f"The code used more than {seconds:g} s of CPU time {where}."


class _Budget:
    """The time that one request may take."""

    def __init__(self, process: StudentProcess, cpu: float) -> None:
        process.see()
        limits = process.limits
        self.process = process
        self.cpu = cpu
        self.used = process.cpu_seconds()
        if self.used > limits.attempt_cpu:  # many short requests are never waited for
            process.time_out(_used_up(limits.attempt_cpu, "in all"))
        self.cpu_end = min(self.used + cpu, limits.attempt_cpu)
        self.start = self.active = self.checked = time.monotonic()
        self.wall = limits.wall_factor * cpu + limits.idle
        self.poll = select.poll()

    def wait(self, writing: bool) -> None:
        """Wait until the data socket is ready, or end the process."""
        self.poll.register(self.process.channel, select.POLLOUT if writing else select.POLLIN)
        ready = False
        while not ready:
            ready = bool(self.poll.poll(_SLICE_MILLISECONDS))
            if time.monotonic() - self.checked > _SLICE_MILLISECONDS / 1000:
                self.check()

    def check(self) -> None:
        """End the process if it has had its time, or does not use it."""
        limits, used, now = self.process.limits, self.process.cpu_seconds(), time.monotonic()
        self.checked = now
        self.process.see()
        if used - self.used > _STIR_SECONDS:
            self.used, self.active = used, now
        if used > self.cpu_end:
            whole = self.cpu_end == limits.attempt_cpu
            self.process.time_out(
                _used_up(limits.attempt_cpu, "in all") if whole else _used_up(self.cpu, "here")
            )
        if now - self.start > self.wall:
            self.process.time_out(f"The code did not answer within {self.wall:g} s.")
        if now - self.active > limits.idle:
            self.process.time_out(f"The code slept or waited for more than {limits.idle:g} s.")


def _outgoing(value: Any, _: wire.Encoder) -> list[Any]:
    """The node of a value for the student that is not plain."""
    if isinstance(value, RemoteMethod):
        value = value.fetched()
    if isinstance(value, RemoteObject):
        return ["handle", value._number]
    if isinstance(value, Expression):
        return ["expression", value.source, value.name]
    if isinstance(value, np.random.Generator):
        state = value.bit_generator.state
        if state["bit_generator"] == "PCG64":
            return ["generator", state]
    raise TypeError(
        f"A {type(value).__name__} cannot be sent to the student's process; "
        "pass arrays and plain values, or an Expression for a callable."
    )


def _student_error(plain: Any, discretion: Discretion) -> StudentError:
    """The exception that a reply tells of, as far as the student may be told of it."""
    if not isinstance(plain, dict) or not isinstance(plain.get("frames"), list):
        raise wire.WireError("malformed error")
    kind = discretion.kind(_printable(plain.get("kind"), 100))
    frames = (_frame(frame, discretion) for frame in plain["frames"][:10])
    message = discretion.message(_printable(plain.get("message"), 1000))
    return StudentError(kind, message, "".join(frames))


def _frame(frame: Any, discretion: Discretion) -> str:
    """One entry of a traceback, as Python prints it; nothing for a line that there is not."""
    if not isinstance(frame, list) or len(frame) != 4 or type(frame[1]) is not int:
        raise wire.WireError("malformed error")
    cell, function, _ = (_printable(frame[i], 200).replace("\n", " ") for i in (0, 2, 3))
    known = discretion.frame(cell, frame[1], function)
    if not known:
        return ""
    name, number, function, line = known
    line = _printable(line, LONGEST_LINE)  # quoted as it was handed in
    return f'  File "{name}", line {number}, in {function}\n    {line}\n'


def _printable(text: Any, limit: int) -> str:
    """At most `limit` characters of a text, what a terminal would obey replaced."""
    if not isinstance(text, str):
        raise wire.WireError("malformed text")
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
