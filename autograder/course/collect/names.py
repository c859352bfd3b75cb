"""Names of files that others chose: which say an archive, and what is safe to write of them."""

from __future__ import annotations

import re
import unicodedata

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
LONGEST_NAME = 200
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def is_archive(name: str) -> bool:
    """Whether a name is that of an archive that can be unpacked."""
    return name.lower().endswith(ARCHIVES)


def stem(name: str) -> str:
    """Give an archive's name without what says that it is one."""
    return re.sub(r"(\.tar\.gz|\.tgz|\.tar|\.zip)$", "", name, flags=re.IGNORECASE)


def clean(name: str) -> str:
    """Make one part of a path safe to write, anywhere, and to show."""
    text = unicodedata.normalize("NFC", name)
    text = "".join(c for c in text if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029")
    text = re.sub(r'[<>:"/\\|?*]', "_", text).strip().rstrip(". ")
    if RESERVED.match(text):
        text = f"_{text}"
    head, dot, tail = text.rpartition(".")
    head, end = (head, dot + tail) if head and len(tail) <= 10 else (text, "")
    room = LONGEST_NAME - len(end.encode())
    return (head.encode()[:room].decode(errors="ignore") + end) or "_"
