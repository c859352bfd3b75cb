"""Plays the grader's container: root with no capability but SETUID, SETGID and KILL.

Run by test_confine.py in a process of its own; with arguments, it runs these as a command there, as
the attack corpus does. Python is made readable to every user, as it is in
the image; namespaces are refused for want of CAP_SYS_ADMIN.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import time
from pathlib import Path

from autograder.sandbox import WarmParent, linux

KILL, SETGID, SETUID = 5, 6, 7

DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    os.dup2(os.open("/dev/null", os.O_RDWR), 3)
    import time
    time.sleep(10**5)
"""


def make_python_readable() -> None:
    """Cover the home folder that Python may be in by one that others can enter."""
    home, prefix = Path("/root"), Path(sys.base_prefix)
    linux.unshare(linux.NEWNS)
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    if home in prefix.parents:
        python = os.open(prefix, os.O_PATH)
        linux.mount("tmpfs", str(home), "tmpfs", options="mode=0755")
        prefix.mkdir(parents=True)
        linux.mount(f"/proc/self/fd/{python}", str(prefix), flags=linux.MS_BIND)
        os.close(python)


def drop_all_but(*kept: int) -> None:
    """Drop every other capability, from the bounding set too."""
    for capability in range(41):
        if capability not in kept:
            linux._prctl(24, capability)
    bits = sum(1 << capability for capability in kept)
    header = struct.pack("Ii", 0x20080522, 0)
    linux._checked(linux._libc.capset(header, struct.pack("6I", bits, bits, 0, 0, 0, 0)))


def processes_of(uid: int) -> list[str]:
    """The processes of a user that still run; zombies do not."""
    running = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            if process.stat().st_uid == uid and state not in "ZX":
                running.append(process.name)
    return running


def main() -> None:
    make_python_readable()
    drop_all_but(KILL, SETGID, SETUID)
    if command := sys.argv[1:]:
        os.execv(command[0], command)

    with WarmParent() as parent:
        lacking = parent.isolation.lacking
        assert set(lacking) == {"files", "processes", "network", "ipc"}, lacking
        with parent.attempt(slot=3) as student:
            source = (
                "import os, numpy as np, decimal\nopen('x', 'w').write('x')\n"
                "seen = os.getresuid(), os.getcwd(), float(np.ones(3).sum())"
            )
            (outcome,) = student.execute([("a", source)])
            assert outcome.error is None, outcome.error
            uids, scratch, total = student.namespace.seen
            assert uids == (parent.first_uid + 3,) * 3 and total == 3.0
            for path in (
                __file__,
                "/etc/passwd",
                "/proc/1/environ",
                "/tmp",
                os.path.dirname(scratch),
            ):
                cell = ("b", f"import os\nseen = os.path.isdir({path!r}) and os.listdir({path!r})"
                             f" or open({path!r}).read()")  # fmt: skip
                (outcome,) = student.execute([cell])
                assert outcome.error, path
            for name in ("torch", "scipy"):
                (outcome,) = student.execute([("c", f"import {name}")])
                assert str(outcome.error).startswith("ModuleNotFoundError"), outcome.error
        assert not os.path.exists(scratch)
    print("confined")

    with WarmParent(layers=["uid", "privileges", "rlimits"]) as parent:
        with parent.attempt(slot=4) as student:
            (outcome,) = student.execute([("a", DAEMON)])
            assert outcome.error is None, outcome.error
            assert len(processes_of(parent.first_uid + 4)) == 2
        for _ in range(3000):  # they are killed; their end may take a while on a busy machine
            if not processes_of(parent.first_uid + 4):
                print("swept")
                break
            time.sleep(0.02)

    with WarmParent() as parent:
        student = parent.attempt(slot=5)
        student.execute([("a", "import os\nhome = os.path.abspath('../..')")])
        home = student.namespace.home
        assert parent._program and len(processes_of(parent.first_uid + 5)) == 1
        parent._program.kill()
        parent._program.wait()
        for _ in range(3000):
            if not processes_of(parent.first_uid + 5):
                print("orphaned", home)
                break
            time.sleep(0.02)


if __name__ == "__main__":
    main()
