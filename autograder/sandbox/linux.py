"""The Linux system calls that confinement needs and Python 3.11 does not offer.

Each function raises OSError with the system's own reason; none decides anything.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Callable, Iterable

_libc = ctypes.CDLL(None, use_errno=True)

# Namespaces (clone(2))
NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
# shmctl(2)
_IPC_RMID = 0
# mount(2)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
# prctl(2)
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_LAST_CAPABILITY = 40


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _syscall(number: int, *arguments: object) -> int:
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments))


def _prctl(option: int, *arguments: int) -> None:
    padded = [*arguments, 0, 0, 0, 0][:4]
    _checked(_libc.prctl(option, *map(ctypes.c_ulong, padded)))


# --- namespaces and mounts ----------------------------------------------------------------


def unshare(flags: int) -> None:
    """Put the calling process (for NEWPID, its future children) in new namespaces."""
    _checked(_libc.unshare(flags))


def setns(fd: int, kind: int) -> None:
    """Join the namespace that `fd` stands for."""
    _checked(_libc.setns(fd, kind))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    encoded = [text.encode() or None for text in (source, target, kind, options)]
    _checked(_libc.mount(*encoded[:3], ctypes.c_ulong(flags), encoded[3]))


def make_read_only(target: str) -> None:
    """Make a mount and everything below it read-only and deaf to set-uid bits."""
    rdonly_nosuid = struct.pack("QQQQ", 1 | 2, 0, 0, 0)
    at_fdcwd, at_recursive, mount_setattr = -100, 0x8000, 442
    try:
        _syscall(mount_setattr, at_fdcwd, target.encode(), at_recursive, rdonly_nosuid,
                 ctypes.c_size_t(len(rdonly_nosuid)))  # fmt: skip
    except OSError as error:
        if error.errno != errno.ENOSYS:  # older than Linux 5.12
            raise
        remount_read_only(target)


def remount_read_only(target: str) -> None:
    """Make a mount and everything below it read-only, one after the other."""
    kept = {"nodev": MS_NODEV, "noexec": MS_NOEXEC, "noatime": 1 << 10, "relatime": 1 << 21}
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split()[4:6] for line in file]
    for place, options in mounts:
        path = place.encode().decode("unicode_escape")  # spaces stand there as \\040
        if path == target or path.startswith(target.rstrip("/") + "/"):
            flags = sum(kept.get(option, 0) for option in options.split(","))
            mount("none", path, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | flags)


def pivot_into(root: str) -> None:
    """Make `root` the root directory and let go of the old one."""
    os.chdir(root)
    _syscall(_NUMBERS["pivot_root"], b".", b".")  # pivot_root(2) describes this idiom
    _checked(_libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


# --- privileges ---------------------------------------------------------------------------


def die_with_parent(signal: int) -> None:
    """Have the kernel send `signal` to this process when its parent ends."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def forbid_new_privileges() -> None:
    """No execve of this process or its children can gain privileges."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_bounding_set() -> None:
    """Remove every capability from the bounding set."""
    for capability in range(_LAST_CAPABILITY + 1):
        _prctl(_PR_CAPBSET_DROP, capability)


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets."""
    header = struct.pack("Ii", 0x20080522, 0)
    _checked(_libc.capset(header, bytes(24)))


#: The kernel's own bound on what a process may open (fs.nr_open), by default.
_MOST_DESCRIPTORS = 1 << 20


def close_from(first: int) -> None:
    """Close every file descriptor from `first` up."""
    os.closerange(first, _MOST_DESCRIPTORS)


def remove_ipc(uid: int) -> None:
    """Remove what System V memory, message queues and semaphores user `uid` has."""
    controls: dict[str, Callable[[int], int]] = {
        "shm": lambda number: _libc.shmctl(number, _IPC_RMID, None),
        "msg": lambda number: _libc.msgctl(number, _IPC_RMID, None),
        "sem": lambda number: _libc.semctl(number, 0, _IPC_RMID),
    }
    for kind, remove in controls.items():
        with open(f"/proc/sysvipc/{kind}") as file:
            owner = file.readline().split().index("uid")
            for line in file:
                row = line.split()
                if row[owner] == str(uid):
                    remove(int(row[1]))


# --- Landlock -----------------------------------------------------------------------------

_FILE_BITS = 0b1100_0000_0000_0111  # execute, write, read, truncate, ioctl
READ = 0b1100  # files, folders
# write, read, remove, make folders, files, symlinks, move, truncate; no program, device, socket
READ_WRITE = 0b0111_0001_1011_1110
DRIVE = 0b1000_0000_0000_0110  # write, read, ioctl


def landlock_abi() -> int:
    """The version of Landlock that the kernel offers; OSError if it offers none."""
    return _syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1))


def landlock(rules: Iterable[tuple[str, int]]) -> None:
    """Confine this thread to `rules` (path, access); deny TCP, outside signals and sockets."""
    abi = landlock_abi()
    handled = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1
    network = 0b11 if abi >= 4 else 0  # bind, connect
    scopes = 0b11 if abi >= 6 else 0  # abstract sockets, signals
    attributes = struct.pack("QQQ", handled, network, scopes)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = _syscall(444, attributes, ctypes.c_size_t(size), ctypes.c_uint(0))
    for path, access in rules:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not os.path.isdir(path):
            access &= _FILE_BITS
        rule = struct.pack("=Qi", access & handled, beneath)
        _syscall(445, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint(0))
        os.close(beneath)
    forbid_new_privileges()  # the kernel asks for it of whoever is not root
    _syscall(446, ctypes.c_int(ruleset), ctypes.c_uint(0))
    os.close(ruleset)


