"""The room: the part of the file system that student processes see.

An allow-list. Of Python: the interpreter and its standard library. Of the installed packages:
NumPy, this kit, and what the exercise allows, each with what it requires. Nothing else is there:
no repository, no course, no home, no other package.
"""

from __future__ import annotations

import glob
import importlib.metadata
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from autograder.sandbox import linux

SITE = "/site"
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_GPU_DEVICES = ("/dev/nvidia[0-9]*", "/dev/nvidiactl", "/dev/nvidia-uvm*", "/dev/nvidia-caps/*")
# A folder that every running Linux has and that nothing below is taken from.
_MOUNT_POINT = "/sys"


def packages(allows: Iterable[str]) -> dict[str, Path]:
    """Return what a student may import: file or folder name, and where it is.

    Parameters
    ----------
    allows : iterable of str
        Distributions beyond NumPy; what they require comes along.
    """
    kit = Path(__file__).resolve().parents[1]
    found = {kit.name: kit}
    waiting, seen = ["numpy", *allows], set()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            if name in ("numpy", *allows):
                raise
            continue  # a requirement of another platform
        found |= _top_level(distribution)
        waiting += _requirements(distribution)
    return found


def _requirements(distribution: importlib.metadata.Distribution) -> list[str]:
    needed = [text for text in distribution.requires or [] if not re.search(r";.*\bextra\b", text)]
    return [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in needed]


def _top_level(distribution: importlib.metadata.Distribution) -> dict[str, Path]:
    names = {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}
    return {name: Path(str(distribution.locate_file(name))).resolve() for name in names}


def python_paths() -> list[str]:
    """The interpreter, its libraries and the system's, as far as they exist here."""
    prefix = Path(sys.base_prefix)
    libraries = [str(prefix / "lib"), str(prefix / "lib64")]
    libraries += ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache"]
    candidates = [os.path.realpath(sys.executable), *libraries]
    return [path for path in dict.fromkeys(candidates) if os.path.exists(path)]


def other_packages() -> list[str]:
    """The folders of installed packages inside `python_paths`."""
    return [
        str(folder)
        for library in python_paths()
        if not os.path.islink(library)
        for folder in Path(library).glob("python3*/*-packages")
    ]


def gpu_devices() -> tuple[str, ...]:
    """The NVIDIA devices of this machine."""
    return tuple(sorted(path for pattern in _GPU_DEVICES for path in glob.glob(pattern)))


def enter(allows: Iterable[str], devices: Iterable[str] = ()) -> None:
    """Make the room the root directory of this process, in a mount namespace that it already has.

    Python stays where it was and the packages are in ``/site``, all read-only; ``/tmp`` and
    ``/proc`` are for each attempt to cover with its own.
    """
    room = _MOUNT_POINT
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("tmpfs", room, "tmpfs", linux.MS_NOSUID, "mode=0755,size=1m")
    for path in (*python_paths(), *DEVICES, *devices):
        _show(path, room + path)
    for name, package in packages(allows).items():
        _show(str(package), f"{room}{SITE}/{name}")
    for folder in other_packages():
        linux.mount("tmpfs", room + folder, "tmpfs", linux.MS_NOSUID, "mode=0755,size=0")
    _show("/proc", f"{room}/proc")
    os.mkdir(f"{room}/tmp")
    linux.pivot_into(room)
    linux.make_read_only("/")
    # torch looks for a temporary folder when it is imported; attempts cover this one.
    linux.mount("tmpfs", "/tmp", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1m,mode=0700")


def _show(source: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
    elif os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
        linux.mount(source, target, flags=linux.MS_BIND | linux.MS_REC)
    else:
        Path(target).touch()
        linux.mount(source, target, flags=linux.MS_BIND)


def link(folder: str, allows: Iterable[str]) -> None:
    """Without a mount namespace: fill `folder` with links to the packages."""
    for name, path in packages(allows).items():
        os.symlink(path, os.path.join(folder, name))


def readable(site: str, allows: Iterable[str]) -> list[str]:
    """Without a mount namespace: the paths that Landlock has to leave readable."""
    libraries = [part for path in python_paths() for part in _without(path, other_packages())]
    return [site, *DEVICES, *libraries, *map(str, packages(allows).values())]


def _without(path: str, hidden: list[str]) -> list[str]:
    """`path`, or its parts where some of them are hidden."""
    path = os.path.realpath(path)
    if path in hidden:
        return []
    if not any(folder.startswith(path + "/") for folder in hidden):
        return [path]
    inside = (os.path.join(path, name) for name in sorted(os.listdir(path)))
    return [part for child in inside for part in _without(child, hidden)]
