"""The command line: one command for authors, instructors, teaching assistants and CI."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

try:
    import typer
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Table
    from rich.text import Text
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
Isolated = Annotated[
    Literal["process", "container"] | None,
    typer.Option("--isolation", help="Where submissions run; by default, as course.toml says."),
]
Gpus = Annotated[
    str, typer.Option(help="GPUs that submissions may use, as the container engine names them.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
COURSE = Path("course")
CORES = os.cpu_count() or 1


def _root() -> Path:
    from autograder.assignment import source as assignment

    return assignment.find_root()


def _names(names: list[str] | None, root: Path) -> list[str]:
    """Check the names of assignments; none means all of them."""
    from autograder.assignment import source as assignment

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
    from autograder.assignment import build as builder
    from autograder.course.folder import Course

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
    from autograder.judging import validate as validation

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
    isolation: Isolated = None,
    gpus: Gpus = "",
) -> None:
    """Judge notebooks, without touching a gradebook."""
    from autograder.course.folder import Course
    from autograder.judging.attempt import Attempt
    from autograder.judging.pool import Pool
    from autograder.sandbox import Limits

    root = _root()
    _names([assignment], root)
    opened = Course.open(course, root) if course else None
    seed, limits = (opened.seed, Limits(**opened.limits)) if opened else (0, None)
    how = {"isolation": isolation or (opened.isolation if opened else "process"), "gpus": gpus}
    attempts = [
        Attempt(assignment, _read(path), key=str(i), seed=seed) for i, path in enumerate(notebooks)
    ]
    with Pool(root, [assignment], min(workers, len(attempts)), limits, **how) as pool:
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
    from autograder.assignment import build as builder
    from autograder.course import demo as maker

    root = _root()
    chosen = _names([name] if name else None, root)[0]
    made = maker.create(course, root, chosen)
    builder.fill(made, [chosen])
    out.print(f"made {course}: {len(made.submissions())} submissions of {chosen}", highlight=False)


@app.command()
def collect(
    archives: Annotated[
        list[Path] | None, typer.Argument(help="Downloads: zip or tar archives, or folders.")
    ] = None,
    assignment: Annotated[
        str | None, typer.Option(help="Of what; by default what the files' names say.")
    ] = None,
    platform: Annotated[
        str, typer.Option("--from", help="canvas, moodle, folder, or auto: as the names look.")
    ] = "auto",
    times: Annotated[
        Path | None, typer.Option(help="A CSV file of who handed in when (see above).")
    ] = None,
    student: Annotated[str | None, typer.Option(help="Whose hand-ins to list or use.")] = None,
    use: Annotated[
        str | None, typer.Option(help="Grade this earlier hand-in of --student, by its time.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List what is kept.")] = False,
    course: CourseFolder = COURSE,
) -> None:
    """Take what a learning platform lets you download into course/submitted.

    canvas: the zip of "Download Submissions". moodle: the zip of "Download all submissions", in
    folders or not. folder: a folder or zip of ada.zip, ada_NAME.ipynb or ada/NAME.ipynb. Students
    are found in course/roster.csv by number or name; whom it does not have is kept in
    course/collected/unmatched until you mend it and collect again.

    The last hand-in counts, even if it cannot be read. All of them are kept in course/collected:
    --list shows them, and --student ada --use 2027-03-01T101500Z grades an earlier one.
    Collecting the same again changes nothing.

    Canvas never says when something was handed in, only that it was late, and Moodle not always.
    --times takes Moodle's grading worksheet, or any CSV file with a column that names students
    and one called "submitted". Times without a zone are in course.toml's time_zone, by default
    UTC.

    Exits with 1 if an archive could not be read or somebody is not in the roster.
    """
    from autograder.course import collect as collecting
    from autograder.course.folder import Course

    opened = Course.create(course, _root())
    if assignment:
        _names([assignment], opened.root)
    with opened.lock():
        done = collecting.run(
            opened, archives or [], assignment, platform, times, student, use, listed
        )
    for line in done.lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    if done.failed:
        raise typer.Exit(1)


@app.command()
def grade(
    names: Names = None,
    student: Students = None,
    workers: Workers = CORES,
    course: CourseFolder = COURSE,
    isolation: Isolated = None,
    gpus: Gpus = "",
    regrade: Annotated[
        bool, typer.Option("--regrade", help="Show whose score changes, and ask, before recording.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --regrade: record without asking.")] = (
        False
    ),
    feedback: Annotated[bool, typer.Option(help="Also write the feedback pages.")] = True,
) -> None:
    """Grade a class: judge what has no verdict yet, record, write feedback, CSV and report."""
    from autograder.recording import autograde as record

    opened, chosen = _opened(course, names)
    with _resumable(), opened.lock():
        grading = _grading(opened, chosen, student, isolation, gpus)
        err.print(f"Isolation: {grading.confinement()}.", markup=False, highlight=False)
        if regrade:
            with _progress() as progress:
                _through(progress, "judging", grading, grading.judged(workers))
            if not _accepted(opened, grading, yes):
                raise typer.Exit(1)
        troubles: list[str] = []
        # After --regrade nothing is judged any more: what was shown is what is recorded.
        source = iter(grading) if regrade else grading.judged(workers)
        with _progress() as progress, closing(source) as judged:
            recorded = _watched(record.record(opened, judged), troubles)
            troubles += _through(progress, "grading", grading, recorded)
            if feedback:
                pages = record.feedback(opened, grading)
                troubles += _through(progress, "feedback", grading, pages)
    _summarise(opened)
    _end(troubles)


def _end(troubles: list[str]) -> None:
    """Say what could not be done, and exit with 1 if there is any."""
    for trouble in troubles:
        err.print(trouble, markup=False, highlight=False)
    if troubles:
        raise typer.Exit(1)


def _watched(graded: Iterator[Any], failures: list[str]) -> Iterator[Any]:
    """Pass graded submissions on, and note those that the judge failed: never their own fault."""
    for each in graded:
        if each.verdict.status == "internal_error":
            who = f"{each.submission.student}/{each.submission.assignment}"
            why = each.verdict.notes[0]
            failures.append(f"{who} could not be judged, and no grade was recorded: {why}")
        yield each


def _accepted(course: Any, grading: Any, yes: bool) -> bool:
    """Show what recording would change in the gradebook, and ask whether it should."""
    from autograder.course import regrade

    changed = list(regrade.changes(course, grading))
    if not changed:
        out.print("No recorded score changes.")
        return True
    table = Table("student", "assignment", "exercise", "was", "now", "", box=None, padding=(0, 1))
    for each in changed:
        scores = f"{each.before:.4g}", f"{each.after:.4g}", f"{each.difference:+.4g}"
        table.add_row(Text(each.student), each.assignment, each.exercise, *scores)
    out.print(table)
    students = len({(each.student, each.assignment) for each in changed})
    total = sum(each.difference for each in changed)
    grades = "1 grade changes" if students == 1 else f"{students} grades change"
    out.print(f"{grades}, by {total:+.4g} points in all.", highlight=False)
    if yes or (sys.stdin.isatty() and typer.confirm("Record them?")):
        return True
    out.print("Nothing was recorded; the verdicts are kept. Add --yes to record them.")
    return False


@app.command()
def feedback(
    names: Names = None,
    student: Students = None,
    workers: Workers = CORES,
    course: CourseFolder = COURSE,
) -> None:
    """Write the feedback pages anew, with the marks that written answers have by now."""
    from autograder.recording import autograde as record

    opened, chosen = _opened(course, names)
    with _resumable(), opened.lock(), _progress() as progress:
        grading = _grading(opened, chosen, student, None, "")
        _through(progress, "judging", grading, grading.judged(workers))
        troubles = _through(progress, "feedback", grading, record.feedback(opened, grading))
    out.print(f"wrote {opened.feedback}", highlight=False)
    _end(troubles)


@app.command()
def replay(
    student: Annotated[str, typer.Argument(help="The student's id.")],
    assignment: Annotated[str, typer.Argument(help="The assignment.")],
    exercise: Annotated[str, typer.Argument(help="The exercise.")],
    course: CourseFolder = COURSE,
) -> None:
    """Show what each failed test of an exercise asked, expected and got: for instructors only."""
    from autograder.course import replay as replaying

    opened, chosen = _opened(course, [assignment])
    grading = _grading(opened, chosen, [student], "process", "")
    say = partial(out.print, markup=False, highlight=False, soft_wrap=True)
    say(replaying.graded_as(grading))
    failures = list(replaying.replay(grading, exercise))
    for failure in failures:
        say(f"✗ {failure.sentence}", style="bold")
        say(f"  {failure.said}")
        for place in failure.places:
            say(f"  {place.where}:  {place.line}", style="dim")
            for name, value in place.values.items():
                say(f"    {replaying.shown(name, value)}")
    if not failures:
        out.print(f"{exercise}: every test passes.", highlight=False)


def _opened(course: Path, names: list[str] | None) -> tuple[Any, list[str]]:
    """Open a course; without names, choose the assignments of which something was handed in."""
    from autograder.course.folder import Course

    root = _root()
    if (course / "submitted").is_dir():
        Course.create(course, root)  # only what is not there yet
    opened = Course.open(course, root)
    return opened, _names(names, root) if names else _handed_in(opened)


def _grading(
    course: Any, names: list[str], students: list[str] | None, isolation: str | None, gpus: str
) -> Any:
    from autograder.course.grading import Grading

    return Grading(course, names, students, isolation=isolation, gpus=gpus)


def _through(progress: Progress, what: str, grading: Any, steps: Iterator[Any]) -> list[str]:
    """Take the steps; what some submissions did not come through is said, and the others go on."""
    from autograder.course.folder import Incomplete

    bar = progress.add_task(what, total=len(grading))
    try:
        for _ in steps:
            progress.advance(bar)
    except Incomplete as error:
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
    from autograder.assignment import source as assignment
    from autograder.course.folder import CourseError

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
    from autograder.course.folder import Course

    _summarise(Course.open(course, _root()))


@app.command()
def export(course: CourseFolder = COURSE) -> None:
    """Write grades.csv (a row an exercise) and the totals, as they stand in the gradebook."""
    from autograder.course.folder import Course
    from autograder.pages import export as exporting

    for path in exporting.write(Course.open(course, _root())):
        out.print(f"wrote {path}", highlight=False)


def _summarise(course: Any) -> None:
    from autograder.pages import export as exporting
    from autograder.pages import report as reporting

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
def formgrader(
    course: CourseFolder = COURSE,
    options: Annotated[
        list[str] | None,
        typer.Argument(help="Options of Jupyter's server, after --; such as -- --no-browser."),
    ] = None,
) -> None:
    """Open nbgrader's Formgrader, where written answers are marked."""
    from autograder.course.folder import Course
    from autograder.pages import formgrader as marking

    marking.run(Course.open(course, _root()), options or [])


