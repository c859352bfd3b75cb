"""The training benchmarks still run; what they measure is not looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autograder.assignment import source

ROOT = Path(__file__).resolve().parent.parent
#: Seconds for what takes five where nothing else runs.
PATIENCE = 300
RACES = [name for name in source.names(ROOT) if (ROOT / f"benchmarks/{name}.py").is_file()]


@pytest.mark.parametrize("name", RACES)
def test_the_reference_races_its_twin(name: str) -> None:
    command = [sys.executable, f"benchmarks/{name}.py", "--repeats", "1", "--data", "digits"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert "\ndigits " in done.stdout
