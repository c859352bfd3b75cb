"""The pool gives every attempt its verdict, whatever happens to a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.assignment import build
from autograder.assignment.source import Assignment
from autograder.judging.attempt import Attempt
from autograder.judging.judge import TEST_CPU
from autograder.judging.pool import DIED, GRACE, HUNG, IsolationError, Pool
from autograder.judging.processes import Processes
from autograder.sandbox import LAYERS, Isolation, Limits


def attempts(toy: Assignment, count: int) -> list[Attempt]:
    data = build.solved(toy).encode()
    return [Attempt("toy", data, key=str(number)) for number in range(count)]


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait for something to become so."""
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()


def test_every_attempt_has_its_verdict(toy: Assignment, toy_root: Path) -> None:
    with Pool(toy_root, ["toy"], 2) as pool:
        done = {attempt.key: verdict.score for attempt, verdict in pool.judge(attempts(toy, 5))}
        again = [verdict.score for _, verdict in pool.judge(attempts(toy, 1))]
    assert done == {str(number): 5 for number in range(5)}
    assert again == [5]


def test_a_killed_worker_is_replaced_and_loses_nothing(toy: Assignment, toy_root: Path) -> None:
    with Pool(toy_root, ["toy"], 1) as pool:
        done = []
        for _, verdict in pool.judge(attempts(toy, 3)):
            done.append(verdict.status)
            if len(done) == 1:
                os.kill(pool._workers[0].process.pid, signal.SIGKILL)
    assert done == ["graded"] * 3


def test_a_worker_that_keeps_dying_is_our_fault(toy: Assignment, toy_root: Path) -> None:
    with open(toy.folder / "hidden_tests.py", "a") as file:
        file.write("\n\n@exercise('scale')\ndef test_dies():\n    import os\n    os._exit(1)\n")
    with Pool(toy_root, ["toy"], 1) as pool:
        ((_, verdict),) = pool.judge(attempts(toy, 1))
    assert verdict.status == "internal_error"
    assert verdict.notes == (DIED,)


HANGS = """

@exercise("scale")
def test_hangs(student):
    import pathlib, time
    told = pathlib.Path({told!r})
    before = told.read_text().splitlines() if told.exists() else []
    told.write_text("\\n".join([*before, str(student.__dict__["_inner"]._process.pid)]))
    time.sleep(0 if len(before) == {answers} else 10**6)
"""


@pytest.mark.parametrize(("answers", "status"), [(1, "graded"), (9, "internal_error")])
def test_a_worker_that_hangs_is_ended_with_all_that_it_started(
    toy: Assignment, toy_root: Path, tmp_path: Path, answers: int, status: str
) -> None:
    told = tmp_path / "told"
    with open(toy.folder / "hidden_tests.py", "a") as file:
        file.write(HANGS.format(told=str(told), answers=answers))
    with Pool(toy_root, ["toy"], 1) as pool:
        pool.patience = 15.0
        ((_, verdict),) = pool.judge(attempts(toy, 1))
        pids = told.read_text().split()
        assert len(pids) == 2
        assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    assert verdict.status == status
    assert (verdict.notes == (HUNG,)) == (status == "internal_error")


def test_how_long_a_worker_may_take_follows_from_the_limits(toy_root: Path) -> None:
    with Pool(toy_root, ["toy"], 1, Limits(attempt_cpu=7, wall_factor=3)) as pool:
        assert pool.patience == 7 * 3 + TEST_CPU * 3 + GRACE


def test_a_worker_that_is_dead_when_it_is_asked_is_our_fault(
    toy: Assignment, toy_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Pool(toy_root, ["toy"], 1) as pool:
        start = pool.launcher.start

        def stillborn(slot: int) -> subprocess.Popen[bytes]:
            worker = start(slot)
            worker.kill()
            worker.wait()
            return worker

        monkeypatch.setattr(pool.launcher, "start", stillborn)
        ((_, verdict),) = pool.judge(attempts(toy, 1))
    assert verdict.notes == (DIED,)


def test_a_broken_test_is_an_internal_error(toy: Assignment, toy_root: Path) -> None:
    with open(toy.folder / "hidden_tests.py", "a") as file:
        file.write("\n\n@exercise('scale')\ndef test_broken():\n    1 / 0\n")
    with Pool(toy_root, ["toy"], 1) as pool:
        ((_, verdict),) = pool.judge(attempts(toy, 1))
    assert verdict.status == "internal_error"
    assert "ZeroDivisionError" in verdict.notes[0]


def test_closing_leaves_no_process(toy: Assignment, toy_root: Path) -> None:
    with Pool(toy_root, ["toy"], 2) as pool:
        list(pool.judge(attempts(toy, 2)))
        pids = [each.process.pid for each in pool._workers]
        assert isinstance(pool.launcher, Processes)
        parents = pool.launcher.parents.values()
        pids += [parent._program.pid for parent in parents if parent._program]
    assert len(pids) == 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.parametrize(
    ("lacking", "landlock", "need"),
    [
        ({"files", "landlock"}, 0, "reads no other file"),
        ({"network", "seccomp"}, 7, "has no network"),
        ({"processes", "uid"}, 4, "disturbs no other process"),
        ({"privileges"}, 7, "gains no privilege"),
        ({"rlimits"}, 7, "has bounds"),
    ],
)
def test_where_something_needed_is_lacking_nothing_is_judged(
    toy: Assignment, toy_root: Path, lacking: set[str], landlock: int, need: str
) -> None:
    weak = Isolation(tuple(LAYERS.keys() - lacking), dict.fromkeys(lacking, "x"), False, landlock)
    with Pool(toy_root, ["toy"], 1) as pool:
        assert isinstance(pool.launcher, Processes)
        pool.launcher.isolation = weak
        with pytest.raises(IsolationError, match=f"{need} .*--isolation container.*--weak"):
            list(pool.judge(attempts(toy, 1)))
        pool.weak = True
        assert len(list(pool.judge(attempts(toy, 1)))) == 1


def test_what_two_layers_see_to_needs_one_of_them() -> None:
    everything = Isolation(tuple(LAYERS), landlock=7)
    assert everything.unmet() == {}
    profile = {"files", "processes", "network", "ipc"}  # what Docker's default takes away
    assert Isolation(tuple(LAYERS.keys() - profile), landlock=1).unmet() == {}
    assert "TCP" in Isolation(("landlock",), landlock=4).promise("landlock")
    assert "TCP" not in Isolation(("landlock",), landlock=3).promise("landlock")
    assert "signals" in Isolation(("landlock",), landlock=6).promise("landlock")
