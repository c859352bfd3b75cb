"""A key changes with everything a verdict depends on; the store holds whole verdicts only."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder import attempt
from autograder.assignment import Assignment
from autograder.attempt import Attempt, Store
from autograder.verdict import Verdict


def key(folder: Path, data: bytes = b"x", seed: int = 0, **conditions: object) -> str:
    around = attempt.surroundings(folder, conditions)
    return Attempt.of("toy", data, seed=seed, surroundings=around).key


def test_key_depends_on_all_that_a_verdict_does(toy: Assignment) -> None:
    base = key(toy.folder)
    assert key(toy.folder) == base
    assert key(toy.folder, data=b"y") != base
    assert key(toy.folder, seed=1) != base
    assert key(toy.folder, memory=1) != base
    (toy.folder / "hidden_tests.py").write_text("changed = True\n")
    assert key(toy.folder) != base


def test_store_gives_back_what_it_was_given(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.get("ab12") is None
    store.put("ab12", Verdict("graded"))
    assert store.get("ab12") == Verdict("graded")


@pytest.mark.parametrize("damage", [b"", b'{"status": "gra', b"[]", b"\xff\xfe"])
def test_a_damaged_verdict_is_not_there(tmp_path: Path, damage: bytes) -> None:
    store = Store(tmp_path)
    store.put("ab12", Verdict("graded"))
    store.path("ab12").write_bytes(damage)
    assert store.get("ab12") is None


def test_an_interrupted_write_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    attempt.write_atomically(path, b"old")

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(attempt.os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        attempt.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
