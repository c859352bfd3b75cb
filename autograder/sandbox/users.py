"""User ids for student processes: a block of them for each warm parent, and never the same twice.

Limits and kills go by user. Two graders on one machine must not meet in one.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from autograder.errors import UserError

FIRST = 60800  # up to 61183: neither distributions nor systemd hand these out
SLOTS = 32
#: Where the blocks begin: the first dozen exist in every container; 70400 to 99999 is free where a
#: system has more than 65536 users, and nobody's subordinate ids begin below 100000.
BLOCKS = (*range(FIRST, 61184, SLOTS), *range(70400, 99968, SLOTS))
LOCKS = Path("/run/chainrule-users")


class UsersError(UserError):
    """Every block of users is taken."""


class Lock(Protocol):
    """A reservation, which ends when it is closed; the system closes it for who dies."""

    def close(self) -> None:
        """Let others have the users."""


def reserve() -> tuple[int, Lock]:
    """Take a free block; it is free again when the returned lock is closed.

    Root's reservations are files that nobody else can open. Whoever else needs users (to hand them
    to a container that is root inside) reserves among themselves.

    Returns
    -------
    first : int
        The block's first user id, of `SLOTS`.
    lock : Lock
    """
    for first, lock in _free():
        return first, lock
    raise UsersError("Too many graders are at work on this machine; end one of them first.")


def _free() -> Iterator[tuple[int, Lock]]:
    folder = _locks()
    for first in BLOCKS:
        lock = _by_name(first) if folder is None else _by_file(folder / str(first))
        if lock is not None:
            yield first, lock


def _locks() -> Path | None:
    """Give root's folder of locks; None where there can be none, as on a read-only system."""
    if os.geteuid() != 0:
        return None
    try:
        LOCKS.mkdir(mode=0o700, exist_ok=True)
        status = LOCKS.lstat()
    except OSError:
        return None
    private = status.st_uid == 0 and stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    return LOCKS if private else None


def _by_file(path: Path) -> Lock | None:
    file = open(path, "w")  # noqa: SIM115 - it is the reservation
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _by_name(first: int) -> Lock | None:
    """Bind a name that no other socket of the machine can have."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(f"\0chainrule-users-{os.geteuid()}-{first}")
    except OSError:
        lock.close()
        return None
    return lock
