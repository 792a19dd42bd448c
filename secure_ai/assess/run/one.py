"""One assessment of a portfolio, in a process of its own: ``python -m secure_ai.assess.run.one REQUEST``.

The request is a JSON file with ``parameters``, ``out``, ``kernel``, ``resume`` and ``answer``, to which the
sentence of a failure goes. Exit code 0 if the report is there, 2 if not.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from secure_ai.core import UserError


def main(request: Path) -> int:
    """Run the assessment of a request; return the exit code."""
    from secure_ai.assess.run.engine import run_assessment

    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    asked = json.loads(request.read_text(encoding="utf-8"))
    # It may hold the password of a database, which a killed portfolio would leave behind.
    request.unlink(missing_ok=True)
    try:
        # Work that an interrupted portfolio left is gone on with; other parameters begin anew.
        run_assessment(
            asked["parameters"],
            asked["out"],
            lambda _: None,
            kernel_name=asked["kernel"],
            resume=asked["resume"],
        )
    except UserError as error:
        Path(asked["answer"]).write_text(str(error), encoding="utf-8")
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _end_with(parent: int) -> None:
    """End when the portfolio's process does, however it ends: its successor takes over."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
