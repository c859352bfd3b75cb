"""One warm parent for all tests of student processes, and an attempt for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from autograder.sandbox import StudentProcess, WarmParent

MIB = 1 << 20
collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]


@pytest.fixture(scope="session")
def parent() -> Iterator[WarmParent]:
    """A warm parent with every layer that the machine offers, and tight limits."""
    from autograder.sandbox import Limits, WarmParent

    limits = Limits(
        cell_cpu=2, call_cpu=1, attempt_cpu=6, idle=1.0, memory=256 * MIB, frame=8 * MIB,
        received=32 * MIB, handles=100, disk=4 * MIB, inodes=50, file_bytes=2 * MIB,
    )  # fmt: skip
    with WarmParent(limits=limits) as parent:
        yield parent


@pytest.fixture
def student(parent: WarmParent) -> Iterator[StudentProcess]:
    """A fresh student process."""
    with parent.attempt() as process:
        yield process
