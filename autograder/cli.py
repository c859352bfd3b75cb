"""The command line: one command for authors, instructors, teaching assistants and CI."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

try:
    import typer
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Table
except ModuleNotFoundError as missing:
    sys.exit(f"The command line needs {missing.name}; run: pip install 'chainrule[grade]'")

app = typer.Typer(
    help="Chainrule: an autograded course on neural networks built by hand.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
out = Console()
err = Console(stderr=True)

Names = Annotated[list[str] | None, typer.Argument(help="Assignments; all by default.")]
CourseFolder = Annotated[Path, typer.Option("--course", help="The course's folder.")]
Workers = Annotated[
    int, typer.Option("--workers", min=1, help="How many submissions are judged at a time.")
]
Students = Annotated[list[str] | None, typer.Option("--student", help="Only these students.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
COURSE = Path("course")
CORES = os.cpu_count() or 1


def _root() -> Path:
    from autograder import assignment

    return assignment.find_root()


def _names(names: list[str] | None, root: Path) -> list[str]:
    """Check the names of assignments; none means all of them."""
    from autograder import assignment

    for name in names or ():
        assignment.load(name, root)
    return names or assignment.names(root)


@app.command()
def build(
    names: Names = None,
    course: Annotated[
        Path | None, typer.Option(help="Also fill this course's source/, release/ and gradebook.")
    ] = None,
) -> None:
    """Generate assignments/ and the solved notebooks from reference/."""
    from autograder import build as builder
    from autograder.course import Course

    root = _root()
    names = _names(names, root)
    for folder in builder.build(names, root):
        out.print(f"built {folder.relative_to(root)}", highlight=False)
    if course:
        builder.fill(Course.create(course, root), names)
        out.print(f"filled {course}", highlight=False)


@app.command()
def validate(
    names: Names = None,
    as_json: AsJson = False,
    workers: Workers = CORES,
    notebook: Annotated[
        bool, typer.Option(help="Also run the solved notebook and hold its numbers to account.")
    ] = True,
) -> None:
    """Prove assignments sound, as CI does; exit with 1 if one is not."""
    from autograder import validate as validation

    root = _root()
    findings = []
    table = Table("assignment", "what", "", "measured", box=None, padding=(0, 1))
    for name, finding in validation.validate(_names(names, root), root, workers, notebook):
        findings.append((name, finding))
        mark = "[green]✓[/]" if finding.passed else "[bold red]✗[/]"
        table.add_row(name, finding.check, mark, finding.measured)
        err.print(f"{name}: {finding.check}: {finding.measured}", highlight=False)
    if as_json:
        plain = [{"assignment": name, **vars(finding)} for name, finding in findings]
        typer.echo(json.dumps(plain, indent=1))
    else:
        out.print(table)
        for name, finding in findings:
            for line in finding.details:
                out.print(f"{name}: {line}", markup=False, highlight=False)
    if not all(finding.passed for _, finding in findings):
        raise typer.Exit(1)


@app.command()
def score(
    notebooks: Annotated[list[Path], typer.Argument(help="Submitted notebooks.")],
    assignment: Annotated[str, typer.Option(help="The assignment that they answer.")],
    as_json: AsJson = False,
    workers: Workers = CORES,
    course: Annotated[
        Path | None, typer.Option(help="Judge as this course does: with its seed and its limits.")
    ] = None,
) -> None:
    """Judge notebooks, without touching a gradebook."""
    from autograder.attempt import Attempt
    from autograder.course import Course
    from autograder.engine import Pool
    from autograder.student import Limits

    root = _root()
    _names([assignment], root)
    opened = Course.open(course, root) if course else None
    seed, limits = (opened.seed, Limits(**opened.limits)) if opened else (0, None)
    attempts = [
        Attempt(assignment, _read(path), key=str(i), seed=seed) for i, path in enumerate(notebooks)
    ]
    with Pool(root, [assignment], min(workers, len(attempts)), limits) as pool:
        verdicts = {attempt.key: verdict for attempt, verdict in pool.judge(attempts)}
    results = [
        {"path": str(path), **verdicts[str(i)].as_dict()} for i, path in enumerate(notebooks)
    ]
    if as_json:
        typer.echo(json.dumps(results, indent=1))
    else:
        for result in results:
            _show_verdict(result)
    if any(result["status"] == "internal_error" for result in results):
        raise typer.Exit(1)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}.") from error


def _show_verdict(result: dict[str, Any]) -> None:
    total = f"{result['score']:g} of {result['max_score']:g}"
    out.print(f"{result['path']}  {result['status']}  {total}", style="bold", markup=False)
    for note in result["notes"]:
        out.print(f"  {note}", markup=False, highlight=False)
    for exercise in result["exercises"]:
        points = f"{exercise['score']:g}/{exercise['max_score']:g}"
        out.print(f"  {exercise['name']:<22}{points:>8}  {exercise['status']}", highlight=False)
        if exercise["status"] in ("passed", "unanswered"):
            continue
        for test in exercise["tests"]:
            if test["outcome"] != "passed":
                said = test["diagnosis"] or test["outcome"]
                out.print(f"      ✗ {test['sentence']} {said}", markup=False, highlight=False)


@app.command()
def demo(
    name: Annotated[
        str | None, typer.Argument(help="The assignment; the first by default.")
    ] = None,
    course: CourseFolder = Path("build/demo"),
) -> None:
    """Make a demo course: a class with right, wrong, late, crashing and cheating submissions."""
    from autograder import build as builder
    from autograder import demo as maker

    root = _root()
    chosen = _names([name] if name else None, root)[0]
    made = maker.create(course, root, chosen)
    builder.fill(made, [chosen])
    out.print(f"made {course}: {len(made.submissions())} submissions of {chosen}", highlight=False)


@app.command()
def grade(
    names: Names = None,
    student: Students = None,
    workers: Workers = CORES,
    course: CourseFolder = COURSE,
    feedback: Annotated[bool, typer.Option(help="Also write the feedback pages.")] = True,
) -> None:
    """Grade a class: judge what has no verdict yet, record, write feedback, CSV and report."""
    from autograder import record
    from autograder.student import survey

    opened, chosen = _opened(course, names)
    err.print(f"Isolation: local processes, confined by {survey()}.", markup=False, highlight=False)
    with _resumable(), opened.lock(), _progress() as progress:
        graded = _judged(opened, chosen, student, workers, progress)
        troubles = _through(progress, "recording", graded, record.record(opened, graded))
        if feedback:
            troubles += _through(progress, "feedback", graded, record.feedback(opened, graded))
    _summarise(opened)
    for trouble in troubles:
        err.print(trouble, markup=False, highlight=False)
    failed = [each for each in graded if each.verdict.status == "internal_error"]
    for each in failed:
        who = f"{each.submission.student}/{each.submission.assignment}"
        said = f"{who} could not be judged, and no grade was recorded: {each.verdict.notes[0]}"
        err.print(said, markup=False, highlight=False)
    if failed or troubles:
        raise typer.Exit(1)


@app.command()
def feedback(
    names: Names = None,
    student: Students = None,
    workers: Workers = CORES,
    course: CourseFolder = COURSE,
) -> None:
    """Write the feedback pages anew, with the marks that written answers have by now."""
    from autograder import record

    opened, chosen = _opened(course, names)
    with _resumable(), opened.lock(), _progress() as progress:
        graded = _judged(opened, chosen, student, workers, progress)
        troubles = _through(progress, "feedback", graded, record.feedback(opened, graded))
    for trouble in troubles:
        err.print(trouble, markup=False, highlight=False)
    out.print(f"wrote {opened.feedback}", highlight=False)


def _opened(course: Path, names: list[str] | None) -> tuple[Any, list[str]]:
    """Open a course; without names, choose the assignments of which something was handed in."""
    from autograder.course import Course

    root = _root()
    if (course / "submitted").is_dir():
        Course.create(course, root)  # only what is not there yet
    opened = Course.open(course, root)
    return opened, _names(names, root) if names else _handed_in(opened)


def _judged(
    course: Any, names: list[str], students: list[str] | None, workers: int, progress: Progress
) -> list[Any]:
    from autograder import grade as grading

    bar = progress.add_task("judging", total=None)
    return grading.judge(
        course,
        names,
        students,
        workers=workers,
        on_start=lambda total, missing: progress.update(
            bar, total=total, completed=total - missing
        ),
        on_verdict=lambda settled: progress.advance(bar, settled),
    )


def _through(progress: Progress, what: str, graded: list[Any], steps: Iterator[Any]) -> list[str]:
    """Take the steps; what some submissions did not come through is said, and the others go on."""
    from autograder.course import CourseError

    bar = progress.add_task(what, total=len(graded))
    try:
        for _ in steps:
            progress.advance(bar)
    except CourseError as error:
        return [str(error)]
    return []


@contextmanager
def _resumable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        err.print("Interrupted: what was judged is kept; run the same command to go on.")
        raise


def _handed_in(course: Any) -> list[str]:
    """List the assignments of which something was handed in."""
    from autograder import assignment
    from autograder.course import CourseError

    known = assignment.names(course.root)
    found = {submission.assignment for submission in course.submissions()}
    if not found & set(known):
        raise CourseError(
            f"{course.submitted} holds no submission; put notebooks there as "
            "<student>/<assignment>/<assignment>.ipynb, or try `autograder demo`."
        )
    return [name for name in known if name in found]


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=err) as progress:
        yield progress


@app.command()
def report(course: CourseFolder = COURSE) -> None:
    """Show the class at a glance, and write report/index.html and the CSV files anew."""
    from autograder.course import Course

    _summarise(Course.open(course, _root()))


@app.command()
def export(course: CourseFolder = COURSE) -> None:
    """Write grades.csv (a row an exercise) and the totals, as they stand in the gradebook."""
    from autograder import export as exporting
    from autograder.course import Course

    for path in exporting.write(Course.open(course, _root())):
        out.print(f"wrote {path}", highlight=False)


def _summarise(course: Any) -> None:
    from autograder import export as exporting
    from autograder import report as reporting

    exporting.write(course)
    page = reporting.write(course)
    reporting.show(course, out)
    out.print(f"More in {page}", highlight=False)


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="The assignment.")],
    which: Annotated[str | None, typer.Argument(help="The experiment; all by default.")] = None,
    full: Annotated[bool, typer.Option("--full", help="The long form.")] = False,
) -> None:
    """Run an assignment's experiments and save their figures."""
    from autograder import experiment as experiments

    numbers = experiments.run(name, which, full=full)
    for key, value in numbers.items():
        out.print(f"{key:<32} {value:.4g}", highlight=False)


