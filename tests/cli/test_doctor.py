"""The doctor finds what is broken, says what to do, and tells CI by its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder import data
from autograder.cli import doctor
from autograder.cli.doctor import Finding
from autograder.course.folder import Course
from autograder.judging import container
from autograder.sandbox import LAYERS, Isolation


def all_but(*layers: str) -> Isolation:
    """Make the isolation of a machine that lacks some layers."""
    lacking = dict.fromkeys(layers, "Operation not permitted")
    landlock = 0 if "landlock" in layers else 7
    in_force = tuple(layer for layer in LAYERS if layer not in layers)
    return Isolation(in_force, lacking, landlock=landlock)


@pytest.fixture
def examine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Finding]]:
    """Examine a machine that has these layers and this container engine."""

    def look(
        isolation: Isolation | None = None, engine: str = "", folder: Path = tmp_path
    ) -> dict[str, Finding]:
        def image() -> str:
            if engine:
                return "sha256:" + 64 * "0"
            raise container.ContainerError("There is no Docker on this machine; install one.")

        monkeypatch.setattr(doctor, "survey", lambda: isolation or all_but())
        monkeypatch.setattr(container, "engine", lambda: engine)
        monkeypatch.setattr(container, "image", image)
        found = doctor.examine(folder)
        assert all(finding.do for finding in found if finding.state == doctor.LACKING)
        return {f"{finding.part} {finding.name}": finding for finding in found}

    return look


def test_a_missing_gpu_or_engine_is_no_fault(
    examine: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    found = examine()
    assert found["GPU none"].state == found["container engine"].state == doctor.LESS
    assert doctor.is_well(found.values())


def test_a_course_that_wants_containers_needs_an_engine(
    examine: Callable[..., dict[str, Finding]], toy_root: Path, tmp_path: Path
) -> None:
    course = Course.create(tmp_path / "course", toy_root)
    settings = course.folder / "course.toml"
    settings.write_text('isolation = "container"\n' + settings.read_text())
    assert examine(folder=course.folder)["container engine"].state == doctor.LACKING
    found = examine(all_but("files", "landlock"), "docker", course.folder)
    assert doctor.is_well(found.values())
    assert found["isolation container"].state == doctor.LESS


@pytest.mark.parametrize(
    ("lacking", "well"),
    [
        (("files", "processes", "network", "ipc"), True),  # Docker's own profile
        (("landlock", "seccomp"), True),
        (("files", "landlock"), False),
        (("network", "seccomp"), False),
        (("privileges",), False),
        (("rlimits",), False),
    ],
)
def test_what_no_layer_sees_to_is_lacking(
    examine: Callable[..., dict[str, Finding]], lacking: tuple[str, ...], well: bool
) -> None:
    found = examine(all_but(*lacking))
    assert doctor.is_well(found.values()) is well
    for layer in lacking:
        assert found[f"layers {layer}"].state == doctor.LESS
        assert "Operation not permitted" in found[f"layers {layer}"].said
        assert layer in found["isolation process"].do


def test_packages_are_held_against_what_is_required_and_what_was_tested(tmp_path: Path) -> None:
    missing, wrong = doctor._unmet(
        [
            "no-such-package>=1; extra == 'grade'",
            "numpy<1; extra == 'grade'",
            "nor-this-one; extra == 'student'",
            "numpy>=1",
        ]
    )
    assert missing == ["no-such-package is not installed"]
    assert len(wrong) == 1 and wrong[0].startswith("numpy is ")
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("# a comment\nnumpy==0.1\nno-such-package==2\n")
    (other,) = doctor._untested(constraints)
    assert other.startswith("numpy ") and other.endswith(" for 0.1")


def test_little_room_is_lacking(
    examine: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage(2**40, 2**40, 2**20))
    found = examine()
    assert found["disk the course"].state == found["disk temporary files"].state == doctor.LACKING
    assert "1 GiB" in found["disk the course"].do


def test_a_data_set_that_is_not_here_is_named(
    examine: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CHAINRULE_DATA", str(tmp_path / "nowhere"))
    found = examine()
    assert found["data digits"].state == doctor.WELL
    assert found["data cifar10"].state == found["data CHAINRULE_DATA"].state == doctor.LESS
    (tmp_path / "nowhere").mkdir()
    (tmp_path / "nowhere" / "cifar10.npz").touch()
    found = examine()
    assert found["data cifar10"].state == doctor.WELL and "data CHAINRULE_DATA" not in found
    assert {name.removeprefix("data ") for name in found if name.startswith("data ")} == set(
        data.names()
    )


@pytest.mark.parametrize("broken", [False, True])
def test_the_command_tells_ci(toy_root: Path, broken: bool) -> None:
    course = Course.create(toy_root / "course", toy_root)
    if broken:
        settings = course.folder / "course.toml"
        settings.write_text('isolation = "container"\n' + settings.read_text())
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "doctor", "--json"],
        cwd=toy_root,
        env={**os.environ, "CHAINRULE_ENGINE": "no-such-engine"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    said = json.loads(done.stdout)
    lacking = [each for each in said["findings"] if each["state"] == "lacking"]
    assert done.returncode == (1 if broken else 0), lacking
    assert said["well"] is not broken
    assert [each["part"] for each in lacking] == (["container"] if broken else [])
