"""A submission, put back into the shape of its assignment.

The master's cells, with the student's sources in the solution cells and the student's own cells in
their places. No metadata comes from a submission, so nothing that nbgrader reads there (points,
locks, tags) can be forged; what was deleted, doubled, split or moved is mended and noted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.assignment.source import Assignment, Cell, definitions, text_digest
from autograder.checking import magics
from autograder.checking.cells import claim
from autograder.errors import UserError

MAX_BYTES = 32 * 2**20
MAX_VALUES = 1_000_000  # in JSON: three bytes, such as `[],`, become seventy
MAX_CELLS = 2_000
MAX_SOURCE = 2**20
MAX_CODE = 2**18
MAX_SOURCES = 4 * 2**20
MAX_WORDS = 150_000  # of code: Python takes ten seconds and a gigabyte to parse ten times as many
MAX_DEPTH = 8  # of an output or attachment; what is worth keeping is not nested so deep


_WORD = re.compile(r"[\w.]+|[^\w\s.]")
_SEPARATES = np.isin(np.arange(256), list(b",:[{"))


class Malformed(UserError):
    """The bytes are no notebook of this assignment; the message says what they are."""


@dataclass
class Piece:
    """One cell of the rebuilt notebook.

    ``cell`` is the master's, or None for a cell that the student added. ``outputs`` and
    ``attachments`` are the student's own: nobody has sanitised them yet.
    """

    cell: Cell | None
    kind: str
    source: str
    outputs: list[Any] = field(default_factory=list)
    id: str = ""
    attachments: dict[str, Any] = field(default_factory=dict)


@dataclass
class Rebuilt:
    """A whole rebuilt notebook, and one sentence for each thing that had to be mended.

    ``python`` is the version that the notebook was last run with, as far as it says.
    """

    pieces: list[Piece]
    notes: list[str]
    python: str = ""

    def runnable(self, allows: frozenset[str]) -> list[tuple[str, str]]:
        """List (id, source) of the code that runs where just ``allows`` may be imported."""
        return [
            (piece.id, magics.strip(piece.source))
            for piece in self.pieces
            if piece.kind in ("provided", "solution", "extra")
            and (piece.cell is None or piece.cell.allows <= allows)
        ]


@dataclass
class _Raw:
    """A cell as the submission has it."""

    type: str
    id: str
    source: str
    outputs: list[Any]
    attachments: dict[str, Any]
    match: Cell | None = None

    @property
    def defines(self) -> frozenset[str]:
        return definitions(magics.strip(self.source)) if self.type == "code" else frozenset()


def rebuild(data: bytes, assignment: Assignment) -> Rebuilt:
    """Put a submission's sources into the assignment's own cells.

    Raises
    ------
    Malformed
        If the bytes are not a notebook, or not one of this assignment.
    """
    notebook = _notebook(data)
    cells = list(_cells(notebook))
    if sum(len(cell.source) for cell in cells) > MAX_SOURCES:
        raise Malformed(
            f"The notebook's cells hold more than {MAX_SOURCES // 2**20} MiB of text; "
            "delete what is not needed and hand it in again."
        )
    if sum(words(cell.source) for cell in cells if cell.type == "code") > MAX_WORDS:
        raise Malformed(
            f"The notebook's code has more than {MAX_WORDS:,} words and signs; "
            "load long lists of numbers from a file and hand it in again."
        )
    _match(cells, assignment)
    if not any(cell.match and cell.match.kind == "solution" for cell in cells):
        raise Malformed(
            f"None of the exercises of {assignment.name} is in this notebook; "
            "hand in the notebook of this assignment."
        )
    notes: list[str] = []
    chosen = _choose(cells, assignment, notes)
    pieces = _merge(cells, chosen, assignment)
    notes += _not_run(pieces)
    return Rebuilt(pieces, notes, _python(notebook))


def as_submission(assignment: Assignment, sources: dict[str, str] | None = None) -> Rebuilt:
    """Rebuild from the reference itself, with some exercises' cells replaced by other sources."""
    sources = sources or {}
    return Rebuilt(
        [
            Piece(cell, cell.kind, sources.get(cell.id, cell.source), id=cell.id)
            for cell in assignment.layout
        ],
        [],
    )


def as_blank(assignment: Assignment, note: str) -> Rebuilt:
    """Make the notebook of somebody who handed in nothing that can be read."""
    blank = {cell.id: cell.skeleton for cell in assignment.layout}
    return Rebuilt(as_submission(assignment, blank).pieces, [note])


