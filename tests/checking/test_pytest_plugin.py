"""``pytest`` in an assignment's folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

INI = """\
[pytest]
python_files = checks.py
addopts = -p autograder.checking.pytest_plugin -p no:cacheprovider
"""
CHECKS = '''
import numpy as np
from autograder.checking.comparing import assert_close
from autograder.checking.marks import exercise

@exercise("total")
def test_total(student, rng):
    """total sums over the batch."""
    x = rng.normal(size=(7, 3))
    assert_close(student.total(x), x.sum(axis=0), name="total", axes="D", sizes={"N": 7})

@exercise("stub")
def test_stub(student):
    """stub is one."""
    assert_close(student.stub(), 1.0, name="stub")

@exercise("missing")
def test_missing(student):
    """missing is there."""
    student.missing()

@exercise("broken")
def test_broken(student):
    """broken runs."""
    student.broken(1)
'''
CELLS = [
    ("a", "import numpy as np\nfrom autograder import check, progress"),
    ("total_code", "def total(x):\n    return x.{total}(axis=0)"),
    ("total", "check('total')"),
    ("stub_code", "def stub():\n    raise NotImplementedError('stub: give 1')"),
    ("broken_code", "def broken(x):\n    y = x\n    return y / 0"),
    ("experiment-long", "raise SystemExit('experiments are not run')"),
    ("extra", "%matplotlib inline\nz = 1 / 0"),
    ("missing_code", "check('x'); progress()\nmissing = lambda: None"),
]


def run(tmp_path: Path, total: str = "mean", ini: str = INI, notebook: str = "box.ipynb") -> str:
    folder = tmp_path / "box"
    folder.mkdir()
    cells = [
        {
            "cell_type": "code",
            "id": name,
            "metadata": {},
            "source": source.replace("{total}", total),
        }
        for name, source in CELLS
    ]
    cells.insert(0, {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# Box"})
    (folder / notebook).write_text(json.dumps({"cells": cells}), encoding="utf-8")
    (folder / "checks.py").write_text(CHECKS, encoding="utf-8")
    (folder / "pytest.ini").write_text(ini, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--color=no"]
    env = {**os.environ, "COLUMNS": "160"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run(tmp_path_factory.mktemp("class"))


def test_sentence_and_diagnosis_and_no_traceback(output: str) -> None:
    assert re.search(r"^total sums over the batch\.$", output, re.M)
    assert "exactly N = 7 times too small" in output
    assert "def test_total" not in output and "assert_close" not in output


def test_stubs_are_named(output: str) -> None:
    assert "Not written yet: give 1." in output


def test_the_line_is_shown(output: str) -> None:
    assert "broken raised ZeroDivisionError: division by zero (line 3: `return y / 0`)." in output


def test_cells_that_stop_are_named_and_the_next_ones_run(output: str) -> None:
    assert "code cell 7: It raised ZeroDivisionError" in output
    assert "experiments are not run" not in output
    assert "3 failed, 1 passed" in output


def test_what_is_right_passes(tmp_path: Path) -> None:
    assert "2 failed, 2 passed" in run(tmp_path, total="sum")


def test_elsewhere_the_plugin_stays_out_of_the_way(tmp_path: Path) -> None:
    assert "fixture 'student' not found" in run(tmp_path, notebook="another.ipynb")
