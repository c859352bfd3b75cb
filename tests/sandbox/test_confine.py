"""What student code tries, from inside; each attempt on the world is refused."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.sandbox import (
    LAYERS,
    Limits,
    StudentDied,
    StudentProcess,
    WarmParent,
    linux,
    survey,
)

REPOSITORY = Path(__file__).resolve().parents[2]


def run(student: StudentProcess, source: str) -> Any:
    """What `source` leaves in `seen`, or the error that it ends with."""
    (outcome,) = student.execute([("attack", textwrap.dedent(source))])
    return student.namespace.seen if outcome.status == "ok" else outcome.error


def needs(parent: WarmParent, *layers: str) -> None:
    """Skip where the machine refuses a layer that the test is about."""
    lacking = [layer for layer in layers if layer not in parent.isolation]
    if lacking:
        pytest.skip(f"this machine lacks {', '.join(lacking)}: {parent.isolation.lacking}")


def test_every_layer_is_in_force_or_has_a_reason(parent: WarmParent) -> None:
    isolation = parent.isolation
    assert sorted([*isolation.in_force, *isolation.lacking]) == sorted(LAYERS)
    assert all(isolation.lacking.values())
    assert isolation == survey()
    if os.geteuid() == 0 and len(isolation.in_force) == len(LAYERS):
        assert str(isolation) == ", ".join(LAYERS)


# Files


def test_a_secret_cannot_be_read(parent: WarmParent, student: StudentProcess) -> None:
    if "files" not in parent.isolation and "landlock" not in parent.isolation:
        pytest.skip("this machine has neither mount namespaces nor Landlock")
    for path in (__file__, REPOSITORY, REPOSITORY / "pyproject.toml", "/etc/passwd"):
        error = run(student, f"import os\nseen = os.listdir({str(path)!r})")
        assert isinstance(error, str) and "Error" in error, path
        error = run(student, f"seen = open({str(path)!r}).read()")
        assert isinstance(error, str) and "Error" in error, path


def test_the_room_holds_nothing_else(parent: WarmParent, student: StudentProcess) -> None:
    needs(parent, "files")
    seen = run(student, "import os\nseen = [sorted(os.listdir(p)) for p in ('/', '/site', '/dev')]")
    top = {
        Path(sys.base_prefix).parts[1],
        "usr",
        "lib",
        "lib64",
        "site",
        "dev",
        "proc",
        "tmp",
        "etc",
    }
    assert set(seen[0]) <= top
    assert {name.split(".")[0].split("-")[0] for name in seen[1]} == {"numpy", "autograder"}
    assert seen[2] == ["full", "null", "random", "urandom", "zero"]
    seen = run(student, """
        import glob, sys
        homes = {sys.base_prefix, "/usr", "/usr/local"}
        seen = [n for h in homes for n in glob.glob(f"{h}/lib*/python3*/*-packages/*")]
    """)  # fmt: skip
    assert seen == []


def test_only_the_temporary_folder_can_be_written(student: StudentProcess) -> None:
    seen = run(
        student,
        """
        import os, tempfile
        seen = {}
        places = ["/", "/site", "/dev", "/dev/shm", "/var/tmp", os.path.dirname(os.__file__)]
        for place in places:
            try:
                open(os.path.join(place, "x"), "w").write("x")
                seen[place] = "written"
            except OSError as error:
                seen[place] = "refused"
        open("here", "w").write("x")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
        open(os.devnull, "w").write("x")
        seen["here"] = os.getcwd() == os.environ["HOME"] == os.path.dirname(os.path.abspath("here"))
    """,
    )
    assert seen.pop("here") is True
    assert set(seen.values()) == {"refused"}


def test_the_temporary_folder_is_small_and_private(
    parent: WarmParent, student: StudentProcess
) -> None:
    needs(parent, "files", "rlimits")
    error = run(
        student,
        """
        seen = 0
        while True:
            open(f"file{seen}", "wb").write(b"x" * 10**6)
            seen += 1
    """,
    )
    assert "No space left" in error
    assert run(student, "seen = seen") * 10**6 <= student.limits.disk
    with parent.attempt() as other:
        assert run(other, "import os\nseen = os.listdir('/tmp')") == []
        error = run(other, "for seen in range(10**6): open(f'{seen}', 'w').close()")
        assert "No space left" in error or "Disk quota" in error
        error = run(other, "os.remove('1')\nopen('0', 'wb').write(b'x' * (64 << 20))")
        assert "File too large" in error


def test_nothing_is_left_for_the_next(parent: WarmParent) -> None:
    with parent.attempt() as first:
        run(first, "import os\nopen('left', 'w').write('x')\nseen = os.path.abspath('left')")
        left = first.namespace.seen
    with parent.attempt() as second:
        assert run(second, f"import os\nseen = os.path.exists({left!r})") is False
    assert not os.path.exists(left)


def test_modules_are_not_shadowed(student: StudentProcess) -> None:
    seen = run(
        student,
        """
        for name in ("numpy", "sitecustomize", "decimal"):
            open(f"{name}.py", "w").write("raise SystemExit")
        import decimal, numpy
        seen = numpy.ones(2).sum()
    """,
    )
    assert seen == 2


# Libraries


@pytest.mark.parametrize("name", ["torch", "scipy", "sklearn", "pytest", "nbgrader", "IPython"])
def test_other_libraries_are_not_there(student: StudentProcess, name: str) -> None:
    (outcome,) = student.execute([("a", f"import {name}")])
    assert outcome.error is not None
    assert outcome.error.startswith(f"ModuleNotFoundError: No module named '{name}'")


def test_a_library_cannot_be_found_by_its_path(student: StudentProcess) -> None:
    folders = sorted({str(Path(pytest.__file__).parents[1]), *sys.path})
    error = run(student, f"import sys\nsys.path += {folders!r}\nimport pytest\nseen = 1")
    assert isinstance(error, str) and "Error" in error


def test_neither_tests_nor_course_code_are_in_memory(student: StudentProcess) -> None:
    seen = run(
        student,
        """
        import gc, sys
        seen = sorted(name for name in sys.modules if name.startswith("autograder"))
        objects = [o for o in gc.get_objects() if isinstance(o, dict) and "__exercise__" in o]
        own = sys._getframe().f_globals
        kinds = (list, dict, tuple)
        held = [o for o in gc.get_objects() if type(o) in kinds and o is not own]
        text = " ".join(s for o in held for s in (o.values() if type(o) is dict else o)
                        if type(s) is str and "/" in s)[:10**6]
    """,
    )
    assert not {
        "autograder.judging.judge",
        "autograder.judging.hidden_tests",
        "autograder.assignment.source",
    } & set(seen)
    assert student.namespace.objects == []
    assert str(REPOSITORY) not in student.namespace.text


# Surroundings


def test_environment_descriptors_and_arguments_say_nothing(
    parent: WarmParent, student: StudentProcess
) -> None:
    seen = run(
        student,
        """
        import os, resource, sys
        seen = sorted(os.environ), sys.argv, [], os.getsid(0) == os.getpid()
        for fd in range(4096):
            try:
                os.fstat(fd)
                seen[2].append(fd)
            except OSError:
                pass
    """,
    )
    assert seen == (["HOME", "TMPDIR"], ["-c"], [0, 1, 2, 3], True)
    os.environ["CHAINRULE_SECRET"] = "secret"
    with WarmParent() as fresh, fresh.attempt() as other:
        assert "secret" not in str(run(other, "import os\nseen = os.environ.copy()"))
    del os.environ["CHAINRULE_SECRET"]


def test_it_has_no_privileges(parent: WarmParent, student: StudentProcess) -> None:
    needs(parent, "privileges")
    seen = run(
        student,
        """
        import ctypes, os, struct
        libc = ctypes.CDLL(None, use_errno=True)
        header, data = struct.pack("Ii", 0x20080522, 0), ctypes.create_string_buffer(24)
        assert libc.capget(header, data) == 0
        no_new_privs = libc.prctl(39, 0, 0, 0, 0)
        bounding = sum(libc.prctl(23, c, 0, 0, 0) for c in range(41))
        seen = data.raw == bytes(24), no_new_privs, bounding, os.getresuid(), os.getgroups()
    """,
    )
    assert seen[:2] == (True, 1)
    if os.geteuid() == 0:
        assert seen[2] == 0
    if "uid" in parent.isolation:
        assert len(set(seen[3])) == 1 and seen[3][0] >= 60800 and seen[4] == []
        error = run(student, "import os\nos.setuid(0)")
        assert "Operation not permitted" in error


@pytest.fixture
def victim() -> Iterator[int]:
    """A process of the grader's user that should live on."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with process:
        yield process.pid
        assert process.poll() is None
        process.kill()


