"""User ids for student processes: a block of them for each warm parent, and never the same twice.

Limits and kills go by user. Two graders on one machine must not meet in one.
"""

from __future__ import annotations

import socket

from autograder.errors import UserError

FIRST = 60800  # up to 61183: neither distributions nor systemd hand these out
SLOTS = 32
_BLOCKS = 12


class UsersError(UserError):
    """Every block of users is taken."""


def reserve() -> tuple[int, socket.socket]:
    """Take a free block; it is free again when the returned socket is closed.

    Returns
    -------
    first : int
        The block's first user id, of `SLOTS`.
    lock : socket
        Bound to a name that no other socket of the machine can have, whoever's it is; containers
        share the machine's users, not its files. Closed by the system too if this process dies.
    """
    for block in range(_BLOCKS):
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0chainrule-users-{block}")
        except OSError:
            lock.close()
        else:
            return FIRST + block * SLOTS, lock
    raise UsersError("Too many graders are at work on this machine; end one of them first.")
