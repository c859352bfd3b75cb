"""What this machine gives to a grader, what it lacks, and what to do about that."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from autograder import data
from autograder.course.folder import Course
from autograder.files import KIT
from autograder.judging import container
from autograder.sandbox import LAYERS, Isolation, Limits, survey

WELL, LESS, LACKING = "well", "less", "lacking"
OLDEST_PYTHON = (3, 11)
GIB = 2**30
ROOM = {"the course": GIB, "temporary files": GIB // 4}
SETUP = "Run `make`, or `pip install -c constraints.txt -e '.[all]'`."


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes
    ----------
    part, name : str
        What it belongs to, and what it is.
    state : str
        "well"; "less" if grading does without it; "lacking" if grading needs it.
    said : str
        What was found.
    do : str
        What to do, where it is not well.
    """

    part: str
    name: str
    state: str
    said: str
    do: str = ""


def examine(folder: Path) -> list[Finding]:
    """Look at all of it, for the course in a folder or one that is to be there."""
    isolation = survey()
    return [
        _python(),
        *_packages(),
        *_layers(isolation),
        *_promises(folder, isolation),
        _engine(folder),
        _choice(folder, isolation),
        _gpu(),
        *_data(),
        *_disk(folder),
        *_machine(),
    ]


def as_dict(findings: Iterable[Finding]) -> dict[str, Any]:
    """Give findings as plain values, with what they come to."""
    findings = list(findings)
    return {"well": is_well(findings), "findings": [asdict(finding) for finding in findings]}


def is_well(findings: Iterable[Finding]) -> bool:
    """Tell whether grading lacks nothing that it needs."""
    return all(finding.state != LACKING for finding in findings)


def _python() -> Finding:
    said = f"{sys.version.split()[0]} in {sys.prefix}"
    if sys.version_info >= OLDEST_PYTHON:
        return Finding("Python", "version", WELL, said)
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return Finding("Python", "version", LACKING, said, f"Install Python {wanted} or newer.")


def _packages() -> Iterator[Finding]:
    missing, wrong = _unmet(metadata.requires("chainrule") or [])
    if missing or wrong:
        yield Finding("Python", "packages", LACKING, ", ".join([*missing, *wrong]), SETUP)
    else:
        yield Finding("Python", "packages", WELL, "all that grading needs are there")
    other = _untested(KIT.parent / "constraints.txt")
    if other:
        some = ", ".join(other[:3]) + (" …" if len(other) > 3 else "")
        said = f"{len(other)} are not of the version that was tested: {some}"
        yield Finding("Python", "versions", LESS, said, SETUP)


def _unmet(requirements: Iterable[str]) -> tuple[list[str], list[str]]:
    """Name what grading requires and is not installed, or not in a version that will do."""
    from packaging.requirements import Requirement

    missing, wrong = [], []
    for each in map(Requirement, requirements):
        if each.marker and not each.marker.evaluate({"extra": "grade"}):
            continue
        try:
            version = metadata.version(each.name)
        except metadata.PackageNotFoundError:
            missing.append(f"{each.name} is not installed")
            continue
        if not each.specifier.contains(version, prereleases=True):
            wrong.append(f"{each.name} is {version}, not {each.specifier}")
    return missing, wrong


def _untested(constraints: Path) -> list[str]:
    """Name the packages that are installed in another version than constraints.txt has."""
    other = []
    text = constraints.read_text(encoding="utf-8") if constraints.is_file() else ""
    for name, tested in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if version != tested:
            other.append(f"{name} {version} for {tested}")
    return other


def _layers(isolation: Isolation) -> Iterator[Finding]:
    for layer in LAYERS:
        reason = isolation.lacking.get(layer)
        said = (
            f"a student process {isolation.promise(layer)}"
            if not reason
            else f"not to be had: {reason}"
        )
        do = "The others stand in for it; as root, or in the container, there are more."
        yield Finding("layers", layer, LESS if reason else WELL, said, do if reason else "")