def test_others_can_be_neither_signalled_nor_limited(
    parent: WarmParent, student: StudentProcess, victim: int
) -> None:
    isolation = parent.isolation
    if not {"processes", "uid", "landlock"} & set(isolation.in_force):
        pytest.skip(f"nothing here keeps processes apart: {isolation}")
    with parent.attempt(slot=1) as sibling:
        assert parent._program is not None
        others = [victim, os.getpid(), parent._program.pid, sibling.pid, os.getppid()]
        seen = run(
            student,
            f"""
            import ctypes, os, resource
            libc = ctypes.CDLL(None)
            seen = []
            for pid in {others}:
                attacks = [
                    lambda: os.kill(pid, 9), lambda: os.kill(pid, 0), lambda: os.killpg(pid, 9),
                    lambda: resource.prlimit(pid, resource.RLIMIT_CPU, (0, 0)),
                    lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
                    lambda: os.sched_setaffinity(pid, [0]),
                ]
                for number, attack in enumerate(attacks):
                    try:
                        attack()
                        seen.append((pid, number))
                    except OSError:
                        pass
                if libc.ptrace(16, pid, 0, 0) == 0:
                    seen.append((pid, "ptrace"))
        """,
        )
        assert seen == []
        for signalled in ("0", "-1"):  # which may be itself
            with parent.attempt() as other, contextlib.suppress(StudentDied):
                run(other, f"import os, signal\nos.kill({signalled}, signal.SIGHUP)\nseen = 1")
        assert run(sibling, "seen = 1") == 1


