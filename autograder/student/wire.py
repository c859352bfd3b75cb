"""Frames and values between the judge and a student process.

A frame is the length of a JSON header (four bytes), the header (at most 64 KiB) and raw buffers.
Values are numbers, strings, containers and arrays; anything else stays in the student process
and travels as a handle. No pickle and no eval: what arrives is checked and then built.

Nodes (JSON): None, bool, int, float, short str stand for themselves; the rest is a tagged list:
``[tag, ...]`` with the tags of `_DECODERS`.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

HEADER_BYTES = 64 * 1024
MAX_BUFFERS = 4096
MAX_DEPTH = 32
MAX_NODES = 16 * 1024
MAX_DIMENSION = 2**31
_SHORT = 256  # characters of a string that still goes in the header
_PACKED = 16  # numbers in a list from which they go as one buffer
_INT_BITS = 1024

_DTYPES = {
    str(np.dtype(name)): np.dtype(name)
    for name in "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
    "float16 float32 float64 complex64 complex128".split()
}

Resolve = Callable[[list], Any]
Wait = Callable[[bool], None]


class WireError(Exception):
    """What arrived is not a frame or not a value."""


class Unsendable(Exception):
    """A value is too large or too deep to send."""


# --- values out ---------------------------------------------------------------------------


class Encoder:
    """Turns values into nodes, collecting their buffers.

    Parameters
    ----------
    other : callable
        Gives the node of a value that is not plain (a handle, an expression), or raises; it is
        called with the value and this encoder.
    """

    def __init__(self, other: Callable[[Any, Encoder], Any]) -> None:
        self.buffers: list[memoryview] = []
        self._other = other
        self._nodes = 0

    def __call__(self, value: Any, depth: int = 0) -> Any:
        """The node of `value`."""
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise Unsendable(f"the value is nested more than {MAX_DEPTH} levels deep")
        if self._nodes > MAX_NODES:
            raise Unsendable(f"the value has more than {MAX_NODES} parts")
        if value is None or value is True or value is False:
            return value
        if isinstance(value, np.generic):
            return self._scalar(value)
        if isinstance(value, int) and value.bit_length() <= _INT_BITS:
            return int(value)
        if isinstance(value, float):
            return float(value)
        if isinstance(value, complex):
            return ["complex", value.real, value.imag]
        if isinstance(value, str):
            return self._text(str(value))
        if isinstance(value, bytes):
            return ["bytes", self._buffer(value)]
        if isinstance(value, np.ndarray) and str(value.dtype.newbyteorder("=")) in _DTYPES:
            return self._array(value)
        if isinstance(value, (list, tuple)):
            return self._sequence(value, depth)
        if isinstance(value, dict) and all(type(key) in (str, int) for key in value):
            pairs = [[self(k, depth + 1), self(v, depth + 1)] for k, v in dict.items(value)]
            return ["dict", *pairs]
        return self._other(value, self)

    def _buffer(self, data: Any) -> int:
        if len(self.buffers) >= MAX_BUFFERS:
            raise Unsendable(f"the value has more than {MAX_BUFFERS} arrays")
        self.buffers.append(memoryview(data).cast("B"))
        return len(self.buffers) - 1

    def _text(self, text: str) -> Any:
        if len(text) <= _SHORT:
            return text
        return ["str", self._buffer(text.encode("utf-8", "replace"))]

    def _scalar(self, value: np.generic) -> Any:
        name = str(value.dtype.newbyteorder("="))
        if name not in _DTYPES:
            return self._other(value, self)
        return ["scalar", name, self(value.item())]

    def _array(self, value: np.ndarray) -> list:
        base = np.array(value, dtype=value.dtype.newbyteorder("="), order="C", subok=False)
        return ["array", str(base.dtype), list(base.shape), self._buffer(base.reshape(-1).view("u1"))]

    def _sequence(self, value: Sequence, depth: int) -> list:
        tag = "tuple" if isinstance(value, tuple) else "list"
        if len(value) >= _PACKED:
            for kind, dtype in ((float, "float64"), (int, "int64")):
                if all(type(item) is kind for item in value) and (
                    kind is float or all(-(2**63) <= item < 2**63 for item in value)
                ):
                    packed = np.array(list(value), dtype)
                    return ["packed", tag, dtype, self._buffer(packed.view("u1"))]
        return [tag, *(self(item, depth + 1) for item in value)]


# --- values in ----------------------------------------------------------------------------


def decode(node: Any, buffers: Sequence[np.ndarray], resolve: dict[str, Resolve]) -> Any:
    """The value of a node, arrays fresh and writable; WireError for anything malformed.

    Parameters
    ----------
    resolve : dict
        What to do with further tags, e.g. ``{"handle": ...}``.
    """
    budget = [MAX_NODES]
    try:
        return _decode(node, buffers, resolve, 0, budget)
    except WireError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, UnicodeError) as error:
        raise WireError(f"malformed value: {type(error).__name__}") from error


def _decode(node: Any, buffers: Sequence, resolve: dict, depth: int, budget: list[int]) -> Any:
    budget[0] -= 1
    if depth > MAX_DEPTH or budget[0] < 0:
        raise WireError("value too deep or too large")
    if isinstance(node, str):
        return node.encode("utf-8", "replace").decode()  # a lone surrogate would break its printing
    if not isinstance(node, list):
        if isinstance(node, dict):
            raise WireError("malformed value: object")
        return node
    if not node or not isinstance(node[0], str):
        raise WireError("malformed value: no tag")
    tag, rest = node[0], node[1:]
    if tag in resolve:
        return resolve[tag](rest)
    if tag in ("list", "tuple", "dict"):
        inner = [
            [_decode(part, buffers, resolve, depth + 1, budget) for part in _pair(item)]
            if tag == "dict"
            else _decode(item, buffers, resolve, depth + 1, budget)
            for item in rest
        ]
        if tag == "dict":
            return {_key(k): v for k, v in inner}
        return tuple(inner) if tag == "tuple" else inner
    if tag == "array":
        name, shape, index = rest
        return _array(name, shape, _take(buffers, index))
    if tag == "packed":
        kind, name, index = rest
        values = _take(buffers, index).view(_DTYPES[name]).tolist()
        return tuple(values) if kind == "tuple" else values
    if tag == "scalar":
        name, item = rest
        return _scalar(name, _decode(item, buffers, resolve, depth + 1, budget))
    if tag == "complex":
        real, imaginary = rest
        return complex(_number(real), _number(imaginary))
    if tag == "str":
        return _take(buffers, *rest).tobytes().decode("utf-8", "replace")
    if tag == "bytes":
        return _take(buffers, *rest).tobytes()
    raise WireError("malformed value: unknown tag")


def _take(buffers: Sequence[np.ndarray], index: Any) -> np.ndarray:
    if type(index) is not int or not 0 <= index < len(buffers):
        raise WireError("malformed value: no such buffer")
    return buffers[index]


def _array(name: str, shape: Any, data: np.ndarray) -> np.ndarray:
    dtype = _DTYPES[name]
    if not isinstance(shape, list) or len(shape) > MAX_DEPTH:
        raise WireError("malformed array: shape")
    if not all(type(size) is int and 0 <= size < MAX_DIMENSION for size in shape):
        raise WireError("malformed array: shape")
    if math.prod(shape) * dtype.itemsize != data.nbytes:
        raise WireError("malformed array: size")
    if name == "bool":
        data = data != 0  # a byte other than 0 and 1 would break NumPy's own loops
    return data.view(dtype).reshape(shape)


def _scalar(name: str, item: Any) -> np.generic:
    dtype = _DTYPES[name]
    if dtype.kind == "b" and type(item) is not bool or type(item) not in (bool, int, float, complex):
        raise WireError("malformed scalar")
    if dtype.kind in "iu" and type(item) is not int:
        raise WireError("malformed scalar")
    return dtype.type(item)


def _number(item: Any) -> float:
    if type(item) not in (int, float):
        raise WireError("malformed number")
    return float(item)


def _pair(item: Any) -> list:
    if not isinstance(item, list) or len(item) != 2:
        raise WireError("malformed dict")
    return item


def _key(key: Any) -> str | int:
    if type(key) not in (str, int):
        raise WireError("malformed dict key")
    return key


# --- frames -------------------------------------------------------------------------------


def send(sock: socket.socket, header: dict, buffers: Sequence[memoryview], limit: int,
         wait: Wait | None = None) -> None:  # fmt: skip
    """Send one frame; `wait(True)` is called whenever a non-blocking socket is full."""
    sizes = [buffer.nbytes for buffer in buffers]
    if sum(sizes) > limit:
        raise Unsendable(f"the value is larger than {limit >> 20} MiB")
    text = json.dumps({**header, "sizes": sizes}, separators=(",", ":")).encode()
    if len(text) > HEADER_BYTES:
        raise Unsendable("the value has too many parts to send")
    _send_all(sock, struct.pack("!I", len(text)) + text, wait)
    for buffer in buffers:
        _send_all(sock, buffer, wait)


def _send_all(sock: socket.socket, data: Any, wait: Wait | None) -> None:
    if wait is None:
        return sock.sendall(data)
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[sock.send(rest) :]
        except BlockingIOError:
            wait(True)


def receive(sock: socket.socket, limit: int, wait: Wait | None = None) -> tuple[dict, list]:
    """Receive one frame as (header, buffers); EOFError at its end, WireError if malformed."""
    (length,) = struct.unpack("!I", _receive_exactly(sock, 4, wait))
    if length > HEADER_BYTES:
        raise WireError("header too long")
    try:
        header = json.loads(_receive_exactly(sock, length, wait).tobytes())
    except (ValueError, RecursionError) as error:
        raise WireError("header is not JSON") from error
    sizes = header.get("sizes") if isinstance(header, dict) else None
    if not isinstance(sizes, list) or len(sizes) > MAX_BUFFERS:
        raise WireError("header has no sizes")
    if not all(type(size) is int and 0 <= size <= limit for size in sizes) or sum(sizes) > limit:
        raise WireError("frame too large")
    return header, [_receive_exactly(sock, size, wait) for size in sizes]


def _receive_exactly(sock: socket.socket, size: int, wait: Wait | None) -> np.ndarray:
    data = np.empty(size, np.uint8)
    view = memoryview(data)
    while view:
        try:
            count = sock.recv_into(view)
        except BlockingIOError:
            wait(False)
            continue
        if count == 0:
            raise EOFError("the other side has closed")
        view = view[count:]
    return data
