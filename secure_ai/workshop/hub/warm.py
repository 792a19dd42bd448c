"""Fork servers and kernels for the seats of a workshop from one warm process, as the user who asks.

``python warm.py serve SOCKET KIND`` loads the libraries of ``server`` (JupyterLab for one learner) or
``kernel`` (Python with the kit's libraries) once and listens. ``python -S warm.py ask SOCKET ARGUMENT…``
stands in for the program: it hands its environment, folder and streams over, passes signals on and ends with
the exit code of the fork. Who asks is read from the socket by the system, so a learner gets processes of
their own user and of nobody else; the fork gives up the rights of the warm process before it reads a byte of
the request.

Forks share the memory of what was loaded, which is why a class fits on a laptop. The standard library is all
that this file needs, and it is run by two environments: that of the hub and that of the kit.
"""

import atexit
import builtins
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

PRELOAD = {
    "server": (
        "jupyterhub.singleuser",
        "jupyterhub.singleuser.extension",
        "jupyterlab.labapp",
        "jupyter_server.serverapp",
        "jupyter_server.services.contents.handlers",
        "jupyter_server.services.kernels.websocket",
        "jupyter_server.services.sessions.handlers",
        "jupyter_server_terminals",
        "nbgitpuller",
        "nbconvert",
        "nbformat.v4",
        "jupyter_client.provisioning",
    ),
    "kernel": (
        "ipykernel.kernelapp",
        "ipykernel.ipkernel",
        "ipykernel.zmqshell",
        "IPython.core.completer",
        "matplotlib.pyplot",
        "ipywidgets",
        "pandas",
        "sklearn.ensemble",
        "sklearn.linear_model",
        "sklearn.metrics",
        "sklearn.model_selection",
        "sklearn.pipeline",
        "spacy",
        "presidio_analyzer",
        "faker",
        "pydantic",
        "sqlalchemy",
        "yaml",
    ),
}
# Threads do not survive a fork: one each while the libraries load.
SINGLE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "TOKENIZERS_PARALLELISM": "false",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
MOST_FORKS_OF_ONE = 12
MOST_REQUEST_BYTES = 1_000_000
READ_SECONDS = 20
CONTROLLERS = ("memory", "cpu", "pids")
PR_SET_PDEATHSIG = 1
_NUMBER = struct.Struct("!i")
_LENGTH = struct.Struct("!I")
_CREDENTIALS = struct.Struct("3i")


def receive(channel: socket.socket, size: int) -> bytes:
    """Return exactly so many bytes.

    Raises:
        EOFError: if the other end closes before.
    """
    data = b""
    while len(data) < size:
        part = channel.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


# ------------------------------------------------------------------------------------------ who asks


