"""Build the site: gather its sources, let Sphinx render them, and stop at the first warning.

``kit.py site`` starts this in the environment of requirements-site.lock. It needs no network.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from sources import gather  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Build the site as the options say; return the exit code of Sphinx."""
    parser = argparse.ArgumentParser(prog="kit.py site", description="Build the site in site/_build/html.")
    parser.add_argument("--with-solutions", action="store_true", help="labs with their answers, folded")
    parser.add_argument("--out", type=Path, default=HERE / "_build", help="folder of the build")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="processes")
    options = parser.parse_args(arguments)
    out = options.out.resolve()
    source, html = out / "source", out / "html"
    for folder in (source, html):  # what an earlier build left would be published again
        shutil.rmtree(folder, ignore_errors=True)
    gather(ROOT, source, solutions=options.with_solutions)
    # Nothing may depend on the machine: no user configuration of IPython, one time zone, one language.
    environment = os.environ | {
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": "0",
    }
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-c", HERE, "-d", out / "doctrees", "-E", "-W"]
    command += ["--keep-going", "-q", "-j", str(options.jobs), source, html]
    code = subprocess.run([str(part) for part in command], check=False, env=environment).returncode
    if code == 0:
        print(f"The site is in {html}: open index.html.")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