def words(source: str) -> int:
    """Count the names, numbers and signs of a source."""
    return len(_WORD.findall(source))


def _notebook(data: bytes) -> dict[str, Any]:
    if not data.strip():
        raise Malformed("The file is empty; save the notebook and hand it in again.")
    if len(data) > MAX_BYTES:
        raise Malformed(
            f"The file has {len(data) / 2**20:.0f} MiB, more than the {MAX_BYTES // 2**20} "
            "allowed; clear large outputs and hand it in again."
        )
    if _values(data) > MAX_VALUES:
        raise Malformed(
            f"The file holds more than {MAX_VALUES:,} values; "
            "clear large outputs and hand it in again."
        )
    try:
        read = json.loads(data.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError, MemoryError):
        raise Malformed("The file is not a notebook: it is not valid JSON.") from None
    if not isinstance(read, dict):
        raise Malformed("The file is not a notebook: it holds no cells.")
    is_old = "worksheets" in read and "cells" not in read
    notebook: dict[str, Any] = _upgraded(read) if is_old else read
    if not isinstance(notebook.get("cells"), list):
        raise Malformed("The file is not a notebook: it holds no cells.")
    if len(notebook["cells"]) > MAX_CELLS:
        raise Malformed(f"The notebook has more than {MAX_CELLS} cells; delete those not needed.")
    return notebook


def _values(data: bytes) -> int:
    """Count what would be objects of their own, or more than there are if these are few."""
    most = sum(map(data.count, (b",", b":", b"[", b"{")))
    if most <= MAX_VALUES:
        return most
    text = np.frombuffer(data.replace(rb"\\", b"").replace(rb"\"", b""), np.uint8)
    inside = np.logical_xor.accumulate(text == ord('"'))
    return int(np.count_nonzero(_SEPARATES[text] & ~inside))


def _upgraded(notebook: dict[str, Any]) -> dict[str, Any]:
    """Read the old format 3, whose cells stand in worksheets and call their source ``input``."""
    sheets = notebook["worksheets"]
    if not isinstance(sheets, list):
        return {}
    cells = [
        {**cell, "source": cell.get("source", cell.get("input", ""))}
        for sheet in sheets
        if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
        for cell in sheet["cells"]
        if isinstance(cell, dict)
    ]
    return {"cells": cells}


def _cells(notebook: dict[str, Any]) -> Iterator[_Raw]:
    for cell in notebook["cells"]:
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(line for line in source if isinstance(line, str))
        longest = MAX_CODE if cell.get("cell_type") == "code" else MAX_SOURCE
        if not isinstance(source, str) or len(source) > longest:
            continue
        outputs, attachments = cell.get("outputs"), cell.get("attachments")
        yield _Raw(
            type="code" if cell.get("cell_type") == "code" else "markdown",
            id=_bounded(claim(cell)),
            source=_bounded(source).replace("\r\n", "\n").replace("\r", "\n").replace("\0", ""),
            outputs=_bounded(outputs) if isinstance(outputs, list) else [],
            attachments=_bounded(attachments) if isinstance(attachments, dict) else {},
        )


def _bounded(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Make JSON that can be written again: no lone surrogates, nothing nested too deep."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_bounded(item, depth - 1) for item in value] if depth else []
    if isinstance(value, dict):
        items = value.items() if depth else ()
        return {_bounded(key): _bounded(item, depth - 1) for key, item in items}
    return value


def _match(cells: list[_Raw], assignment: Assignment) -> None:
    """Find each cell's place: by id, else by the same text, else by what it defines."""
    by_id = {cell.id: cell for cell in assignment.layout}
    by_source = {cell.source.strip(): cell for cell in assignment.layout if cell.kind != "solution"}
    by_name = {name: cell for cell in assignment.exercises for name in cell.defines}
    by_question = {cell.source.strip().split("\n")[0]: cell for cell in assignment.written}
    for raw in cells:
        found = by_id.get(raw.id) or by_source.get(raw.source.strip())
        if found is not None and found.is_code != (raw.type == "code"):
            found = None
        if found is None and raw.type == "markdown":
            found = by_question.get(raw.source.strip().split("\n")[0])
        elif found is None:
            found = next((by_name[name] for name in sorted(raw.defines) if name in by_name), None)
        raw.match = found


def _choose(cells: list[_Raw], assignment: Assignment, notes: list[str]) -> dict[str, _Raw]:
    """Take one cell for each place: the last that a student wrote, defining what it should."""
    chosen: dict[str, _Raw] = {}
    prose = any(raw.type == "markdown" and not raw.match and raw.source.strip() for raw in cells)
    for master in assignment.layout:
        claims = [raw for raw in cells if raw.match is master]
        if not claims:
            if master.kind == "solution" or (master.kind == "written" and not prose):
                notes.append(f"The cell of {master.name} was missing: it counts as unanswered.")
            elif master.kind == "written":
                notes.append(f"The cell of {master.name} was missing: see what else was written.")
            continue
        written = [raw for raw in claims if raw.source.strip() != master.skeleton.strip()] or claims
        answers = [raw for raw in written if master.defines & raw.defines] or written
        last = chosen[master.id] = answers[-1]
        if len(claims) > 1 and master.kind in ("solution", "written"):
            elsewhere = {name for raw in written for name in raw.defines} & master.defines
            if elsewhere - last.defines:
                counts = "they were run one after the other"
            else:
                counts = f"the last one{'' if last is claims[-1] else ' that answers it'} counts"
            notes.append(f"{master.name} was found in {len(claims)} cells: {counts}.")
        changed = last.source.strip() != master.source.strip()
        if master.kind == "provided" and changed:
            notes.append("A provided cell was changed: the original was run in its place.")
        if master.kind == "check" and changed and last.source.strip():
            notes.append(
                f"The check cell of {master.name} was changed: what was written there was not run."
            )
    return chosen


def _not_run(pieces: list[Piece]) -> Iterator[str]:
    """Say which cells are no Python, because of a magic above them."""
    for piece in pieces:
        magic = magics.foreign(piece.source) if piece.kind in ("solution", "extra") else ""
        if magic:
            which = (
                f"The cell of {piece.cell.name}" if piece.cell else f"A cell of yours ({piece.id})"
            )
            yield f"{which} begins with {magic}, and was not run: the grader runs Python only."


def _python(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    language = metadata.get("language_info") if isinstance(metadata, dict) else None
    version = language.get("version") if isinstance(language, dict) else None
    known = isinstance(version, str) and re.fullmatch(r"3\.\d{1,3}(\.\w{1,9})?", version)
    return version if isinstance(version, str) and known else ""


def _merge(cells: list[_Raw], chosen: dict[str, _Raw], assignment: Assignment) -> list[Piece]:
    """Lay out the master's cells, each followed by the student's own cells that stood after it."""
    own: dict[str, list[Piece]] = {}
    anchor = ""
    for raw in cells:
        if raw.match is not None and chosen.get(raw.match.id) is raw:
            anchor = raw.match.id
            if raw.match.kind == "prose" and raw.source.strip() != raw.match.source.strip():
                own.setdefault(anchor, []).append(_own(raw))  # perhaps an answer
        elif raw.source.strip() and not _is_copy(raw):
            own.setdefault(anchor, []).append(_own(raw))
    pieces = own.pop("", [])
    for master in assignment.layout:
        raw_or_none = chosen.get(master.id)
        source = master.source
        if master.kind in ("solution", "written"):
            source = raw_or_none.source if raw_or_none else master.skeleton
        shown = raw_or_none.outputs if raw_or_none and master.kind == "experiment" else []
        attached = raw_or_none.attachments if raw_or_none and master.kind == "written" else {}
        pieces.append(Piece(master, master.kind, source, shown, master.id, attached))
        pieces += own.pop(master.id, [])
    for number, piece in enumerate(p for p in pieces if p.cell is None):
        piece.id = f"own-{number + 1}"
    return pieces


def _own(raw: _Raw) -> Piece:
    kind = "extra" if raw.type == "code" else "extra_prose"
    return Piece(None, kind, raw.source, raw.outputs, attachments=raw.attachments)


def _is_copy(raw: _Raw) -> bool:
    """Whether a cell only repeats the master's text, or claims the place of one that is locked.

    The text may be an older one: what was prose or provided when the student got it.
    """
    if raw.match is None:
        stock = re.fullmatch(r"(?:prose|provided)-([0-9a-f]{8})(?:-\d+)?", raw.id)
        return stock is not None and stock[1] == text_digest(raw.source)
    return raw.match.kind != "solution" or raw.source.strip() == raw.match.skeleton.strip()
