"""Confinement of student processes, as the sum of what the system offers.

Each layer is independent of the others, is tried at start, and is either in force or lacking with
the system's reason. The warm parent enters what all attempts share; each attempt then confines
itself after the fork, before any student code runs.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import signal
import tempfile
from collections.abc import Callable, Collection, Iterable

from autograder.sandbox import linux, room, users
from autograder.sandbox.limits import LAYERS, Isolation, Limits

_NAMESPACES = {"files", "processes", "network", "ipc"}
_OPEN_TO_ALL = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue")


def survey(wanted: Collection[str] | None = None) -> Isolation:
    """Try every layer in a process of its own; `wanted` leaves the others out."""
    rootless = os.geteuid() != 0
    in_force: list[str] = []
    lacking: dict[str, str] = {}
    trials: dict[str, Callable[[], object]] = {
        "processes": lambda: _namespace(linux.NEWPID, rootless),
        "network": lambda: _namespace(linux.NEWNET, rootless),
        "ipc": lambda: _namespace(linux.NEWIPC, rootless),
        "files": lambda: _mounts(rootless),
        "uid": lambda: _another_user("files" in in_force),
        "privileges": linux.forbid_new_privileges,
        "landlock": lambda: linux.landlock([]),
        "seccomp": linux.seccomp_available,
        "rlimits": lambda: None,
    }
    for layer in LAYERS:
        reason = "left out" if wanted is not None and layer not in wanted else _trial(trials[layer])
        if reason:
            lacking[layer] = reason
        else:
            in_force.append(layer)
    own_users = rootless and not _NAMESPACES.isdisjoint(in_force)
    version = linux.landlock_abi() if "landlock" in in_force else 0
    return Isolation(tuple(in_force), lacking, own_users, version)


def _trial(act: Callable[[], object]) -> str:
    """The system's reason why `act` fails in a child process, or nothing."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException as error:
            os.write(writer, (getattr(error, "strerror", None) or repr(error)).encode()[:200])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, errors="replace") as stream:
        reason = stream.read()
    os.waitpid(pid, 0)
    return reason


def _namespace(flag: int, rootless: bool) -> None:
    if rootless:
        _own_users()
    linux.unshare(flag)


def _mounts(rootless: bool) -> None:
    _namespace(linux.NEWNS, rootless)
    room.enter(())


def _another_user(private_root: bool) -> None:
    _become(users.FIRST)
    if not private_root:
        for path in room.readable("/", ()):
            if not os.access(path, os.R_OK):
                raise OSError(errno.EACCES, f"no other user can read {path}")