def test_no_other_process_is_seen(parent: WarmParent, student: StudentProcess) -> None:
    needs(parent, "processes", "files")
    seen = run(
        student,
        """
        import os
        seen = os.getpid(), [n for n in os.listdir("/proc") if n.isdigit()], os.listdir("/proc")
    """,
    )
    assert seen[0] == 1 and seen[1] in ([], ["1"])
    assert "kcore" not in seen[2]


def test_there_is_no_network(parent: WarmParent, student: StudentProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        name = f"chainrule-{secrets.token_hex(8)}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        seen = run(
            student,
            f"""
            import socket
            seen = []
            def reach(family, kind, address):
                try:
                    with socket.socket(family, kind) as s:
                        s.connect(address)
                        s.send(b"x")
                    seen.append(address)
                except OSError:
                    pass
            reach(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", {tcp.getsockname()[1]}))
            reach(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 53))
            reach(socket.AF_INET, socket.SOCK_DGRAM, ("1.1.1.1", 53))
            reach(socket.AF_UNIX, socket.SOCK_STREAM, "\\0{name}")
            reach(socket.AF_UNIX, socket.SOCK_STREAM, "/var/run/docker.sock")
        """,
        )
    if not {"network", "seccomp"} & set(parent.isolation.in_force):
        pytest.skip(f"nothing here keeps the network away: {parent.isolation}")
    assert seen == []


@pytest.mark.parametrize(
    "attack",
    [
        "os.fork()",
        "os.forkpty()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv(sys.executable, ['python'])",
        "os.system('true') == 0 and 1",
        "subprocess.run(['true'])",
        "multiprocessing.Process(target=print).start()",
        "socket.socket()",
        "os.memfd_create('x')",
        "syscall(272, 0x10000000)",  # unshare(CLONE_NEWUSER)
        "syscall(435, ctypes.create_string_buffer(88), 88)",  # clone3
        "syscall(0x40000000 | 39)",  # getpid by the x32 table
        "syscall(425, 8, ctypes.create_string_buffer(120))",  # io_uring_setup
        "syscall(101, 0, 0, 0, 0)",  # ptrace(PTRACE_TRACEME)
        "syscall(302, os.getpid(), 0, 0, 0)",  # prlimit64 by number, be it one's own
    ],
)
def test_seccomp_refuses(parent: WarmParent, student: StudentProcess, attack: str) -> None:
    needs(parent, "seccomp")
    if "syscall" in attack and os.uname().machine != "x86_64":
        pytest.skip("system call numbers of x86_64")
    seen = run(
        student,
        f"""
        import ctypes, multiprocessing, os, socket, subprocess, sys
        libc = ctypes.CDLL(None, use_errno=True)
        def syscall(*arguments):
            if libc.syscall(*arguments) == -1:
                raise OSError(ctypes.get_errno(), "")
        multiprocessing.set_start_method("fork", force=True)
        try:
            seen = {attack}
            seen = "done" if seen is not False else "refused"
        except OSError as error:
            seen = "refused"
    """,
    )
    assert seen == "refused"
    assert run(student, "seen = 5") == 5


@pytest.mark.parametrize(
    "bomb",
    [
        "while True: os.fork()",
        "while True: threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "while True: kept.append(os.open('/dev/null', 0))",
        "while True: kept.append(bytearray(10**7))",
        "while True: kept.append(os.pipe())",
        "while True: kept.append(mmap.mmap(-1, 10**7))",
    ],
)
def test_bombs_burst_inside(parent: WarmParent, student: StudentProcess, bomb: str) -> None:
    needs(parent, "rlimits", "seccomp")
    error = run(student, f"import mmap, os, threading\nkept = []\n{bomb}")
    assert "Error" in error
    assert run(student, "kept.clear()\nseen = 1") == 1


