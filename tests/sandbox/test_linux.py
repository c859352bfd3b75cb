"""What older kernels lack is made good by what they have."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from autograder.sandbox import linux


def in_a_fork(act: object) -> bool:
    """Whether a function runs through in a process of its own."""
    pid = os.fork()
    if pid == 0:
        try:
            act()  # type: ignore[operator]
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_without_mount_setattr_everything_below_becomes_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    within = tmp_path / "a folder" / "within"
    within.mkdir(parents=True)

    def old_kernel(number: int, *arguments: object) -> int:
        raise OSError(38, "Function not implemented")

    def act() -> None:
        linux.unshare(linux.NEWNS)
        linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
        linux.mount("tmpfs", str(tmp_path), "tmpfs")
        within.mkdir(parents=True)
        linux.mount("tmpfs", str(within), "tmpfs", linux.MS_NODEV)
        (within / "before").touch()
        linux.make_read_only(str(tmp_path))
        for folder in (tmp_path, within):
            with pytest.raises(OSError, match="Read-only"):
                (folder / "x").touch()

    monkeypatch.setattr(linux, "_syscall", old_kernel)
    assert in_a_fork(act)
    assert not in_a_fork(lambda: pytest.fail("this must be seen"))


def test_descriptors_are_closed_from_one_on() -> None:
    def act() -> None:
        first = max(map(int, os.listdir("/proc/self/fd"))) + 1
        kept, closed = os.dup2(0, first), os.dup2(0, first + 700)
        linux.close_from(first + 1)
        os.fstat(kept)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(closed)

    assert in_a_fork(act)
