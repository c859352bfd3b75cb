"""What the student sees of a check: text in a terminal, HTML in a notebook."""

from __future__ import annotations

import html
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autograder.checking.running import Result

# Signs as well as colours.
SIGNS = {"passed": "✓", "failed": "✗", "forbidden": "✗", "unanswered": "○"}
COLOURS = {"✓": "#009e73", "✗": "#d55e00", "○": "#888888"}
PLAIN = str.maketrans({"✓": "+", "✗": "x", "○": "o", "–": "-", "…": "...", "·": "."})
WIDTH = 96


@dataclass(frozen=True)
class Report:
    """What the checks of one exercise found."""

    exercise: str
    results: Sequence[Result]

    @property
    def passed(self) -> int:
        """How many checks are passed."""
        return sum(result.outcome == "passed" for result in self.results)

    @property
    def sign(self) -> str:
        """One sign for the whole exercise."""
        if self.passed == len(self.results):
            return "✓"
        return "○" if self._untouched else "✗"

    @property
    def summary(self) -> str:
        """One sentence for what is missing; empty if nothing is."""
        if self.sign == "✓":
            return ""
        if self._untouched:
            return f"{self.exercise} is not written yet."
        missing = len(self.results) - self.passed
        return f"{missing} of the {len(self.results)} checks of {self.exercise} failed."

    @property
    def _untouched(self) -> bool:
        return all(result.outcome == "unanswered" for result in self.results)

    def _lines(self) -> list[tuple[str, str, str]]:
        """List sign, sentence and diagnosis; what was just said is not said again."""
        if self._untouched:
            return [("○", str(self.results[0].diagnosis), "")]
        lines, said = [], None
        for result in self.results:
            diagnosis = result.diagnosis if result.diagnosis != said else None
            said = result.diagnosis or said
            lines.append((SIGNS[result.outcome], result.sentence, diagnosis or ""))
        return lines

    def __repr__(self) -> str:
        lines = [f"{self.exercise}: {self.passed} of {len(self.results)} checks passed"]
        for sign, sentence, diagnosis in self._lines():
            lines.append(_wrapped(sentence, f"  {sign} ", "    "))
            if diagnosis:
                lines.append(_wrapped(diagnosis, "      ", "      "))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for sign, sentence, diagnosis in self._lines():
            said = f'<div style="opacity:0.85">{_html(diagnosis)}</div>' if diagnosis else ""
            rows.append((_coloured(sign), f"{_html(sentence)}{said}"))
        head = f"{self.exercise}: {self.passed} of {len(self.results)} checks passed"
        return _table(head, rows)


@dataclass(frozen=True)
class Progress:
    """How far an assignment has come."""

    reports: Sequence[Report]
    points: Mapping[str, float]

    def _rows(self) -> list[tuple[str, str, str]]:
        rows = []
        for report in self.reports:
            of = f"{report.passed} of {len(report.results)} checks"
            if report.exercise in self.points:
                of += (
                    f", {_earned(report, self.points):g} of {self.points[report.exercise]:g} points"
                )
            rows.append((report.sign, report.exercise, of))
        return rows

    @property
    def _total(self) -> str:
        earned = sum(_earned(report, self.points) for report in self.reports)
        whole = sum(self.points.values())
        return f"{earned:g} of {whole:g} points, as far as the checks that you can see go"

    def __repr__(self) -> str:
        width = max((len(report.exercise) for report in self.reports), default=0)
        rows = [f"  {sign} {name:<{width}}  {of}" for sign, name, of in self._rows()]
        return "\n".join([*rows, _wrapped(self._total, "", "")])

    def _repr_html_(self) -> str:
        rows = [(_coloured(sign), _html(name), _html(of)) for sign, name, of in self._rows()]
        return _table(self._total, rows)


def _earned(report: Report, points: Mapping[str, float]) -> float:
    weight = sum(result.weight for result in report.results)
    passed = sum(result.weight for result in report.results if result.outcome == "passed")
    return round(points.get(report.exercise, 0) * passed / weight, 2) if weight else 0.0


def _wrapped(text: str, first: str, rest: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=rest)


def _html(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _coloured(sign: str) -> str:
    return f'<b style="color:{COLOURS[sign]}">{sign}</b>'


def _table(head: str, rows: Iterable[Sequence[str]]) -> str:
    cell = '<td style="text-align:left;vertical-align:top;padding:2px 12px 2px 0">'
    lines = "".join(f"<tr>{''.join(f'{cell}{item}</td>' for item in row)}</tr>" for row in rows)
    body = f'<table style="border-collapse:collapse;margin-left:0">{lines}</table>'
    return f'<div style="max-width:60em"><div><b>{_html(head)}</b></div>{body}</div>'


def _show(view: Report | Progress) -> None:
    """Show a table in the notebook if this is one, else print it."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import display

        display(view)
        return
    text, encoding = repr(view), getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    print(text)
