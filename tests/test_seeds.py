"""The reference passes where a hidden test once failed it: at seeds whose inputs are rare."""

from __future__ import annotations

import pytest

from autograder.assignment.source import load
from autograder.checking import hints
from autograder.checking.running import run_test
from autograder.checking.student import Namespace

ONCE_FAILED = [
    ("optimization", "test_batchnorm_dbeta", 39),
    ("autoencoder", "test_network_gradients", 51),
]


@pytest.mark.parametrize(("assignment", "name", "seed"), ONCE_FAILED)
def test_a_rare_seed_fails_nobody_who_is_right(assignment: str, name: str, seed: int) -> None:
    loaded = load(assignment)
    student = Namespace(loaded.namespace())
    test = vars(loaded.module("hidden_tests"))[name]
    result = run_test(test, {"student": student, "rng": hints.generator(test, seed)})
    assert result.outcome == "passed", result.diagnosis
