"""User ids for student processes: a block of them for each warm parent, and never the same twice.

Limits and kills go by user. Two graders on one machine must not meet in one.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from typing import IO

FIRST = 60800  # up to 61183: neither distributions nor systemd hand these out
SLOTS = 32
_BLOCKS = 12


class UsersError(RuntimeError):
    """Every block of users is taken."""


def reserve() -> tuple[int, IO[bytes]]:
    """Take a free block; it is free again when the returned file is closed.

    Returns
    -------
    first : int
        The block's first user id, of `SLOTS`.
    lock : file
        Closed by the system too if this process dies.
    """
    folder = "/run" if os.access("/run", os.W_OK) else tempfile.gettempdir()
    for block in range(_BLOCKS):
        path = os.path.join(folder, f"chainrule-users-{os.geteuid()}-{block}")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            continue  # somebody else's file: leave that block to them
        lock = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return FIRST + block * SLOTS, lock
    raise UsersError("Too many graders are at work on this machine; end one of them first.")
