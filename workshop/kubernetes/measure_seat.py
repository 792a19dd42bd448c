"""Measure the memory of one seat alone: run every cell of a lab's solution in a process, and watch it.

Run it with the kit's interpreter in the kit's main folder: ``python workshop/kubernetes/measure_seat.py 03``.
It prints MiB (the proportional set size of the process and its children) at the end and at most.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

SECONDS = 300
CELLS = """
import sys, time
import ipykernel.kernelapp
import nbformat
from IPython.display import display
scope = {"display": display}
for cell in nbformat.read(sys.argv[1], as_version=4).cells:
    if cell.cell_type == "code":
        exec(cell.source, scope)
time.sleep(1)
"""


def memory_mib(process: int) -> float:
    """Return the memory of a process and of its children; 0 where it has ended."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    own = int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1024
    return own + sum(memory_mib(child) for child in children(process))


def children(process: int) -> list[int]:
    """Return the children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            found += [int(entry.name)] if parent == process else []
    return found


def main(number: str) -> int:
    """Measure the lab whose name begins with ``number``."""
    found = sorted(Path("solutions").glob(f"{number}*.ipynb")) if number else []
    if len(found) != 1:
        print("Error: name one lab, such as 03, in the kit's main folder.", file=sys.stderr)
        return 2
    environment = os.environ | {"SECURE_AI_PROGRESS": "off", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CELLS, str(found[0])]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    most = last = 0.0
    until = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < until:
        now = memory_mib(process.pid)
        most, last = max(most, now), now or last
        time.sleep(0.2)
    process.kill()
    if process.wait() != 0:
        print("Error: the cells did not all run: there is no figure.", file=sys.stderr)
        return 1
    print(f"{found[0].stem}: {last:.0f} MiB at the end, {most:.0f} MiB at most.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
