"""One warm parent for all tests of student processes, and an attempt for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

if sys.platform != "linux":
    pytest.skip("student processes need Linux", allow_module_level=True)

from autograder.student import Limits, StudentProcess, WarmParent

MIB = 1 << 20
LIMITS = Limits(
    cell_cpu=2, call_cpu=1, attempt_cpu=6, idle=1.0, memory=256 * MIB, frame=8 * MIB,
    received=32 * MIB, handles=100, disk=4 * MIB, inodes=50, file_bytes=2 * MIB,
)  # fmt: skip


@pytest.fixture(scope="session")
def parent() -> Iterator[WarmParent]:
    """A warm parent with every layer that the machine offers."""
    with WarmParent(limits=LIMITS) as parent:
        yield parent


@pytest.fixture
def student(parent: WarmParent) -> Iterator[StudentProcess]:
    """A fresh student process."""
    with parent.attempt() as process:
        yield process
