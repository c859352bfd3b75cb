"""The student's checks: what is right, what is not, and why."""

from __future__ import annotations

import html
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.checking import hints
from autograder.checking.marks import mark_of
from autograder.checking.running import Result, run_test
from autograder.checking.student import Namespace

__all__ = ["CheckFailed", "Result", "check", "progress", "run_test", "run_tests"]

Test = Callable[..., None]


class CheckFailed(AssertionError):
    """A property that an exercise should have is missing."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show the sentence alone: the table above has said the rest."""
        return [f"{type(self).__name__}: {self}"]


def run_tests(
    functions: Iterable[Test], namespace: Any, *, rng_seed: int = 0, reference: Any = None
) -> list[Result]:
    """Run tests on a student and list what came of each.

    Parameters
    ----------
    functions : iterable of tests
    namespace : mapping or student
        The notebook's names, or anything with a student's face.
    rng_seed : int
        Every test draws from a generator of its own, made of this seed and its name.
    reference : student, optional
        For tests that ask for it.
    """
    student = Namespace(namespace) if isinstance(namespace, Mapping) else namespace
    return [
        run_test(
            test,
            {"student": student, "reference": reference, "rng": hints.generator(test, rng_seed)},
        )
        for test in functions
    ]


def check(name: str, *, folder: Path | str | None = None) -> None:
    """Check one exercise with its visible tests and show what they found.

    Parameters
    ----------
    name : str
        The exercise.
    folder : path, optional
        Where ``checks.py`` is; the current folder by default.

    Raises
    ------
    CheckFailed
        If the exercise lacks any of its properties.
    """
    suite = Suite(folder)
    report = Report(name, suite.results(name, sys._getframe(1).f_globals))
    _show(report)
    if report.summary:
        raise CheckFailed(report.summary)


def progress(*, folder: Path | str | None = None) -> None:
    """Show every exercise of the assignment, and the points as far as its visible checks go."""
    suite = Suite(folder)
    names = sys._getframe(1).f_globals
    reports = [Report(name, suite.results(name, names)) for name in suite.exercises]
    _show(Progress(reports, suite.points))


class Suite:
    """The visible tests of an assignment and the hints that go with them.

    Parameters
    ----------
    folder : path, optional
        Where ``checks.py`` and ``hints.json`` are; the current folder by default.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        path = Path(folder or ".").resolve() / "checks.py"
        if not path.is_file():
            raise CheckFailed(
                f"There is no checks.py in {path.parent}: start the notebook in its assignment's "
                "folder, or say check(…, folder=…)."
            )
        names: dict[str, Any] = {"__name__": "checks", "__file__": str(path)}
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
        self.hints = hints.load(path.parent)
        self.exercises: dict[str, list[Test]] = {}
        for test in names.values():
            if (mark := mark_of(test)) is not None:
                self.exercises.setdefault(mark.name, []).append(test)

    @property
    def points(self) -> dict[str, float]:
        """The points of each exercise, in the assignment's order."""
        return self.hints.get("_exercises", {})

    def results(self, exercise: str, names: Mapping[str, Any]) -> list[Result]:
        """Run the tests of an exercise on a notebook's names."""
        if exercise not in self.exercises:
            raise CheckFailed(
                f"There is no exercise {exercise!r} here; there are {', '.join(self.exercises)}."
            )
        return self.explained(run_tests(self.exercises[exercise], names))

    def explained(self, results: Iterable[Result]) -> list[Result]:
        """Let known mistakes' hints take the place of the general diagnoses of one exercise."""
        results = list(results)
        failed = [result for result in results if result.outcome == "failed"]
        earned = hints.earned(
            {result.name: hints.Table(self.hints.get(result.name, ())) for result in failed},
            {result.name: hints.fingerprint(result.log) for result in failed},
        )
        return [
            replace(result, diagnosis=earned.get(result.name, result.diagnosis))
            for result in results
        ]


# What the student sees: text in a terminal, HTML in a notebook; signs as well as colours.

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
