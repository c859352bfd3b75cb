"""What a student wrote, made safe to be shown as HTML on an instructor's own origin."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from html import escape
from itertools import islice
from typing import Any

import nh3
from bs4 import BeautifulSoup
from nbconvert.filters.markdown_mistune import MarkdownWithMath
from pygments.token import STANDARD_TYPES

from autograder.pages.pictures import size
from autograder.pages.prose import Renderer

LONGEST_TEXT = 64 * 2**10
#: Markdown's renderer may take a second for so much text, and an hour for forty times as much.
LONGEST_MARKDOWN = 24 * 2**10
LARGEST_IMAGE = 4 * 2**20
MOST_PIXELS = 2**24
MOST_OUTPUTS = 50
MOST_ATTACHED = 100
TOO_MANY = "(More is left out here: the notebook has more than a page can show.)"
#: Of unclosed bold tags, a reader of HTML makes new ones in each paragraph that follows.
MOST_REOPENED = 500_000
REOPENED = re.compile(
    r"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/>]", re.IGNORECASE
)
IMAGES = ("image/png", "image/jpeg", "image/gif")
#: Without one of these, Markdown can give no tag, no link and no reference to one.
MARKUP = re.compile(r"[<&\[\]]|://|www\.")
PICTURE = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
#: Stands for an attached picture, whose pixels are counted elsewhere.
POINT = base64.b64encode(b"GIF89a\1\0\1\0\0\0\0").decode()
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


@dataclass
class Allowance:
    """What the cells of one notebook may still show, all together.

    Attributes
    ----------
    markdown, html, text : int
        Characters that are rendered, that are shown as HTML, and that were printed.
    outputs, pictures, pixels : int
    code : int
        Words and signs of code that are coloured: that takes 50 µs for each.
    """

    markdown: int = 256 * 2**10
    html: int = 2**21
    text: int = 2**21
    outputs: int = 2000
    pictures: int = 500
    pixels: int = 2**27
    code: int = 30_000

    def has(self, **wanted: int) -> bool:
        """Take something from what is left, if there is enough of it."""
        enough = all(getattr(self, name) >= amount for name, amount in wanted.items())
        for name, amount in wanted.items() if enough else ():
            setattr(self, name, getattr(self, name) - amount)
        return enough


def html(text: str) -> str:
    """Take everything out of HTML that is not plain contents, and all that loads anything.

    Nothing keeps an id or a name: the pages around it find their own parts by these. What would
    become much more than it is stays text.
    """
    if _grows(text):
        return f"<pre>{escape(text)}</pre>"
    left_out: list[str] = []
    kept = nh3.clean(
        text,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=partial(_attribute, left_out),
        set_tag_attribute_values=CHECKBOX,
        link_rel=None,
        url_schemes={"http", "https", "data"},
    )
    return kept + "".join(f"\n<p>{why_not}</p>" for why_not in _few(left_out))


def _grows(text: str) -> bool:
    return len(REOPENED.findall(text)) * text.count("<") > MOST_REOPENED


def _attribute(left_out: list[str], tag: str, name: str, value: str) -> str | None:
    if name == "style":
        return value if ALIGNED.fullmatch(value) else None
    if name == "class":
        return " ".join(look for look in value.split() if look in LOOKS) or None
    if (tag, name) == ("img", "src"):
        if not PICTURE.fullmatch(value):
            return None
        _, why_not = _looked_at(_inline(value))
        left_out += [why_not] if why_not else []
        return None if why_not else value
    return None if DATA.match(value) else value


def markdown(
    text: str, attached: frozenset[str] = frozenset(), allowance: Allowance | None = None
) -> str:
    """Give Markdown back as it is if what it renders to is harmless, else as text to be read.

    So is what is long: it could take hours to be rendered.

    Parameters
    ----------
    text : str
    attached : frozenset of str
        The names of the pictures that are attached to its cell.
    allowance : Allowance, optional
        What its notebook may still show.
    """
    allowance = allowance or Allowance()
    if len(text) <= LONGEST_MARKDOWN and allowance.has(markdown=len(text)):
        pixels = _harmless_pixels(text, attached) if MARKUP.search(text) else 0
        if pixels is not None and allowance.has(pixels=pixels):
            return text
    return verbatim(text)


def verbatim(text: str) -> str:
    """Give text as Markdown that shows it just so."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=2) + 3)
    return f"{fence}\n{text}\n{fence}"


@lru_cache(maxsize=4096)
def _harmless_pixels(text: str, attached: frozenset[str]) -> int | None:
    """Count the pixels that Markdown brings along; None if it is not harmless."""
    shown = {name: {"image/gif": POINT} for name in attached}
    try:
        rendered = MarkdownWithMath(renderer=Renderer(shown)).render(text)
        cleaned = html(rendered)
        harmless = not _grows(rendered) and _canonical(rendered) == _canonical(cleaned)
    except Exception:  # whatever a renderer stumbles over here, it would in front of a person
        return None
    return _pixels_within(cleaned) if harmless else None


