"""Names of files that others chose: which say an archive, and what is safe to write of them."""

from __future__ import annotations

import hashlib
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


def tidy(name: str) -> str:
    """Take out of a name what cannot be seen, which may be anything but what it looks like."""
    text = unicodedata.normalize("NFC", name)
    return "".join(c for c in text if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029")


def clean(name: str) -> str:
    """Make one part of a path safe to write, anywhere, and to show."""
    text = re.sub(r'[<>:"/\\|?*]', "_", tidy(name)).strip().rstrip(". ")
    if RESERVED.match(text):
        text = f"_{text}"
    if len(text.encode()) > LONGEST_NAME:  # two long names may differ at their ends alone
        text = f"{hashlib.sha256(text.encode()).hexdigest()[:8]}~{text}"
    head, dot, tail = text.rpartition(".")
    head, end = (head, dot + tail) if head and len(tail) <= 10 else (text, "")
    room = LONGEST_NAME - len(end.encode())
    return (head.encode()[:room].decode(errors="ignore") + end) or "_"


def as_notebook(name: str) -> str:
    """Name a file for what it holds, whatever an editor or a browser put behind its name."""
    before = re.match(r"(.+?)\.ipynb(?![a-z])", name, re.IGNORECASE)
    if before:
        again = re.search(r" ?\(\d{1,3}\)", name[before.end() :])
        return f"{before[1]}{again[0] if again else ''}.ipynb"
    return re.sub(r"\.(json|txt)$", "", name, flags=re.IGNORECASE) + ".ipynb"