def test_threads_are_bounded(parent: WarmParent, student: StudentProcess) -> None:
    needs(parent, "rlimits", "privileges")
    seen = run(
        student,
        """
        import threading
        threading.stack_size(1 << 16)
        hold, seen = threading.Event(), 0
        try:
            while seen < 500:
                threading.Thread(target=hold.wait, daemon=True).start()
                seen += 1
        except RuntimeError:
            hold.set()
    """,
    )
    assert 8 < seen < student.limits.threads


def test_cpu_is_bounded_even_without_the_judge(parent: WarmParent) -> None:
    needs(parent, "rlimits")
    strict = WarmParent.from_fd(os.dup(parent.fileno()), parent.isolation, Limits(attempt_cpu=0.3))
    with strict, strict.attempt() as student:
        student.limits = Limits()  # this judge would wait longer
        with pytest.raises(StudentDied):
            run(student, "while True: pass")
        assert 0.8 < student.cpu_seconds() < 1.5


# Layers one by one, and the grader's container

TOOLS = """
import ctypes, os
libc = ctypes.CDLL(None)
def opens(*arguments):
    try:
        return open(*arguments).close() is None
    except OSError:
        return False
def reaches(port):
    import socket
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0
def signals(pid):
    return libc.kill(pid, 0) == 0
"""
try:
    ABI = linux.landlock_abi()
except OSError:
    ABI = 0
# `seen` is True if the attack that the layer is there for succeeds.
ATTACKS = {
    "files": "seen = opens({file!r}) or opens(os.__file__, 'a')",
    "processes": "seen = signals({pid})",
    "network": "seen = reaches({port})",
    "ipc": "seen = libc.msgget({key}, 0) >= 0",
    "uid": "seen = os.getuid() == {uid}",
    "privileges": "seen = libc.prctl(39, 0, 0, 0, 0) == 0 or libc.unshare(0x20000) == 0",
    "landlock": "seen = opens({file!r}) or opens(os.__file__, 'a')"
    + (" or reaches({port})" if ABI >= 4 else "")
    + (" or signals({pid})" if ABI >= 6 else ""),
    "seccomp": "os.fork() or os._exit(0); os.wait(); seen = True",
    "rlimits": "import mmap; seen = len(mmap.mmap(-1, 3 << 30)) > 0",
}
BASICS = """
import decimal, threading, unittest.mock
import numpy as np
thread = threading.Thread(target=lambda: None)
thread.start()
thread.join()
open("x", "w").write("x")
seen = float(np.linalg.norm(np.ones(4)))
"""


@pytest.fixture(scope="module")
def bare() -> Iterator[WarmParent]:
    """A parent whose attempts are not confined at all."""
    with WarmParent(layers=[]) as parent:
        yield parent


@pytest.fixture(scope="module")
def world() -> Iterator[dict[str, Any]]:
    """What the attacks are after: a file, a process, a server, a message queue."""
    libc, key = ctypes.CDLL(None), secrets.randbelow(2**31 - 1) + 1
    queue = libc.msgget(key, 0o3666)  # IPC_CREAT | IPC_EXCL
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        yield {"file": __file__, "pid": os.getpid(), "port": port, "key": key, "uid": os.getuid()}
    libc.msgctl(queue, 0, None)  # IPC_RMID


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_holds_alone(bare: WarmParent, world: dict[str, Any], layer: str) -> None:
    attack = TOOLS + ATTACKS[layer].format(**world)
    # Another user may need the private root to read Python at all.
    layers = ["files", "uid"] if layer == "uid" else [layer]
    with bare.attempt() as student:
        assert run(student, attack) is True, "the attack is no good"
    with WarmParent(layers=layers) as parent:
        needs(parent, layer)
        with parent.attempt() as student:
            assert run(student, attack) is not True
            assert run(student, BASICS) == 2.0


@pytest.mark.parametrize("without", ["files", "privileges"])
def test_the_others_hold_without(without: str) -> None:
    with WarmParent(layers=LAYERS.keys() - {without}) as parent, parent.attempt() as student:
        assert without in parent.isolation.lacking
        assert run(student, BASICS) == 2.0


CONTAINED = Path(__file__).with_name("contained.py")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can play the container")
def test_in_a_container_that_refuses_namespaces() -> None:
    done = subprocess.run(
        [sys.executable, CONTAINED], capture_output=True, text=True, timeout=600, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stderr
    *stages, home = done.stdout.split()
    shutil.rmtree(home)  # its parent was killed, without time to tidy up
    assert stages == ["confined", "swept", "orphaned"]