@app.command()
def doctor(course: CourseFolder = COURSE, as_json: AsJson = False) -> None:
    """Show what this machine gives to grading; exit with 1 if something needed is lacking."""
    from autograder.cli import doctor as examination

    findings = examination.examine(course)
    if as_json:
        typer.echo(json.dumps(examination.as_dict(findings), indent=1))
    else:
        marks = {"well": "[green]✓[/]", "less": "[yellow]–[/]", "lacking": "[bold red]✗[/]"}
        table = Table("part", "what", "", "found", box=None, padding=(0, 1))
        for finding in findings:
            found = f"{finding.said}. {finding.do}" if finding.do else finding.said
            table.add_row(finding.part, finding.name, marks[finding.state], Text(found))
        out.print(table)
    if not examination.is_well(findings):
        raise typer.Exit(1)


@app.command()
def release(names: Names = None) -> None:
    """Pack each assignment and the kit into one zip for students."""
    from autograder.assignment import release as releasing

    root = _root()
    for name in _names(names, root):
        out.print(f"packed {releasing.release(name, root).relative_to(root)}", highlight=False)


def _expected() -> tuple[type[Exception], ...]:
    """The errors that say what is wrong and what to do: they need no traceback."""
    from autograder.assignment.build import BuildError
    from autograder.assignment.release import ReleaseError
    from autograder.assignment.source import AssignmentError
    from autograder.course.folder import CourseError
    from autograder.course.replay import ReplayError
    from autograder.data import DataUnavailable
    from autograder.experiment import ExperimentError
    from autograder.judging.container import ContainerError
    from autograder.judging.validate import ValidationError
    from autograder.sandbox import ParentError

    return (
        AssignmentError,
        BuildError,
        ContainerError,
        CourseError,
        DataUnavailable,
        ExperimentError,
        ParentError,
        ReleaseError,
        ReplayError,
        ValidationError,
    )


def main(run: Callable[[], Any] = app) -> None:
    """Run the command line; expected errors are one sentence and exit code 2."""
    try:
        run()
    except Exception as error:
        if isinstance(error, OSError):
            what = error.filename or "A file"
            said = f"{what} cannot be used: {error.strerror}."
            if error.errno == errno.ENOSPC:
                said = "The disk is full: free some space and run the same command to go on."
            err.print(said, markup=False, highlight=False)
        elif isinstance(error, _expected()):
            err.print(str(error), markup=False, highlight=False)
        else:
            raise
        sys.exit(2)


if __name__ == "__main__":
    main()
