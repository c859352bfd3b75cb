"""Frames and values between the judge and a student process.

A frame is the length of a JSON header (four bytes), the header (at most 64 KiB) and raw buffers.
Values are numbers, strings, containers and arrays; anything else stays in the student process
and travels as a handle. No pickle and no eval: what arrives is checked and then built.

In JSON, None, bool, int, float and short str stand for themselves; anything else is a list that
begins with a tag, see `Decoder`.
"""

from __future__ import annotations

import contextlib
import json
import math
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

HEADER_BYTES = 64 * 1024
MAX_BUFFERS = 4096
_GATHER = 256  # parts that one system call sends
_AHEAD = 64 * 1024  # bytes that one system call asks for: most frames whole
MAX_DEPTH = 32
MAX_NODES = 16 * 1024
MAX_DIMENSION = 2**31
_SHORT = 256  # characters of a string that still goes in the header
_PACKED = 16  # numbers in a list from which they go as one buffer
_INT_BITS = 1024
# As Python objects, texts and numbers take several times the memory that they take in a frame.
MAX_TEXT = 4 * 2**20  # bytes of all long strings and bytes of a value
MAX_PACKED = 2**19  # numbers in all its packed lists
MAX_EMPTY = 2**20  # what the sides of an array without elements may come to, but for those of 0

_DTYPES = {str(dtype): dtype for dtype in map(np.dtype, ["?", *"bhilqBHILQ", *"efd", *"FD"])}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_SCALARS = {"b": (bool,), "i": (int,), "u": (int,), "f": (float,), "c": (complex,)}

_compact = json.JSONEncoder(separators=(",", ":")).encode

_PACKABLE = {frozenset([float]): "float64", frozenset([int]): "int64"}

Resolve = Callable[[list[Any]], Any]
Wait = Callable[[bool], None]


class WireError(Exception):
    """What arrived is not a frame or not a value."""


class TooLarge(Exception):
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
        self._objects = _Objects(TooLarge)

    def __call__(self, value: Any, depth: int = 0) -> Any:
        """Return the node of `value`."""
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise TooLarge(f"the value is nested more than {MAX_DEPTH} levels deep")
        if self._nodes > MAX_NODES:
            raise TooLarge(f"the value has more than {MAX_NODES} parts")
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
            self._objects.text(len(value))
            return ["bytes", self._buffer(value)]
        if isinstance(value, np.ndarray) and (name := _name(value.dtype)):
            return self._array(value, name)
        if isinstance(value, (list, tuple)):
            return self._sequence(value, depth)
        if isinstance(value, dict) and all(map(_is_key, value)):
            return ["dict", *([_key(k), self(v, depth + 1)] for k, v in dict.items(value))]
        return self._other(value, self)

    def _buffer(self, data: bytes | memoryview) -> int:
        if len(self.buffers) >= MAX_BUFFERS:
            raise TooLarge(f"the value has more than {MAX_BUFFERS} arrays")
        self.buffers.append(memoryview(data))
        return len(self.buffers) - 1

    def _text(self, text: str) -> Any:
        if len(text) <= _SHORT:
            return text
        data = text.encode("utf-8", "replace")
        self._objects.text(len(data))
        return ["str", self._buffer(data)]

    def _scalar(self, value: np.generic) -> Any:
        name = _name(value.dtype)
        if name is None:
            return self._other(value, self)
        return ["scalar", name, self(value.item())]

    def _array(self, value: np.ndarray, name: str) -> list[Any]:
        if _is_hollow(value.shape):
            raise TooLarge("the array has no elements, and sides too long for that")
        base = np.array(value, _DTYPES[name], order="C")  # no subclass either
        return ["array", name, list(base.shape), self._buffer(_raw(base))]

    def _sequence(self, value: Sequence[Any], depth: int) -> list[Any]:
        tag = "tuple" if isinstance(value, tuple) else "list"
        if len(value) >= _PACKED and (dtype := _PACKABLE.get(frozenset(map(type, value)))):
            self._objects.packed(len(value))
            with contextlib.suppress(OverflowError):  # integers that need more than 64 bits
                return ["packed", tag, dtype, self._buffer(_raw(np.array(value, dtype)))]
        return [tag, *(self(item, depth + 1) for item in value)]


