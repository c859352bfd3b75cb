"""The pool gives every attempt its verdict, whatever happens to a worker."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from autograder.assignment import build
from autograder.assignment.source import Assignment
from autograder.judging.attempt import Attempt
from autograder.judging.pool import DIED, IsolationError, Pool
from autograder.judging.processes import Processes
from autograder.sandbox import LAYERS, Isolation


def attempts(toy: Assignment, count: int) -> list[Attempt]:
    data = build.solved(toy).encode()
    return [Attempt("toy", data, key=str(number)) for number in range(count)]


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