def _own_users() -> None:
    """A user namespace in which this process may mount, with itself as the only user."""
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(linux.NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def enter(isolation: Isolation, allows: Iterable[str], devices: Iterable[str] = ()) -> str:
    """Enter the room, as far as the machine has one; return the folder of the packages."""
    if isolation.rootless:
        _own_users()
    if "processes" in isolation:
        _lead()
    if "network" in isolation:
        linux.unshare(linux.NEWNET)  # one for all: it is empty, and making it costs
    if "files" in isolation:
        linux.unshare(linux.NEWNS)
        room.enter(allows, devices)
        return room.SITE
    home = tempfile.mkdtemp(prefix="chainrule-")
    os.chmod(home, 0o755)
    for folder, mode in (("site", 0o755), ("scratch", 0o1777)):
        os.mkdir(f"{home}/{folder}")
        os.chmod(f"{home}/{folder}", mode)
    room.link(f"{home}/site", allows)
    return f"{home}/site"


def _lead() -> None:
    """Go on as the first process of a namespace: when it ends, the kernel ends all in it."""
    linux.unshare(linux.NEWPID)
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        os._exit(min(status, 1))
    linux.die_with_parent(signal.SIGKILL)


def readable(isolation: Isolation, site: str, allows: Iterable[str]) -> list[str]:
    """What Landlock leaves readable."""
    return ["/"] if "files" in isolation else room.readable(site, allows)


def fork(isolation: Isolation) -> int:
    """Fork, the child being the first of a process namespace if there is one."""
    if "processes" not in isolation:
        return os.fork()
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    pid = -1
    try:
        linux.unshare(linux.NEWPID)
        pid = os.fork()
        return pid
    finally:
        if pid != 0:
            linux.setns(own, linux.NEWPID)  # a process may unshare only from its own namespace
        os.close(own)


def confine(isolation: Isolation, limits: Limits, uid: int, scratch: str, paths: list[str],
            devices: Collection[str] = ()) -> None:  # fmt: skip
    """Confine the calling process, which is single-threaded and has no open descriptor to hide.

    Parameters
    ----------
    uid : int
        The user and group to become, where that is possible.
    scratch : str
        The folder it may write to; without a private root it is made here.
    paths : list of str
        What it may read, for Landlock.
    devices : collection of str
        What it may drive beside.
    """
    os.setsid()  # kill(0, …) must not reach the warm parent
    os.umask(0o077)
    owner = uid if "uid" in isolation else os.geteuid()
    memory = _address_space() + limits.memory  # as long as /proc is there to tell
    if isolation.flags:  # Docker's profile refuses the call, even for nothing
        linux.unshare(isolation.flags)
    if "files" in isolation:
        _mount_own(limits, owner)
    if "rlimits" in isolation:
        _bound(limits, memory, resource.RLIMIT_DATA if devices else resource.RLIMIT_AS)
    if "privileges" in isolation:
        with contextlib.suppress(PermissionError):  # CAP_SETPCAP may lack; the sets end empty
            linux.drop_bounding_set()
    if "uid" in isolation:
        _become(uid)
    if "files" not in isolation:
        os.mkdir(scratch, 0o700)
    os.chdir(scratch)
    linux.die_with_parent(signal.SIGKILL)  # after the change of user, which would clear it
    if "privileges" in isolation:
        linux.drop_capabilities()
        linux.forbid_new_privileges()
    if "landlock" in isolation:
        rules = [(path, linux.READ) for path in paths]
        rules += [(path, linux.READ_WRITE) for path in (scratch, "/dev/null")]
        linux.landlock([*rules, *((path, linux.DRIVE) for path in devices)])
    if "seccomp" in isolation:
        linux.seccomp()


def _mount_own(limits: Limits, owner: int) -> None:
    quiet = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    options = f"size={limits.disk},nr_inodes={limits.inodes},mode=0700,uid={owner},gid={owner}"
    linux.mount("tmpfs", "/tmp", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
    try:
        linux.mount("proc", "/proc", "proc", quiet, "subset=pid")
    except OSError:  # refused where the machine itself sees only part of /proc
        linux.mount("tmpfs", "/proc", "tmpfs", quiet | linux.MS_RDONLY, "size=0")


def _address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _bound(limits: Limits, memory: int, memory_kind: int) -> None:
    # CUDA reserves address space by the terabyte and uses little of it: there, data is counted.
    cpu = int(limits.attempt_cpu) + 1
    for kind, most in (
        (resource.RLIMIT_CPU, cpu), (memory_kind, memory),
        (resource.RLIMIT_NPROC, limits.threads), (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_FSIZE, limits.file_bytes), (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0), (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 64), (resource.RLIMIT_NICE, 0), (resource.RLIMIT_RTPRIO, 0),
    ):  # fmt: skip
        resource.setrlimit(kind, (most, most))


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def sweep(uid: int, scratch: str) -> None:
    """Kill all that user `uid` left running and remove what it left behind, in `scratch` or not."""
    pid = os.fork()
    if pid == 0:
        try:
            _become(uid)  # so that nothing of anybody else's can be hit
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            for folder in (os.path.dirname(scratch), *_OPEN_TO_ALL):
                _remove(folder, uid)
            linux.remove_ipc(uid)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def _remove(folder: str, uid: int) -> None:
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.stat(follow_symlinks=False).st_uid == uid:
                shutil.rmtree(entry.path, ignore_errors=True)
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
