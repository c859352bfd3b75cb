"""Experiments from a shell, on an assignment small enough to see through."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment.experiments import of_reference
from autograder.assignment.source import AssignmentError
from autograder.checking.cells import NotANotebook
from autograder.experiment import ExperimentError, of_notebook, results

NOTEBOOK = '''\
# %% [markdown]
# # Tiny

# %% provided=true
import os
FULL = os.environ.get("CHAINRULE_FULL") == "1"
NUMBERS = {}

# %% exercise="double" points=1
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% experiment="line"
import matplotlib.pyplot as plt
plt.plot([0, double(1)])
plt.show()
fig, ax = plt.subplots()
NUMBERS["slope"] = double(1)

# %% experiment="line"
plt.figure()

# %% experiment="length"
NUMBERS["epochs"] = 100 if FULL else 1

# %% experiment="broken"
def inner():
    return [].pop()
inner()

# %% experiment="far"
from autograder import data
data.load("nowhere")
'''


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "reference" / "tiny"
    folder.mkdir(parents=True)
    (folder / "notebook.py").write_text(NOTEBOOK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHAINRULE_FULL", raising=False)
    return tmp_path


@pytest.fixture
def student_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write tiny.ipynb as a student has it, with the cells given, and go there."""

    def write(*cells: tuple[str, str]) -> Path:
        folder = tmp_path / "home"
        folder.mkdir()
        made = [
            {
                "cell_type": "code",
                "id": name,
                "metadata": {},
                "source": source.splitlines(keepends=True),
            }
            for name, source in cells
        ]
        (folder / "tiny.ipynb").write_text(json.dumps({"cells": made}))
        monkeypatch.chdir(folder)
        return folder

    return write


def run(
    name: str, which: str | None = None, *, full: bool = False, out: Path | None = None
) -> dict[str, Any]:
    """Run what the command line would, from the current folder."""
    notebook = Path(f"{name}.ipynb")
    found = of_notebook(notebook) if notebook.is_file() else of_reference(name)
    return replace(found, figures=out or found.figures).run(which, full=full)


def test_every_figure_of_an_experiment_is_saved_under_its_name(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("tiny", "line") == {"slope": 2}
    folder = repository / "build" / "figures" / "tiny"
    names = ["line-1.png", "line-2.png", "line-3.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in names)
    assert [line.split("/")[-1] for line in capsys.readouterr().out.splitlines()] == names


def test_only_the_experiment_asked_for_runs(tmp_path: Path) -> None:
    assert run("tiny", "length", out=tmp_path / "elsewhere") == {"epochs": 1}
    assert not (tmp_path / "elsewhere").exists()


def test_without_a_name_all_of_them_run_in_order(repository: Path) -> None:
    path = repository / "reference" / "tiny" / "notebook.py"
    path.write_text(NOTEBOOK[: NOTEBOOK.index('# %% experiment="broken"')])
    assert list(run("tiny")) == ["slope", "epochs"]


def test_full_length_is_asked_for_by_the_switch_and_only_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run("tiny", "length", full=True) == {"epochs": 100}
    assert "CHAINRULE_FULL" not in os.environ
    monkeypatch.setenv("CHAINRULE_FULL", "0")
    assert run("tiny", "length", full=True) == {"epochs": 100}
    assert os.environ["CHAINRULE_FULL"] == "0"
    monkeypatch.setenv("CHAINRULE_FULL", "1")
    assert run("tiny", "length") == {"epochs": 100}


def test_what_an_experiment_writes_goes_beside_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert results() == Path("results") and (tmp_path / "results").is_dir()
    keep = """
# %% experiment="keep"
from autograder.checking.cells import NotANotebook
from autograder.experiment import results
(results() / "kept.txt").write_text("kept")
"""
    (tmp_path / "reference" / "tiny" / "notebook.py").write_text(NOTEBOOK + keep)
    run("tiny", "keep", out=tmp_path / "figures")
    assert (tmp_path / "figures" / "kept.txt").read_text() == "kept"
    assert "CHAINRULE_RESULTS" not in os.environ


def test_a_failure_names_the_line_of_the_source() -> None:
    with pytest.raises(ExperimentError) as caught:
        run("tiny", "broken")
    assert str(caught.value) == (
        "The experiment broken stops: reference/tiny/notebook.py, line 31: "
        "IndexError: pop from empty list; mend it."
    )


def test_missing_data_is_said_with_what_to_do() -> None:
    with pytest.raises(ExperimentError, match="far needs data: There is no data set 'nowhere'"):
        run("tiny", "far")


def test_an_unknown_experiment_lists_the_known_ones() -> None:
    with pytest.raises(ExperimentError, match="it has line, length, broken, far"):
        run("tiny", "lines")


def test_an_unknown_assignment() -> None:
    with pytest.raises(AssignmentError, match="this course has: tiny"):
        run("tinny")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExperimentError, match="cannot be written"):
        run("tiny", "line", out=tmp_path / "file")


def test_in_a_student_s_folder_the_student_s_notebook_runs(
    student_folder: Callable[..., Path],
) -> None:
    folder = student_folder(
        ("a", "%matplotlib inline\nNUMBERS = {}"),
        ("double_code", "def double(x):\n    return 2 * x + 1"),
        ("double", 'check("double")'),
        ("experiment-line", 'import matplotlib.pyplot as plt\nNUMBERS["slope"] = double(1)'),
        ("experiment-line-2", "plt.plot([1, 2])"),
        ("experiment-other", 'NUMBERS["other"] = 1'),
    )
    assert run("tiny", "line") == {"slope": 3}
    assert [path.name for path in (folder / "figures").iterdir()] == ["line-1.png"]


def test_a_stub_says_what_is_to_be_written(student_folder: Callable[..., Path]) -> None:
    student_folder(
        ("double_code", 'def double(x):\n    raise NotImplementedError("double: twice x")'),
        ("experiment-line", "double(1)"),
    )
    with pytest.raises(ExperimentError, match="NotImplementedError: double: twice x"):
        run("tiny")


def test_a_cell_that_does_not_compile(student_folder: Callable[..., Path]) -> None:
    student_folder(("double_code", "def double(x)\n"), ("experiment-line", "1"))
    with pytest.raises(ExperimentError, match="Code cell 1 stops: SyntaxError"):
        run("tiny")


@pytest.mark.parametrize(
    "content", ["", "[]", '{"cells": [1]}', '{"cells": [{"cell_type": "code"}]}', "\x00"]
)
def test_a_file_that_is_no_notebook(student_folder: Callable[..., Path], content: str) -> None:
    folder = student_folder()
    (folder / "tiny.ipynb").write_text(content)
    with pytest.raises(NotANotebook, match=r"tiny\.ipynb is not a notebook"):
        run("tiny")
