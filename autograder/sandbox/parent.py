"""The warm parent: imports once what all attempts need, then forks a process for each.

It never sees a test or a reference and never runs student code. Each request on the control socket
brings an attempt's data socket and status socket; the attempt's number as a process and, when it is
over, its exit status and usage go back on the status socket. An attempt is killed when its status
socket is closed or shut down by the judge, and all are when the last judge has gone.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.metadata
import json
import os
import random
import selectors
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from autograder.sandbox import confine
from autograder.sandbox.limits import Isolation, Limits

# One request and its two descriptors at a time; longer messages do not occur.
MESSAGE_BYTES = 16 * 1024


@dataclass(frozen=True)
class Settings:
    """What the program is started with; stage 1 adds what it found."""

    allows: tuple[str, ...]
    path: list[str]
    control: int
    first_uid: int
    layers: tuple[str, ...] | None
    devices: tuple[str, ...] = ()
    site: str = ""
    isolation: dict[str, Any] = field(default_factory=dict)
    readable: list[str] = field(default_factory=list)

    def command_line(self) -> list[str]:
        """The arguments of the interpreter that run this program with these settings.

        -I would ignore PYTHONHASHSEED, which makes attempts reproducible; the environment is ours
        and the path is set here, so -s -S do as well.
        """
        start = (
            "import sys, json; "
            "sys.path[:] = [p for p in sys.path if p] + json.loads(sys.argv[1])['path']; "
            "from autograder.sandbox import parent; parent.main()"
        )
        return ["-s", "-S", "-B", "-c", start, json.dumps(asdict(self))]


def main() -> None:
    """Stage 1 prepares the room and starts stage 2 inside it, which serves."""
    settings = Settings(**json.loads(sys.argv[1]))
    if settings.site:
        serve(settings)
        return
    try:
        enter(settings)
    except importlib.metadata.PackageNotFoundError as error:
        sys.exit(f"allows={error.name!r} names a package that is not installed here")


def enter(settings: Settings) -> None:
    """Enter the room and start again there, so that nothing of the outside stays in memory."""
    python = os.path.realpath(sys.executable)
    isolation = confine.survey(settings.layers)
    site = confine.enter(isolation, settings.allows, settings.devices)
    inside = replace(
        settings,
        site=site,
        path=[site],
        isolation=isolation.to_dict(),
        readable=confine.readable(isolation, site, settings.allows),
    )
    os.chdir("/")
    os.execve(python, [python, *inside.command_line()], dict(os.environ))


def serve(settings: Settings) -> None:
    """Warm up, say so, and serve requests until the last judge has gone."""
    isolation = Isolation.from_dict(settings.isolation)
    warm_up(settings.allows)
    control = socket.socket(fileno=settings.control)
    control.send(json.dumps(settings.isolation).encode())
    server = Server(control, isolation, settings)
    try:
        server.run()
    finally:
        server.end()


def warm_up(allows: tuple[str, ...]) -> None:
    """Import what attempts need; leave no thread, no garbage and no chance behind."""
    import numpy

    numpy.random.seed(0)  # noqa: NPY002  student code may use the global generator
    numpy.linalg.norm(numpy.ones((2, 2)) @ numpy.ones((2, 2)))
    from autograder import data, figures  # noqa: F401  notebooks import them
    from autograder.sandbox import child  # noqa: F401  the attempts run it

    if "torch" in allows:
        import torch

        torch.set_num_threads(1)  # a fork after a parallel operation hangs
        torch.manual_seed(0)
        layer = torch.nn.Linear(2, 2)
        optimiser = torch.optim.SGD(layer.parameters(), lr=0.0)
        layer(torch.ones(1, 2)).sum().backward()
        optimiser.step()  # the first step of a process imports for a second
    sys.argv[1:] = []
    gc.collect()
    gc.freeze()  # so that collections in the attempts do not touch, and so copy, these objects


@dataclass(eq=False)
class Child:
    """A student process that this program has forked."""

    pid: int
    pidfd: int
    status: socket.socket
    slot: int
    scratch: str


class Server:
    """Forks on request, kills on request, reaps and reports."""

    def __init__(self, control: socket.socket, isolation: Isolation, settings: Settings) -> None:
        self.control = control
        self.isolation = isolation
        self.settings = settings
        self.pid = os.getpid()
        self.children: set[Child] = set()
        self.count = 0
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ, self.accept)

    def run(self) -> None:
        """Serve until the control socket ends."""
        while self.control.fileno() >= 0:
            for key, _ in self.selector.select():
                key.data()

    def accept(self) -> None:
        """Fork the attempt that the next request asks for."""
        message, fds, _, _ = socket.recv_fds(self.control, MESSAGE_BYTES, 2)
        if not message:
            self.control.close()
            return
        request = json.loads(message)
        data, status = (socket.socket(fileno=fd) for fd in fds)
        with data:
            self.fork(request, data, status)

    def fork(self, request: dict[str, Any], data: socket.socket, status: socket.socket) -> None:
        """Start a student process."""
        self.count += 1
        slot, home = request["slot"], os.path.dirname(self.settings.site)
        scratch = "/tmp" if "files" in self.isolation else f"{home}/scratch/{self.count}"
        uid = self.settings.first_uid + slot
        try:
            pid = confine.fork(self.isolation)
        except OSError as error:
            report(status, {"refused": f"fork failed: {error}"})
            status.close()
            return
        if pid == 0:
            become_student(self, Limits(**request["limits"]), uid, scratch, data, status)
        child = Child(pid, os.pidfd_open(pid), status, slot, scratch)
        self.children.add(child)
        self.selector.register(child.pidfd, selectors.EVENT_READ, lambda: self.reap(child))
        self.selector.register(status, selectors.EVENT_READ, lambda: self.kill(child))

    def kill(self, child: Child) -> None:
        """The judge has shut its end of the status socket."""
        if child not in self.children:
            return  # its end was among the same events
        self.selector.unregister(child.status)
        signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)

    def reap(self, child: Child) -> None:
        """Report the end of an attempt and clean up after it."""
        _, code, usage = os.wait4(child.pid, 0)
        self.selector.unregister(child.pidfd)
        os.close(child.pidfd)
        self.children.remove(child)
        if child.status in self.selector.get_map():
            self.selector.unregister(child.status)
        self.clean(child)
        report(child.status, {
            "exit": os.waitstatus_to_exitcode(code),
            "cpu": usage.ru_utime + usage.ru_stime,
            "memory": usage.ru_maxrss * 1024,
        })  # fmt: skip
        child.status.close()

    def clean(self, child: Child) -> None:
        """Where no namespace does it: end what the slot's user left, remove its files."""
        whole = "files" in self.isolation and "processes" in self.isolation
        alone = all(other.slot != child.slot for other in self.children)
        if "uid" in self.isolation and alone and not whole:
            confine.sweep(self.settings.first_uid + child.slot, child.scratch)
        elif "files" not in self.isolation:
            shutil.rmtree(child.scratch, ignore_errors=True)

    def end(self) -> None:
        """Kill and reap everything."""
        for child in list(self.children):
            signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)
            self.reap(child)
        if "files" not in self.isolation:
            shutil.rmtree(os.path.dirname(self.settings.site), ignore_errors=True)


