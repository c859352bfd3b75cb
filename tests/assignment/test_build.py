"""From one source to what students get."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator

from autograder.assignment import build
from autograder.assignment.build import BuildError


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build of the toy gives."""
    out = tmp_path_factory.mktemp("built")
    build.build(["toy"], Path(__file__).parents[1] / "toy", out=out)
    return out


def released(built: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(built / "assignments/toy/toy.ipynb", as_version=4)
    return notebook


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    (named,) = (cell for cell in notebook.cells if cell.id == name)
    assert isinstance(named, NotebookNode)
    return named


def test_a_build_gives_these_files(built: Path) -> None:
    found = {str(p.relative_to(built)) for p in built.rglob("*") if p.is_file()}
    names = ("README.md", "checks.py", "hints.json", "pytest.ini", "toy.ipynb")
    assert found == {*(f"assignments/toy/{name}" for name in names), "build/solved/toy.ipynb"}


def test_nbgrader_accepts_the_notebook(built: Path) -> None:
    notebook = released(built)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_stubs_say_what_is_asked_and_nothing_is_left_of_a_solution(built: Path) -> None:
    text = (built / "assignments" / "toy" / "toy.ipynb").read_text()
    source = cell(released(built), "scale_code").source
    assert source.endswith("    raise NotImplementedError('scale: x times the factor')")
    assert '"""Multiply x (N, D) by a factor."""' in source
    for word in ("BEGIN SOLUTION", "product", "Its size does not depend on N."):
        assert word not in text
    assert "**Why** is a mean better than a sum?" in cell(released(built), "why").source


def test_cells_carry_what_nbgrader_reads(built: Path) -> None:
    notebook = released(built)
    flags = {
        each.id: tuple(each.metadata.nbgrader[key] for key in ("grade", "solution", "locked"))
        for each in notebook.cells
        if "nbgrader" in each.metadata
    }
    assert flags["scale_code"] == (False, True, False)
    assert flags["scale"] == (True, False, True)
    assert flags["why"] == (True, True, False)
    locked = [name for name in flags if name.startswith(("prose-", "provided-"))]
    assert len(locked) == 3 and {flags[name] for name in locked} == {(False, False, True)}
    assert "nbgrader" not in cell(notebook, "experiment-draw").metadata
    check = cell(notebook, "scale")
    assert (check.source, check.metadata.nbgrader.points) == ('check("scale")', 2)
    ids = [each.id for each in notebook.cells]
    assert ids.index("scale") == ids.index("scale_code") + 1


def test_there_are_no_outputs(built: Path) -> None:
    code = [each for each in released(built).cells if each.cell_type == "code"]
    assert code
    assert all(each.outputs == [] and each.execution_count is None for each in code)


def test_hints_are_digests_and_points(built: Path) -> None:
    book = json.loads((built / "assignments" / "toy" / "hints.json").read_text())
    assert book.pop("_exercises") == {"scale": 2.0, "batch_mean": 3.0}
    assert book.pop("_builds_on") == {"batch_mean": ["scale"]}
    assert set(book) == {"scale", "batch_mean"}
    for entries in book.values():
        for entry in entries:
            assert set(entry) == {"digests", "hint"}


def test_the_solved_notebook_is_complete(built: Path) -> None:
    solved = nbformat.read(built / "build" / "solved" / "toy.ipynb", as_version=4)
    assert "product = x * factor" in cell(solved, "scale_code").source
    assert cell(solved, "scale").metadata.nbgrader.points == 2


def test_a_build_is_the_same_every_time_and_leaves_nothing_stale(
    built: Path, toy_root: Path
) -> None:
    stale = toy_root / "assignments" / "toy" / "old.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    build.build(["toy"], toy_root)
    for path in (p for p in built.rglob("*") if p.is_file()):
        assert (toy_root / path.relative_to(built)).read_bytes() == path.read_bytes()
    assert not stale.exists()
    text = (toy_root / "assignments" / "toy" / "toy.ipynb").read_bytes()
    assert text.endswith(b"}\n") and not text.endswith(b"\n\n")


def test_drift_names_each_file_that_differs(toy_root: Path) -> None:
    build.build(["toy"], toy_root)
    assert build.drift(["toy"], toy_root) == []
    folder = toy_root / "assignments" / "toy"
    (folder / "toy.ipynb").write_text((folder / "toy.ipynb").read_text() + " ")
    (folder / "README.md").unlink()
    (folder / "extra.py").write_text("")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "checks.pyc").write_bytes(b"")
    said = build.drift(["toy"], toy_root)
    assert [line.split(" ", 1)[0].rsplit("/", 1)[1] for line in said] == [
        "README.md",
        "extra.py",
        "toy.ipynb",
    ]
    for line, reason in zip(said, ("is missing", "from no source", "is not what"), strict=True):
        assert reason in line


def test_nbgraders_own_words_are_passed_on(tmp_path: Path) -> None:
    (tmp_path / "source" / "toy").mkdir(parents=True)
    (tmp_path / "source" / "toy" / "toy.ipynb").write_text("{")
    with pytest.raises(BuildError, match=r"nbgrader could not release toy: .*JSON"):
        build.generate(tmp_path, "toy")
