"""Whatever bytes a student process sends, the judge gets a plain value or an error that it knows.

The student here is the far end of a socket pair that follows a script, which Hypothesis writes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.sandbox import Limits, StudentDied, StudentError, StudentProcess, wire
from autograder.sandbox.process import CellOutcome
from autograder.sandbox.proxies import RemoteMethod, RemoteObject

KIB, MIB = 1 << 10, 1 << 20
QUICK: dict[str, Any] = {"call_cpu": 0.1, "cell_cpu": 0.1, "wall_factor": 2.0, "idle": 0.2}
SMALL = Limits(frame=64 * KIB, received=256 * KIB, handles=5, **QUICK)
USUAL = Limits(**QUICK)
REQUESTS = 4
SECONDS = 5  # of this process's CPU time, for all requests of a case
GROWTH = 100_000_000

PLAIN = (type(None), bool, int, float, complex, str, bytes)
DTYPES = {np.dtype(code) for code in ("?", *"bhilqBHILQ", *"efd", *"FD")}


# --- what the student says ----------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """Bytes, each piece sent so many times; afterwards the student goes on, waits or hangs up."""

    pieces: tuple[tuple[bytes, int], ...]
    then: str = "go on"

    def __repr__(self) -> str:
        pieces = ", ".join(f"{bytes(piece[:300])!r} × {times}" for piece, times in self.pieces)
        return f"Answer({pieces}, then {self.then})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # Hypothesis would write every byte


FOREVER = 10**9
BLOCK = 64 * KIB


def framed(header: bytes, sizes: tuple[int, ...] = (), fill: int = 0) -> Answer:
    """A frame whose buffers are filled with one byte; large ones are sent piece by piece."""
    total = sum(sizes)
    block = bytes([fill]) * BLOCK
    pieces = [(struct.pack("!I", len(header)) + header, 1), (block, total // BLOCK)]
    return Answer((*pieces, (block[: total % BLOCK], 1)))


sharp = [0, 1, -1, 255, 256, 2**31 - 1, 2**31, 2**53, 2**63, -(2**63), 2**64, 2**1024, 10**400]
integers = st.sampled_from(sharp) | st.integers(-5, 70) | st.integers()
texts = st.text(max_size=12) | st.sampled_from(["\ud800", "\x1b[2J", "‮", "x" * 300, "__class__"])
numbers = integers | st.floats() | st.booleans()
names = st.sampled_from([
    "bool", "int8", "int64", "uint64", "float16", "float32", "float64", "complex64", "complex128",
    "object", "O", ">f8", "float128", "datetime64[s]", "V8", "", None, ["int8"],
])  # fmt: skip
places = st.integers(0, 3) | integers | st.booleans() | st.none()
sides = st.integers(0, 9) | integers
shapes = st.lists(sides, max_size=4) | st.lists(st.just(1), max_size=70) | integers | st.none()


@st.composite
def fitting(draw: st.DrawFn) -> list[Any]:
    """An array that is right if it gets a buffer of 64 bytes."""
    name = draw(st.sampled_from(["bool", "int32", "float64", "complex64"]))
    count = 64 // np.dtype(name).itemsize
    return ["array", name, draw(st.sampled_from([[count], [2, -1, 1], [1, count]])), 0]


leaves = st.one_of(
    numbers,
    texts,
    st.none(),
    fitting(),
    st.tuples(st.just("array"), names, shapes, places),
    st.tuples(st.just("array"), names, st.permutations([0, 2**31 - 1, 2**31 - 1]), places),
    st.tuples(st.just("packed"), st.sampled_from(["list", "tuple", 3]), names, places),
    st.tuples(st.just("scalar"), names, numbers | texts),
    st.tuples(st.just("complex"), numbers, numbers),
    st.tuples(st.sampled_from(["str", "bytes"]), places),
    st.tuples(st.just("handle"), st.integers(1, 9) | numbers, texts | numbers),
    st.tuples(st.just("handle"), st.integers(1, 9), st.sampled_from(["function", "method"])),
    st.lists(numbers | texts, max_size=4),
    st.dictionaries(st.text(max_size=3), numbers, max_size=2),
)
nodes = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5).map(lambda items: ["list", *items]),
        st.lists(inner, max_size=5).map(lambda items: ["tuple", *items]),
        st.lists(st.tuples(texts | integers | inner, inner), max_size=4).map(
            lambda items: ["dict", *items]
        ),
        st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)
frames_of_errors = st.lists(
    st.tuples(texts, integers, texts, texts) | st.lists(texts | integers, max_size=5), max_size=12
)
errors = (
    st.fixed_dictionaries(
        {},
        optional={
            "kind": texts | st.sampled_from(["ValueError", "NotImplementedError"]) | numbers,
            "message": texts | st.just("m" * 5000) | numbers,
            "frames": frames_of_errors | numbers,
        },
    )
    | nodes
)
lengths = st.sampled_from([64, 64, 64, 16, 0, 1, 1000, 32 * KIB, MIB]) | st.integers(0, 100)
huge = st.sampled_from([16 * MIB, 63 * MIB, 64 * MIB])


@dataclass(frozen=True)
class Kept:
    """An object that the student keeps."""

    number: int
    kind: str


objects = st.builds(Kept, st.integers(1, 9), st.sampled_from(["function", "method", "MLP"]))
values = objects | st.recursive(
    st.one_of(
        st.none(),
        numbers.filter(lambda number: type(number) is not int or number.bit_length() <= 1024),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
        st.binary(max_size=50),
        st.complex_numbers(),
        hnp.arrays(st.sampled_from([*"?bhilqBHILQ", *"efd", *"FD"]), hnp.array_shapes(max_side=4)),
        st.lists(st.floats(), min_size=16, max_size=20),
        st.builds(np.float32, st.floats(width=32)),
        objects,
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text("abc", max_size=3) | st.integers(), inner, max_size=4)
    ),
    max_leaves=6,
)
reported = st.fixed_dictionaries({
    "kind": st.sampled_from(["ValueError", "NotImplementedError"]),
    "message": st.text(max_size=30),
    "frames": st.lists(st.tuples(st.just("cell"), st.integers(0, 99), st.just("f"), st.text())),
})  # fmt: skip


def spots(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in plain JSON values, as (container, key)."""
    if isinstance(node, (list, dict)):
        for key in range(len(node)) if isinstance(node, list) else list(node):
            yield node, key
            yield from spots(node[key])


