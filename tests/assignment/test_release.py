"""A release: one zip that is complete, repeats byte for byte, and installs on its own."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from autograder import __version__
from autograder.assignment.release import ReleaseError, build_wheel, release

WHEEL = f"chainrule-{__version__}-py3-none-any.whl"
CHECKS = '''\
from autograder.testing import assert_close, exercise


@exercise("double")
def test_double(student, rng):
    """double(x) is twice x."""
    assert_close(student.double(2.0), 4.0, name="double(x)")
'''
NOTEBOOK = """\
{"cells": [{"cell_type": "code", "id": "double_code", "metadata": {}, "outputs": [],
"execution_count": null, "source": "def double(x):\\n    return 2 * x"}],
"metadata": {}, "nbformat": 4, "nbformat_minor": 5}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "assignments" / "tiny"
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    (folder / "__pycache__").mkdir()
    (folder / "pictures").mkdir()
    (tmp_path / "secret").write_text("a solution")
    for name, content in {
        "tiny.ipynb": NOTEBOOK,
        "checks.py": CHECKS,
        "hints.json": '{"_exercises": {"double": 1}}',
        "README.md": "# Tiny\n\nDouble a number.\n",
        "pytest.ini": "[pytest]\npython_files = checks.py\n"
        "addopts = -p autograder.checking.pytest_plugin\n",
        "pictures/plot.svg": "<svg/>",
        ".ipynb_checkpoints/tiny-checkpoint.ipynb": "old",
        "__pycache__/checks.cpython-311.pyc": "bytecode",
    }.items():
        (folder / name).write_text(content)
    (folder / "link.py").symlink_to(tmp_path / "secret")
    return tmp_path


def test_the_zip_holds_the_assignment_the_wheel_and_one_line_to_install(repository: Path) -> None:
    path = release("tiny", repository)
    assert path == repository / "build" / "release" / "tiny.zip"
    with zipfile.ZipFile(path) as archive:
        names = ["README.md", "checks.py", WHEEL, "hints.json", "pictures/plot.svg"]
        names += ["pytest.ini", "requirements.txt", "tiny.ipynb"]
        assert sorted(archive.namelist()) == sorted(f"tiny/{name}" for name in names)
        assert archive.read("tiny/requirements.txt").decode() == f"./{WHEEL}[student]\n"
        readme = archive.read("tiny/README.md").decode()
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert readme.startswith("# Tiny\n\nDouble a number.\n")
    assert "pip install -r requirements.txt" in readme and f"%pip install ./{WHEEL}" in readme


def test_equal_content_makes_equal_bytes(repository: Path) -> None:
    first = release("tiny", repository, out=repository / "one").read_bytes()
    (repository / "assignments" / "tiny" / "checks.py").touch()
    assert release("tiny", repository, out=repository / "two").read_bytes() == first
    (repository / "assignments" / "tiny" / "checks.py").write_text("# other\n")
    assert release("tiny", repository, out=repository / "two").read_bytes() != first


def test_an_assignment_that_is_not_built(repository: Path) -> None:
    with pytest.raises(ReleaseError, match="run `autograder build other`"):
        release("other", repository)


def test_a_folder_that_cannot_be_written(repository: Path) -> None:
    with pytest.raises(ReleaseError, match="cannot be written"):
        release("tiny", repository, out=repository / "secret")


def test_the_wheel_keeps_to_its_own_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(build_wheel(tmp_path)) as archive:
        names = archive.namelist()
        metadata = archive.read(f"chainrule-{__version__}.dist-info/METADATA").decode()
    assert {name.split("/")[0] for name in names} == {
        "autograder",
        f"chainrule-{__version__}.dist-info",
    }
    assert "autograder/py.typed" in names
    for name in ("digits.npz", "digits.toml", "iris.npz", "iris.toml", "cifar10.toml"):
        assert f"autograder/datasets/{name}" in names
    assert not [name for name in names if "make.py" in name or name.endswith(".pyc")]
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    always = [line for line in needed if "extra ==" not in line]
    assert len(always) == 1 and always[0].startswith("Requires-Dist: numpy")


@pytest.fixture
def computer(repository: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A student's computer: the zip unpacked, its wheel in a new environment.

    NumPy and pytest are lent by this environment, so that the test needs no internet.
    """
    with zipfile.ZipFile(release("tiny", repository)) as archive:
        archive.extractall(tmp_path / "home")
    folder = tmp_path / "home" / "tiny"
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    where = "Scripts" if sys.platform == "win32" else "bin"
    python = environment / where / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-index"]
    subprocess.run([*pip, "--no-deps", str(folder / WHEEL)], check=True)
    (packages,) = environment.rglob("site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return python, folder


def test_a_student_imports_and_tests_with_nothing_but_the_zip(computer: tuple[Path, Path]) -> None:
    python, folder = computer

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-E", "-P", *arguments], cwd=folder, capture_output=True, text=True
        )

    code = "import autograder; from autograder import check, data; "
    done = run("-c", code + "print(autograder.__file__); print(data.load('digits'))")
    assert done.returncode == 0, done.stderr
    where, what = done.stdout.splitlines()
    assert where.startswith(str(python.parent.parent)) and "1438 training" in what

    done = run("-m", "pytest", "-q")
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout
    notebook = folder / "tiny.ipynb"
    notebook.write_text(notebook.read_text().replace("2 * x", "3 * x"))
    done = run("-m", "pytest", "-q")
    assert done.returncode == 1 and "1 failed" in done.stdout, done.stdout
