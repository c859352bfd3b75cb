"""An assignment as one zip: what students get, with the kit's wheel beside it."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from autograder import files
from autograder.assignment.source import find_root
from autograder.errors import UserError
from autograder.files import CHECKOUT

#: Every member carries this date, so that equal content makes equal bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)

SET_UP = """
## Set up

On your own computer, with Python 3.11 or newer, in this folder:

    pip install -r requirements.txt

and then `jupyter lab {name}.ipynb`. In a hosted notebook (Colab, Kaggle, a JupyterHub) upload the
files of this folder and run this once, in a cell above the first:

    %pip install ./{wheel}
"""


class ReleaseError(UserError):
    """An assignment cannot be released; the message says why and what to do."""


def release(name: str, root: Path | None = None, *, out: Path | None = None) -> Path:
    """Write ``build/release/<name>.zip``: the assignment's folder, the kit's wheel, how to install.

    Parameters
    ----------
    name : str
        The assignment, as it lies built in ``assignments/``.
    root : Path
        The repository.
    out : Path
        The folder for the zip.

    Returns
    -------
    Path
        The zip; equal content gives equal bytes.

    Raises
    ------
    ReleaseError
        If the assignment is not built, the kit's own source is not there or the zip cannot be
        written.
    """
    root = root or find_root()
    folder = root / "assignments" / name
    if not (folder / f"{name}.ipynb").is_file():
        raise ReleaseError(
            f"assignments/{name} has no {name}.ipynb; run `autograder build {name}`."
        )
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build_wheel(Path(scratch))
        members = {path.as_posix(): (folder / path).read_bytes() for path in files.counted(folder)}
        members[wheel.name] = wheel.read_bytes()
    members["requirements.txt"] = f"./{wheel.name}[student]\n".encode()
    readme = members.get("README.md", f"# {name}\n".encode()).decode()
    members["README.md"] = (readme + SET_UP.format(name=name, wheel=wheel.name)).encode()
    path = (out or root / "build" / "release") / f"{name}.zip"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_zip(path, {f"{name}/{member}": members[member] for member in sorted(members)})
    except OSError as error:
        raise ReleaseError(
            f"{path} cannot be written ({error.strerror}); choose another folder."
        ) from None
    return path


def build_wheel(folder: Path) -> Path:
    """Build the kit's wheel into a folder."""
    if not (CHECKOUT / "pyproject.toml").is_file():
        raise ReleaseError(
            f"The kit's wheel is built from its source, and {CHECKOUT} is not it; "
            "install the kit from a checkout with `pip install -e`."
        )
    from hatchling.builders.wheel import WheelBuilder

    (path,) = WheelBuilder(str(CHECKOUT)).build(directory=str(folder), versions=["standard"])
    return Path(path)


def _write_zip(path: Path, members: dict[str, bytes]) -> None:
    partial = path.with_suffix(".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    partial.replace(path)
