"""What is declared is what is used, and the two commands do what they say."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.assignment.source import names

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHECKING = ROOT / "autograder" / "checking"
BASE = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {
    extra: [Requirement(line) for line in lines]
    for extra, lines in PROJECT["optional-dependencies"].items()
}
EVERYTHING = [*BASE, *(requirement for lines in EXTRAS.values() for requirement in lines)]
#: What students import; it runs on every system, with NumPy alone.
SHOWN = (
    *("data", "experiment", "figures", "gradcheck", "sweep", "testing", "tracking"),
    *(
        f"checking.{path.relative_to(CHECKING).with_suffix('').as_posix().replace('/', '.')}"
        for path in sorted(CHECKING.rglob("*.py"))
        if path.stem not in ("__init__", "pytest_plugin")
    ),
)

ON_A_BARE_WINDOWS = """
import importlib, sys

class Bare:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        unix = {"fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog"}
        if top in unix or top not in {"autograder", "numpy"} | set(sys.stdlib_module_names):
            if not top.startswith("_"):
                raise ImportError(f"{name} is not on a bare Windows")

import numpy
sys.meta_path.insert(0, Bare())
for name in sys.argv[1:]:
    importlib.import_module(f"autograder.{name}")
"""


def test_what_students_import_needs_numpy_alone_on_every_system() -> None:
    command = [sys.executable, "-c", ON_A_BARE_WINDOWS, *SHOWN]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def imports(path: Path) -> set[str]:
    """Top-level modules that a file imports, other than this kit's and Python's own."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"autograder", "__future__"}


def declared(*extras: str) -> set[str]:
    found = [*BASE, *(requirement for extra in extras for requirement in EXTRAS[extra])]
    return {canonicalize_name(requirement.name) for requirement in found}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("autograder", ("student", "grade")),
        ("reference", ("student",)),
        ("datasets", ("student",)),
        ("tests", ("student", "grade", "dev")),
    ],
)
def test_every_import_is_declared(folder: str, extras: tuple[str, ...]) -> None:
    distributions = packages_distributions()
    files = list((ROOT / folder).rglob("*.py"))
    local = {path.stem for path in files} | {path.parent.name for path in files}
    used = {name: path for path in files for name in imports(path)}
    assert used
    undeclared = {}
    for module in used.keys() - local:
        names = {canonicalize_name(name) for name in distributions.get(module, [module])}
        if not names & declared(*extras):
            undeclared[module] = str(used[module])
    assert undeclared == {}


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    pins: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            pin = re.fullmatch(r"([\w.-]+)==([\w.]+)", line)
            assert pin, line
            pins[canonicalize_name(pin[1])] = pin[2]
    for requirement in EVERYTHING:
        if requirement.name != PROJECT["name"]:
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])
    assert pins["torch"] and pins["torchvision"]


def test_all_means_all() -> None:
    (everything,) = EXTRAS["all"]
    assert everything.extras == set(EXTRAS) - {"all"}


# make ---------------------------------------------------------------------------------------------


def script(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def make(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = ["make", "-C", str(ROOT), "--no-print-directory", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


Kit = Callable[..., list[str]]


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    """Run make with an `autograder` that only notes how it is called; return those calls."""
    environment, log = tmp_path / "environment", tmp_path / "log"
    script(environment / "bin" / "autograder", f'echo "$@" >> {log}')
    (environment / ".ready").touch()

    def run(*arguments: str) -> list[str]:
        done = make(f"VENV={environment}", *arguments)
        assert done.returncode == 0, done.stderr
        return log.read_text().splitlines()

    return run


def test_grade_takes_the_demo_class_when_nothing_is_submitted(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "course" / "submitted").mkdir(parents=True)
    calls = kit("grade", f"COURSE={tmp_path / 'course'}", "WORKERS=3")
    assert calls == ["demo", "grade --workers 3 --course build/demo"]


def test_grade_takes_what_is_submitted(kit: Kit, tmp_path: Path) -> None:
    course = tmp_path / "course"
    (course / "submitted" / "ada" / "mlp").mkdir(parents=True)
    calls = kit("grade", f"COURSE={course}", "ASSIGNMENT=mlp", "WORKERS=3")
    assert calls == [f"grade mlp --workers 3 --course {course}"]


def test_grade_stops_when_the_demo_cannot_be_made(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script(tmp_path / "venv" / "bin" / "autograder", f'echo "$@" >> {log}; exit 3')
    (tmp_path / "venv" / ".ready").touch()
    done = make(f"VENV={tmp_path / 'venv'}", f"COURSE={tmp_path / 'none'}", "grade")
    assert done.returncode != 0 and log.read_text() == "demo\n"


def test_set_up_refuses_an_old_python_in_one_sentence(tmp_path: Path) -> None:
    old = script(tmp_path / "old", "exit 1")
    done = make(f"VENV={tmp_path / 'venv'}", f"PYTHON={old}", "grade")
    assert done.returncode != 0
    assert done.stdout == (
        "Chainrule needs Python 3.11 or newer: install it, or name it: make PYTHON=python3.12\n"
    )


def test_set_up_names_a_missing_venv_module(tmp_path: Path) -> None:
    bare = script(tmp_path / "bare", 'case "$2" in *venv*) exit 1;; esac')
    done = make(f"VENV={tmp_path / 'venv'}", f"PYTHON={bare}", "grade")
    assert done.returncode != 0 and "apt install python3-venv" in done.stdout


def test_set_up_that_fails_is_done_again(tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    python = script(tmp_path / "python", "exit 0")
    pip = script(environment / "bin" / "pip", "exit 1")
    script(environment / "bin" / "autograder", "true")
    arguments = (f"VENV={environment}", f"PYTHON={python}", "grade")
    assert make(*arguments).returncode != 0 and not (environment / ".ready").exists()
    script(pip, "exit 0")
    assert make(*arguments).returncode == 0 and (environment / ".ready").exists()
    script(pip, "exit 1")
    assert make(*arguments).returncode == 0


def test_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    (targets,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.M)
    phony = targets.split()
    shown = make().stdout
    assert shown == make("help").stdout
    assert {"grade", "test", "validate", "soak", "release", "report"} <= set(phony)
    listed = re.findall(r"^  ([\w-]+) +\S", shown, re.M)
    assert listed and set(listed) == set(phony)


def test_ci_runs_the_test_command_wherever_it_is_called_from(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script(tmp_path / "make", f'echo "$PWD $CI $@" > {log}; exit 7')
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([ROOT / ".ci" / "run"], cwd=tmp_path, env=environment)
    assert done.returncode == 7
    assert log.read_text() == f"{ROOT} true test\n"


def test_no_line_of_the_kit_knows_an_assignment() -> None:
    known = re.compile(rf"\b({'|'.join(map(re.escape, names(ROOT)))})\b")
    lines = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in (ROOT / "autograder").rglob("*.py")
        for line in path.read_text().splitlines()
        if known.search(line)
    ]
    assert names(ROOT) and not lines
