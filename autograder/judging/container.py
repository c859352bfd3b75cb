"""Workers in containers of ``docker/Dockerfile``'s image, with Docker or Podman.

A container has no network, a read-only root, no capability but to change the user of a student
process and to end it, and bounds on memory, processes and CPU. Its worker is told everything
over stdin; when stdin ends, because the coordinator closed it or died, so does the container.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from autograder import files
from autograder.errors import UserError
from autograder.files import KIT
from autograder.judging.protocol import PIPE_BYTES, Allows, Parent, Start, pack
from autograder.sandbox import ONE_THREAD, Isolation, Limits, users

ENGINES = ("docker", "podman")
IMAGE = "chainrule:latest"
#: The image's label with the digest of the sources that it was built from.
SOURCES = "chainrule.sources"
#: The label of every worker's container, with the coordinator's process number.
COORDINATOR = "chainrule.coordinator"
#: Where in a container the assignments' sources go.
ROOT = "/run/chainrule"
BUILT_FROM = ("constraints.txt", "docker/Dockerfile", "autograder", "datasets")
_END_SECONDS = 5
_MIB = 1 << 20


class ContainerError(UserError):
    """No container can be had; the message says why and what to do."""


def engine() -> str:
    """Find the container engine: what ``CHAINRULE_ENGINE`` says, else Docker, else Podman.

    The variable may hold options too, such as ``podman --remote``.
    """
    wanted = os.environ.get("CHAINRULE_ENGINE")
    for command in [wanted] if wanted else ENGINES:
        if shutil.which(shlex.split(command)[0]):
            return command
    raise ContainerError(
        f"There is no {wanted or 'Docker or Podman'} on this machine; install one, "
        "or grade with --isolation process."
    )


def image() -> str:
    """Give the identity of the image that workers run in, once it is seen to be of these sources.

    Its name is ``chainrule:latest``, or what ``CHAINRULE_IMAGE`` says.
    """
    name = os.environ.get("CHAINRULE_IMAGE", IMAGE)
    template = f'{{{{.Id}}}} {{{{index .Config.Labels "{SOURCES}"}}}}'
    done = _run("image", "inspect", "--format", template, name)
    if done.returncode:
        if _run("info").returncode:
            raise ContainerError(
                f"{engine()} is installed but does not answer ({_last_line(done.stderr)}); "
                "start it, or grade with --isolation process."
            )
        raise ContainerError(f"There is no image {name}; make it with `make image`.")
    identity, _, label = done.stdout.strip().partition(" ")
    if label != sources():
        raise ContainerError(
            f"The image {name} was made from other sources than this kit's; run `make image`."
        )
    return identity


def sources(kit: Path = KIT) -> str:
    """Digest the sources of the image that a verdict depends on.

    The assignments' own are not among them: a worker gets them from its coordinator.
    """
    checkout = kit.parent
    folders = [Path(part) for part in BUILT_FROM if (checkout / part).is_dir()]
    single = [Path(part) for part in BUILT_FROM if Path(part) not in folders]
    inside = [folder / path for folder in folders for path in files.counted(checkout / folder)]
    return files.digest(checkout, single + inside)


def command_line(
    program: str, image: str, name: str, allowed: list[Allows], limits: Limits, gpus: str = ""
) -> list[str]:
    """Give the command that starts one worker in a container.

    Parameters
    ----------
    program : str
        The engine.
    image, name : str
        The image's and the container's.
    allowed : list of frozenset of str
        The sets of imports; each has a warm parent, and a submission a process, of its own.
    limits : Limits
    gpus : str
        What the engine's ``--gpus`` takes; none by default.
    """
    sets = len(allowed)
    memory = sets * limits.memory + 3072 * _MIB  # the worker and its warm parents need theirs too
    disk = sets * limits.disk + 16 * _MIB
    processes = sets * (limits.threads + 8) + 64
    podman = "podman" in Path(shlex.split(program)[0]).name
    device = ["--device", f"nvidia.com/gpu={gpus}"] if podman else ["--gpus", gpus]
    bare = ["--read-only-tmpfs=false"] if podman else []  # or /var/tmp could be written to
    return [
        *shlex.split(program), "run", "--interactive", "--rm", "--pull", "never",
        "--name", name, "--label", f"{COORDINATOR}={os.getpid()}",
        "--network", "none", "--ipc", "none", "--read-only", *bare, "--log-driver", "none",
        "--cap-drop", "ALL", *(f"--cap-add={each}" for each in ("SETUID", "SETGID", "KILL")),
        "--security-opt", "no-new-privileges", "--no-healthcheck",
        "--tmpfs", f"/tmp:rw,nosuid,nodev,size={disk},mode=1777",
        "--tmpfs", f"/run:rw,nosuid,nodev,noexec,size={64 * _MIB},mode=0755",
        "--memory", str(memory), "--memory-swap", str(memory),
        "--pids-limit", str(processes), "--cpus", "1",
        # what students have is tighter; Podman's own default is more than some hosts may give
        f"--ulimit=nofile={max(1024, limits.files)}", f"--ulimit=nproc={max(1024, limits.threads)}",
        *(device if gpus else ()),
        *(f"--env={name}={value}" for name, value in ONE_THREAD.items()),
        "--workdir", "/", "--entrypoint", "python3", image, "-m", "autograder.judging.worker",
    ]  # fmt: skip


class Containers:
    """Workers in containers, each with warm parents of its own.

    Raises
    ------
    ContainerError
        If no container can be had.
    """

    isolation: Isolation | None = None  # a worker is to say

    def __init__(self, root: Path, allowed: list[Allows], limits: Limits, gpus: str = "") -> None:
        self.engine = engine()
        self.image = image()
        self.allowed = allowed
        self.limits = limits
        self.gpus = gpus
        self.sources = pack(root)
        with ExitStack() as stack:
            # limits count a user's processes over all containers of this machine
            self.first_uids = []
            for _ in allowed:
                first, lock = users.reserve()
                stack.callback(lock.close)
                self.first_uids.append(first)
            self._stack = stack.pop_all()

    def start(self, slot: int) -> subprocess.Popen[bytes]:
        """Start a container with a worker in it."""
        name = f"chainrule-{slot}-{secrets.token_hex(6)}"
        container = _Container(
            name,
            command_line(self.engine, self.image, name, self.allowed, self.limits, self.gpus),
        )
        parents = tuple(
            Parent(tuple(sorted(allows)), first_uid=first)
            for allows, first in zip(self.allowed, self.first_uids, strict=True)
        )
        Start(ROOT, slot, self.limits, parents, bool(self.gpus)).send(container, self.sources)
        return container

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End a container by ending its stdin; one that lives on all the same is killed."""
        assert isinstance(process, _Container) and process.stdin and process.stdout
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            _run("kill", process.name)
            process.kill()
            process.wait()
        process.stdout.close()
        process.log.close()

    def complain(self, process: subprocess.Popen[bytes]) -> None:
        """Raise why a container did not start, or ended before its worker was ready."""
        assert isinstance(process, _Container)
        process.wait()  # its stdout has ended
        process.log.seek(0)
        why = _last_line(process.log.read())
        self.end(process)
        raise ContainerError(
            f"A worker's container did not start ({why}); see that {self.engine} runs, "
            "then give the same command again: what was judged is kept."
        )

    def close(self) -> None:
        """Let other graders have the users."""
        self._stack.close()


class _Container(subprocess.Popen[bytes]):
    """The engine's client that holds a container's stdin and stdout."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        super().__init__(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            pipesize=PIPE_BYTES,
            start_new_session=True,  # an interrupt at the terminal is the coordinator's to handle
        )


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask the engine."""
    command = [*shlex.split(engine()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace")


def _last_line(text: str) -> str:
    """What an engine's client says at the end, without its advice."""
    advice = ("See '", "Run '", "WARNING")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(advice)]
    return lines[-1].strip() if lines else "it does not say why"


if __name__ == "__main__":
    print(sources())  # for the image's label