def _canonical(text: str) -> str:
    return str(BeautifulSoup(text, "html.parser"))


def attachments(
    found: Any, allowance: Allowance | None = None
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Keep the pictures that are attached to a cell, and say why others are not shown."""
    allowance = allowance or Allowance()
    kept: dict[str, dict[str, str]] = {}
    left_out: list[str] = []
    for name, data in islice(found.items() if isinstance(found, dict) else (), MOST_ATTACHED):
        if re.fullmatch(r"[\w.-]+", name):
            pictures, why_not = _pictures(data, allowance)
            kept |= {name: pictures} if pictures else {}
            left_out += why_not
    return kept, _few(left_out)


def outputs(found: Iterable[Any], allowance: Allowance | None = None) -> list[dict[str, Any]]:
    """Keep what can be looked at of a cell's outputs: text, pictures and harmless HTML."""
    allowance = allowance or Allowance()
    kept = []
    for number, output in enumerate(output for output in found if isinstance(output, dict)):
        if number == MOST_OUTPUTS or not allowance.has(outputs=1):
            kept.append(_stream("(More outputs are left out here.)"))
            break
        if shown := _output(output, allowance):
            kept.append(shown)
    return kept


def _output(output: dict[str, Any], allowance: Allowance) -> dict[str, Any] | None:
    kind, data = output.get("output_type"), output.get("data")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return _stream(_text(output.get("text"), allowance), name)
    if kind == "error":
        said = (_text(output.get(part), allowance) for part in ("ename", "evalue"))
        return _stream(": ".join(said), "stderr")
    if kind not in ("display_data", "execute_result") or not isinstance(data, dict):
        return None
    shown, left_out = _pictures(data, allowance)
    if "text/plain" in data:
        shown["text/plain"] = _text(data["text/plain"], allowance)
    if left_out:
        shown["text/plain"] = "\n".join(left_out)
    if "text/html" in data:
        text = _text(data["text/html"], allowance)
        cleaned = html(text)
        fits = allowance.has(html=len(cleaned), pixels=_pixels_within(cleaned))
        shown["text/html"] = cleaned if fits else f"<p>{TOO_MANY}</p>"
    return {"output_type": "display_data", "metadata": {}, "data": shown} if shown else None


def _stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def _text(value: Any, allowance: Allowance) -> str:
    text = _whole(value)
    shown = text[: min(LONGEST_TEXT, allowance.text)]
    allowance.text -= len(shown)
    return shown if shown == text else shown + "\n… (cut)"


def _whole(value: Any) -> str:
    """Join what a notebook may give as one string or as a list of lines."""
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


# --- pictures -----------------------------------------------------------------------------


def _pictures(data: Any, allowance: Allowance) -> tuple[dict[str, str], list[str]]:
    """Keep the pictures that may be shown, and say why others are not."""
    kept: dict[str, str] = {}
    left_out = []
    for kind in IMAGES:
        if not isinstance(data, dict) or kind not in data:
            continue
        picture = "".join(_whole(data[kind]).split())
        pixels, why_not = _looked_at(picture)
        if not why_not and not allowance.has(pictures=1, pixels=pixels):
            why_not = TOO_MANY
        if why_not:
            left_out.append(why_not)
        else:
            kept[kind] = picture
    return kept, left_out


def _looked_at(picture: str) -> tuple[int, str]:
    """Count the pixels of a picture in base64, and say why it is not shown, if it is not."""
    if len(picture) > LARGEST_IMAGE:
        return 0, f"(A picture is left out here: its file has {len(picture) * 3 / 2**22:.0f} MiB.)"
    try:
        width, height = size(base64.b64decode(picture, validate=True)) or (0, 0)
    except (binascii.Error, ValueError):
        width, height = 0, 0
    if not width:
        return 0, "(A picture is left out here: it is no PNG, JPEG or GIF.)"
    if width * height > MOST_PIXELS:
        return 0, f"(A picture is left out here: it has {width:,} × {height:,} pixels.)"
    return width * height, ""


def _inline(source: str) -> str:
    """Give the base64 of a picture that is its own address."""
    return "".join(source.partition(",")[2].split())


def _pixels_within(text: str) -> int:
    """Count the pixels of the pictures that HTML brings along."""
    return sum(_looked_at(_inline(found[0]))[0] for found in PICTURE.finditer(text))


def _few(sentences: Iterable[str]) -> list[str]:
    """Say the same only once, and not many things."""
    return list(dict.fromkeys(sentences))[:5]
