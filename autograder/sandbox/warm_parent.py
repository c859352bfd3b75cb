"""The warm parent, as the judge sees it: it forks a confined process for each attempt."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Collection
from functools import cached_property
from pathlib import Path

import numpy as np

from autograder.sandbox import parent, room, users
from autograder.sandbox.errors import ParentError, ParentGone, Refused
from autograder.sandbox.limits import Isolation, Limits
from autograder.sandbox.process import StudentProcess
from autograder.sandbox.users import SLOTS

_START_SECONDS = 120  # a cold import of torch on a busy machine
_ANSWER_SECONDS = 30
_END_SECONDS = 5
_CREDENTIALS = struct.Struct("iII")  # pid, uid, gid
#: Side by side, threads of several programs wait for one another more than they compute.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_ENVIRONMENT = {**ONE_THREAD, "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}


class WarmParent:
    """A program that imports what attempts need and then forks a confined process for each.

    It warms up while its maker does something else; the first attempt waits for it.

    Parameters
    ----------
    allows : tuple of str
        Packages that student code may import beyond NumPy.
    limits : Limits
        What each attempt may use.
    layers : collection of str, optional
        The layers of confinement to use; by default all that the machine offers.
    first_uid : int, optional
        The first of the users that attempts run as, if the caller has reserved them.
    gpu : bool
        Whether attempts may use the machine's NVIDIA devices.

    Raises
    ------
    UsersError
        If no users are left for it.
    ParentError
        From `isolation` and `attempt` if it does not start.
    """

    _failure: ParentError | None = None  # why it did not start

    def __init__(self, allows: tuple[str, ...] = (), limits: Limits | None = None, *,
                 layers: Collection[str] | None = None, first_uid: int | None = None,
                 gpu: bool = False) -> None:  # fmt: skip
        self.limits = limits or Limits()
        self._users = contextlib.ExitStack()
        if first_uid is None and os.geteuid() == 0:
            first_uid, lock = users.reserve()
            self._users.callback(lock.close)
        self.first_uid = users.FIRST if first_uid is None else first_uid  # who is not root
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        settings = parent.Settings(
            allows=tuple(allows),
            path=_import_path(),
            control=theirs.fileno(),
            first_uid=self.first_uid,
            layers=None if layers is None else tuple(layers),
            devices=room.gpu_devices() if gpu else (),
        )
        with theirs:
            self._program: subprocess.Popen[bytes] | None = subprocess.Popen(
                [sys.executable, *settings.command_line()],
                env=_ENVIRONMENT, cwd="/", pass_fds=[theirs.fileno()], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip

    @classmethod
    def from_fd(cls, fd: int, isolation: Isolation, limits: Limits | None = None) -> WarmParent:
        """Share the parent whose control descriptor, from `fileno`, this process inherited."""
        self = cls.__new__(cls)
        self.limits = limits or Limits()
        self._control = socket.socket(fileno=fd)
        self._program = None
        self.isolation = isolation
        return self

    @cached_property
    def isolation(self) -> Isolation:
        """What confines the attempts, as it says when it is warm."""
        if self._failure is not None:
            raise self._failure
        self._control.settimeout(_START_SECONDS)
        try:
            hello = self._control.recv(parent.MESSAGE_BYTES)
        except TimeoutError:
            hello = b""
        if not hello:
            assert self._program is not None
            self._program.kill()
            reason = self._program.communicate()[1].decode("utf-8", "replace").strip()
            self._control.close()
            last = reason.splitlines()[-1] if reason else "no reason given"
            self._failure = ParentError(
                f"The warm parent did not start: {last}. Run `autograder doctor`."
            )
            raise self._failure
        self._control.settimeout(None)
        return Isolation.from_dict(json.loads(hello))

    def fileno(self) -> int:
        """The control descriptor, to be inherited by other judges."""
        return self._control.fileno()

    def attempt(self, slot: int = 0) -> StudentProcess:
        """Fork a student process.

        Parameters
        ----------
        slot : int
            Which of the machine's confined users it runs as; judges that work side by side use
            different ones.
        """
        if not 0 <= slot < SLOTS:
            raise ValueError(f"slot must be from 0 to {SLOTS - 1}, not {slot}")
        _ = self.isolation  # it is warm
        data, their_data = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        status, their_status = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = parent.attempt_request(slot, self.limits)
        status.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        status.settimeout(_ANSWER_SECONDS)
        try:
            with their_data, their_status:
                fds = [their_data.fileno(), their_status.fileno()]
                socket.send_fds(self._control, [request], fds)
            return StudentProcess(_first_words(status), data, status, self.limits)
        except (OSError, ValueError, ParentError) as error:
            data.close()
            status.close()
            raise error if isinstance(error, ParentError) else ParentGone from error

    def forks(self, slot: int = 0) -> bool:
        """Whether it is still there to be asked for an attempt; another one would do no better."""
        try:
            self.attempt(slot).kill()
        except ParentGone:
            return False
        except ParentError:
            pass  # it refuses, and says why to whoever asks
        return True

    def close(self) -> None:
        """End the program, and with it every attempt; a shared parent is only let go."""
        self._control.close()
        if self._program is None:
            return
        if "isolation" not in self.__dict__:
            self._program.kill()  # it is still warming up
        try:
            self._program.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:  # another judge still holds it
            self._program.kill()
            self._program.wait()
        if self._program.stderr:
            self._program.stderr.close()
        self._users.close()

    def __enter__(self) -> WarmParent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _first_words(status: socket.socket) -> int:
    """The number of the process that greets, which the kernel translates between namespaces."""
    message, notes, _, _ = status.recvmsg(
        parent.MESSAGE_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size)
    )
    said = json.loads(message)
    if "refused" in said:
        raise Refused(said["refused"])
    return int(_CREDENTIALS.unpack(notes[0][2])[0])


def _import_path() -> list[str]:
    """Where the parent finds the kit and the installed packages before it enters its room."""
    kit = Path(__file__).resolve().parents[2]
    numpy_home = Path(np.__file__).parents[1]
    homes = [kit, numpy_home, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    return list(dict.fromkeys(map(str, homes)))
