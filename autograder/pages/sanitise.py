"""What a student wrote, made safe to be shown as HTML on an instructor's own origin."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import nh3
from bs4 import BeautifulSoup
from nbconvert.filters.markdown_mistune import MarkdownWithMath
from pygments.token import STANDARD_TYPES

from autograder.pages.prose import Renderer

LONGEST_TEXT = 64 * 2**10
#: Markdown's renderer may take a second for so much text, and an hour for forty times as much.
LONGEST_MARKDOWN = 24 * 2**10
#: What all cells of a notebook may have together.
MOST_MARKDOWN = 256 * 2**10
LARGEST_IMAGE = 4 * 2**20
MOST_OUTPUTS = 50
IMAGES = ("image/png", "image/jpeg", "image/gif")
#: Without one of these, Markdown can give no tag, no link and no reference to one.
MARKUP = re.compile(r"[<&\[\]]|://|www\.")
PICTURE = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
DATA = re.compile(r"[\0-\x20]*d\s*a\s*t\s*a\s*:", re.IGNORECASE)
ALIGNED = re.compile("text-align:(left|center|right)")
#: Looks that notebooks give to tables and code. Any other class would take one of the page around
#: it, and what the page does with it: Formgrader gives full marks at a click on ``full-credit``.
LOOKS = frozenset(STANDARD_TYPES.values()) | {
    "anchor-link",
    "dataframe",
    "highlight",
    "task-list-item",
    "task-list-item-checkbox",
}
TAGS = nh3.ALLOWED_TAGS | {"input"}
ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    "*": {"align", "class"},
    "input": {"checked", "disabled", "type"},
    "td": nh3.ALLOWED_ATTRIBUTES["td"] | {"style"},
    "th": nh3.ALLOWED_ATTRIBUTES["th"] | {"style"},
}
CHECKBOX = {"input": {"type": "checkbox", "disabled": ""}}


def html(text: str) -> str:
    """Take everything out of HTML that is not plain contents, and all that loads anything.

    Nothing keeps an id or a name: the pages around it find their own parts by these.
    """
    return nh3.clean(
        text,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_attribute,
        set_tag_attribute_values=CHECKBOX,
        link_rel=None,
        url_schemes={"http", "https", "data"},
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "style":
        return value if ALIGNED.fullmatch(value) else None
    if name == "class":
        return " ".join(look for look in value.split() if look in LOOKS) or None
    if (tag, name) == ("img", "src"):
        return value if PICTURE.fullmatch(value) else None
    return None if DATA.match(value) else value


@lru_cache(maxsize=4096)
def markdown(text: str, attached: frozenset[str] = frozenset()) -> str:
    """Give Markdown back as it is if what it renders to is harmless, else as text to be read.

    So is what is long: it could take hours to be rendered.

    Parameters
    ----------
    text : str
    attached : frozenset of str
        The names of the pictures that are attached to its cell.
    """
    short = len(text) <= LONGEST_MARKDOWN
    if short and (not MARKUP.search(text) or _is_harmless(text, attached)):
        return text
    return verbatim(text)


def verbatim(text: str) -> str:
    """Give text as Markdown that shows it just so."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=2) + 3)
    return f"{fence}\n{text}\n{fence}"


def _is_harmless(text: str, attached: frozenset[str]) -> bool:
    pictures = {name: {"image/png": ""} for name in attached}
    try:
        rendered = MarkdownWithMath(renderer=Renderer(pictures)).render(text)
    except Exception:  # whatever a renderer stumbles over here, it would in front of a person
        return False
    return _canonical(rendered) == _canonical(html(rendered))


def _canonical(text: str) -> str:
    return str(BeautifulSoup(text, "html.parser"))


def attachments(found: Any) -> dict[str, dict[str, str]]:
    """Keep the pictures that are attached to a cell."""
    if not isinstance(found, dict):
        return {}
    kept = {name: _pictures(data) for name, data in found.items() if re.fullmatch(r"[\w.-]+", name)}
    return {name: data for name, data in kept.items() if data}


def outputs(found: Iterable[Any]) -> list[dict[str, Any]]:
    """Keep what can be looked at of a cell's outputs: text, pictures and harmless HTML."""
    kept = (_output(output) for output in list(found)[:MOST_OUTPUTS] if isinstance(output, dict))
    return [output for output in kept if output]


def _output(output: dict[str, Any]) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": _text(output.get("text"))}
    if kind == "error":
        said = f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"
        return {"output_type": "stream", "name": "stderr", "text": said}
    if kind not in ("display_data", "execute_result") or not isinstance(output.get("data"), dict):
        return None
    data = _pictures(output["data"])
    if "text/html" in output["data"]:
        data["text/html"] = html(_text(output["data"]["text/html"]))
    if "text/plain" in output["data"]:
        data["text/plain"] = _text(output["data"]["text/plain"])
    return {"output_type": "display_data", "metadata": {}, "data": data} if data else None


def _pictures(data: Any) -> dict[str, str]:
    if not isinstance(data, dict):
        return {}
    pictures = {kind: "".join(_whole(data[kind]).split()) for kind in IMAGES if kind in data}
    return {kind: picture for kind, picture in pictures.items() if _is_base64(picture)}


def _is_base64(text: str) -> bool:
    if not text or len(text) > LARGEST_IMAGE:
        return False
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _text(value: Any) -> str:
    text = _whole(value)
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "\n… (cut)"


def _whole(value: Any) -> str:
    """Join what a notebook may give as one string or as a list of lines."""
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""