class _Objects:
    """Counts what becomes many or large Python objects, on both sides alike."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error
        self._text = self._packed = 0

    def text(self, size: int) -> None:
        """Count the bytes of a string."""
        self._text += size
        if self._text > MAX_TEXT:
            raise self._error(f"the value has more than {MAX_TEXT >> 20} MiB of text")

    def packed(self, count: int) -> None:
        """Count the numbers of a list."""
        self._packed += count
        if self._packed > MAX_PACKED:
            raise self._error(f"the value has lists of more than {MAX_PACKED} numbers")


def _is_hollow(shape: Sequence[int]) -> bool:
    """Whether an array has nothing in it, and a sum over an axis would have very much."""
    return 0 in shape and math.prod(side for side in shape if side) > MAX_EMPTY


def _name(dtype: np.dtype) -> str | None:
    """The name of a dtype that may travel; `str` would be slow."""
    return _NAMES.get(dtype) or _NAMES.get(dtype.newbyteorder("="))


def _is_key(key: Any) -> bool:
    return isinstance(key, (str, int, np.integer)) and not isinstance(key, bool)


def _key(key: Any) -> str | int:
    return str(key) if isinstance(key, str) else int(key)


def _raw(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


# --- values in ----------------------------------------------------------------------------


def decode(node: Any, buffers: Sequence[np.ndarray], resolve: Mapping[str, Resolve]) -> Any:
    """Return the value of a node, its arrays fresh and writable.

    Parameters
    ----------
    resolve : mapping
        What to do with the rest of a list that has a further tag, e.g. ``handle``.

    Raises
    ------
    WireError
        For anything malformed.
    """
    try:
        return Decoder(buffers, resolve)(node)
    except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
        raise WireError(f"a malformed value ({type(error).__name__})") from error


class Decoder:
    """Checks a node and builds its value."""

    def __init__(self, buffers: Sequence[np.ndarray], resolve: Mapping[str, Resolve]) -> None:
        self._buffers = dict(enumerate(buffers))
        self._nodes = 0
        self._objects = _Objects(WireError)
        self._resolve = resolve

    def __call__(self, node: Any, depth: int = 0) -> Any:
        """Return the value of `node`."""
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise WireError("a value too deep or with too many parts")
        if isinstance(node, str):
            return node.encode("utf-8", "replace").decode()  # a lone surrogate cannot be printed
        if isinstance(node, list):
            tag, rest = node[0], node[1:]
            if tag in self._resolve:
                return self._resolve[tag](rest)
            return _BUILD[tag](self, rest, depth + 1)
        if isinstance(node, dict):
            raise WireError("a malformed value (object)")
        if isinstance(node, int) and node.bit_length() > _INT_BITS:
            raise WireError("a number with too many digits")
        return node

    def _pair(self, item: Any, depth: int) -> tuple[Any, Any]:
        key, value = (self(part, depth) for part in item)
        if type(key) not in (str, int):
            raise WireError("a malformed key")
        return key, value

    def _buffer(self, index: Any) -> np.ndarray:
        if type(index) is not int or index not in self._buffers:
            raise WireError("a malformed buffer number")
        return self._buffers.pop(index)  # used once, so that a small frame stays small

    def _bytes(self, index: Any) -> bytes:
        data = self._buffer(index)
        self._objects.text(data.nbytes)
        return data.tobytes()

    def _packed(self, kind: Any, name: Any, index: Any) -> list[Any] | tuple[Any, ...]:
        if name not in _PACKABLE.values():
            raise WireError("a malformed sequence")
        numbers = self._buffer(index).view(_DTYPES[name])
        self._objects.packed(numbers.size)
        values = numbers.tolist()
        return tuple(values) if kind == "tuple" else values

    def _array(self, name: Any, shape: Any, index: Any) -> np.ndarray:
        data, dtype = self._buffer(index), _DTYPES[name]
        sizes = isinstance(shape, list) and all(
            type(size) is int and 0 <= size < MAX_DIMENSION for size in shape
        )
        if not sizes or math.prod(shape) * dtype.itemsize != data.nbytes:
            raise WireError("an array whose shape and size differ")
        if _is_hollow(shape):
            raise WireError("an array without elements whose sides are too long")
        if name == "bool":  # a byte other than 0 and 1 would break NumPy's own loops
            np.not_equal(data, 0, out=data.view(bool))
        return data.view(dtype).reshape(shape)

    def _scalar(self, name: Any, item: Any) -> np.generic:
        dtype = _DTYPES[name]
        if type(item) not in _SCALARS[dtype.kind]:
            raise WireError("a malformed scalar")
        return dtype.type(item)


_BUILD: dict[str, Callable[[Decoder, list[Any], int], Any]] = {
    "list": lambda make, rest, depth: [make(item, depth) for item in rest],
    "tuple": lambda make, rest, depth: tuple([make(item, depth) for item in rest]),
    "dict": lambda make, rest, depth: dict(make._pair(item, depth) for item in rest),
    "packed": lambda make, rest, depth: make._packed(*rest),
    "array": lambda make, rest, depth: make._array(*rest),
    "scalar": lambda make, rest, depth: make._scalar(rest[0], make(rest[1], depth)),
    "complex": lambda make, rest, depth: complex(*(_real(item) for item in rest)),
    "str": lambda make, rest, depth: make._bytes(*rest).decode("utf-8", "replace"),
    "bytes": lambda make, rest, depth: make._bytes(*rest),
}


def _real(item: Any) -> float:
    if type(item) not in (int, float):
        raise WireError("a malformed number")
    return float(item)


# --- frames -------------------------------------------------------------------------------


def _blocking(writing: bool) -> None:
    """Wait for a socket that waits by itself."""


def send(
    sock: socket.socket,
    header: dict[str, Any],
    buffers: Sequence[memoryview],
    limit: int,
    wait: Wait = _blocking,
) -> None:
    """Send one frame; `wait(True)` is called when it has to wait.

    Raises
    ------
    TooLarge
        If it is larger than frames may be; nothing has been sent then.
    """
    sizes = [buffer.nbytes for buffer in buffers]
    if sum(sizes) > limit:
        raise TooLarge(f"the value is larger than {limit >> 20} MiB")
    text = _compact({**header, "sizes": sizes}).encode()
    if len(text) > HEADER_BYTES:
        raise TooLarge("the value has too many parts")
    parts = [memoryview(struct.pack("!I", len(text)) + text), *buffers]
    while parts:
        try:
            sent = sock.sendmsg(parts[:_GATHER])
        except BlockingIOError:
            wait(True)
            continue
        while parts and sent >= parts[0].nbytes:
            sent -= parts.pop(0).nbytes
        if sent:
            parts[0] = parts[0][sent:]


def receive(
    sock: socket.socket, limit: int, wait: Wait = _blocking
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Receive one frame as (header, buffers); `wait(False)` is called before each part.

    Raises
    ------
    EOFError
        If the other side has closed.
    WireError
        If this is not a frame, or a larger one than frames may be.
    """
    frame = _Incoming(sock, wait)
    length = int.from_bytes(frame.take(4), "big")
    if length > HEADER_BYTES:
        raise WireError("a header that is too long")
    try:
        header = json.loads(frame.take(length).tobytes().decode())
    except (ValueError, RecursionError) as error:
        raise WireError("a header that is not JSON") from error
    sizes = header.get("sizes") if isinstance(header, dict) else None
    if not isinstance(sizes, list) or len(sizes) > MAX_BUFFERS:
        raise WireError("a header without sizes")
    if not all(type(size) is int and 0 <= size <= limit for size in sizes) or sum(sizes) > limit:
        raise WireError("a frame that is too large")
    buffers = [frame.take(size) for size in sizes]
    if frame.ahead:
        raise WireError("more than one frame")
    return header, buffers


class _Incoming:
    """The bytes of one frame, read in few pieces: the other side waits for an answer after each."""

    def __init__(self, sock: socket.socket, wait: Wait) -> None:
        self.sock = sock
        self.wait = wait
        self.ahead = memoryview(b"")

    def take(self, size: int) -> np.ndarray:
        """Return the next `size` bytes."""
        data = np.empty(size, np.uint8)
        view = data.data
        while view:
            if not self.ahead and len(view) < _AHEAD:
                self.ahead = memoryview(self._read(partial(self.sock.recv, _AHEAD)))
            if self.ahead:
                count = min(len(view), len(self.ahead))
                view[:count] = self.ahead[:count]
                self.ahead = self.ahead[count:]
            else:
                count = self._read(partial(self.sock.recv_into, view))
            view = view[count:]
        return data

    def _read(self, read: Callable[[], Any]) -> Any:
        while True:
            self.wait(False)
            try:
                found = read()
            except BlockingIOError:
                continue
            if not found:
                raise EOFError("the other side has closed")
            return found