@st.composite
def sound(draw: st.DrawFn, number: int) -> Answer:
    """What an honest student answers; sometimes with one or two things wrong in it."""
    encoder = wire.Encoder(lambda kept, _: ["handle", kept.number, kept.kind])
    header: dict[str, Any] = {"seq": number}
    if draw(st.integers(0, 4)):
        header["value"] = encoder(draw(values))
    else:
        header["error"] = draw(reported)
    body = b"".join(bytes(buffer) for buffer in encoder.buffers)
    header["sizes"] = [buffer.nbytes for buffer in encoder.buffers]
    header = json.loads(json.dumps(header))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        container, key = draw(st.sampled_from(list(spots(header))))
        twist = draw(st.integers(0, 3))
        if isinstance(container, list) and twist == 0:
            container.insert(key, container[key])
        elif twist == 1:
            del container[key]
        else:
            container[key] = draw(leaves | errors)
        if not header:
            break
    text = json.dumps(header).encode()
    return Answer(((struct.pack("!I", len(text)) + text + body, 1),))


@st.composite
def structured(draw: st.DrawFn, number: int) -> Answer:
    """A frame in which hardly anything is right but its form."""
    sizes = draw(st.lists(lengths, max_size=3))
    key = draw(st.sampled_from(["value", "value", "error"]))
    header = {"seq": number, "sizes": sizes, key: draw(nodes if key == "value" else errors)}
    text = json.dumps(header).encode()
    return framed(text, tuple(sizes), draw(st.sampled_from([0, 1, 0x7F, 0xFF, 0xC3])))


