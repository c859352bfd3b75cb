"""Commands for authors of assignments and for CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.options import (
    CORES,
    AsJson,
    Names,
    Workers,
    bare_table,
    chosen,
    complain,
    out,
    root,
    say,
)


def new(name: Annotated[str, typer.Argument(help="What the assignment is called.")]) -> None:
    """Start an assignment: reference/NAME with one exercise, which validate passes as it is."""
    from autograder.assignment.build import build
    from autograder.assignment.scaffold import create

    repository = root()
    folder = create(name, repository)
    build([name], repository)
    say(f"made {folder.relative_to(repository)}; docs/authors.md says what is in it")
    say(f"next: edit it, then run `autograder build {name}` and `autograder validate {name}`")


def build(
    names: Names = None,
    course: Annotated[
        Path | None, typer.Option(help="Also fill this course's source/, release/ and gradebook.")
    ] = None,
) -> None:
    """Generate assignments/ and the solved notebooks from reference/."""
    from autograder.assignment.build import build
    from autograder.course import install
    from autograder.course.folder import Course

    repository = root()
    names = chosen(names, repository)
    for folder in build(names, repository):
        say(f"built {folder.relative_to(repository)}")
    if course:
        install.fill(Course.create(course, repository), names)
        say(f"filled {course}")


def validate(
    names: Names = None,
    as_json: AsJson = False,
    workers: Workers = CORES,
    notebook: Annotated[
        bool, typer.Option(help="Also run the solved notebook and hold its numbers to account.")
    ] = True,
) -> None:
    """Prove assignments sound, as CI does; exit with 1 if one is not."""
    from autograder.judging.validate import validate

    repository = root()
    findings = []
    table = bare_table("assignment", "what", "", "measured")
    for name, finding in validate(chosen(names, repository), repository, workers, notebook):
        findings.append((name, finding))
        mark = "[green]✓[/]" if finding.passed else "[bold red]✗[/]"
        table.add_row(name, finding.check, mark, finding.measured)
        complain(f"{name}: {finding.check}: {finding.measured}")
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


def experiment(
    name: Annotated[str, typer.Argument(help="The assignment.")],
    which: Annotated[str | None, typer.Argument(help="The experiment; all by default.")] = None,
    full: Annotated[bool, typer.Option("--full", help="The long form.")] = False,
) -> None:
    """Run an assignment's experiments and save their figures."""
    from autograder import experiment

    notebook = Path(f"{name}.ipynb")
    if notebook.is_file():  # a student's folder
        found = experiment.of_notebook(notebook)
    else:
        from autograder.assignment import experiments  # reads with jupytext, which students lack

        found = experiments.of_reference(name)
    for key, value in found.run(which, full=full).items():
        say(f"{key:<32} {value:.4g}")


def release(names: Names = None) -> None:
    """Pack each assignment and the kit into one zip for students."""
    from autograder.assignment.release import release

    repository = root()
    for name in chosen(names, repository):
        say(f"packed {release(name, repository).relative_to(repository)}")
