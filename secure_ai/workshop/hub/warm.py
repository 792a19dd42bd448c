"""Fork servers and kernels for the seats of a workshop from one warm process, as the user who asks.

``python warm.py serve SOCKET KIND [GROUPS [USERS [MEMORY]]]`` loads the libraries of ``server`` (JupyterLab
for one learner) or ``kernel`` (Python with the kit's libraries) once and listens. ``python -I -S warm.py ask
SOCKET ARGUMENT…`` stands in for the program: it hands its environment, folder and streams over, passes
signals on and ends with the exit code of the fork. Who asks is read from the socket by the system, so a
learner gets processes of their own user and of nobody else.

The warm process may be root and its askers are strangers. It reads nothing from them: a fork joins the
groups of its seat, closes what belongs to others, gives up all rights, and only then reads the request. An
asker who stalls, floods or lies hurts their own fork alone.

Forks share the memory of what was loaded, which is why a class fits on a laptop. The standard library is all
that this file needs, and it is run by two environments: that of the hub and that of the kit.
"""

import atexit
import builtins
import contextlib
import functools
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections import deque
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
# Run after the imports, where it is installed: what a learner's first cells would do each on their own.
REHEARSALS = {"kernel": "secure_ai.workshop.rehearsal"}
# Threads do not survive a fork: one each while the libraries load.
SINGLE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "TOKENIZERS_PARALLELISM": "false",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
# The kit's own, and meant to be argued with: a lab open, the one before still open, and a server are three.
MOST_FORKS_OF_ONE = 12
MOST_FORKS_WITHOUT_USERS = 2_000
MOST_STARTS = 20
START_WINDOW = 10.0
MOST_FILE_BYTES = 1 << 30
MOST_OPEN_FILES = 4096
MOST_PROCESSES = 256
# The first to end when memory is short is a kernel, never the server that holds unsaved work, nor this one.
OOM_SCORES = {"server": 300, "kernel": 700}
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")
MOST_REQUEST_BYTES = 1_000_000
READ_SECONDS = 20
CONTROLLERS = ("memory", "cpu", "pids")
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
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
    # A signal that comes before there is a process to pass it to waits for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        try:
            channel.connect(place)
            request = {"argv": arguments, "env": dict(os.environ), "cwd": os.getcwd()}  # noqa: PTH109
            data = json.dumps(request).encode()
            socket.send_fds(channel, [_LENGTH.pack(len(data))], [0, 1, 2])
            channel.sendall(data)
            (pid,) = _NUMBER.unpack(receive(channel, 4))
        except (EOFError, OSError):
            print(
                "The room did not start this: it is closed, or this seat started too much.", file=sys.stderr
            )
            return 1

        def pass_on(number: int, _: object) -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

        for number in PASSED_ON:
            signal.signal(number, pass_on)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        try:
            (code,) = _NUMBER.unpack(receive(channel, 4))
        except (EOFError, OSError):
            return 1  # the warm process is gone, and took its forks with it
    return code if code >= 0 else 128 - code


# --------------------------------------------------------------------------------- the warm process