@st.composite
def bulky(draw: st.DrawFn, number: int) -> Answer:
    """A frame as large as it may be, which asks for the form that takes most memory."""
    size = draw(huge)
    node = draw(st.sampled_from([
        ["array", "bool", [size], 0], ["array", "float64", [size // 8], 0], ["bytes", 0],
        ["packed", "list", "int64", 0], ["packed", "tuple", "float64", 0], ["str", 0],
        ["list", ["packed", "list", "int64", 0], 3], None,
    ]))  # fmt: skip
    sizes = draw(st.sampled_from([(size,), (size // 4,) * 4]))
    if sizes[1:] and isinstance(node, list):
        node = ["list", *([*node[:-1], place] for place in range(4))]
    header = {"seq": number, "sizes": sizes, "value": node}
    return framed(json.dumps(header).encode(), sizes, draw(st.sampled_from([0, 0x41, 0xF0])))


@st.composite
def textual(draw: st.DrawFn, number: int) -> Answer:
    """A header that no encoder writes."""
    count = draw(st.sampled_from([10, 900, 4000, 30_000, 60_000]))
    value = draw(st.sampled_from([
        b"9" * count, b"-" + b"9" * count, b"1e" + b"9" * count, b"0." + b"9" * count,
        b"[" * count, b"[" * (count // 2) + b"]" * (count // 2), b'{"a":' * (count // 6),
        b'["list"' + b',["list"]' * (count // 9) + b"]", b"NaN", b"-Infinity", b'"\\ud800"',
        b'["dict"' + b',["a",1]' * (count // 8) + b"]", b"[[" + b"0," * (count // 2) + b"0]]",
        b'["list"' + b',["handle",1,"function"]' * (count // 24) + b"]",
    ]))  # fmt: skip
    key = draw(st.sampled_from([b"value", b"value", b"value", b"sizes", b"error", b"seq"]))
    start = b'{"seq":%d,"sizes":[],' % number
    whole = start + b'"%s":%s}' % (key, value)
    return framed(whole.decode().encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-16"]))))


@st.composite
def raw(draw: st.DrawFn, _: int) -> Answer:
    """Bytes that are no frame, or only the start of one."""
    data = draw(st.binary(max_size=200))
    if draw(st.booleans()):
        data = struct.pack("!I", draw(st.sampled_from([0, 5, 60_000, 65_537, 2**32 - 1]))) + data
    times = draw(st.sampled_from([1, 1, 3, FOREVER]))
    return Answer(((data or b"\0", times),))


@st.composite
def broken_off(draw: st.DrawFn, number: int) -> Answer:
    """A frame that ends early."""
    sizes = (draw(lengths),)
    header = {"seq": number, "sizes": sizes, "value": ["bytes", 0]}
    whole = framed(json.dumps(header).encode(), sizes)
    kept = draw(st.integers(0, 2))
    first = whole.pieces[0][0]
    cut = first[: draw(st.integers(0, len(first)))]
    return Answer((*whole.pieces[:kept], (cut, 1)) if kept else ((cut, 1),))


@st.composite
def scripts(draw: st.DrawFn) -> list[Answer]:
    """One answer for each request."""
    answers = []
    for number in range(1, REQUESTS + 1):
        kind = draw(st.integers(0, 99))
        which: Any = sound
        for up_to, other in (
            (2, bulky),
            (9, textual),
            (12, raw),
            (15, broken_off),
            (30, structured),
        ):
            if kind < up_to:
                which = other
                break
        answer = draw(which(number))
        then = "go on" if kind >= 17 else draw(st.sampled_from(["go on", "hang up", "wait"]))
        answers.append(Answer(answer.pieces, then))
    return answers


def follow(script: list[Answer], channel: socket.socket, over: threading.Event) -> None:
    """Be the student: read a request, answer it as the script says."""
    with channel, contextlib.suppress(OSError, EOFError, wire.WireError):
        for answer in script:
            wire.receive(channel, MIB)
            for piece, times in answer.pieces:
                for _ in range(times):
                    channel.sendall(piece)
            if answer.then == "hang up":
                return
            if answer.then == "wait":
                break
        over.wait()


# --- what the judge makes of it -----------------------------------------------------------


def check(value: Any, limits: Limits) -> str:
    """See that a value is plain all through; give the name of its type."""
    if isinstance(value, (list, tuple)):
        assert type(value) in (list, tuple)
        for item in value:
            check(item, limits)
    elif isinstance(value, dict):
        assert type(value) is dict
        for key, item in value.items():
            assert type(key) in (str, int)
            check(key, limits)
            check(item, limits)
    elif isinstance(value, np.ndarray):
        assert type(value) is np.ndarray and value.dtype in DTYPES and value.dtype.isnative
        assert value.flags.writeable and value.flags.c_contiguous
        assert value.nbytes <= limits.frame
        assert value.dtype != bool or value.view(np.uint8).max(initial=0) <= 1
        # a test may sum over an axis: that must not need more memory than the value itself has
        sides = [side for side in value.shape if side]
        assert np.prod(sides, dtype=float) * value.dtype.itemsize <= max(limits.frame, 16 * MIB)
    elif isinstance(value, np.generic):
        assert value.dtype in DTYPES
    elif isinstance(value, RemoteObject):
        assert len(value._kind) <= 100 and all(c.isprintable() or c in "\n\t" for c in value._kind)
    elif not isinstance(value, RemoteMethod):
        assert type(value) in PLAIN
        assert type(value) is not int or value.bit_length() <= 1024
        assert type(value) is not str or len(value.encode()) < 16 * MIB
    return type(value).__name__


def sentence(error: Exception) -> None:
    """See that what is told of an error can be printed, and is short."""
    for text in (str(error), getattr(error, "trace", "")):
        assert len(text) < 8000
        assert all(c.isprintable() or c in "\n\t" for c in text)


def ask(process: StudentProcess, number: int, held: Any) -> Any:
    """Make one request of each kind, with what the last one gave if that is an object."""
    if isinstance(held, (RemoteObject, RemoteMethod)) and number % 2:
        return held(np.ones(3), factor=2.0)
    if isinstance(held, RemoteObject):
        return held.weight if number % 3 else held[0]
    if number == 1:
        (outcome,) = process.execute([("cell", "x = 1")])
        assert isinstance(outcome, CellOutcome) and len(outcome.error or "") < 8000
        return outcome.error
    return process.namespace.f if number % 2 else process.namespace.put(np.ones((4, 4)))


def converse(script: list[Answer], limits: Limits, pid: int) -> Iterator[str]:
    """Ask a student who follows a script; yield what came of each request."""
    data, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    status, parents = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with parents:  # the warm parent is ours, and says that the process is over
        parents.send(json.dumps({"exit": 1, "cpu": 0.0, "memory": 0}).encode())
    over = threading.Event()
    student = threading.Thread(target=follow, args=(script, theirs, over))
    student.start()
    held: Any = None
    try:
        with StudentProcess(pid, data, status, limits) as process:
            for number in range(1, len(script) + 1):
                try:
                    value = ask(process, number, held)
                    yield check(value, limits)
                    held = value if isinstance(value, (RemoteObject, RemoteMethod)) else None
                    del value
                except StudentError as error:
                    sentence(error)
                    yield "StudentError"
                except StudentDied as death:
                    sentence(death)
                    assert not process.alive
                    yield f"{type(death).__name__} {death.status}"
                    return
    finally:
        over.set()
        student.join()


@pytest.fixture(scope="module")
def idle() -> Iterator[int]:
    """The number of a process that does nothing, whose CPU time the judge looks at."""
    sleeper = subprocess.Popen(["sleep", "100000"])
    yield sleeper.pid
    sleeper.kill()
    sleeper.wait()


def memory(field: str) -> int:
    """A line of this process's status, in bytes: VmRSS, or VmHWM, the most that it ever was."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) * KIB


def fuzz(
    cases: int,
    pid: int,
    derandomize: bool,
    told: list[tuple[list[Answer], Limits]] | None = None,
) -> None:
    """Hold so many conversations; every kind of outcome must have been among them.

    They are added to ``told``.
    """
    seen: Counter[str] = Counter()
    most = {"seconds": 0.0, "growth": 0}

    @settings(
        max_examples=cases,
        derandomize=derandomize,
        deadline=None,
        database=None,
        print_blob=True,
        phases=[Phase.generate],  # to shrink a case that waits takes minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(scripts(), st.sampled_from([SMALL, USUAL]))
    def conversation(script: list[Answer], limits: Limits) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew
        before, began = memory("VmRSS"), time.process_time()
        seen.update(converse(script, limits, pid))
        if told is not None:
            told.append((script, limits))
        took, growth = time.process_time() - began, memory("VmHWM") - before
        most["seconds"], most["growth"] = (
            max(most["seconds"], took),
            max(most["growth"], growth),
        )
        assert took < SECONDS
        assert growth < GROWTH, f"{growth / 1e6:.0f} MB"

    conversation()
    print(f"{cases} cases, at most {most['seconds']:.1f} s and {most['growth'] / 1e6:.0f} MB each")
    print(dict(seen.most_common()))
    expected = {"StudentError", "ProtocolError crashed", "StudentDied timed_out", "RemoteObject"}
    if cases >= 10_000:  # of fewer, chance may leave some out
        expected |= {"StudentDied crashed", "ndarray", "list", "dict", "int", "float", "str"}
    assert expected <= seen.keys()


@pytest.mark.parametrize("size", [63 * MIB, 64 * MIB])
@pytest.mark.parametrize(
    "node",
    [["array", "bool", [0], 0], ["bytes", 0], ["str", 0], ["packed", "list", "int64", 0]],
    ids=lambda node: node[0],
)
def test_the_largest_answers_take_little_memory(node: list[Any], size: int, idle: int) -> None:
    if node[0] == "array":
        node = [*node[:2], [size], 0]
    header = json.dumps({"seq": 1, "sizes": [size], "value": node}).encode()
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    list(converse([framed(header, (size,), fill=0x41)], USUAL, idle))
    assert memory("VmHWM") - before < GROWTH


def test_hostile_answers_do_no_harm(idle: int) -> None:
    fuzz(300, idle, derandomize=True)


@pytest.mark.soak
def test_many_hostile_answers_do_no_harm(idle: int) -> None:
    fuzz(10_000, idle, derandomize=False)


@pytest.mark.soak
def test_hostile_answers_leave_nothing_behind(idle: int) -> None:
    told: list[tuple[list[Answer], Limits]] = []
    fuzz(300, idle, derandomize=True, told=told)  # Hypothesis keeps notes, so it takes no part
    sizes = []
    for _ in range(6):
        for script, limits in told:
            list(converse(script, limits, idle))
        gc.collect()
        sizes.append(memory("VmRSS"))
    print(f"after each of {len(sizes)} times {len(told)} cases: {[s // MIB for s in sizes]} MiB")
    assert sizes[-1] - sizes[0] < 20_000_000
