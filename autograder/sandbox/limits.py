"""What an attempt may use, and what confines it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

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
    "landlock": "opens no other file and no TCP connection, signals nobody outside",
    "seccomp": "starts no process, program or socket, inspects no process",
    "rlimits": "has bounds on CPU, memory, threads, files and file sizes",
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
    """The layers in force, the layers lacking with the reason, and how they are provided."""

    in_force: tuple[str, ...]
    lacking: dict[str, str] = field(default_factory=dict)
    rootless: bool = False

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

    def to_dict(self) -> dict:
        """The same as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict) -> Isolation:
        """The inverse of `to_dict`."""
        return cls(tuple(plain["in_force"]), plain["lacking"], plain["rootless"])
