"""Every page that shows a hostile submission, opened in a browser: nothing of theirs runs or loads.

Each text that runs or loads something by itself is also opened as it is, in a page of its own: a
browser that could not see it would fail the test.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from browser import Browser, Visit
from classroom import ANSWER, graded, hand_in, notebook, open_course, verdict
from formgrading import TOKEN, Formgrader
from nbgrader.api import Gradebook

from autograder.course.folder import Course
from autograder.judging.verdict import ExerciseVerdict, TestVerdict, Verdict
from autograder.pages import report
from autograder.pages.feedback import feedback
from autograder.recording.autograde import record

pytestmark = pytest.mark.soak

RUN = "top.canary=1;console.log('canary')"
SITE = "http://canary.example"
SVG = f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"{RUN}\"/>"


def _data(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"


SCRIPTS = [
    f"<script>{RUN}</script>",
    f"<ScRiPt\n>{RUN}</sCrIpT >",
    f'<script src="{_data("text/javascript", RUN)}"></script>',
    f'<img src=x onerror="{RUN}">',
    f'<img/src="x"/onerror={RUN}>',
    f'<svg/onload="{RUN}">',
    f"<svg><script>{RUN}</script></svg>",
    f'<svg><animate onbegin="{RUN}" attributeName=x dur=1s>',
    f'<svg><a xlink:href="javascript:{RUN}"><text y=20>x</text></a></svg>'
    "<script>document.querySelector('svg a').dispatchEvent(new MouseEvent('click'))</script>",
    f'<math><mtext><img src=x onerror="{RUN}"></mtext></math>',
    f'<math href="javascript:{RUN}">x</math><img src=x onerror="{RUN}">',
    f'<body onload="{RUN}">',
    f'<details open ontoggle="{RUN}"><summary>x</summary></details>',
    f'<video><source onerror="{RUN}"></video>',
    f'<input autofocus onfocus="{RUN}">',
    f'<b style="animation: spin 1s" onanimationstart="{RUN}">x</b>'
    "<style>@keyframes spin { to { opacity: 0 } }</style>",
    f'<iframe srcdoc="<script>{RUN}</script>"></iframe>',
    f'<iframe src="javascript:parent.canary=1;{RUN}"></iframe>',
    f'<object data="javascript:{RUN}"></object><script>{RUN}</script>',
    f'<a href="javascript:{RUN}">x</a>',
    f'<a href="java&#x09;script:{RUN}">x</a>',
    f'<a href=" &#14; javascript:{RUN}">x</a>',
    f'<a href="javascript&colon;{RUN}">x</a>',
    f"</textarea></title></style></script><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"</div></div></div></main></body><script>{RUN}</script>",
    f'<p title="</p><script>{RUN}</script>"><img src=x onerror="{RUN}">',
    f'<noscript><p title="</noscript><img src=x onerror={RUN}>"></noscript><script>{RUN}</script>',
    f'<template><script>{RUN}</script></template><img src=x onerror="{RUN}">',
]
REQUESTS = [
    f'<img src="{SITE}/a.png">',
    '<img src="//canary.example/a.png">',
    f'<img srcset="{SITE}/a.png 1x">',
    f'<picture><source srcset="{SITE}/a.png"><img></picture>',
    f'<link rel=stylesheet href="{SITE}/a.css">',
    f"<style>@import '{SITE}/a.css';</style>",
    f"<style>body {{ background: url({SITE}/a.png) }}</style>",
    f'<p style="background: url({SITE}/a.png)">x</p>',
    f'<table background="{SITE}/a.png"><tr><td>x</td></tr></table>',
    f'<meta http-equiv=refresh content="0; url={SITE}">',
    f'<iframe src="{SITE}"></iframe>',
    f'<embed src="{SITE}/a.html">',
    f'<object data="{SITE}/a.html"></object>',
    f'<video src="{SITE}/a.mp4" poster="{SITE}/a.png"></video>',
    f'<audio src="{SITE}/a.mp3" autoplay></audio>',
    f'<svg width=9 height=9><image href="{SITE}/a.png" width=9 height=9 /></svg>',
    f"<svg><style>@import url({SITE}/a.css);</style></svg>",
    f'<form action="{SITE}" id=f><input name=x></form><script>f.submit()</script>',
    f'<base href="{SITE}/"><img src="a.png">',
    f'<input type=image src="{SITE}/a.png">',
    f'<link rel=preload as=image href="{SITE}/a.png">',
]
#: What is dangerous only to some parsers, after some renderers, or to who clicks.
OTHERS = [
    f'<svg></p><style><a id="</style><img src=1 onerror={RUN}>">',
    "<math><mtext><table><mglyph><style><!--</style>"
    f'<img title="--&gt;&lt;img src=1 onerror={RUN}&gt;">',
    f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>",
    f"<svg><foreignObject><b onclick={RUN}>x</b></foreignObject></svg>",
    f"<math><annotation-xml encoding='text/html'><img src=x onerror={RUN}></annotation-xml></math>",
    f"[x](javascript:{RUN})",
    f"[x](java&#x73;cript:{RUN})",
    f"[x][y]\n\n[y]: javascript:{RUN}",
    f"<javascript:{RUN}>",
    f"![x]({SITE}/a.png)",
    f"![x][y]\n\n[y]: {SITE}/a.png",
    f"![x]({_data('image/svg+xml', SVG)})",
    "![x](attachment:bad.svg)",
    f'![x" onerror="{RUN}](data:image/png;base64,iVBORw0KGgo=)',
    f"[x]({_data('text/html', f'<script>{RUN}</script>')})",
    f"$\\text{{<script>{RUN}</script>}}$ $$\\href{{javascript:{RUN}}}{{x}}$$",
    f"$\\text{{&lt;img src=x onerror={RUN}&gt;}}$",
    f"$\\style{{background: url({SITE}/a.png)}}{{x}}$ $\\class{{full-credit}}{{x}}$",
    f"\\begin{{aligned}}</math><img src={SITE}/a.png>\\end{{aligned}}",
    f"$$\\includegraphics{{{SITE}/a.png}}$$ \\require{{html}}",
    f"`` ` ``\n<img src=x onerror={RUN}>",
    f"````\n<script>\n````\n<script>{RUN}</script>",
    f"```mermaid\ngraph TD; A-->B; click A call alert()\n```\n<img src=x onerror={RUN}>",
    f"```{{=html}} <img src=x onerror={RUN}>\nx\n```",
    "<b class='full-credit'>x</b><a class='nbgrader_cell' id=derivation>x</a>",
    f"<a href='{{{{ 7 * 7 }}}}'>{{% include 'index.html.j2' %}}</a><img src=x onerror={RUN}>",
]
TEXTS = [*SCRIPTS, *REQUESTS, *OTHERS]
IDS = [
    "<img src=x onerror=top.canary=1>",
    '"><svg onload=top.canary=1>',
    '";top.canary=1;console.log("canary");"',
    "';top.canary=1;'",
    "javascript:top.canary=1",
    "{{ 7 * 7 }}",
    "o'brien & söhne",
]
ASK = """(async () => {
  for (const link of document.links) if (link.protocol === "javascript:") link.click();
  await new Promise(done => setTimeout(done, 50));
  const all = [...document.querySelectorAll("*")];
  const attributes = all.flatMap(each => [...each.attributes]);
  const inline = /^data:image\\/(png|jpeg|gif);base64,/;
  const buttons = ".full-credit:not(button), .no-credit:not(button), .mark-graded:not(button)";
  const others = "iframe, object, embed, form, base, svg a, foreignObject";
  return {
    canary: window.canary ?? null,
    handlers: attributes.filter(each => /^on/i.test(each.name)).map(each => each.value),
    links: [...document.links].map(link => link.protocol),
    pictures: [...document.images].filter(img => img.src && !inline.test(img.src)).length,
    buttons: document.querySelectorAll(buttons).length,
    others: document.querySelectorAll(others).length,
  };
})()"""
KNOWN = {"toggle_name(true);", "toggle_name(false);", "toggleAllNames()"}
KNOWN |= {"createAssignmentModal();", "createStudentModal();"}


def ran(visit: Visit) -> bool:
    """Tell whether a script of theirs ran in a page."""
    return any("canary" in said for said in visit.said) or bool((visit.found or {}).get("canary"))


def hostile(root: Path, text: str) -> dict[str, Any]:
    """Make a notebook with a text wherever a student can put one."""
    made = notebook(
        root, why=f"{ANSWER}\n\n{text}", scale_code=f"def scale(x, factor):\n    '''{text}'''"
    )
    made["metadata"] |= {
        "title": text,
        "language_info": {"name": text, "pygments_lexer": text},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"a": text}}},
    }
    for kind in ("markdown", "raw"):
        extra: dict[str, Any] = {"cell_type": kind, "metadata": {"tags": [text]}, "source": text}
        extra["metadata"] |= {"raw_mimetype": "text/html"} if kind == "raw" else {}
        made["cells"].append(extra)
    answer = next(cell for cell in made["cells"] if cell["id"] == "why")
    svg = base64.b64encode(SVG.encode()).decode()
    answer["attachments"] = {"bad.svg": {"image/svg+xml": svg, "text/html": text}}
    kinds = (
        "text/html",
        "image/svg+xml",
        "application/javascript",
        "application/vnd.jupyter.widget-view+json",
        "application/vnd.plotly.v1+json",
        "application/vnd.jupyter.es6-rich-output",
        "application/pdf",
        "text/latex",
        "text/markdown",
        "text/plain",
        "image/png",
    )
    shown: list[dict[str, Any]] = [
        {"output_type": "display_data", "metadata": {"isolated": True}, "data": {kind: text}}
        for kind in kinds
    ]
    shown += [
        {"output_type": "execute_result", "metadata": {"text/html": {"isolated": True}},
         "execution_count": 1, "data": {"text/html": text, "text/plain": text}},
        {"output_type": "stream", "name": text, "text": text},
        {"output_type": "error", "ename": text, "evalue": text, "traceback": [text]},
    ]  # fmt: skip
    drawn = next(cell for cell in made["cells"] if cell["id"] == "experiment-draw")
    drawn["outputs"] = shown
    drawn["metadata"] = {"tags": [text], "alt": text}
    return made


def said(text: str) -> Verdict:
    """Make a verdict that quotes a student, as a diagnosis of what was raised does."""
    test = TestVerdict("test_scale", "scale is right.", "failed", f"It raised ValueError: {text}")
    whole = verdict("graded", (text,))
    exercises = (ExerciseVerdict("scale", "failed", 0.0, 2.0, (test,)), *whole.exercises[1:])
    return Verdict("graded", exercises, whole.written, whole.notes)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for all tests; without one they fail, and say what to install."""
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course in which everyone is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    course = open_course(Path(__file__).parents[1] / "toy", folder / "course")
    everyone = []
    for number, text in enumerate(TEXTS):
        submission = hand_in(course, f"s{number:03}", hostile(course.root, text))
        everyone.append(graded(course, submission, said(text)))
    for number, name in enumerate(IDS):
        submission = hand_in(course, name, hostile(course.root, TEXTS[number]))
        everyone.append(graded(course, submission, said(name)))
    with course.lock():
        list(record(course, everyone))
    with Gradebook(course.db_url) as gradebook:
        for number, text in enumerate(TEXTS):
            gradebook.update_or_create_student(f"s{number:03}", first_name=text, last_name=text)
    list(feedback(course, everyone))
    report.write(course)
    return course


