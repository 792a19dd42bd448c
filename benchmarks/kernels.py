"""How long until a kernel has run the large imports: started cold, and forked from a warm server."""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from jupyter_client.manager import KernelManager

from secure_ai.learn.execute import run_notebook
from secure_ai.learn.forkserver import KERNEL_NAME, ForkServer, install_kernelspec

FIRST_CELL = "import pandas, sklearn.linear_model, matplotlib.pyplot, presidio_analyzer"


def seconds_to_first_cell(kernel_name: str) -> float:
    """Start a kernel, run the first cell, and return the seconds that took; the shutdown is not counted."""
    before = time.perf_counter()
    manager = KernelManager(kernel_name=kernel_name)
    manager.start_kernel(stderr=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    client.execute_interactive(FIRST_CELL, timeout=120)
    passed = time.perf_counter() - before
    client.stop_channels()
    manager.shutdown_kernel()
    return passed


def seconds_to_run(path: Path, kernel_name: str) -> float:
    """Run a whole notebook, kernel start and shutdown included."""
    before = time.perf_counter()
    run_notebook(path, kernel_name=kernel_name)
    return time.perf_counter() - before


def main() -> None:
    """Print one line for the first cell and one for each notebook given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="notebooks to run as a whole, too")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        install_kernelspec(Path(folder))
        os.environ["JUPYTER_PATH"] = folder
        os.environ["SECURE_AI_PROGRESS"] = str(Path(folder, "progress.sqlite"))
        before = time.perf_counter()
        ForkServer.get()
        print(f"Loading the warm server, once: {time.perf_counter() - before:.2f} s")
        print(f"Median of {options.repeats} runs, in seconds")
        print(f"{'':40}{'cold':>8}{'warm':>8}{'ratio':>8}")
        jobs = [("start a kernel, run the first imports", seconds_to_first_cell)]
        jobs += [(str(p), lambda kernel, p=p: seconds_to_run(p, kernel)) for p in options.notebooks]
        for name, job in jobs:
            # Turn by turn, so that both see the same machine.
            runs = [(job("python3"), job(KERNEL_NAME)) for _ in range(options.repeats)]
            cold, warm = (statistics.median(column) for column in zip(*runs, strict=True))
            print(f"{name[-40:]:40}{cold:8.2f}{warm:8.2f}{cold / warm:8.1f}")


if __name__ == "__main__":
    main()
