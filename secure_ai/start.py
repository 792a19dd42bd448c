"""Open JupyterLab on the start page: on this machine only, without asking the network for anything."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.project import project_root

START_PAGE = "notebooks/00_start_here.ipynb"
FIRST_PORT, PORTS_TRIED = 8888, 50
CONFIGURATION = Path(__file__).parent / "jupyter"


def start_jupyterlab(
    port: int | None = None,
    *,
    open_browser: bool | None = None,
    page: str = START_PAGE,
    before: Callable[[str], None] | None = None,
) -> int:
    """Run JupyterLab in the kit's folder until it is stopped; return its exit code (Windows) or never.

    Args:
        port: port on 127.0.0.1; the first free one from 8888 up if not given.
        open_browser: whether to open a browser; by default where there is a screen.
        page: what to open, in the kit's folder.
        before: called with the address (``http://127.0.0.1:8888``) before the server starts.

    Raises:
        UserError: if the port is taken or the start page is missing.
    """
    root = project_root()
    if not (root / START_PAGE).exists():
        raise UserError(f"The start page {START_PAGE} is missing: unpack or clone the kit again.")
    chosen = choose_port(port)
    if before is not None:
        before(f"http://127.0.0.1:{chosen}")
    # What is opened may have been written just now.
    if not (root / page).exists():
        page = START_PAGE
    token = secrets.token_urlsafe(24)
    if open_browser is None:
        open_browser = has_screen()
    print(f"The kit is at http://127.0.0.1:{chosen}/lab/tree/{page}?token={token}")
    print("Open this address in a browser on this machine. Stop with Ctrl+C.", flush=True)
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.port={chosen}",
    ]
    command += ["--ServerApp.port_retries=0", f"--LabApp.default_url=/lab/tree/{page}"]
    command += [] if open_browser else ["--no-browser"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    # The token goes by the environment: a command line can be read by every user of the machine.
    environment = os.environ | {
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_PATH": os.pathsep.join(
            filter(None, [str(CONFIGURATION), os.environ.get("JUPYTER_CONFIG_PATH")])
        ),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }
    if os.name != "nt":
        # JupyterLab takes the place of this process, so that whoever stops it stops the kernels too.
        os.chdir(root)
        os.execve(command[0], command, environment)
    try:
        return subprocess.call(command, cwd=root, env=environment)
    except KeyboardInterrupt:
        return 0


def choose_port(wanted: int | None) -> int:
    """Return a free port on 127.0.0.1.

    Raises:
        UserError: if ``wanted`` is no port or taken, or no port is free.
    """
    if wanted is not None and not 1 <= wanted <= 65_535:
        raise UserError(f"{wanted} is not a port: choose a number from 1024 to 65535.")
    for port in [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        with socket.socket() as probe:
            if os.name != "nt":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    if wanted:
        raise UserError(
            f"Port {wanted} is in use or not allowed: choose another with --port, or leave --port away."
        )
    raise UserError(
        f"No free port from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1}: name one with --port."
    )


def running_address(root: Path) -> str:
    """Return the address of a JupyterLab that serves the kit here, without its token; empty if none does."""
    from jupyter_server.serverapp import list_running_servers

    try:
        for server in list_running_servers():
            if Path(server["root_dir"]).resolve() == root.resolve():
                return str(server["url"]).rstrip("/")
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return ""


def has_screen() -> bool:
    """Tell whether a browser could be shown here."""
    return sys.platform in {"win32", "darwin"} or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
