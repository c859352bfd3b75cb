"""What came of collecting one download, in numbers, names and sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Collected:
    """What came of collecting: how many hand-ins, whose, and what a person has to look at."""

    assignment: str = ""
    platform: str = ""
    new: list[str] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    timed: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    failed: int = 0

    def lines(self) -> list[str]:
        """Tell it, the counts first."""
        if not self.assignment:
            return self.said
        counts = {
            "put into submitted/": self.new,
            "kept beside a later one": self.older,
            "known already": self.known,
            "known already, and now when they came": self.timed,
            "unmatched": self.unmatched,
        }
        shown = ", ".join(f"{len(whose)} {what}" for what, whose in counts.items() if whose)
        return [f"{self.assignment}, from {self.platform}: {shown or 'nothing'}.", *self.said]


def listed(names: Iterable[str]) -> str:
    """List names, the first ten of many."""
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
