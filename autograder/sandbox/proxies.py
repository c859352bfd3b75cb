"""What tests hold of a student process: its names, its objects, their methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.sandbox.process import StudentProcess


class RemoteNamespace:
    """What a notebook defined, in a student process; with the face of a `Student`."""

    def __init__(self, process: StudentProcess) -> None:
        self._process = process
        self._functions: dict[str, RemoteObject] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._functions and self._process.alive:
            return self._functions[name]
        self._process.discretion.asked.add(name)
        value = self._process.ask("name", header={"name": name})
        if isinstance(value, RemoteObject) and value._kind == "function":
            self._functions[name] = value  # tests call it again and again: ask for it once
        return value

    def probe(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """Call a function; return what it gives and its arguments as it leaves them."""
        self._process.discretion.asked.add(name)
        answer = self._process.ask("probe", header={"name": name}, args=[args, kwargs])
        match answer:
            case (result, tuple() as left, dict() as named) if (len(left), [*named]) == (
                len(args),
                [*kwargs],
            ):
                return result, left, named
        self._process.reject("an answer to another question")

    def put(self, value: Any) -> RemoteObject:
        """Hand a copy of a value over, to be passed as an argument and looked at again."""
        handle: RemoteObject = self._process.ask("put", value=value)
        return handle

    def get(self, handle: RemoteObject) -> Any:
        """Return a fresh copy of what a handle stands for."""
        return self._process.ask("get", header={"on": handle._number})


class RemoteObject:
    """An object that stays in a student process, with attributes, items and calls of its own."""

    def __init__(self, process: StudentProcess, number: int, kind: str) -> None:
        self.__dict__.update(_process=process, _number=number, _kind=kind)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if (self._kind, name) in self._process.methods:
            return RemoteMethod(self, name)
        value = self._process.ask("attribute", header={"on": self._number, "name": name})
        if isinstance(value, RemoteObject) and value._kind == "method":
            self._process.methods.add((self._kind, name))
        return value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._process.ask("call", header={"on": self._number}, args=[args, kwargs])

    def __getitem__(self, key: Any) -> Any:
        return self._process.ask("item", header={"on": self._number}, key=key)

    def __del__(self) -> None:
        self._process.release(self._number)

    def __repr__(self) -> str:
        return f"<the student's {self._kind}>"


class RemoteMethod:
    """A method of an object that stays in a student process, looked up and called in one go."""

    def __init__(self, owner: RemoteObject, name: str) -> None:
        self._owner = owner
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        header = {"on": self._owner._number, "name": self._name}
        return self._owner._process.ask("method", header=header, args=[args, kwargs])

    def fetched(self) -> RemoteObject:
        """The method as an object of its own, to be passed as an argument."""
        owner = self._owner
        header = {"on": owner._number, "name": self._name}
        method: RemoteObject = owner._process.ask("attribute", header=header)
        return method

    def __repr__(self) -> str:
        return f"<the student's {self._name}>"
