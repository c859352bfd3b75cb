"""No two graders on one machine meet in one user."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from autograder.sandbox import users

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root reserves by files")


def test_blocks_do_not_overlap_and_are_nobody_s() -> None:
    taken = [uid for first in users.BLOCKS for uid in range(first, first + users.SLOTS)]
    assert len(taken) == len(set(taken))
    assert all(60706 <= uid <= 61183 or 65536 < uid < 100_000 for uid in taken)


def test_many_graders_fit_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "LOCKS", tmp_path / "locks")
    with ExitStack() as stack:
        firsts = []
        for _ in range(60):
            first, lock = users.reserve()
            stack.callback(lock.close)
            firsts.append(first)
        assert len(set(firsts)) == 60
    again, lock = users.reserve()
    lock.close()
    assert again == firsts[0]


def test_when_all_are_taken_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(users, "LOCKS", tmp_path / "locks")
    monkeypatch.setattr(users, "BLOCKS", users.BLOCKS[:1])
    _, lock = users.reserve()
    with pytest.raises(users.UsersError, match="end one of them first"):
        users.reserve()
    lock.close()


@needs_root
def test_nobody_else_can_hold_what_root_reserves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "LOCKS", tmp_path / "locks")
    with ExitStack() as stack:
        for first in users.BLOCKS[:12]:
            squatter = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            squatter.bind(f"\0chainrule-users-{os.geteuid()}-{first}")
        first, lock = users.reserve()
        assert first == users.BLOCKS[0]
        lock.close()


@needs_root
def test_a_folder_of_locks_that_is_somebody_else_s_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locks").mkdir()
    os.chown(tmp_path / "locks", users.FIRST, users.FIRST)
    monkeypatch.setattr(users, "LOCKS", tmp_path / "locks")
    _, lock = users.reserve()
    assert isinstance(lock, socket.socket) and list((tmp_path / "locks").iterdir()) == []
    lock.close()
