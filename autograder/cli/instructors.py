"""Commands for instructors and teaching assistants: a live course."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from autograder.cli.options import (
    CORES,
    COURSE,
    AsJson,
    CourseFolder,
    Gpus,
    Isolated,
    Names,
    Students,
    Weak,
    Workers,
    bare_table,
    chosen,
    complain,
    err,
    opened,
    out,
    root,
    say,
)
from autograder.errors import UserError

if TYPE_CHECKING:
    from autograder.recording.preview import Preview


def score(
    notebooks: Annotated[list[Path], typer.Argument(help="Submitted notebooks.")],
    assignment: Annotated[str, typer.Option(help="The assignment that they answer.")],
    as_json: AsJson = False,
    workers: Workers = CORES,
    course: Annotated[
        Path | None, typer.Option(help="Judge as this course does: with its seed and its limits.")
    ] = None,
    isolation: Isolated = None,
    gpus: Gpus = "",
    weak: Weak = False,
) -> None:
    """Judge notebooks, without touching a gradebook."""
    from autograder.course.folder import Course
    from autograder.judging.attempt import Attempt
    from autograder.judging.pool import Pool

    repository = root()
    chosen([assignment], repository)
    settings = Course.open(course, repository).settings if course else None
    seed, limits = (settings.seed, settings.limits) if settings else (0, None)
    where = isolation or (settings.isolation if settings else "process")
    attempts = [
        Attempt(assignment, _read(path), key=str(i), seed=seed) for i, path in enumerate(notebooks)
    ]
    size = min(workers, len(attempts))
    with Pool(repository, [assignment], size, limits, where, gpus, weak) as pool:
        verdicts = {attempt.key: verdict for attempt, verdict in pool.judge(attempts)}
        lacking = {"weak": list(pool.isolation.unmet())} if weak else {}
    results = [
        {"path": str(path), **verdicts[str(i)].as_dict(), **lacking}
        for i, path in enumerate(notebooks)
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
        raise UserError(f"{path} cannot be read ({error.strerror}); name a notebook.") from error


def _show_verdict(result: dict[str, Any]) -> None:
    total = f"{result['score']:g} of {result['max_score']:g}"
    say(f"{result['path']}  {result['status']}  {total}", style="bold")
    for note in result["notes"]:
        say(f"  {note}")
    for exercise in result["exercises"]:
        points = f"{exercise['score']:g}/{exercise['max_score']:g}"
        say(f"  {exercise['name']:<22}{points:>8}  {exercise['status']}")
        if exercise["status"] in ("passed", "unanswered"):
            continue
        for test in exercise["tests"]:
            if test["outcome"] != "passed":
                said = test["diagnosis"] or test["outcome"]
                say(f"      ✗ {test['sentence']} {said}")


def demo(
    name: Annotated[
        str | None, typer.Argument(help="The assignment; the first by default.")
    ] = None,
    course: CourseFolder = Path("build/demo"),
) -> None:
    """Make a demo course: a class with right, wrong, late, crashing and cheating submissions."""
    from autograder.course import demo, install

    repository = root()
    assignment = chosen([name] if name else None, repository)[0]
    made = demo.create(course, repository, assignment)
    install.fill(made, [assignment])
    say(f"made {course}: {len(made.submissions())} submissions of {assignment}")


def collect(
    archives: Annotated[
        list[Path] | None, typer.Argument(help="Downloads: zip or tar archives, or folders.")
    ] = None,
    assignment: Annotated[
        str | None, typer.Option(help="Of what; by default what the files' names say.")
    ] = None,
    platform: Annotated[
        str,
        typer.Option(
            "--from",
            help="canvas, moodle, blackboard, brightspace, gradescope, github, google, folder, or "
            "auto: as the names look.",
        ),
    ] = "auto",
    times: Annotated[
        Path | None, typer.Option(help="A CSV file of who handed in when (see above).")
    ] = None,
    dates: Annotated[
        str | None, typer.Option(help="What comes first in its dates like 02/03/2027: dmy or mdy.")
    ] = None,
    student: Annotated[str | None, typer.Option(help="Whose hand-ins to list or use.")] = None,
    use: Annotated[
        str | None, typer.Option(help="Grade this earlier hand-in of --student, by its time.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List what is kept.")] = False,
    course: CourseFolder = COURSE,
) -> None:
    """Take what a learning platform lets you download into course/submitted.

    The zips in which Canvas, Moodle, Blackboard, Brightspace, Gradescope, GitHub Classroom and
    Google pack a class, or a folder or zip of ada.zip, ada_NAME.ipynb or ada/NAME.ipynb. Who handed
    in is told by the outermost names alone. Students are found in course/roster.csv by name or
    number; whom it does not have is kept in course/collected/unmatched until you mend it and
    collect again.

    The last hand-in counts, even if it cannot be read. All of them are kept in course/collected:
    --list shows them, and --student ada --use 2027-03-01T101500Z grades an earlier one.
    Collecting the same again changes nothing.

    Canvas never says when something was handed in, only that it was late, and Moodle not always.
    --times takes Moodle's grading worksheet, or any CSV file with a column that names students
    and one called "submitted", also later. Times without a zone are in course.toml's time_zone,
    by default UTC.

    Exits with 1 if an archive could not be read or somebody is not in the roster.
    """
    from autograder.course.collect import run
    from autograder.course.folder import Course

    whole = Course.create(course, root())
    if assignment:
        chosen([assignment], whole.root)
    with whole.lock():
        asked = assignment, platform, times, student, use, listed, dates
        told = run(whole, archives or [], *asked)
    for line in told.lines:
        say(line)
    if told.failed:
        raise typer.Exit(1)


def grade(
    names: Names = None,
    student: Students = None,
    workers: Workers = CORES,
    course: CourseFolder = COURSE,
    isolation: Isolated = None,
    gpus: Gpus = "",
    weak: Weak = False,
    regrade: Annotated[
        bool, typer.Option("--regrade", help="Show what changes, and ask, before recording.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --regrade: record without asking.")] = (
        False
    ),
    feedback: Annotated[bool, typer.Option(help="Also write the feedback pages.")] = True,
) -> None:
    """Grade a class: judge what has no verdict yet, record, write feedback, CSV and report."""
    from autograder.course.grading import Grading
    from autograder.pages import report
    from autograder.recording import pipeline

    whole, assignments = opened(course, names)
    accept = (lambda preview: _accepted(preview, yes)) if regrade else None
    with _resumable(), whole.lock():
        grading = Grading(whole, assignments, student, isolation=isolation, gpus=gpus, weak=weak)
        complain(f"Isolation: {grading.confinement()}.")
        troubles = pipeline.grade(grading, workers, _watch, accept=accept, pages=feedback)
    if troubles is None:
        raise typer.Exit(1)
    report.show(whole, out)
    say(f"More in {whole.report / 'index.html'}")
    _end(troubles)


def _end(troubles: list[str]) -> None:
    """Say what could not be done, and exit with 1 if there is any."""
    for trouble in troubles:
        complain(trouble)
    if troubles:
        raise typer.Exit(1)


def _watch(stage: str, total: int, steps: Iterator[Any]) -> None:
    """Take the steps with a progress bar."""
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=err) as progress:
        bar = progress.add_task(stage, total=total)
        for _ in steps:
            progress.advance(bar)


@contextmanager
def _resumable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        complain("Interrupted: what was judged is kept; run the same command to go on.")
        raise


def _accepted(preview: Preview, yes: bool) -> bool:
    """Show what recording would change in the gradebook, and ask whether it should."""
    if preview.new:
        say(f"Graded for the first time: {preview.new}.")
    if not preview.changes:
        say("No recorded score changes.")
        return True
    table = bare_table("student", "assignment", "exercise", "was", "now", "")
    for change in preview.changes:
        scores = _points(change.before, change.before_of), _points(change.after, change.after_of)
        difference = "to be marked again" if change.waits else f"{change.difference:+.4g}"
        table.add_row(Text(change.student), change.assignment, change.exercise, *scores, difference)
    out.print(table)
    grades = len({(change.student, change.assignment) for change in preview.changes})
    total = sum(change.difference for change in preview.changes)
    changed = "1 grade changes" if grades == 1 else f"{grades} grades change"
    say(f"{changed}, by {total:+.4g} points in all.")
    if yes or (sys.stdin.isatty() and typer.confirm("Record them?")):
        return True
    say("Nothing was recorded; the verdicts are kept. Add --yes to record them.")
    return False


def _points(score: float | None, points: float | None) -> str:
    if score is None:
        return ""
    return f"{score:.4g}" if points is None else f"{score:.4g} of {points:g}"


def feedback(
    names: Names = None,
    student: Students = None,
    workers: Workers = CORES,
    course: CourseFolder = COURSE,
) -> None:
    """Write the feedback pages anew, with the marks that written answers have by now."""
    from autograder.course.grading import Grading
    from autograder.recording import pipeline

    whole, assignments = opened(course, names)
    with _resumable(), whole.lock():
        troubles = pipeline.write_feedback(Grading(whole, assignments, student), workers, _watch)
    say(f"wrote {whole.feedback}")
    _end(troubles)


def replay(
    student: Annotated[str, typer.Argument(help="The student's id.")],
    assignment: Annotated[str, typer.Argument(help="The assignment.")],
    exercise: Annotated[str, typer.Argument(help="The exercise.")],
    course: CourseFolder = COURSE,
) -> None:
    """Show what each failed test of an exercise asked, expected and got: for instructors only."""
    from autograder.course.grading import Grading
    from autograder.course.replay import graded_as, replay, shown

    whole, assignments = opened(course, [assignment])
    grading = Grading(whole, assignments, [student], isolation="process")
    say(graded_as(grading))
    failures = list(replay(grading, exercise))
    for failure in failures:
        say(f"✗ {failure.sentence}", style="bold")
        say(f"  {failure.said}")
        for place in failure.places:
            say(f"  {place.where}:  {place.line}", style="dim")
            for name, value in place.values.items():
                say(f"    {shown(name, value)}")
    if not failures:
        say(f"{exercise}: every test passes.")


def report(course: CourseFolder = COURSE) -> None:
    """Show the class at a glance, and write report/index.html and the CSV files anew."""
    from autograder.course.folder import Course
    from autograder.pages import report
    from autograder.recording import pipeline

    whole = Course.open(course, root())
    page = pipeline.summarise(whole)
    report.show(whole, out)
    say(f"More in {page}")


def export(course: CourseFolder = COURSE) -> None:
    """Write grades.csv (a row an exercise) and the totals, as they stand in the gradebook."""
    from autograder.course.folder import Course
    from autograder.pages import export

    for path in export.write(Course.open(course, root())):
        say(f"wrote {path}")


def formgrader(
    course: CourseFolder = COURSE,
    options: Annotated[
        list[str] | None,
        typer.Argument(help="Options of Jupyter's server, after --; such as -- --no-browser."),
    ] = None,
) -> None:
    """Open nbgrader's Formgrader, where written answers are marked."""
    from autograder.course.folder import Course
    from autograder.pages import formgrader

    formgrader.run(Course.open(course, root()), options or [])


def doctor(course: CourseFolder = COURSE, as_json: AsJson = False) -> None:
    """Show what this machine gives to grading; exit with 1 if something needed is lacking."""
    from autograder.cli import doctor

    findings = doctor.examine(course)
    if as_json:
        typer.echo(json.dumps(doctor.as_dict(findings), indent=1))
    else:
        marks = {"well": "[green]✓[/]", "less": "[yellow]–[/]", "lacking": "[bold red]✗[/]"}
        table = bare_table("part", "what", "", "found")
        for finding in findings:
            found = f"{finding.said}. {finding.do}" if finding.do else finding.said
            table.add_row(finding.part, finding.name, marks[finding.state], Text(found))
        out.print(table)
    if not doctor.is_well(findings):
        raise typer.Exit(1)
