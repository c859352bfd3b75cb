"""Two programs timed in turns within one run, so that whatever else the machine does hits both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

Run = Callable[[], Any]


def race(
    line_up: Callable[[], tuple[Run, Run]],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[list[float], list[Any]]:
    """Time two runs; give the median of each, and what each gave in the last round.

    Parameters
    ----------
    line_up : callable
        Makes the two runs of a round; what it does is not timed.
    repeats : int
        How many rounds count. One more comes before: it pays for caches and lazy modules.
    clock : callable
        Gives the time in seconds.
    """
    seconds: list[list[float]] = [[], []]
    for _ in range(repeats + 1):
        results = []
        for run, taken in zip(line_up(), seconds, strict=True):
            start = clock()
            results.append(run())
            taken.append(clock() - start)
    return [statistics.median(taken[1:]) for taken in seconds], results