class Warm:
    """The warm process: forks for whoever may connect, and ends a fork whose asker has gone.

    Args:
        place: of the socket.
        kind: of the forks.
        groups: folder of the seats' control groups; empty for none.
        users: numbers of the users who may ask, ``61001-61025``; empty for this process's own user alone.
        memory_mib: that a fork may use beyond what it shares; 0 for no limit of the process.
    """

    def __init__(self, place: str, kind: str, groups: str = "", users: str = "", memory_mib: int = 0) -> None:
        self.kind = kind
        self.groups = groups
        first, _, last = users.partition("-")
        self.users = range(int(first), int(last or first) + 1) if users else range(0)
        self.memory = memory_mib << 20
        control_process(PR_SET_DUMPABLE, 1)  # loads what forks could not read any more
        self.forks: dict[int, tuple[socket.socket, int]] = {}
        self.starts: dict[int, deque[float]] = {}
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place)  # noqa: PTH108
        before = os.umask(0o177)
        self.listener.bind(place)
        os.umask(before)
        if self.users:
            os.chmod(place, 0o666)  # noqa: PTH101
        self.listener.listen(128)
        self.listener.setblocking(False)
        self.poll = select.poll()
        self.wakeup = socket.socketpair()
        for end in self.wakeup:
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
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
                    try:
                        channel, _ = self.listener.accept()
                    except OSError:
                        # Gone again, or no descriptor is left: those who wait stay in the queue.
                        time.sleep(0.01)
                        continue
                    if self._fork(channel):
                        return channel
                else:
                    self._end_abandoned(descriptor)

    def _may(self, user: int) -> bool:
        """Return whether a user may have another fork now."""
        if user != os.geteuid() and user not in self.users:
            return False
        if user == os.geteuid():
            return len(self.forks) < MOST_FORKS_WITHOUT_USERS
        starts = self.starts.setdefault(user, deque(maxlen=MOST_STARTS))
        now = time.monotonic()
        if len(starts) == MOST_STARTS and now - starts[0] < START_WINDOW:
            return False
        if sum(owner == user for _, owner in self.forks.values()) >= MOST_FORKS_OF_ONE:
            return False
        starts.append(now)
        return True

    def _fork(self, channel: socket.socket) -> bool:
        credentials = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, user, group = _CREDENTIALS.unpack(credentials)
        if not self._may(user):
            channel.close()
            return False
        # A signal between the fork and its first line would run the parent's handlers in the fork.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = os.fork()
        except OSError:  # no memory, or no number left
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            channel.close()
            return False
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            self.forks[pid] = (channel, user)
            # Only the far end's closing is of interest: what it sends is for the fork.
            self.poll.register(channel, select.POLLRDHUP)
            return False
        try:
            self._give_up_rights(channel, user, group)
        except BaseException:
            os._exit(3)  # a fork that could not become harmless must not go on
        return True

    def _give_up_rights(self, channel: socket.socket, user: int, group: int) -> None:
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        # As in every Python: writing to a closed connection is an error and not the end of a kernel.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        for other in (self.listener, *self.wakeup, *(taken for taken, _ in self.forks.values())):
            other.close()
        close_all_but(channel.fileno())
        os.setsid()
        adjust_oom_score(OOM_SCORES[self.kind])
        if os.geteuid() == 0:
            self._join_groups(user)
        # Now, not before: the group of a fork that may not join it is not the one that counts.
        limit(self.memory, of_user=user in self.users)
        if os.geteuid() == 0 and user != 0:
            os.setgroups([])
            os.setresgid(group, group, group)
            os.setresuid(user, user, user)
            if os.getresuid() != (user, user, user) or os.getgroups():
                os._exit(3)
        # No program with the rights of its owner (su, passwd, ping) gives any to a learner.
        if not control_process(PR_SET_NO_NEW_PRIVS, 1) and user in self.users:
            os._exit(3)
        # A change of user hides a process's own entries under /proc from it.
        control_process(PR_SET_DUMPABLE, 1)
        # A change of user forgets this, so it comes last.
        control_process(PR_SET_PDEATHSIG, signal.SIGKILL)

    def _join_groups(self, user: int) -> None:
        if not self.groups or user not in self.users:
            return
        root = Path("/sys/fs/cgroup")
        shared = (root / "cgroup.controllers").is_file()
        folders = [root] if shared else [root / controller for controller in CONTROLLERS]
        for folder in folders:
            (folder / self.groups / str(user) / "cgroup.procs").write_text(str(os.getpid()))

    def _end_abandoned(self, descriptor: int) -> None:
        with contextlib.suppress(KeyError):
            self.poll.unregister(descriptor)
        for pid, (channel, _) in self.forks.items():
            if channel.fileno() == descriptor:
                kill_group(pid)

    def _reap(self) -> None:
        for pid, (channel, _) in list(self.forks.items()):
            try:
                done, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                done, status = pid, 0
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


def close_all_but(channel: int) -> None:
    """Close what a fork inherited beside its streams and one channel."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - the listing itself is a descriptor, closed by now
        number = int(name)
        if number > 2 and number != channel:
            with contextlib.suppress(OSError):
                os.close(number)


def adjust_oom_score(score: int) -> None:
    """Say how early the system ends this process when memory is short."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(score))


def limit(memory: int, *, of_user: bool) -> None:
    """Limit what this process and its children may use: the only limit where there are no control groups."""
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: MOST_FILE_BYTES,
        resource.RLIMIT_NOFILE: MOST_OPEN_FILES,
    }
    if of_user:  # counted for a user: without users of their own all seats and the instructor are one
        wanted[resource.RLIMIT_NPROC] = MOST_PROCESSES
    if memory:
        # What was inherited counts, though it is shared. RLIMIT_AS would count what is only reserved.
        status = Path("/proc/self/status").read_text()
        inherited = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData"))
        wanted[resource.RLIMIT_DATA] = memory + (inherited << 10)
    for kind, most in wanted.items():
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