def ask(place: str, arguments: list[str]) -> int:
    """Have a process forked, stand in for it until it ends, and return its exit code."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.connect(place)
        request = {"argv": arguments, "env": dict(os.environ), "cwd": os.getcwd()}  # noqa: PTH109
        data = json.dumps(request).encode()
        socket.send_fds(channel, [_LENGTH.pack(len(data))], [0, 1, 2])
        channel.sendall(data)
        (pid,) = _NUMBER.unpack(receive(channel, 4))

        def pass_on(number: int, _: object) -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, pass_on)
        try:
            (code,) = _NUMBER.unpack(receive(channel, 4))
        except (EOFError, OSError):
            return 1  # the warm process is gone, and took its forks with it
    return code if code >= 0 else 128 - code


# --------------------------------------------------------------------------------- the warm process


class Warm:
    """The warm process: forks for whoever connects, and ends a fork whose asker has gone."""

    def __init__(self, place: str, groups: str = "") -> None:
        self.groups = groups
        self.forks: dict[int, tuple[socket.socket, int]] = {}
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place)  # noqa: PTH108
        self.listener.bind(place)
        os.chmod(place, 0o666 if os.geteuid() == 0 else 0o600)  # noqa: PTH101
        self.listener.listen(128)
        self.poll = select.poll()
        self.wakeup = socket.socketpair()
        for end in self.wakeup:
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self.wakeup[1].fileno(), warn_on_full_buffer=False)
        self.poll.register(self.listener, select.POLLIN)
        self.poll.register(self.wakeup[0], select.POLLIN)

    def serve(self) -> socket.socket:
        """Fork on request; returns in a fork only, with the channel to who asked."""
        while True:
            for descriptor, _ in self.poll.poll():
                if descriptor == self.wakeup[0].fileno():
                    with contextlib.suppress(BlockingIOError):
                        self.wakeup[0].recv(4096)
                    self._reap()
                elif descriptor == self.listener.fileno():
                    channel, _ = self.listener.accept()
                    if self._fork(channel):
                        return channel
                else:
                    self._end_abandoned(descriptor)

    def _fork(self, channel: socket.socket) -> bool:
        credentials = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, user, group = _CREDENTIALS.unpack(credentials)
        if sum(owner == user for _, owner in self.forks.values()) >= MOST_FORKS_OF_ONE:
            channel.close()
            return False
        pid = os.fork()
        if pid:
            self.forks[pid] = (channel, user)
            # Only the far end's closing is of interest: what it sends is for the fork.
            self.poll.register(channel, select.POLLRDHUP)
            return False
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        self.listener.close()
        for other in (*self.wakeup, *(taken for taken, _ in self.forks.values())):
            other.close()
        os.setsid()
        if os.geteuid() == 0:
            self._join_groups(user)
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
        die_with_parent()
        return True

    def _join_groups(self, user: int) -> None:
        for controller in CONTROLLERS:
            with contextlib.suppress(OSError):
                place = Path("/sys/fs/cgroup", controller, self.groups, str(user), "cgroup.procs")
                if self.groups and user:
                    place.write_text(str(os.getpid()))

    def _end_abandoned(self, descriptor: int) -> None:
        for pid, (channel, _) in self.forks.items():
            if channel.fileno() == descriptor:
                kill_group(pid)
                self.poll.unregister(descriptor)

    def _reap(self) -> None:
        for pid, (channel, _) in list(self.forks.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self.forks[pid]
                with contextlib.suppress(KeyError):
                    self.poll.unregister(channel)
                with contextlib.suppress(OSError):
                    channel.setblocking(False)
                    channel.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))
                channel.close()

    def _end(self, *_: object) -> None:
        for pid in self.forks:
            kill_group(pid)
        os._exit(0)


def kill_group(pid: int) -> None:
    """End a fork and what it started; it makes its own group first thing, until then it has a number only."""
    for send in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(pid, signal.SIGKILL)


def die_with_parent() -> None:
    """Ask the system to end this process with its parent; a change of user forgets it, so ask after one."""
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def preload(modules: tuple[str, ...]) -> list[str]:
    """Import what forks will need; return the names that could not be imported."""
    missing = []
    # pandas asks on import whether it is in a terminal or in a kernel, and prints wide tables accordingly.
    builtins.get_ipython = lambda: SimpleNamespace(kernel=True)
    try:
        for name in modules:
            try:
                importlib.import_module(name)
            except Exception:  # a part that is not installed only makes its users slower
                missing.append(name)
    finally:
        del builtins.get_ipython
    return missing


# ---------------------------------------------------------------------------------------- in a fork


def become(kind: str, channel: socket.socket) -> None:
    """Read the request and be the program that was asked for; does not return."""
    channel.settimeout(READ_SECONDS)
    data, streams, _, _ = socket.recv_fds(channel, _LENGTH.size, 3)
    (size,) = _LENGTH.unpack(data + receive(channel, _LENGTH.size - len(data)))
    if size > MOST_REQUEST_BYTES or len(streams) != 3:
        os._exit(2)
    request = json.loads(receive(channel, size))
    channel.sendall(_NUMBER.pack(os.getpid()))
    channel.close()
    for source, target in zip(streams, (0, 1, 2), strict=True):
        os.dup2(source, target)
        if source > 2:
            os.close(source)
    os.environ.clear()
    os.environ.update(request["env"])
    os.umask(0o077)
    os.chdir(request["cwd"])
    for entry in reversed(os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        if entry and entry not in sys.path:
            sys.path.insert(0, entry)
    status = 1
    try:
        status = PROGRAMS[kind](request["argv"])
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        # Run what was registered for the end, but do not take the large inherited heap apart.
        atexit._run_exitfuncs()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def be_server(arguments: list[str]) -> int:
    """Be JupyterLab for one learner."""
    sys.argv = ["jupyterhub-singleuser", *arguments]
    from jupyterhub.singleuser import main

    main()
    return 0


def be_kernel(arguments: list[str]) -> int:
    """Be a Python kernel."""
    sys.argv = ["ipykernel_launcher", *arguments]
    if "matplotlib" in sys.modules and os.environ.get("MPLBACKEND"):
        sys.modules["matplotlib"].rcParams["backend"] = os.environ["MPLBACKEND"]
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # else all seats would draw the same "random" numbers
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(argv=arguments, parent_handle=os.getppid())
    return 0


PROGRAMS = {"server": be_server, "kernel": be_kernel}


def main(arguments: list[str]) -> int:
    """Ask for a fork, or be the warm process."""
    command, place, *rest = arguments
    if command == "ask":
        return ask(place, rest)
    kind, *groups = rest
    os.environ.update(SINGLE_THREAD)
    missing = preload(PRELOAD[kind])
    warm = Warm(place, *groups)
    # What was loaded stays where it is: forks that collect garbage would copy it page by page.
    gc.collect()
    gc.freeze()
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    print(json.dumps({"pid": os.getpid(), "missing": missing, "threads": threads}))
    sys.stdout.flush()
    become(kind, warm.serve())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
