"""A key changes with everything a verdict depends on; the store holds whole verdicts only."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.assignment.source import Assignment, load
from autograder.judging.attempt import Attempt, Store, Surroundings
from autograder.judging.verdict import Verdict


def around(assignment: Assignment, seed: int = 0, **conditions: object) -> Surroundings:
    return Surroundings.of(assignment, seed=seed, conditions=conditions)


def key(assignment: Assignment, data: bytes = b"x", seed: int = 0, **conditions: object) -> str:
    return around(assignment, seed, **conditions).key(data)


@pytest.fixture
def first(toy: Assignment) -> tuple[Attempt, Surroundings]:
    return Attempt("toy", b'{"cells": []}', key="ab12"), around(toy, seed=5, memory=1)


def test_key_depends_on_all_that_a_verdict_does(toy: Assignment) -> None:
    base = key(toy)
    assert key(toy) == base
    assert key(toy, data=b"y") != base
    assert key(toy, seed=1) != base
    assert key(toy, memory=1) != base
    (toy.folder / "hidden_tests.py").write_text("changed = True\n")
    assert key(toy) != base


def test_key_depends_on_what_is_provided_of_another_assignment(
    toy: Assignment, sequel: Assignment
) -> None:
    def now() -> str:
        return key(load("zequel", toy.root))

    base, path = now(), toy.folder / "notebook.py"
    for name in ("hidden_tests.py", "mistakes.py"):
        (toy.folder / name).write_text("changed = True\n")
    path.write_text(path.read_text().replace("total / len(x)", "total / x.shape[0]"))
    assert now() == base  # of the other assignment nothing else counts
    path.write_text(path.read_text().replace("x * factor", "factor * x"))
    changed = now()
    assert changed != base
    path.write_text(path.read_text().replace('"scale" points=2', '"scale" points=2 allows="torch"'))
    assert now() not in (base, changed)


def test_store_gives_back_what_it_was_given(
    tmp_path: Path, first: tuple[Attempt, Surroundings]
) -> None:
    store = Store(tmp_path)
    assert store.get("ab12") is None
    store.put(first[0], Verdict("graded"), first[1])
    assert store.get("ab12") == Verdict("graded")


def test_a_verdict_can_be_traced_to_all_that_it_was_made_from(
    tmp_path: Path, first: tuple[Attempt, Surroundings], toy: Assignment
) -> None:
    store = Store(tmp_path)
    submission, surroundings = first
    store.put(submission, Verdict("graded", attempt="ab12"), surroundings)
    kept = json.loads(store.path("ab12").read_bytes())
    assert gzip.decompress(store.input(kept["submission"]).read_bytes()) == submission.data
    assert (kept["attempt"], kept["assignment"]) == ("ab12", "toy")
    again = Surroundings(**kept["surroundings"])
    assert again.key(submission.data) == key(toy, submission.data, seed=5, memory=1)


def test_equal_submissions_are_kept_once(
    tmp_path: Path, first: tuple[Attempt, Surroundings]
) -> None:
    store = Store(tmp_path)
    store.put(first[0], Verdict("graded"), first[1])
    store.put(replace(first[0], key="cd34"), Verdict("graded"), first[1])
    assert len(list((tmp_path / "inputs").iterdir())) == 1


@pytest.mark.parametrize("damage", [b"", b'{"status": "gra', b"[]", b"\xff\xfe"])
def test_a_damaged_verdict_is_not_there(
    tmp_path: Path, damage: bytes, first: tuple[Attempt, Surroundings]
) -> None:
    store = Store(tmp_path)
    store.put(first[0], Verdict("graded"), first[1])
    store.path("ab12").write_bytes(damage)
    assert store.get("ab12") is None
