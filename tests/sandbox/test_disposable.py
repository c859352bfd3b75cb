"""What is worked on in a disposable process ends that process at most."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from autograder.sandbox.disposable import Disposable, Spent

MIB = 1 << 20
KEPT: list[bytearray] = []


def work(what: str, size: int = 0) -> object:
    """Do one of several things to the process that runs it."""
    match what:
        case "pid":
            return os.getpid()
        case "loop":
            while True:
                pass
        case "loop in C":
            return sum(iter(int, 1))
        case "memory":
            return len(bytearray(size))
        case "keep":
            KEPT.append(bytearray(size))
            return os.getpid()
        case "abort":
            os.abort()
        case "exit":
            os._exit(0)
        case "raise":
            raise RecursionError("deep")
        case "files":
            return sorted(os.listdir("/proc/self/fd"))
    return what * size


@pytest.fixture
def disposable() -> Any:
    with Disposable(work, cpu=0.3, memory=64 * MIB) as made:
        yield made


def test_one_process_works_for_many(disposable: Disposable[..., Any]) -> None:
    assert {disposable("pid") for _ in range(20)} == {pid := disposable("pid")}
    assert pid != os.getpid()
    assert disposable("ab", 3) == "ababab"


@pytest.mark.parametrize(
    ("what", "size", "said"),
    [
        ("loop", 0, "takes more than 0.3 s of CPU time"),
        ("loop in C", 0, "takes more than 0.3 s of CPU time"),
        ("memory", 100 * MIB, "takes more than 64 MiB of memory"),
        ("abort", 0, "takes more than 64 MiB of memory"),
        ("exit", 0, "ends the process that shows it (exit code 0)"),
        ("raise", 0, "cannot be worked on (RecursionError)"),
    ],
)
def test_what_takes_too_much_is_said_and_the_next_is_served(
    disposable: Disposable[..., Any], what: str, size: int, said: str
) -> None:
    for _ in range(2):
        with pytest.raises(Spent) as spent:
            disposable(what, size)
        assert str(spent.value) == said
        assert disposable("memory", 30 * MIB) == 30 * MIB


def test_what_others_left_in_it_costs_nobody() -> None:
    """Pieces of more than 32 MiB are asked of the system, whatever the heap has free."""
    with Disposable(work, memory=256 * MIB) as disposable:
        first = disposable("keep", 40 * MIB)
        assert disposable("memory", 240 * MIB) == 240 * MIB  # in another one
        assert disposable("pid") != first


def test_one_that_has_grown_is_replaced(disposable: Disposable[..., Any]) -> None:
    assert disposable("keep", 30 * MIB) != disposable("pid")


def test_it_holds_no_file_of_its_makers(disposable: Disposable[..., Any]) -> None:
    with open(__file__), open(os.devnull, "wb"):
        descriptors = disposable("files")
    assert len(descriptors) == 5, descriptors  # the null device, one connection, and the look


def test_it_goes_with_its_maker_however_that_goes(tmp_path: Path) -> None:
    program = (
        "import os, sys, signal\nfrom autograder.sandbox.disposable import Disposable\n"
        "made = Disposable(os.getpid)\nprint(made(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    for _ in range(100):
        if not Path(f"/proc/{int(done.stdout)}").exists():
            return
        time.sleep(0.05)
    raise AssertionError("it lives on")


def test_an_interrupt_at_the_terminal_is_for_its_maker(disposable: Disposable[..., Any]) -> None:
    pid = disposable("pid")
    os.kill(pid, signal.SIGINT)
    assert disposable("pid") == pid
