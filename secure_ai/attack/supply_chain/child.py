"""The contained process: takes its task, closes what it must not do, and only then opens the file.

Started by :mod:`secure_ai.attack.supply_chain.process`; nothing else calls it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from secure_ai.attack.supply_chain.channel import BrokenChannel, receive, send
from secure_ai.attack.supply_chain.guards import enter_guards

Task = Callable[[BinaryIO, BinaryIO, Mapping[str, Any], bytes], None]
FROM_PARENT = 1 << 42


def main() -> None:
    """Serve one task: guards first, then ``task(questions, answers, job, content)``."""
    questions, answers = _own_streams()
    job, content = receive(questions, most=FROM_PARENT)
    sys.path.extend(job["modules"])
    module, _, name = job["task"].partition(":")
    task: Task = getattr(import_module(module), name)
    # What a limited process could no longer import is brought in before.
    for wanted in job["imports"]:
        import_module(wanted)
    # Not all of sys.path: in a checkout it holds the folder of the project, with its data.
    state = enter_guards(job["limits"], job["readable"], str(Path.cwd()), processes=job["processes"])
    send(answers, {"guards": state})
    try:
        task(questions, answers, job["arguments"], content)
    except BrokenChannel:
        return
    except MemoryError:
        send(answers, {"failed": "MemoryError"})
    except Exception as error:
        # Its text may hold anything, values of rows included: the kind is all that is passed on.
        send(answers, {"failed": type(error).__name__[:80]})


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take the two pipes away from ``print`` and ``input``, which a model's code may use."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    os.close(nothing)
    return questions, answers


def load_bytes(content: bytes) -> Any:
    """Unpickle ``content``, with joblib where joblib wrote it. Runs whatever code the file asks for."""
    import pickle

    if needs_joblib(content):
        import joblib

        return joblib.load(BytesIO(content))
    return pickle.loads(content)


def needs_joblib(content: bytes) -> bool:
    """Say whether joblib wrote it: compressed, or with its own wrappers around arrays."""
    compressed = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
    return content.startswith((*compressed, b"]\x00\x00", b"\x04\x22\x4d\x18")) or (
        b"joblib.numpy_pickle" in content[: 1 << 24]
    )
