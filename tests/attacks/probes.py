"""What a student's process may reach: one probe each for all that it must not.

A probe is a few statements that raise nothing if they reach what they are after. `script` puts them
all into one cell, which leaves in ``results`` what came of each. Student code can use ctypes, so
probes make system calls by number where the C library has no name for them.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

import numpy as np

TOOLS = """
import ctypes, fcntl, glob, mmap, os, resource, signal, socket, struct, sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)
ARM = os.uname().machine == "aarch64"

def checked(result):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result

def system(on_x86_64, on_aarch64, *arguments):
    return checked(libc.syscall(on_aarch64 if ARM else on_x86_64, *arguments))

def nothing(*ignored):
    raise OSError("it is there, and says nothing")

def reads(path):
    assert open(path, "rb").read(100) or nothing()

def writes(path):
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND))

def makes(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    os.unlink(path)

def lists(path):
    assert os.listdir(path) or nothing()
"""


@dataclass(frozen=True)
class Probe:
    """One probe.

    Attributes
    ----------
    group, name : str
    source : str
        Statements; ``$name`` stands for what `World.places` names.
    works : bool
        Whether it reaches its end where nothing confines it, which proves that it is good; the
        others need privileges, a kernel or luck that a machine may not have, or would do harm.
    """

    group: str
    name: str
    source: str
    works: bool = True


FILES = ("hidden_tests", "reference", "gradebook", "rival", "attempts", "connection")
READ = {
    **{name.replace("_", " "): f"reads('${name}')" for name in FILES},
    "the kit's tests": f"reads({__file__!r})",
    "/etc/passwd": "reads('/etc/passwd')",
    "/etc/hostname": "reads('/etc/hostname')",
    "the course, listed": "lists('$course')",
    "the machine's temporary folder": "os.stat('/tmp/' + '$world'.split('/')[2]); lists('$world')",
    "home": "lists(os.path.dirname('$world'))",
    "through a link": "os.symlink('$gradebook', 'a link'); reads('a link')",
    "through a hard link": "os.link('$rival', 'a hard link'); reads('a hard link')",
    "by a climbing path": "reads('../' * 30 + '$gradebook'.lstrip('/'))",
    "by /proc/self/root": "reads('/proc/self/root$gradebook')",
    "by /proc/1/root": "reads('/proc/1/root$gradebook')",
    "by mmap": "mmap.mmap(os.open('$gradebook', os.O_RDONLY), 10, prot=mmap.PROT_READ)",
}
WRITE = {
    **{f"{name}": f"writes('${name}')" for name in ("gradebook", "rival", "attempts", "feedback")},
    "hidden tests": "writes('$hidden_tests')",
    "the course": "makes('$course/new')",
    "the root folder": "makes('/$mine')",
    "/var/tmp": "makes('/var/tmp/$mine')",
    "/dev/shm": "makes('/dev/shm/$mine')",
    "NumPy": "import numpy; writes(numpy.__file__)",
    "the standard library": "makes(os.path.dirname(os.__file__) + '/$mine')",
    "the kit": "import autograder; writes(autograder.__file__)",
    "a mode": "os.chmod('$feedback', 0o666)",
    "an owner": "os.chown('$feedback', os.getuid(), -1)",
    "a time": "os.utime('$feedback')",
    "an attribute": "os.setxattr('$feedback', 'user.probe', b'x')",
    "a rename": "os.rename('$feedback', '$feedback.x'); os.rename('$feedback.x', '$feedback')",
    "a truncation": "os.truncate('$feedback', os.stat('$feedback').st_size)",
    "a device": "os.mknod('device', 0o600 | 0o20000, os.makedev(1, 1))",
    "a pipe for others": "os.mkfifo('$course/pipe'); os.unlink('$course/pipe')",
    "a terminal": "os.open('/dev/tty', os.O_RDWR)",
}
SEE = {
    "another's environment": "assert b'$secret' in open('/proc/$victim/environ', 'rb').read()",
    "the parent's environment": "reads(f'/proc/{os.getppid()}/environ')",
    "its own first environment": "assert libc.getenv(b'PYTHONHASHSEED')",
    "the judge's command": "reads('/proc/$judge/cmdline')",
    "the judge's descriptors": "lists('/proc/$judge/fd')",
    "the judge's memory": "os.close(os.open('/proc/$judge/mem', os.O_RDONLY))",
    "the judge's memory map": "reads('/proc/$judge/maps')",
    "the parent's memory": "os.close(os.open(f'/proc/{os.getppid()}/mem', os.O_RDONLY))",
    "process_vm_readv": """
        buffer, there = ctypes.create_string_buffer(8), ctypes.c_void_p(id(None))
        local = struct.pack('QQ', ctypes.addressof(buffer), 8)
        system(310, 270, $judge, local, 1, struct.pack('QQ', id(None), 8), 1, 0)
     """,
    "process_vm_writev": "system(311, 271, $victim, None, 0, None, 0, 0)",
    "other processes": "assert [p for p in os.listdir('/proc') if p.isdigit() and int(p) > 2]",
    "other users": "assert {os.stat(p).st_uid for p in glob.glob('/proc/[0-9]*')} - {os.getuid()}",
    "the machine's load": "reads('/proc/loadavg'), reads('/proc/meminfo')",
    "the kernel's log": "checked(libc.klogctl(10, None, 0))",
    "the kernel's memory": "reads('/proc/kcore')",
    "the judge's mounts": "reads('/proc/$judge/mountinfo')",
    "a descriptor not its own": "os.fstat(4)",
    "kcmp": "system(312, 272, os.getpid(), $judge, 0, 0, 0)",
    "pidfd_getfd": "system(438, 438, system(434, 434, $judge, 0), 0, 0)",
    "inotify": "checked(libc.inotify_add_watch(checked(libc.inotify_init()), b'$course', 0xfff))",
    "fanotify": "system(300, 262, 0, 0)",
}
SOCKETS = {
    "TCP": "socket.create_connection(('127.0.0.1', $tcp), 0.5)",
    "TCP over IPv6": "socket.socket(socket.AF_INET6)",
    "UDP": "socket.socket(2, 2).sendto(b'x', ('127.0.0.1', $udp))",
    "a listener": "socket.create_server(('127.0.0.1', 0))",
    "DNS": "socket.getaddrinfo('localhost', None)",
    "Unix": "socket.socket(1, 1).connect('$unix')",
    "abstract": "socket.socket(1, 1).connect('\\0$mine')",
    "netlink": "socket.socket(16, 3, 0).bind((0, 0))",
    "packet": "socket.socket(17, 3, 0)",
    "raw": "socket.socket(2, 3, 1)",
    "vsock": "socket.socket(40, 1)",
    "Bluetooth": "socket.socket(31, 3, 1)",
    "CAN": "socket.socket(29, 3, 1)",
    "kernel cryptography": "socket.socket(38, 5).bind(('hash', 'sha1'))",
    "by number": "system(41, 198, 2, 1, 0)",
}
#: Signal 0 and unchanged values: what asks for permission and then does nothing.
SIGNALS = {
    "kill": "os.kill($victim, 0)",
    "kill the judge": "os.kill($judge, 0)",
    "kill the parent": "assert os.getppid() > 0; os.kill(os.getppid(), 0)",
    "kill a group": "os.killpg($victim, 0)",
    "tgkill": "system(234, 131, $victim, $victim, 0)",
    "tkill": "system(200, 130, $victim, 0)",
    "rt_sigqueueinfo": "system(129, 138, $victim, 0, struct.pack('iii4x', 0, 0, -1) + bytes(112))",
    "pidfd_open": "system(434, 434, $victim, 0)",
    "pidfd_send_signal": "signal.pidfd_send_signal(os.pidfd_open($victim), 0)",
    "an owned pipe": """
        reader, writer = os.pipe()  # the kernel signals its owner, who may not be another's
        fcntl.fcntl(reader, fcntl.F_SETOWN, $victim)
        fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC)
        os.write(writer, b'x')
        nothing()
     """,
    "ptrace": "system(101, 117, 0x4206, $victim, 0, 0); system(101, 117, 17, $victim, 0, 0)",
    "prlimit": "resource.prlimit($victim, resource.RLIMIT_CPU)",
    "renice": "os.setpriority(os.PRIO_PROCESS, $victim, os.getpriority(os.PRIO_PROCESS, $victim))",
    "its own priority": "os.setpriority(os.PRIO_PROCESS, 0, -20)",
    "ioprio_set": "system(251, 30, 1, $victim, 0)",
    "sched_setaffinity": "os.sched_setaffinity($victim, os.sched_getaffinity(0))",
    "sched_setscheduler": "os.sched_setscheduler($victim, os.SCHED_OTHER, os.sched_param(0))",
    "its own scheduler": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
    "sched_setattr": "system(314, 274, $victim, struct.pack('I', 48) + bytes(44), 0)",
    "setpgid": "os.setpgid($victim, 0)",
    "migrate_pages": "system(256, 238, $victim, 0, None, None)",
    "move_pages": "system(279, 239, $victim, 0, None, None, None, 0)",
    "process_madvise": "system(440, 440, system(434, 434, $judge, 0), None, 0, 20, 0)",
}
STAY = {
    "fork": "os.fork() or os._exit(0)",
    "vfork": "ended = system(58, -1); ended or os._exit(0)",
    "clone": "system(56, 220, 17, 0, 0, 0, 0) or os._exit(0)",
    "clone3": "system(435, 435, struct.pack('8Q', 0, 0, 0, 0, 17, 0, 0, 0), 64) or os._exit(0)",
    "clone of the parent": "system(56, 220, 0x8011, 0, 0, 0, 0) or os._exit(0)",
    "posix_spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "system": "assert os.system('true') == 0",
    "exec in a thread": "threading.Thread(target=os.execv, args=('/bin/true', ['true']))"
    "; os.execv('/nowhere/to/be/found', ['x'])",
    "a new session": "os.setsid()",
    "another user": "os.setuid(0)",
    "capabilities": """
        header, sets = struct.pack('Ii', 0x20080522, 0), struct.pack('6I', *[1, 1, 0] * 2)
        checked(libc.capset(header, sets))
     """,
    "no death with its parent": "checked(libc.prctl(1, 0, 0, 0, 0))",
}
KERNEL = {
    "add_key": "system(248, 217, b'user', b'probe', b'x', 1, -2)",
    "keyctl": "system(250, 219, 0, -3, 1)",
    "request_key": "system(249, 218, b'user', b'probe', None, 0)",
    "io_uring": "system(425, 425, 4, ctypes.create_string_buffer(120))",
    "asynchronous I/O": "system(206, 0, 8, ctypes.byref(ctypes.c_ulong()))",
    "bpf": "system(321, 280, 0, struct.pack('IIII', 2, 4, 4, 1) + bytes(104), 120)",
    "userfaultfd": "system(323, 282, 1)",
    "perf_event_open": "system(298, 241, struct.pack('IIQ', 1, 112, 0) + bytes(96), 0, -1, -1, 0)",
    "unshare": "system(272, 97, 0x10000000)",
    "setns": "system(308, 268, os.open('/proc/1/ns/pid', os.O_RDONLY), 0)",
    "mount": "checked(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)); libc.umount2(b'/tmp', 2)",
    "open_tree": "system(428, 428, -100, b'/', 1)",
    "fsopen": "system(430, 430, b'tmpfs', 0)",
    "chroot": "os.chroot('/')",
    "pivot_root": "system(155, 41, b'/', b'/')",
    "memfd": "os.memfd_create('probe')",
    "memfd and exec": "os.execve(os.memfd_create('probe'), ['x'], {})",
    "memfd_secret": "system(447, 447, 0)",
    "shmget": "checked(libc.shmget($key, 4096, 0o666))",
    "shmat": "libc.shmat.restype = ctypes.c_ssize_t; checked(libc.shmat($segment, None, 0))",
    "shmctl": "checked(libc.shmctl($segment, 2, ctypes.create_string_buffer(256)))",
    "msgget": "checked(libc.msgget($key, 0o666))",
    "msgsnd": "checked(libc.msgsnd($queue, struct.pack('q', 1) + b'x', 1, 0o4000))",
    "semget": "checked(libc.semget($key, 1, 0o666))",
    "semop": "checked(libc.semop($semaphore, struct.pack('Hhh', 0, 1, 0), 1))",
    "mq_open": "system(240, 180, b'$mine', 0o102, 0o600, None); system(241, 181, b'$mine')",
    "POSIX shared memory": """
        from multiprocessing.shared_memory import SharedMemory
        SharedMemory('$mine', create=True, size=16).unlink()
     """,
    "name_to_handle_at": """
        handle = struct.pack('Ii', 128, 0) + bytes(128)
        system(303, 264, -100, b'$gradebook', handle, ctypes.byref(ctypes.c_int()), 0)
     """,
    "open_by_handle_at": "system(304, 265, -100, bytes(136), 0)",
    "a module": "system(313, 273, -1, b'', 0)",
    "kexec": "system(246, 104, 0, 0, None, 0)",
    "reboot": "checked(libc.reboot(0))",
    "swapon": "checked(libc.swapon(b'/nowhere', 0))",
    "quotactl": "system(179, 60, 0x80000100, b'/', 0, None)",
    "a host name": "socket.sethostname(socket.gethostname())",
    "the clock": "time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME))",
    "iopl": "system(172, -1, 0)",
    "acct": "checked(libc.acct(None))",
    "another filter": "checked(libc.prctl(22, 2, None, 0, 0))",
    "x32": "system(0x40000000 | 39, -1)",
}
#: What tells a neighbour, or whoever comes next, a bit; and what takes their time.
TELL = {
    "flock": "fcntl.flock(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_SH)",
    "lockf": "fcntl.lockf(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)",
    "a lock of a description": """
        lock = struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 0, 1, 0)
        fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), 37, lock)
     """,
    "a lease": "fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)",
    "mincore": """
        with open(os.__file__, 'rb') as file:
            pages = mmap.mmap(file.fileno(), 4096, access=mmap.ACCESS_COPY)
        first = ctypes.c_char.from_buffer(pages)
        system(27, 232, ctypes.c_void_p(ctypes.addressof(first)), ctypes.c_size_t(4096),
               ctypes.create_string_buffer(1))
     """,
    "cachestat": """
        file = os.open(os.__file__, os.O_RDONLY)
        system(451, 451, file, struct.pack('QQ', 0, 4096), ctypes.create_string_buffer(64), 0)
     """,
    "fadvise": """
        os.posix_fadvise(os.open(os.__file__, os.O_RDONLY), 0, 0, os.POSIX_FADV_DONTNEED)
     """,
    "readahead": "system(187, 213, os.open(os.__file__, os.O_RDONLY), ctypes.c_long(0), 4096)",
    "what is cached": """
        os.preadv(os.open(os.__file__, os.O_RDONLY), [bytearray(1)], 0, os.RWF_NOWAIT)
     """,
    "sync": "system(162, 81)",
    "syncfs": "system(306, 267, os.open(os.__file__, os.O_RDONLY))",
    "membarrier": "system(324, 283, 0, 0)",
    "its own cores": "os.sched_setaffinity(0, os.sched_getaffinity(0))",
    "its own turns": "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
    "its own reading": "system(251, 30, 1, 0, (2 << 13) | 7)",
}
#: What these write to is not every user's to write to.
OWNED = {
    ("write", "the root folder"): "/",
    ("write", "the standard library"): os.path.dirname(os.__file__),
    ("write", "NumPy"): np.__file__,
}
#: They need what a machine may lack, or what root without confinement may not do either.
UNSURE = {
    ("read", "by /proc/1/root"), ("read", "the machine's temporary folder"),
    ("write", "an attribute"), ("write", "a terminal"), ("write", "a device"),
    ("write", "/dev/shm"),
    ("see", "the kernel's log"), ("see", "the kernel's memory"), ("see", "fanotify"),
    ("see", "pidfd_getfd"), ("see", "its own first environment"),
    ("see", "a descriptor not its own"), ("see", "other users"),
    ("see", "process_vm_writev"), ("see", "process_vm_readv"), ("see", "kcmp"),
    ("see", "the parent's memory"), ("see", "the parent's environment"),
    *(("socket", n) for n in ("TCP over IPv6", "DNS", "netlink", "packet", "raw", "vsock",
                              "Bluetooth", "CAN", "kernel cryptography")),
    ("signal", "an owned pipe"), ("signal", "setpgid"), ("signal", "rt_sigqueueinfo"),
    ("signal", "its own scheduler"), ("signal", "process_madvise"), ("signal", "ptrace"),
    ("signal", "migrate_pages"), ("signal", "its own priority"), ("signal", "sched_setattr"),
    ("signal", "move_pages"),
    *(("tell", n) for n in ("a lease", "cachestat", "membarrier", "what is cached")),
    *(("stay", n) for n in STAY),
    *(("kernel", n) for n in KERNEL),
    *(probe for probe, path in OWNED.items() if not os.access(path, os.W_OK)),
}  # fmt: skip
KNOW = {
    "that a file is there": "os.stat('$gradebook')",
    "a folder from within": "os.chdir('$course'); os.stat('gradebook.db')",
    "that a process is there": "os.getsid($victim)",
    "a priority": "os.getpriority(os.PRIO_PROCESS, $victim)",
}
#: What is allowed where a layer lacks, and no other refuses.
LEAKS = {
    "files": {"know: that a file is there", "know: a folder from within"},
    "processes": {"know: that a process is there", "know: a priority", "see: other processes",
                  "see: other users", "see: the judge's command", "see: the judge's mounts"},
    "uid": {"stay: another user", "write: a mode", "write: an owner"},
}  # fmt: skip
GROUPS = {"read": READ, "write": WRITE, "see": SEE, "socket": SOCKETS, "signal": SIGNALS,
          "stay": STAY, "kernel": KERNEL, "tell": TELL, "know": KNOW}  # fmt: skip
SURE = {("kernel", name) for name in (
    "shmget", "shmat", "shmctl", "msgget", "msgsnd", "semget", "semop", "memfd", "mq_open",
    "POSIX shared memory",
)} | {("stay", "no death with its parent")}  # fmt: skip

PROBES = [
    Probe(group, name, textwrap.dedent(source).strip(),
          works=(group, name) not in UNSURE or (group, name) in SURE)
    for group, probes in GROUPS.items()
    for name, source in probes.items()
]  # fmt: skip


def script(probes: list[Probe], places: Mapping[str, Any]) -> str:
    """Write the cell that tries probes one by one."""
    sources = {
        f"{probe.group}: {probe.name}": Template(probe.source).safe_substitute(places)
        for probe in probes
    }
    return TOOLS + textwrap.dedent(f"""
        results = {{}}
        for name, source in {sources!r}.items():
            try:
                exec(source, globals())
                results[name] = "allowed"
            except OSError as error:
                results[name] = f"refused ({{error.strerror or error}})"
            except BaseException as error:
                results[name] = f"refused ({{type(error).__name__}}: {{error}})"
    """)


def allowed(results: Mapping[str, str]) -> set[str]:
    """Name the probes that were not refused."""
    return {name for name, result in results.items() if not result.startswith("refused")}


def leaks(lacking: Iterable[str]) -> set[str]:
    """Name the probes that nothing may refuse where these layers lack."""
    return {name for layer in lacking for name in LEAKS.get(layer, ())}
