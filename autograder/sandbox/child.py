"""Inside the student process: runs the notebook's cells and answers the judge's questions.

Student code shares this process and may change anything in it; nothing here is trusted.
"""

from __future__ import annotations

import ast
import codeop
import contextlib
import linecache
import socket
import sys
import traceback
import types
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import autograder
from autograder.checking.cells import notebook_names
from autograder.sandbox import wire
from autograder.sandbox.limits import Limits

_MESSAGE, _FRAMES, _LINE = 1000, 5, 200
_NUMPY_ERRORS = np.geterr()  # as this program starts, before any cell

Header = dict[str, Any]
Buffers = list[np.ndarray]


def serve(channel: socket.socket, limits: Limits) -> None:
    """Answer requests until the judge closes the channel."""
    notebook = Notebook(limits)
    while True:
        try:
            header, buffers = wire.receive(channel, limits.frame)
        except EOFError:
            return
        reply, out = notebook.answer(header, buffers)
        try:
            wire.send(channel, {**reply, "seq": header["seq"]}, out, limits.frame)
        except wire.TooLarge as error:
            reply = {"error": notebook.describe(error)}
            wire.send(channel, {**reply, "seq": header["seq"]}, [], limits.frame)


class Notebook:
    """The notebook's namespace and the objects that the judge holds handles of."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.module = types.ModuleType("__main__")
        self.names = vars(self.module)
        self.names |= notebook_names()
        # what students' own cells ask of these is answered where they work
        autograder.check = autograder.progress = self.names["display"]
        sys.modules["__main__"] = self.module
        self.compile = codeop.Compile()  # it remembers `from __future__ import …`
        self.cells: dict[str, str] = {}
        self.held: dict[int, Any] = {}
        self.next = 0

    # Requests

    def answer(self, header: Header, buffers: Buffers) -> tuple[Header, list[memoryview]]:
        """Reply to one request; an exception of the student's is a reply too."""
        before = self.next
        try:
            for number in header.get("drop", ()):
                self.held.pop(number, None)
            operation = getattr(self, header["op"])
            encoder = wire.Encoder(self.other)
            with contextlib.nullcontext() if header["op"] == "cell" else afresh():
                value = operation(header, buffers)
            return {"value": encoder(value)}, encoder.buffers
        except BaseException as error:
            for number in range(before + 1, self.next + 1):
                self.held.pop(number, None)  # the judge will not hear of these
            return {"error": self.describe(error)}, []

    def cell(self, header: Header, buffers: Buffers) -> None:
        """Run a cell, statement by statement; the first that fails is reported at the end.

        What stands below it is run all the same: it may be what an exercise needs.
        """
        source = self.decode(header["source"], buffers)
        filename = f"<{header['id']}>"
        self.cells[filename] = header["id"]
        lines = source.splitlines(keepends=True)
        linecache.cache[filename] = (len(source), None, lines, filename)
        failed = None
        for statement in ast.parse(source, filename).body:
            try:
                module: Any = ast.Module([statement], [])
                exec(self.compile(module, filename, "exec"), self.names)
            except BaseException as error:
                failed = failed or error
        if failed:
            raise failed

    def name(self, header: Header, buffers: Buffers) -> Any:
        """The value of a name of the notebook."""
        if header["name"] not in self.names:
            raise NameError(f"{header['name']} is not defined")
        return self.names[header["name"]]

    def attribute(self, header: Header, buffers: Buffers) -> Any:
        """An attribute of an object."""
        return getattr(self.held[header["on"]], header["name"])

    def item(self, header: Header, buffers: Buffers) -> Any:
        """An item of an object."""
        return self.held[header["on"]][self.decode(header["key"], buffers)]

    def call(self, header: Header, buffers: Buffers) -> Any:
        """What an object gives for arguments."""
        args, kwargs = self.decode(header["args"], buffers)
        return self.held[header["on"]](*args, **kwargs)

    def method(self, header: Header, buffers: Buffers) -> Any:
        """What a method of an object gives for arguments."""
        args, kwargs = self.decode(header["args"], buffers)
        return getattr(self.held[header["on"]], header["name"])(*args, **kwargs)

    def probe(self, header: Header, buffers: Buffers) -> Any:
        """What a function gives for arguments, and these as it leaves them."""
        args, kwargs = self.decode(header["args"], buffers)
        return self.name(header, buffers)(*args, **kwargs), args, kwargs

    def put(self, header: Header, buffers: Buffers) -> Any:
        """Keep a value, whatever it is, for later."""
        return Kept(self.decode(header["value"], buffers))

    def get(self, header: Header, buffers: Buffers) -> Any:
        """What a handle stands for."""
        return self.held[header["on"]]

    # Values

    def decode(self, node: Any, buffers: Buffers) -> Any:
        resolve = {"handle": lambda rest: self.held[rest[0]], "expression": evaluate,
                   "generator": generator}  # fmt: skip
        return wire.decode(node, buffers, resolve)

    def other(self, value: Any, encoder: wire.Encoder) -> Any:
        """The node of a value that is not plain: a tensor as an array, the rest as a handle."""
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return encoder(value.detach().cpu().numpy())
        if len(self.held) >= self.limits.handles:
            raise MemoryError("too many objects are held for the grader")
        if isinstance(value, Kept):
            value = value.value
        self.next += 1
        self.held[self.next] = value
        return ["handle", self.next, type(value).__name__[:100]]

    # Errors

    def describe(self, error: BaseException) -> Header:
        """An exception's kind, message and the student's own lines, all capped."""
        try:
            message = str(error)
        except BaseException:
            message = ""
        frames = [
            [self.cells[frame.filename], frame.lineno, frame.name, (frame.line or "")[:_LINE]]
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename in self.cells
        ]
        if isinstance(error, SyntaxError) and error.filename in self.cells:
            text = (error.text or "").strip()[:_LINE]
            frames.append([self.cells[error.filename], error.lineno or 0, "<module>", text])
            message = error.msg
        kind, frames = type(error).__name__, frames[-_FRAMES:]
        return {"kind": kind, "message": message[:_MESSAGE], "frames": frames}


class Kept:
    """Marks a value that is to travel as a handle even though it is plain."""

    def __init__(self, value: Any) -> None:
        self.value = value


@contextlib.contextmanager
def afresh() -> Iterator[None]:
    """Answer a question under the settings that NumPy and Python start with.

    What a notebook's cells have set belongs to what they do: ``np.seterr(all="raise")``, or
    warnings that are errors.
    """
    with np.errstate(**_NUMPY_ERRORS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def evaluate(rest: list[Any]) -> Any:
    """An expression of the judge's, as `autograder.testing.Expression` has it."""
    from autograder.checking.student import Expression

    return Expression(*rest).evaluate()


def generator(rest: list[Any]) -> np.random.Generator:
    """A generator with the state that the judge's has."""
    bits = np.random.PCG64()
    bits.state = rest[0]
    return np.random.Generator(bits)
