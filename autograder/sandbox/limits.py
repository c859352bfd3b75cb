"""What an attempt may use, and what confines it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from autograder.sandbox import linux

_MIB = 1 << 20
_OWN_NAMESPACES = {"files": linux.NEWNS, "ipc": linux.NEWIPC}

LAYERS = {
    "files": "sees a private root with Python and the allowed packages only, and a small /tmp",
    "processes": "sees and signals no process but its own",
    "network": "has no network interface",
    "ipc": "shares no System V or POSIX message queue",
    "uid": "runs as a user of its own",
    "privileges": "has no capability and can gain none",
    "landlock": "opens no other file",
    "seccomp": "starts no process, program or socket, inspects no process",
    "rlimits": "has bounds on CPU, memory, threads, files and file sizes",
}
#: What Landlock keeps from it besides, from which version of it on (the kernel's age tells).
LANDLOCK = {4: "and no TCP connection", 6: "and signals nobody outside"}
#: What must hold whatever else does: each needs one of these layers.
NEEDS = {
    "a student reads no other file": ("files", "landlock"),
    "a student has no network": ("network", "seccomp"),
    "a student disturbs no other process": ("processes", "uid", "landlock"),
    "a student gains no privilege": ("privileges",),
    "a student has bounds": ("rlimits",),
}


@dataclass(frozen=True)
class Limits:
    """What an attempt may use.

    Attributes
    ----------
    cell_cpu, call_cpu, attempt_cpu : float
        CPU seconds of one cell, one call, and the whole life of a student process.
    wall_factor, idle : float
        A cell or call that may use c CPU seconds may take wall_factor · c + idle seconds, and may
        sleep or wait for `idle` seconds at a time.
    memory : int
        Bytes of address space beyond what the warm parent has.
    frame, received : int
        Bytes of the arrays in one message, and in all messages from a student process.
    handles : int
        Objects that the judge may refer to at a time.
    threads, files, file_bytes, disk : int
        Threads; open files; bytes of one file; bytes of the temporary folder.
    inodes : int
        Files in the temporary folder.
    """

    cell_cpu: float = 10.0
    call_cpu: float = 2.0
    attempt_cpu: float = 120.0
    wall_factor: float = 4.0
    idle: float = 5.0
    memory: int = 2048 * _MIB
    frame: int = 64 * _MIB
    received: int = 512 * _MIB
    handles: int = 10_000
    threads: int = 64
    files: int = 64
    file_bytes: int = 16 * _MIB
    disk: int = 32 * _MIB
    inodes: int = 1000

    @property
    def patience(self) -> float:
        """Seconds that a whole submission may take, however many processes it needs."""
        return self.wall_factor * self.attempt_cpu


@dataclass(frozen=True)
class Isolation:
    """The layers in force, the layers lacking with the reason, and how they are provided.

    ``landlock`` is the version of Landlock that the kernel has, 0 for none.
    """

    in_force: tuple[str, ...]
    lacking: dict[str, str] = field(default_factory=dict)
    rootless: bool = False
    landlock: int = 0

    def __contains__(self, layer: str) -> bool:
        return layer in self.in_force

    def __str__(self) -> str:
        text = ", ".join(self.in_force) or "none"
        missing = "; ".join(f"{layer} ({reason})" for layer, reason in self.lacking.items())
        return f"{text}; lacking {missing}" if missing else text

    @property
    def flags(self) -> int:
        """The namespaces, as flags of unshare(2), that each attempt enters after the fork."""
        return sum(_OWN_NAMESPACES.get(layer, 0) for layer in self.in_force)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Isolation:
        """The inverse of `to_dict`."""
        lacking, rootless = plain["lacking"], plain["rootless"]
        return cls(tuple(plain["in_force"]), lacking, rootless, plain["landlock"])

    def promise(self, layer: str) -> str:
        """Say what a layer sees to on this machine."""
        more = LANDLOCK.items() if layer == "landlock" else ()
        return " ".join([LAYERS[layer], *(said for since, said in more if self.landlock >= since)])

    def unmet(self) -> dict[str, tuple[str, ...]]:
        """Tell what nothing sees to, of what must hold, and which layers could."""
        weak = {} if self.landlock >= 6 else {"a student disturbs no other process": {"landlock"}}
        return {
            need: layers
            for need, layers in NEEDS.items()
            if not ({*layers} - weak.get(need, set())) & {*self.in_force}
        }
