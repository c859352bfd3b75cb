"""What authors do from a shell, on the assignments that are here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.assignment.build import build
from autograder.assignment.scaffold import create
from autograder.assignment.source import AssignmentError
from autograder.judging.validate import validate

ROOT = Path(__file__).parents[1]


def test_a_new_assignment_is_sound(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    build([create("first_steps", tmp_path).name], tmp_path)
    findings = [finding for _, finding in validate(["first_steps"], tmp_path, 2)]
    assert len(findings) > 6
    assert [finding.details for finding in findings if not finding.passed] == []
    for name, said in (("first_steps", "is there already"), ("First", "cannot be"), ("", "cannot")):
        with pytest.raises(AssignmentError, match=said):
            create(name, tmp_path)


def test_pytest_runs_hidden_tests_on_the_reference() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "reference/mlp/hidden_tests.py", "-k", "neuron or torch_mlp"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
    )
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr
