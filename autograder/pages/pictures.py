"""How large a picture is, by the first bytes of its file: a few of these unpack to gigabytes."""

from __future__ import annotations

import struct

_PNG = b"\x89PNG\r\n\x1a\n"
#: The markers of JPEG after which its size stands.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def size(data: bytes) -> tuple[int, int] | None:
    """Give the width and height in pixels; None if this is no PNG, JPEG or GIF.

    What a browser shows depends on the bytes, whatever kind of picture they are said to be.
    """
    try:
        if data.startswith(_PNG) and data[12:16] == b"IHDR":
            width, height = struct.unpack_from(">II", data, 16)
        elif data.startswith(b"\xff\xd8"):
            width, height = _jpeg(data)
        elif data.startswith((b"GIF87a", b"GIF89a")):
            width, height = _gif(data)
        else:
            return None
    except (struct.error, IndexError):
        return None
    return (width, height) if width and height else None


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        while data[at] == 0xFF:
            at += 1
        marker, length = struct.unpack_from(">BH", data, at)
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 4)
            return width, height
        at += 1 + max(2, length)


def _gif(data: bytes) -> tuple[int, int]:
    """Give the size of the screen with all frames on it: browsers make it as large as they are."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _colours(flags)
    while at < len(data) and data[at] in b"!,":
        if data[at] == ord("!"):
            at += 2
        else:
            left, top, across, down, flags = struct.unpack_from("<HHHHB", data, at + 1)
            width, height = max(width, left + across), max(height, top + down)
            at += 11 + _colours(flags)
        while data[at]:
            at += data[at] + 1
        at += 1
    return width, height


def _colours(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0
