"""A world to be attacked, and the isolation in which the corpus is graded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from attacks.world import World

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]


@pytest.fixture
def world() -> Iterator[World]:
    """A course, a repository, a process and servers to be attacked."""
    from attacks.world import World

    with World() as world:
        yield world


@pytest.fixture(scope="session")
def isolation() -> str:
    """The isolation to grade in: CHAINRULE_ISOLATION=container runs the corpus in the image."""
    return os.environ.get("CHAINRULE_ISOLATION", "process")