@pytest.mark.parametrize("number", range(len(SCRIPTS + REQUESTS)))
def test_the_browser_sees_what_these_do_where_nothing_stops_them(
    number: int, browser: Browser, tmp_path: Path
) -> None:
    page = tmp_path / "control.html"
    page.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{TEXTS[number]}")
    visit = browser.visit(page.as_uri(), ASK)
    if number < len(SCRIPTS):
        assert ran(visit)
    else:
        assert any("canary.example" in url for url in visit.requests)


def test_nothing_of_theirs_runs_or_loads_in_feedback(browser: Browser, course: Course) -> None:
    opened = sorted(course.feedback.rglob("*.html"))
    assert len(opened) == len(TEXTS) + len(IDS)
    for path in [*opened, course.report / "index.html"]:
        visit = browser.visit(path.as_uri(), ASK)
        assert visit.requests[0] == path.as_uri() and not visit.elsewhere(path.as_uri()), path
        assert_harmless(visit, set())


def test_nothing_of_theirs_runs_or_loads_in_formgrader(browser: Browser, course: Course) -> None:
    people = [quote(name, safe="") for name in ("s000", *IDS)]
    with Formgrader(course) as server:
        marked = server.get("/formgrader/api/submitted_notebooks/toy/toy")
        assert len(marked) == len(TEXTS) + len(IDS)
        pages = [
            f"manage_assignments?token={TOKEN}",
            "gradebook",
            "gradebook/toy",
            "gradebook/toy/toy",
            "manage_students",
            "manage_submissions/toy",
            *(f"manage_students/{name}" for name in people),
            *(f"manage_students/{name}/toy" for name in people),
            *(f"manage_students/{quote(text, safe='')}" for text in SCRIPTS[:4]),
            *(f"submissions/{each['id']}/" for each in marked),
        ]
        for page in pages:
            visit = browser.visit(f"{server.url}/formgrader/{page}", ASK)
            assert visit.status == 200, visit
            assert not visit.elsewhere(server.url), visit
            assert_harmless(visit, KNOWN)


def assert_harmless(visit: Visit, known: set[str]) -> None:
    """See that a page ran nothing, asked for nothing, and that no policy had to stop it."""
    assert not ran(visit), visit
    assert not visit.refused, visit
    found = visit.found
    assert set(found["handlers"]) <= known, visit
    assert set(found["links"]) <= {"file:", "http:", "https:"}, visit
    assert (found["buttons"], found["pictures"], found["others"]) == (0, 0, 0), visit


def test_a_page_that_is_not_sanitised_is_caught(
    browser: Browser, course: Course, tmp_path: Path
) -> None:
    whole = json.dumps(hostile(course.root, SCRIPTS[3]))
    page = tmp_path / "raw.html"
    page.write_text(
        f"<!DOCTYPE html><meta charset=utf-8>{json.loads(whole)['cells'][-1]['source']}"
    )
    with pytest.raises(AssertionError):
        assert_harmless(browser.visit(page.as_uri(), ASK), set())
