"""Start kernels by forking a warm process that has the large libraries loaded: for tests and for impatience.

One server process per parent process loads pandas, scikit-learn, matplotlib, Presidio and ipykernel, once
and with one thread, and is then only ever forked. Each kernel is a fork of it with the environment,
working folder and output streams that its manager asked for. When the parent dies, so do the server and
its kernels. Without ``fork`` (Windows), or where forking loaded libraries is unsafe (macOS), a kernel is
started the ordinary way and a message says so.

The kit's own modules are not loaded into the server, so an edited module is seen by the next kernel. The
server runs this file by itself, and therefore it imports nothing of the kit.
"""

from __future__ import annotations

import asyncio
import atexit
import builtins
import contextlib
import importlib
import json
import logging
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

KERNEL_NAME = "secure-ai-warm"
PROVISIONER_NAME = "secure-ai-forkserver"
PRELOAD = (
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
)
# Libraries start thread pools on import, and threads do not survive a fork: so one thread each, no allocator
# thread for Arrow, and no duckdb in PRELOAD, whose default connection starts workers (it loads in 0.1 s).
SINGLE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "TOKENIZERS_PARALLELISM": "false",
}
# What ipykernel sets before a cell can import matplotlib, which reads it once.
INLINE = "module://matplotlib_inline.backend_inline"
# Not as a script, which would put this folder on the import path, and not with -P, which forks would inherit.
_RUN_THIS_FILE = (
    "import sys; sys.path[:] = filter(None, sys.path); file = sys.argv.pop(1);"
    "exec(compile(open(file, encoding='utf-8').read(), file, 'exec'))"
)
START_SECONDS = 120.0
_LENGTH = struct.Struct("!I")
_log = logging.getLogger(__name__)


def install_kernelspec(directory: Path, name: str = KERNEL_NAME) -> Path:
    """Write a kernelspec that starts warm kernels; put its data folder on ``JUPYTER_PATH`` to use it.

    Args:
        directory: a Jupyter data folder; the specification goes to ``directory/kernels/name``.
        name: name of the kernel.

    Returns:
        The folder of the specification.
    """
    folder = Path(directory) / "kernels" / name
    folder.mkdir(parents=True, exist_ok=True)
    specification = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=50"],
        "display_name": "Python 3 (warm)",
        "language": "python",
        "metadata": {"kernel_provisioner": {"provisioner_name": PROVISIONER_NAME}, "debugger": True},
    }
    (folder / "kernel.json").write_text(json.dumps(specification, indent=1) + "\n", encoding="utf-8")
    return folder


def can_fork() -> bool:
    """Whether this machine can fork a process that has loaded libraries."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds") and sys.platform.startswith("linux")


# ------------------------------------------------------------------------- in the parent: the provisioner


class ForkedKernel:
    """A forked kernel as its manager sees it: the part of ``subprocess.Popen`` that a provisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._channel = channel
        self._channel.setblocking(False)
        self._buffer = b""

    def poll(self) -> int | None:
        """The exit code, or None while the kernel runs."""
        while self.returncode is None:
            try:
                received = self._channel.recv(4 - len(self._buffer))
            except BlockingIOError:
                return None
            except OSError:
                received = b""
            if not received:  # the server is gone, and takes its kernels with it
                self._finish(-signal.SIGKILL)
                break
            self._buffer += received
            if len(self._buffer) == 4:
                self._finish(struct.unpack("!i", self._buffer)[0])
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code.

        Raises:
            subprocess.TimeoutExpired: after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            time.sleep(0.01)
        return self.returncode or 0

    def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel's process, if it is still there."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """End the kernel at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)

    def _finish(self, code: int) -> None:
        self.returncode = code
        self._channel.close()


