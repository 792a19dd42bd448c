"""Starts several participants of one machine from one interpreter: libraries are loaded once, not by each."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from secure_ai.defend.federated.transport.__main__ import main as participate


def main() -> int:
    """Read jobs from stdin, start a process for each, print their ids, and wait for all.

    A job is ``{"arguments": [...], "rows": descriptor, "output": descriptor}``. This process holds no rows:
    each participant reads its own from a pipe that no other one has.
    """
    jobs = json.load(sys.stdin)
    ends = [end for job in jobs for end in (job["rows"], job["output"])]
    children = [_started(job, ends) for job in jobs]
    for end in ends:
        os.close(end)
    signal.signal(signal.SIGTERM, lambda *_: _end(children))
    print(json.dumps(children), flush=True)
    for child in children:
        os.waitpid(child, 0)
    return 0


def _started(job: dict, ends: Sequence[int]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.dup2(job["output"], 1)
        os.dup2(job["output"], 2)
        for end in ends:
            if end != job["rows"]:
                os.close(end)
        code = participate(job["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _end(children: Sequence[int]) -> None:
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