@functools.cache
def _system() -> object:
    import ctypes

    return ctypes.CDLL(None)


def control_process(option: int, value: int) -> bool:
    """Set an attribute of this process (``prctl``); return whether the system has it and did."""
    try:
        return _system().prctl(option, value, 0, 0, 0) == 0
    except (ImportError, OSError, AttributeError):
        return False


def preload(modules: tuple[str, ...], rehearsal: str = "") -> list[str]:
    """Import what forks will need, and rehearse; return the names of what did not succeed."""
    missing = []
    # pandas asks on import whether it is in a terminal or in a kernel, and prints wide tables accordingly.
    builtins.get_ipython = lambda: SimpleNamespace(kernel=True)
    try:
        for name in modules:
            try:
                importlib.import_module(name)
            except Exception:  # a part that is not installed only makes its users slower
                missing.append(name)
        if rehearsal:
            try:
                importlib.import_module(rehearsal).rehearse()
            except Exception:
                missing.append(rehearsal)
    finally:
        del builtins.get_ipython
    return missing


# ---------------------------------------------------------------------------------------- in a fork


def become(kind: str, channel: socket.socket) -> None:
    """Read the request and be the program that was asked for; does not return."""
    try:
        request = read_request(channel)
        os.environ.clear()
        os.environ.update(request["env"])
        os.umask(0o077)
        os.chdir(request["cwd"])
        arguments = [str(one) for one in request["argv"]]
    except BaseException:
        os._exit(2)
    for entry in reversed(os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        if entry and entry not in sys.path:
            sys.path.insert(0, entry)
    status = 1
    try:
        status = PROGRAMS[kind](arguments)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        # Run what was registered for the end, but do not take the large inherited heap apart.
        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status & 0xFF)


def read_request(channel: socket.socket) -> dict:
    """Return what was asked for, take the asker's streams, and tell them this process's number.

    Raises:
        ValueError: if the request is none.
        OSError: if it does not come in time.
    """
    channel.settimeout(READ_SECONDS)
    data, streams, _, _ = socket.recv_fds(channel, _LENGTH.size, 3)
    (size,) = _LENGTH.unpack(data + receive(channel, _LENGTH.size - len(data)))
    if size > MOST_REQUEST_BYTES or len(streams) != 3:
        raise ValueError
    request = json.loads(receive(channel, size))
    channel.sendall(_NUMBER.pack(os.getpid()))
    channel.close()
    for source, target in zip(streams, (0, 1, 2), strict=True):
        os.dup2(source, target)
        if source > 2:
            os.close(source)
    return request


def be_server(arguments: list[str]) -> int:
    """Be JupyterLab for one learner."""
    # JupyterHub reads these when it is imported, which here was before there was a seat: without them its
    # calls to a hub with internal TLS fail with "self-signed certificate in certificate chain".
    for name in ("keyfile", "certfile", "client_ca"):
        if value := os.environ.get(f"JUPYTERHUB_SSL_{name.upper()}"):
            arguments.append(f"--HubAuth.{name}={value}")
    # JupyterLab did so, too, with where settings and layouts are kept: the instructor's home.
    kept = f"{os.environ.get('HOME', '.')}/.jupyter/lab"
    arguments.append(f"--LabApp.workspaces_dir={kept}/workspaces")
    arguments.append(f"--LabApp.user_settings_dir={kept}/user-settings")
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


def start_clean(arguments: list[str]) -> None:
    """Begin again with an environment in which nothing of the instructor's is left for forks to find."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    wanted = kept | SINGLE_THREAD
    if dict(os.environ) != wanted or not sys.flags.isolated:
        # -I: this folder is no place to import from, its "config" and "codes" would hide a learner's own.
        os.execve(sys.executable, [sys.executable, "-I", __file__, *arguments], wanted)


def main(arguments: list[str]) -> int:
    """Ask for a fork, or be the warm process."""
    command, place, *rest = arguments
    if command == "ask":
        return ask(place, rest)
    kind, groups, users, memory = (*rest, "", "", "", "")[:4]
    start_clean(arguments)
    missing = preload(PRELOAD[kind], REHEARSALS.get(kind, ""))
    adjust_oom_score(-500)  # only root may; others stay as they are
    warm = Warm(place, kind, groups, users, int(memory or 0))
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
