"""Where the peers of a benchmark live: libraries that need older numpy or pandas than the kit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".peers"


def peer_python(name: str) -> str | None:
    """Return the interpreter of the environment ``name``, made from ``requirements-<name>.lock`` if need be.

    ``SECURE_AI_PEERS`` names a folder of environments of your own instead (``<folder>/<name>/bin/python``).
    Returns None, after a sentence, where it cannot be made: the table then has our figures alone.
    """
    own = os.environ.get("SECURE_AI_PEERS")
    environment = Path(own) / name if own else FOLDER / name
    scripts = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    if (environment / scripts).exists() and (own or _is_current(environment, name)):
        return str(environment / scripts)
    if own:
        print(f"No environment {name} in the folder that SECURE_AI_PEERS names: our figures alone.")
        return None
    print(f"Making an environment for the peers ({name}), once ...", flush=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        install = [str(environment / scripts), "-m", "pip", "install", "--quiet", "--no-deps"]
        install += ["--require-hashes", "-r"]
        subprocess.run([*install, str(_lock(name))], check=True, stderr=subprocess.DEVNULL)
    except subprocess.CalledProcessError:
        print("It cannot be made (no network, or a Python that the peers do not know): our figures alone.")
        return None
    (environment / "lock.sha256").write_text(_digest(name), encoding="ascii")
    return str(environment / scripts)


def _lock(name: str) -> Path:
    return ROOT / f"requirements-{name}.lock"


def _digest(name: str) -> str:
    return hashlib.sha256(_lock(name).read_bytes()).hexdigest()


def _is_current(environment: Path, name: str) -> bool:
    stamp = environment / "lock.sha256"
    return stamp.exists() and stamp.read_text(encoding="ascii") == _digest(name)
