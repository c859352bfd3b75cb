"""The corpus where namespaces are refused, as they are in a container with the default profile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CONTAINED = HERE.parent / "sandbox" / "contained.py"
THERE = {
    "probes": ["test_probes.py", "-k", "refused or engine"],
    "breaking": ["test_attacks.py", "-k", "middle and breaking"],
    "record": ["test_attacks.py", "-k", "middle and record"],
}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can play the container")
@pytest.mark.parametrize("what", THERE)
def test_in_a_container_that_refuses_namespaces(what: str) -> None:
    name, *chosen = THERE[what]
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / name), *chosen]
    done = subprocess.run(
        [sys.executable, CONTAINED, sys.executable, *tests],
        capture_output=True,
        text=True,
        timeout=1800,
        cwd=HERE,
    )
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout and "passed" in done.stdout