def _promises(folder: Path, isolation: Isolation) -> Iterator[Finding]:
    state = LACKING if _wanted(folder) == "process" else LESS
    for need, layers in isolation.unmet().items():
        do = f"Grade on a Linux with {' or '.join(layers)}, or with --isolation container."
        yield Finding("layers", "promise", state, f"nothing sees to it that {need}", do)


def _engine(folder: Path) -> Finding:
    try:
        engine = container.engine()
        return Finding("container", engine, WELL, f"has the image {container.image()[:19]}")
    except container.ContainerError as error:
        needed = _wanted(folder) == "container"
        said, _, do = str(error).partition("; ")
        do = do[:1].upper() + do[1:]
        return Finding("container", "engine", LACKING if needed else LESS, said, do)


def _wanted(folder: Path) -> str:
    return (
        Course.open(folder).settings.isolation if (folder / "course.toml").exists() else "process"
    )


def _choice(folder: Path, isolation: Isolation) -> Finding:
    where = _wanted(folder)
    user = "as root" if os.geteuid() == 0 else f"as user {os.geteuid()}"
    said = f"`grade`, {user}, would run submissions in a {where}"
    if where == "process":
        said += f", confined by {', '.join(isolation.in_force)}"
    if isolation.lacking:
        do = f"Without {', '.join(isolation.lacking)} the other layers bear more."
        return Finding("isolation", where, LESS, said, do)
    return Finding("isolation", where, WELL, said)


def _gpu() -> Finding:
    tool = shutil.which("nvidia-smi")
    command = [tool or "", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    seen = _answer(command) if tool else ""
    if not seen:
        do = "Nothing that is graded needs one; submissions run on the CPU."
        return Finding("GPU", "none", LESS, "no NVIDIA driver answers", do)
    ask = "import torch; print(torch.version.cuda if torch.cuda.is_available() else '')"
    cuda = _answer([sys.executable, "-c", ask])
    if cuda:
        return Finding(
            "GPU", "CUDA", WELL, f"{'; '.join(seen.splitlines())}; torch has CUDA {cuda}"
        )
    return Finding(
        "GPU", "CUDA", LESS, f"{seen}, but torch cannot use it", "Install torch for CUDA."
    )


def _answer(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _data() -> Iterator[Finding]:
    folder = os.environ.get("CHAINRULE_DATA")
    if folder and not Path(folder).is_dir():
        do = "Make the folder, or unset the variable."
        yield Finding("data", "CHAINRULE_DATA", LESS, f"{folder} is no folder", do)
    for name in data.names():
        if data.available(name):
            yield Finding("data", name, WELL, "at hand")
        else:
            do = f"Put {name}.npz into a folder and set CHAINRULE_DATA to it, or load it once."
            yield Finding("data", name, LESS, "not on this machine; experiments use digits", do)


def _disk(folder: Path) -> Iterator[Finding]:
    there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    places = {"the course": there, "temporary files": Path(tempfile.gettempdir())}
    for what, place in places.items():
        free = shutil.disk_usage(place).free
        said = f"{free / GIB:.1f} GiB free for {what} in {place}"
        if not os.access(place, os.W_OK):
            yield Finding("disk", what, LACKING, f"{place} cannot be written", "Choose another.")
        elif free < ROOM[what]:
            do = f"Make room: {what} should have {ROOM[what] / GIB:g} GiB."
            yield Finding("disk", what, LACKING, said, do)
        else:
            yield Finding("disk", what, WELL, said)


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    yield Finding("machine", "cores", WELL, f"{cores}, for as many submissions at a time")
    found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    free = int(found[1]) * 1024 if found else 0
    said = f"{free / GIB:.1f} GiB free"
    each = Limits().memory
    if free < each:
        do = f"End other programs: one submission may take {each / GIB:g} GiB."
        yield Finding("machine", "memory", LACKING, said, do)
    elif free < cores * each:
        do = f"Grade with --workers {free // each}: each may take {each / GIB:g} GiB."
        yield Finding("machine", "memory", LESS, said, do)
    else:
        yield Finding("machine", "memory", WELL, said)