# --- seccomp ------------------------------------------------------------------------------

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_KNOWN = platform.machine() in _ARCHITECTURES
_COLUMN, _AUDIT = _ARCHITECTURES.get(platform.machine(), (0, 0))
_TABLE = {  # system call: its number on x86_64, on aarch64 (None: it does not exist there)
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    "bpf": (321, 280), "userfaultfd": (323, 282), "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "fsopen": (430, 430), "open_tree": (428, 428),
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None),
    "io_setup": (206, 0), "memfd_create": (319, 279),
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190),
    "shmat": (30, 196), "shmctl": (31, 195), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "semop": (65, 193), "semtimedop": (220, 192), "semctl": (66, 191),
    "mq_open": (240, 180), "socket": (41, 198), "capset": (126, 91),
    # Where the grader is not root, student code has its user, and may slow and pin what is its.
    "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    "syslog": (103, 116), "memfd_secret": (447, 447), "process_madvise": (440, 440),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424),
    # What Landlock does not see: watching other people's folders, marking their files.
    "utimensat": (280, 88), "futimesat": (261, None), "utime": (132, None), "utimes": (235, None),
    "inotify_add_watch": (254, 27), "fanotify_init": (300, 262), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # How attempts could talk to their neighbours and to those after them, or starve them: what the
    # page cache holds, when others run, writing everybody's files back.
    "mincore": (27, 232), "cachestat": (451, 451), "fadvise64": (221, 223),
    "readahead": (187, 213), "preadv2": (327, 286), "flock": (73, 32), "sync": (162, 81),
    "syncfs": (306, 267), "membarrier": (324, 283), "fcntl": (72, 25),
    "clone": (56, 220), "clone3": (435, 435), "prlimit64": (302, 261), "prctl": (157, 167),
}  # fmt: skip
_NUMBERS = {name: number for name, row in _TABLE.items() if (number := row[_COLUMN]) is not None}
_LOAD, _EQUAL, _ABOVE, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _EPERM, _ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
_CLONE_THREAD, _X32 = 0x00010000, 0x40000000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24  # in seccomp_data
#: What fcntl is for but for locks, leases and signals: duplicates, flags, the size of a pipe.
_FCNTL = (0, 1, 2, 3, 4, 1030, 1031, 1032)


def _unless(test: int, value: int, action: int) -> list[tuple[int, int, int, int]]:
    """Compare the first argument; `action` unless the test holds, else allow."""
    return [(_LOAD, 0, 0, _FIRST_ARGUMENT), (test, 1, 0, value),
            (_RETURN, 0, 0, action), (_RETURN, 0, 0, _ALLOW)]  # fmt: skip


def _one_of(values: Iterable[int], argument: int, action: int) -> list[tuple[int, int, int, int]]:
    """Allow a call with one of these values as its argument; else `action`."""
    tests = [
        step
        for value in values
        for step in ((_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW))
    ]  # fmt: skip
    return [(_LOAD, 0, 0, argument), *tests, (_RETURN, 0, 0, action)]


def _program() -> list[tuple[int, int, int, int]]:
    """One process and no more: threads may start, processes, programs and sockets may not."""
    special = {
        # clone3 passes its flags by pointer; without it the C library falls back to clone.
        "clone3": [(_RETURN, 0, 0, _ENOSYS)],
        "clone": _unless(_BITS, _CLONE_THREAD, _EPERM),
        "prlimit64": _unless(_EQUAL, 0, _EPERM),
        "fcntl": _one_of(_FCNTL, _SECOND_ARGUMENT, _EPERM),
        "prctl": [  # it is to die with its parent, whatever it says
            (_LOAD, 0, 0, _FIRST_ARGUMENT), (_EQUAL, 0, 1, _PR_SET_PDEATHSIG),
            (_RETURN, 0, 0, _EPERM), (_RETURN, 0, 0, _ALLOW),
        ],
    }  # fmt: skip
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, _AUDIT), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER), (_ABOVE, 0, 1, _X32), (_RETURN, 0, 0, _EPERM),
    ]  # fmt: skip
    for name, number in _NUMBERS.items():
        action = special.get(name, [(_RETURN, 0, 0, _EPERM)])
        program += [(_EQUAL, 0, len(action), number), *action]
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def seccomp_available() -> None:
    """OSError unless this machine's system calls are known and the kernel can filter them."""
    if not _KNOWN:
        raise OSError(f"no system call table for {platform.machine()}")
    _prctl(21)  # PR_GET_SECCOMP


_FILTERS = b"".join(struct.pack("HBBI", *instruction) for instruction in _program())


def seccomp() -> None:
    """Deny the system calls of the table for this process, for good."""
    forbid_new_privileges()
    filters = ctypes.create_string_buffer(_FILTERS, len(_FILTERS))
    count = len(_FILTERS) // struct.calcsize("HBBI")
    program = struct.pack("HxxxxxxQ", count, ctypes.addressof(filters))
    pointer = ctypes.create_string_buffer(program, len(program))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(pointer))