class ForkServer:
    """The warm process of this process, started on first use; see ``ForkServer.get``."""

    _instance: ForkServer | None = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _RUN_THIS_FILE, str(Path(__file__).resolve()), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C in the terminal is for the parent
                env={**_without_jupyter_parent(os.environ), **SINGLE_THREAD, "MPLBACKEND": INLINE},
            )
        self._control.settimeout(START_SECONDS)
        try:
            # The server answers once it has loaded everything.
            self.ready = _receive(self._control)
        except (OSError, EOFError):
            self.close()
            raise RuntimeError("the warm kernel server ended while it loaded its libraries") from None

    @classmethod
    def get(cls) -> ForkServer:
        """The server of this process; a new one after a fork of the parent or a crash of the server."""
        with cls._lock:
            server = cls._instance
            if server is None or server.owner != os.getpid() or server._process.poll() is not None:
                server = cls._instance = ForkServer()
                atexit.register(server.close)
            return server

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def fork(self, request: dict[str, Any], stdout: int, stderr: int) -> ForkedKernel:
        """Fork a kernel.

        Args:
            request: ``argv``, ``env`` and ``cwd`` of the kernel.
            stdout: file descriptor that becomes the kernel's standard output.
            stderr: likewise for standard error.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                socket.send_fds(self._control, [b"k"], [theirs.fileno(), stdout, stderr])
            ours.settimeout(START_SECONDS)
            _send(ours, request)
            return ForkedKernel(_receive(ours)["pid"], ours)
        except (OSError, EOFError):
            ours.close()
            raise RuntimeError("the warm kernel server did not start a kernel") from None

    def close(self) -> None:
        """End the server and, with it, its kernels."""
        if self.owner != os.getpid():
            return
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class ForkServerProvisioner(LocalProvisioner):
    """Provides kernels forked from the warm process of this process."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Fork a kernel; where that is impossible, start one the ordinary way and say so."""
        reason = "" if can_fork() else "this system cannot fork loaded libraries"
        streams = [kwargs.get("stdout"), kwargs.get("stderr")]
        if subprocess.PIPE in streams or "ipykernel_launcher" not in cmd:
            reason = "its command or its streams are not those of an ordinary kernel"
        if not reason:
            try:
                server = await asyncio.get_running_loop().run_in_executor(None, ForkServer.get)
                return self._launch_from(server, cmd, kwargs)
            except (RuntimeError, OSError) as error:
                reason = str(error)
        message = f"Starting a cold kernel in place of a warm one: {reason}."
        _log.warning(message)
        return await super().launch_kernel(cmd, **kwargs)

    def _launch_from(self, server: ForkServer, cmd: list[str], kwargs: dict[str, Any]) -> dict[str, Any]:
        env = dict(kwargs.get("env") or os.environ)
        cwd = str(kwargs.get("cwd") or Path.cwd())
        request = {"argv": cmd[cmd.index("ipykernel_launcher") + 1 :], "env": env, "cwd": cwd}
        with contextlib.ExitStack() as opened:
            stdout, stderr = (
                _descriptor(kwargs.get(name), fallback, opened)
                for name, fallback in (("stdout", 1), ("stderr", 2))
            )
            self.process = server.fork(request, stdout, stderr)
        self.pid = self.pgid = self.process.pid
        self.cwd = cwd
        return self.connection_info

    async def cleanup(self, restart: bool = False) -> None:
        """Leave no process and no socket behind."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait(timeout=5)
        await super().cleanup(restart=restart)


def _descriptor(stream: Any, fallback: int, opened: contextlib.ExitStack) -> int:
    if stream in (None, subprocess.STDOUT):
        try:
            os.fstat(fallback)
            return fallback
        except OSError:
            stream = subprocess.DEVNULL
    if stream == subprocess.DEVNULL:
        return opened.enter_context(open(os.devnull, "w")).fileno()  # noqa: PTH123
    return stream if isinstance(stream, int) else stream.fileno()


def _without_jupyter_parent(env: Any) -> dict[str, str]:
    # ipykernel reads these when it is imported; they would make every fork watch the wrong process.
    return {k: v for k, v in env.items() if k not in {"JPY_PARENT_PID", "JPY_INTERRUPT_EVENT"}}


def _send(channel: socket.socket, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    channel.sendall(_LENGTH.pack(len(data)) + data)


def _receive(channel: socket.socket) -> dict[str, Any]:
    return json.loads(_receive_exactly(channel, _LENGTH.unpack(_receive_exactly(channel, _LENGTH.size))[0]))


def _receive_exactly(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        received = channel.recv(size - len(data))
        if not received:
            raise EOFError
        data += received
    return data


# -------------------------------------------------------------------------------- in the server process


@dataclass
class _Server:
    """The server's state: the sockets to close in a fork, and the kernels by process id."""

    control: socket.socket
    kernels: dict[int, socket.socket] = field(default_factory=dict)

    def serve(self) -> tuple[socket.socket, int, int] | None:
        """Fork on request; returns in a fork (its channel and streams), and with None when it is over."""
        self.poll = select.poll()
        self.wakeup = socket.socketpair()
        for end in self.wakeup:
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wakeup[1].fileno(), warn_on_full_buffer=False)
        self.poll.register(self.control, select.POLLIN)
        self.poll.register(self.wakeup[0], select.POLLIN)
        while True:
            for descriptor, _ in self.poll.poll():
                if descriptor == self.wakeup[0].fileno():
                    with contextlib.suppress(BlockingIOError):
                        self.wakeup[0].recv(4096)
                    self._reap()
                elif descriptor == self.control.fileno():
                    descriptors = self._request()
                    if descriptors is None:
                        self._end_all()
                        return None
                    if self._fork(*descriptors):
                        return socket.socket(fileno=descriptors[0]), descriptors[1], descriptors[2]
                else:
                    self._end_abandoned(descriptor)

    def _request(self) -> list[int] | None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self.control, 1, 3)
        except OSError:
            return None
        return descriptors if data and len(descriptors) == 3 else None

    def _fork(self, channel: int, stdout: int, stderr: int) -> bool:
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (*self.wakeup, self.control, *self.kernels.values()):
                other.close()
            return True
        os.close(stdout)
        os.close(stderr)
        self.kernels[pid] = socket.socket(fileno=channel)
        # Only the far end's closing is of interest: what it sends is for the fork.
        self.poll.register(channel, select.POLLRDHUP)
        return False

    def _end_abandoned(self, descriptor: int) -> None:
        for pid, channel in self.kernels.items():
            if channel.fileno() == descriptor:
                _kill_group(pid)
                self.poll.unregister(descriptor)

    def _reap(self) -> None:
        for pid, channel in list(self.kernels.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self.kernels[pid]
                with contextlib.suppress(KeyError):
                    self.poll.unregister(channel)
                with contextlib.suppress(OSError):
                    channel.sendall(struct.pack("!i", os.waitstatus_to_exitcode(status)))
                channel.close()

    def _end_all(self) -> None:
        for pid in self.kernels:
            _kill_group(pid)
        for pid in self.kernels:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _kill_group(pid: int) -> None:
    # A kernel makes its own group first thing; until then only the process can be named.
    for send in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(pid, signal.SIGKILL)


def preload(modules: tuple[str, ...] = PRELOAD) -> list[str]:
    """Import what kernels will need; return the names that could not be imported."""
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


def native_threads() -> int:
    """Number of threads of this process, those of C libraries included (1 where it cannot be told)."""
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208
    return 1


def _become_kernel(channel: socket.socket, stdout: int, stderr: int) -> None:
    os.setsid()
    _die_with_server()
    request = _receive(channel)
    _send(channel, {"pid": os.getpid()})
    channel.close()
    for source, target in ((stdout, 1), (stderr, 2)):
        os.dup2(source, target)
        if source > 2:
            os.close(source)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    for entry in reversed(os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        if entry and entry not in sys.path:
            sys.path.insert(0, entry)
    sys.argv = ["ipykernel_launcher", *request["argv"]]
    if "matplotlib" in sys.modules and os.environ.get("MPLBACKEND"):
        sys.modules["matplotlib"].rcParams["backend"] = os.environ["MPLBACKEND"]
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # else all forks would draw the same "random" numbers
    from ipykernel.kernelapp import IPKernelApp

    # Its parent is the server: ipykernel's own poller is the second line after PR_SET_PDEATHSIG.
    status = 1
    try:
        IPKernelApp.launch_instance(argv=request["argv"], parent_handle=os.getppid())
        status = 0
    finally:
        # Run what was registered for the end, but do not take the large inherited heap apart.
        atexit._run_exitfuncs()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _die_with_server() -> None:
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Load the libraries, say so on the socket with the given descriptor, and serve it."""
    control = socket.socket(fileno=int(arguments[0]))
    missing = preload()
    _send(control, {"pid": os.getpid(), "missing": missing, "threads": native_threads()})
    forked = _Server(control).serve()
    if forked is not None:
        _become_kernel(*forked)


if __name__ == "__main__":
    main(sys.argv[1:])