def report(status: socket.socket, message: dict[str, Any]) -> None:
    """Tell the judge, if it is still there to hear."""
    with contextlib.suppress(OSError):
        status.send(json.dumps(message).encode(), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


def become_student(server: Server, limits: Limits, uid: int, scratch: str,
                   data: socket.socket, status: socket.socket) -> None:  # fmt: skip
    """In the forked process: confine it, then serve the judge until it goes. Never returns."""
    from autograder.sandbox import child, linux

    report(status, {"hello": True})  # with which the kernel tells the judge this process's number
    try:
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        settings = server.settings
        confine.confine(server.isolation, limits, uid, scratch, settings.readable, settings.devices)
        if os.getppid() not in (0, server.pid):  # 0: beyond the namespace, whose end ends this too
            raise ChildProcessError("the warm parent ended before this could die with it")
        os.environ.clear()
        os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = scratch
        random.seed(0)  # a fork seeds it anew
        os.dup2(data.fileno(), 3)
        channel = socket.socket(fileno=3)
    except BaseException as error:
        report(status, {"refused": f"{type(error).__name__}: {error}"})
        os._exit(1)
    linux.close_from(4)
    try:
        child.serve(channel, limits)
    finally:
        os._exit(1)  # whatever happened, the parent's own loop is not for this process


def attempt_request(slot: int, limits: Limits) -> bytes:
    """The message that asks for an attempt."""
    return json.dumps({"slot": slot, "limits": asdict(limits)}).encode()
