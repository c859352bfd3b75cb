"""Bad luck: nobody means harm, and honest work keeps its points."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attacks.corpus import RIGHT, Attack, Notebook, cell, code, everywhere, scale


def none(data: bytes) -> Callable[[Notebook], bytes]:
    """Hand in something else."""
    return lambda made: data


def dumped(change: Callable[[bytes], bytes]) -> Callable[[Notebook], bytes]:
    """Change the bytes of the file."""
    return lambda made: change(json.dumps(made, ensure_ascii=False).encode())


def bare(made: Notebook) -> Notebook:
    for each in made["cells"]:
        each["metadata"] = {}
        del each["id"]
    return {"cells": made["cells"]}


def third(made: Notebook) -> bytes:
    """Write the notebook as format 3 has it."""
    cells = [
        {**each, "input": each.pop("source"), "language": "python", "metadata": {}}
        if each["cell_type"] == "code"
        else {**each, "metadata": {}}
        for each in made["cells"]
    ]
    sheets = [{"cells": cells, "metadata": {}}]
    return json.dumps({"worksheets": sheets, "metadata": {}, "nbformat": 3}).encode()


def listed(made: Notebook) -> Notebook:
    for each in made["cells"]:
        each["source"] = each["source"].splitlines(keepends=True)
    return made


def corrupt(made: Notebook) -> bytes:
    """Flip some of the bytes, as a bad disk does."""
    chance, data = random.Random(3), bytearray(json.dumps(made).encode())
    for _ in range(len(data) // 50):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def other(made: Notebook) -> Notebook:
    made["cells"] = [code("def convolve(x, w):\n    return x"), code("convolve(1, 2)")]
    return made


def last_years(made: Notebook) -> Notebook:
    """Other ids, other prose, an exercise that is no more."""
    for number, each in enumerate(made["cells"]):
        each["id"] = f"2019-{number}"
        each["metadata"] = {"nbgrader": {"grade_id": f"2019-{number}", "points": 1}}
        if each["cell_type"] == "markdown":
            each["source"] = "Last year's words."
    made["cells"].insert(3, code("def warm_up(x):\n    return x + 1"))
    return made


def out_of_order(made: Notebook) -> Notebook:
    """A cell that ran because one below it had run."""
    cell(made, "scale_code")["source"] = (
        "GAIN = UNIT * 1.0\ndef scale(x, factor):\n    return x * factor * GAIN"
    )
    made["cells"].append(code("UNIT = 1.0"))
    return made


def deep(made: Notebook) -> bytes:
    return b'{"cells": ' + b"[" * 10**5 + b"]" * 10**5 + b"}"


# How it is handed in


def under(name: str) -> Callable[[Path, bytes], None]:
    """Hand in under another name."""

    def lay(folder: Path, data: bytes) -> None:
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_bytes(data)

    return lay


def two(folder: Path, data: bytes) -> None:
    for name in ("toy (1).ipynb", "final FINAL.ipynb"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def with_an_old_one(folder: Path, data: bytes) -> None:
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    (folder / ".ipynb_checkpoints" / "toy-checkpoint.ipynb").write_bytes(b"{}")
    (folder / "toy-old.ipynb").write_bytes(b"{}")
    (folder / "toy.ipynb").write_bytes(data)


def nothing(folder: Path, data: bytes) -> None:
    folder.mkdir(parents=True)


def a_link(folder: Path, data: bytes) -> None:
    folder.mkdir(parents=True)
    kept = folder.parents[2] / "kept_by_a_student"
    kept.write_bytes(data)
    (folder / "toy.ipynb").symlink_to(kept)


def a_link_to_a_rival(folder: Path, data: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "toy.ipynb").symlink_to(folder.parents[1] / "honest_0" / "toy" / "toy.ipynb")


def a_folder_link(folder: Path, data: bytes) -> None:
    folder.parent.mkdir(parents=True)
    folder.symlink_to(folder.parents[1] / "honest_0" / "toy")


def a_pipe(folder: Path, data: bytes) -> None:
    import os

    folder.mkdir(parents=True)
    os.mkfifo(folder / "toy.ipynb")


def a_device(folder: Path, data: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "toy.ipynb").symlink_to("/dev/zero")


def a_folder(folder: Path, data: bytes) -> None:
    (folder / "toy.ipynb").mkdir(parents=True)


UNREADABLE: dict[str, Any] = {"status": "malformed", "score": 0, "solved": True}
MISSING: dict[str, Any] = {"status": "missing", "score": 0, "solved": True}
FINE: dict[str, Any] = {"solved": True}
HOUR = "\nfor epoch in range(10**12):\n    scale(np.ones((4, 3)), epoch)\n"
ATTACKS = [
    Attack("a corrupt file", 21, "hands in flipped bytes after a good notebook", edit=corrupt,
           **UNREADABLE),
    Attack("not JSON", 33, "hands in text", edit=none(b"def scale(x, factor): ..."), **UNREADABLE),
    Attack("half a file", 33, "hands in half a file",
           edit=dumped(lambda data: data[: len(data) // 2]), **UNREADABLE),
    Attack("no notebook", 33, "hands in JSON that is no notebook", edit=none(b'[1, "x"]'),
           **UNREADABLE),
    Attack("odd cells", 33, "hands in cells that are none",
           edit=none(b'{"cells": [1, null, {"source": 3}, {"cell_type": []}], "metadata": 4}'),
           **UNREADABLE),
    Attack("nothing", 33, "hands in an empty file", edit=none(b""), **UNREADABLE),
    Attack("blanks", 33, "hands in blanks", edit=none(b" \n\n"), **UNREADABLE),
    Attack("100 MB", 33, "hands in 100 MB",
           edit=dumped(lambda data: data + b" " * (100_000_000 - len(data))), **UNREADABLE),
    Attack("deep", 33, "hands in a list in a list in a list", edit=deep, **UNREADABLE),
    Attack("UTF-16", 33, "hands in another encoding",
           edit=dumped(lambda data: data.decode().encode("utf-16")), **UNREADABLE),
    Attack("format 3", 33, "hands in the format of ten years ago", edit=third, **FINE),
    Attack("a BOM", 33, "hands in a file with a mark in front",
           edit=dumped(lambda data: b"\xef\xbb\xbf" + data), **FINE),
    Attack("CRLF", 33, "hands in a file with Windows' line ends",
           edit=everywhere(lambda each: each.update(source=each["source"].replace("\n", "\r\n"))),
           **FINE),
    Attack("invalid UTF-8", 33, "hands in bytes that are no text",
           edit=dumped(lambda data: data.replace(b"A toy", b"A \xff\xfe toy", 1)), **FINE),
    Attack("no metadata", 33, "hands in cells without ids or metadata", edit=bare, **FINE),
    Attack("lines", 33, "hands in sources as lists of lines", edit=listed, **FINE),
    Attack("another's notebook", 34, "hands in another assignment", edit=other, **UNREADABLE),
    Attack("last year's", 34, "hands in last year's notebook, which still answers", edit=last_years,
           **FINE),
    Attack("another name", 34, "hands in Toy (2) final.ipynb", lay=under("Toy (2) final.ipynb"),
           **FINE),
    Attack("in a folder", 34, "hands in a folder in a folder", lay=under("toy/homework/toy.ipynb"),
           **FINE),
    Attack("two", 34, "hands in two, neither of the right name", lay=two, **MISSING),
    Attack("with an old one", 34, "hands in an old one too", lay=with_an_old_one, **FINE),
    Attack("an empty folder", 34, "hands in an empty folder", lay=nothing, **MISSING),
    Attack("a link", 34, "hands in a link", lay=a_link, **MISSING),
    Attack("a link to another", 20, "hands in a link to another's notebook", lay=a_link_to_a_rival,
           **MISSING),
    Attack("a folder that is a link", 20, "hands in a link to another's folder", lay=a_folder_link,
           **MISSING),
    Attack("a pipe", 34, "hands in a pipe that nobody fills", lay=a_pipe, **UNREADABLE),
    Attack("a device", 34, "hands in an endless device", lay=a_device, **MISSING),
    Attack("a folder of that name", 34, "hands in a folder named as the notebook", lay=a_folder,
           **MISSING),
    Attack("a syntax error", 35, "has a cell of its own that does not parse", "def broken(:",
           **FINE),
    Attack("a broken exercise", 35, "has an exercise that does not parse",
           cells={**scale("return x *"), "scale": "def scale(x, factor)\n    return x"},
           solved=True, loses=("scale",)),
    Attack("out of order", 35, "ran a lower cell first", edit=out_of_order,
           cells={"batch_mean": RIGHT["batch_mean"]}, solved=True, loses=("scale",)),
    Attack("a missing import", 35, "imports what is not here, for a plot",
           "import seaborn as sns\nimport matplotlib.pyplot as plt\nplt.plot([1])", **FINE),
    Attack("a missing import, within", 35, "imports what is not here, above an answer",
           cells={"scale": "import seaborn\n" + RIGHT["scale"]}, **FINE),
    Attack("!pip", 35, "installs packages", "!pip install torch\n%matplotlib inline\n%%time\n1",
           **FINE),
    Attack("!pip, within", 35, "has magics above an answer",
           cells={"scale": "!pip install numpy\n%load_ext autoreload\n" + RIGHT["scale"]}, **FINE),
    Attack("warnings", 36, "warns on stderr",
           cells=scale("""
               import sys, warnings
               warnings.warn("x is not contiguous", RuntimeWarning)
               print("Warning: slow", file=sys.stderr)
               return x * factor
           """), **FINE),
    Attack("warnings as errors", 36, "divides by zero in a cell of its own",
           "import numpy as np\nnp.ones(1) / np.zeros(1)\nnp.log(-1.0)", **FINE),
    Attack("an hour", 37, "trains for an hour in a cell of its own",
           "import numpy as np" + HOUR, **FINE),
    Attack("an hour, within", 37, "trains for an hour below an answer",
           cells={"scale": RIGHT["scale"] + HOUR}, **FINE),
    Attack("an hour's sleep", 37, "waits for a download that does not come",
           "import time\ntime.sleep(3600)", **FINE),
    Attack("during a kill", 38, "is being judged when a worker is killed",
           cells=scale("import time\ntime.sleep(0.02)\nreturn x * factor"), **FINE),
]  # fmt: skip