@app.command()
def doctor() -> None:
    """Show what this machine gives to confine submissions; exit with 1 if a layer is lacking."""
    from autograder.student import LAYERS, survey

    isolation = survey()
    table = Table("layer", "", "a student process …", box=None, padding=(0, 1))
    for layer, sentence in LAYERS.items():
        lacking = isolation.lacking.get(layer)
        mark = "[bold red]✗[/]" if lacking else "[green]✓[/]"
        table.add_row(layer, mark, f"{sentence} (lacking: {lacking})" if lacking else sentence)
    out.print(table)
    if isolation.lacking:
        raise typer.Exit(1)


@app.command()
def release(names: Names = None) -> None:
    """Pack each assignment and the kit into one zip for students."""
    from autograder import release as releasing

    root = _root()
    for name in _names(names, root):
        out.print(f"packed {releasing.release(name, root).relative_to(root)}", highlight=False)


def _expected() -> tuple[type[Exception], ...]:
    """The errors that say what is wrong and what to do: they need no traceback."""
    from autograder.assignment import AssignmentError
    from autograder.build import BuildError
    from autograder.course import CourseError
    from autograder.data import DataUnavailable
    from autograder.experiment import ExperimentError
    from autograder.release import ReleaseError
    from autograder.student import ParentError
    from autograder.validate import ValidationError

    return (
        AssignmentError,
        BuildError,
        CourseError,
        DataUnavailable,
        ExperimentError,
        ParentError,
        ReleaseError,
        ValidationError,
    )


def main(run: Callable[[], Any] = app) -> None:
    """Run the command line; expected errors are one sentence and exit code 2."""
    try:
        run()
    except Exception as error:
        if isinstance(error, OSError):
            what = error.filename or "A file"
            err.print(f"{what} cannot be used: {error.strerror}.", markup=False, highlight=False)
        elif isinstance(error, _expected()):
            err.print(str(error), markup=False, highlight=False)
        else:
            raise
        sys.exit(2)


if __name__ == "__main__":
    main()
