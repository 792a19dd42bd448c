"""Where the peers of a benchmark live: libraries that need older numpy or pandas than the kit."""

from __future__ import annotations

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
    scripts = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    python = (Path(own) if own else FOLDER) / name / scripts
    if own:
        if python.exists():
            return str(python)
        print(f"No environment {name} in the folder that SECURE_AI_PEERS names: our figures alone.")
        return None
    # kit.py makes every environment; it does nothing where this one is there.
    made = subprocess.run([sys.executable, str(ROOT / "kit.py"), "environment", name], check=False)
    if made.returncode:
        print("It cannot be made (no network, or a Python that the peers do not know): our figures alone.")
        return None
    return str(python)
