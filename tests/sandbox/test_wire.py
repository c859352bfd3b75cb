"""Values survive the wire; anything that is not a value is refused."""

from __future__ import annotations

import json
import math
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.sandbox import wire

LIMIT = 1 << 20


def no_other(value: Any, encoder: wire.Encoder) -> Any:
    raise TypeError(type(value).__name__)


def carried(value: Any) -> Any:
    """The value after a trip through a frame."""
    encoder = wire.Encoder(no_other)
    node = encoder(value)
    near, far = socket.socketpair()
    with near, far, ThreadPoolExecutor() as threads:
        far.settimeout(5)
        sent = threads.submit(wire.send, near, {"value": node}, encoder.buffers, LIMIT)
        sent.add_done_callback(lambda _: near.shutdown(socket.SHUT_WR))
        try:
            header, buffers = wire.receive(far, LIMIT)
        finally:
            sent.result()
    return wire.decode(header["value"], buffers, {})


def same(a: Any, b: Any) -> bool:
    """Equality that looks at types too and calls NaN equal to NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())
    if isinstance(a, np.generic):
        return bool(a.dtype == b.dtype and a.tobytes() == b.tobytes())
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    return bool(a == b)


dtypes = st.sampled_from(["?", *"bhiqBHIQ", *"efd", *"FD"])
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
floats = st.floats(allow_nan=False) | st.just(math.nan)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)
plain = st.none() | st.booleans() | st.integers() | floats | text | st.binary(max_size=50) | arrays
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(text | st.integers(), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(values)
def test_values_survive(value: Any) -> None:
    assert same(carried(value), value)


@pytest.mark.parametrize(
    "value",
    [
        [0.5] * 5000,
        tuple(range(5000)),
        [2**70] * 20,
        [True] * 20,
        [1, 2.5] * 20,
        1 + 2j,
        np.float32(0.1),
        np.int8(-3),
        np.complex128(1 - 2j),
        np.bool_(True),
        math.inf,
        "x" * 100_000,
    ],
    ids=lambda value: repr(value)[:20],
)
def test_large_lists_and_scalars_survive(value: Any) -> None:
    assert same(carried(value), value)


def test_arrays_arrive_as_plain_writable_native_arrays() -> None:
    class Equal(np.ndarray):
        def __eq__(self, other: object) -> Any:
            return True

    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))[:, ::2]
    for odd in (fortran, fortran.view(Equal), fortran.astype(">f8"), np.broadcast_to(1.0, (2, 2))):
        array = carried(odd)
        assert type(array) is np.ndarray
        assert array.flags.writeable and array.flags.c_contiguous and array.dtype.isnative
        assert np.array_equal(array, np.asarray(odd))


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array([None]), np.array(["a"]), {(1,): 2}])
def test_what_is_not_plain_is_left_to_the_caller(value: Any) -> None:
    with pytest.raises(TypeError):
        wire.Encoder(no_other)(value)


def test_values_that_are_too_large_are_not_sent() -> None:
    nested: list[Any] = []
    for _ in range(100):
        nested = [nested]
    too_large: tuple[Any, ...]
    too_large = nested, [[]] * 20_000, [np.zeros(1)] * 5000, 1j * np.zeros(LIMIT)
    for value in too_large:
        with pytest.raises(wire.TooLarge):
            carried(value)


DATA = [np.arange(16, dtype=np.uint8)]


@pytest.mark.parametrize(
    "node",
    [
        ["array", "float64", [2], 0.0],
        ["array", "float64", [2], -1],
        ["array", "float64", [2], 1],
        ["array", "float64", [2], True],
        ["array", "float64", [3], 0],
        ["array", "float64", [-2], 0],
        ["array", "float64", [-1, -2], 0],
        ["array", "float64", [True, 2], 0],
        ["array", "float64", [2.0], 0],
        ["array", "float64", [2**62, 2**2, 2], 0],
        ["array", "float64", [2**40, 0], 0],
        ["array", "float64", {"2": 2}, 0],
        ["array", "float64", [1] * 100 + [2], 0],
        ["array", "object", [2], 0],
        ["array", "O", [2], 0],
        ["array", "float128", [1], 0],
        ["array", "datetime64[s]", [2], 0],
        ["array", ["float64"], [2], 0],
        ["array", "float64", [2]],
        ["packed", "list", "object", 0],
        ["scalar", "int8", 300],
        ["scalar", "int8", 1.5],
        ["scalar", "bool", 2],
        ["scalar", "float64", "1"],
        ["scalar", "float64", [1.0]],
        ["scalar", "float64", ["complex", 1, 2]],
        ["complex", "1", "2"],
        ["complex", 1, 2, 3],
        ["dict", [1]],
        ["dict", [[], 1]],
        ["dict", [["tuple", 1], 1]],
        ["dict", [True, 1]],
        ["dict", [None, 1]],
        ["dict", [1.5, 1]],
        ["str", 5],
        ["handle", 1],
        ["expression", "1", None],
        ["generator", {}],
        ["__class__"],
        [["list"]],
        [{}],
        [],
        {},
        {"a": 1},
        ["list"] + [["list"]] * 20_000,
    ],
    ids=lambda node: json.dumps(node)[:40],
)
def test_malformed_values_are_refused(node: Any) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(node, DATA, {})


@pytest.mark.parametrize("tag", [["str"], ["bytes"], ["packed", "list", "float64"]])
def test_what_would_become_too_many_objects_is_refused(tag: list[str]) -> None:
    size = max(wire.MAX_TEXT, 8 * wire.MAX_PACKED) // 2 + 8
    buffers = [np.zeros(size, np.uint8)] * 2
    wire.decode([*tag, 0], buffers, {})
    with pytest.raises(wire.WireError):
        wire.decode(["list", [*tag, 0], [*tag, 1]], buffers, {})
    with pytest.raises(wire.TooLarge):
        wire.Encoder(no_other)([wire.decode([*tag, 0], buffers, {}) for _ in range(2)])


@pytest.mark.parametrize("node", [10**400, ["array", "float64", [0, 2**31 - 1], 0]])
def test_what_a_test_could_not_compute_with_is_refused(node: Any) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(node, [np.empty(0, np.uint8)], {})
    with pytest.raises(wire.TooLarge):
        wire.Encoder(no_other)(np.empty((0, 2**31 - 1)))


def test_deep_nesting_is_refused() -> None:
    node: list[Any] = ["list"]
    for _ in range(100):
        node = ["list", node]
    with pytest.raises(wire.WireError):
        wire.decode(node, [], {})


def test_booleans_are_made_of_zeros_and_ones() -> None:
    array = wire.decode(["array", "bool", [16], 0], DATA, {})
    assert set(array.view(np.uint8)) == {0, 1}


def test_text_can_be_printed_again() -> None:
    for node in ("\ud800", ["dict", ["\udfff", "\ud800"]]):
        repr(wire.decode(node, [], {})).encode()


def received(data: bytes) -> Any:
    near, far = socket.socketpair()
    with near, far:
        near.sendall(data)
        near.shutdown(socket.SHUT_WR)
        return wire.receive(far, 1000)


def frame(header: bytes, body: bytes = b"") -> bytes:
    return struct.pack("!I", len(header)) + header + body


def test_a_frame_is_header_and_buffers() -> None:
    header, buffers = received(frame(b'{"sizes": [2, 0]}', b"ab"))
    assert header == {"sizes": [2, 0]}
    assert [buffer.tobytes() for buffer in buffers] == [b"ab", b""]


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!I", 2**32 - 1),
        struct.pack("!I", wire.HEADER_BYTES + 1),
        frame(b"not json"),
        frame(b"\xff\xfe"),
        frame(b"[" * 60_000),
        frame(b'{"sizes": [' + b"9" * 5000 + b"]}"),
        frame(b"[]"),
        frame(b"{}"),
        frame(b'{"sizes": 3}'),
        frame(b'{"sizes": [-1]}'),
        frame(b'{"sizes": [true]}'),
        frame(b'{"sizes": [1e2]}'),
        frame(b'{"sizes": [600, 600]}'),
        frame(b'{"sizes": [1e999]}'),
        frame(b'{"sizes": [' + b"0," * 5000 + b"0]}"),
    ],
    ids=lambda data: str(data[4:30]),
)
def test_malformed_frames_are_refused(data: bytes) -> None:
    with pytest.raises(wire.WireError):
        received(data)


@pytest.mark.parametrize("data", [b"", b"\0\0", frame(b'{"sizes": [5]}', b"abc")])
def test_a_frame_that_ends_early_is_the_end(data: bytes) -> None:
    with pytest.raises(EOFError):
        received(data)
