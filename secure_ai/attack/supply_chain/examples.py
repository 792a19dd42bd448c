"""Files that do something when they are opened, harmless each: a canary, a connection, a sleep.

Each shows one way in which a model's file can act; honest files of the same kinds are the control. They write
``canary.txt`` in the folder in which they are opened and nothing else; the address is of the range for
documentation (RFC 5737).

Source: Python documentation, pickle, *Restricting globals*; MITRE ATLAS AML.T0010.
"""

from __future__ import annotations

import gzip
import io
import logging
import pickle
import socket
import subprocess
import time
import timeit
import typing
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from secure_ai.core.outputs import atomic_file

CANARY = "canary.txt"
WRITE_CANARY = f"open('{CANARY}', 'w').write('canary')"
SHELL_CANARY = f"echo canary > {CANARY}"
NOBODY = ("192.0.2.1", 443)


@dataclass(frozen=True)
class Payload:
    """A file that acts when it is opened.

    Attributes:
        name: what it is called in tables.
        file: its file name; the ending matters to scanners that go by it.
        way: how it gets its code run, in words.
        effect: ``"file"``, ``"connection"`` or ``"hang"``.
        content: makes the bytes of the file.
        needs_processes: whether the effect needs another program to be started.
    """

    name: str
    file: str
    way: str
    effect: str
    content: Callable[[], bytes]
    needs_processes: bool = False

    def write(self, folder: str | Path) -> Path:
        """Write the file into a folder and return its path."""
        target = Path(folder) / self.file
        with atomic_file(target) as draft:
            draft.write_bytes(self.content())
        return target


class _Call:
    """Pickles as a call: that is all that an attacker needs."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def _pickled(function: Any, *arguments: Any) -> bytes:
    return pickle.dumps({"weights": [0.1, 0.2], "extra": _Call(function, *arguments)}, protocol=4)


def _system(command: str) -> bytes:
    import os

    return _pickled(os.system, command)


def _annotation() -> bytes:
    # Both names are of the standard library and harmless by themselves; resolving an annotation evaluates it.
    holder = Namespace()
    holder.__annotations__ = {"weights": WRITE_CANARY}
    return _pickled(typing.get_type_hints, holder)


def _nested() -> bytes:
    import pandas as pd

    return _pickled(pd.read_pickle, io.BytesIO(_system(SHELL_CANARY)))


def _broken_after() -> bytes:
    # The call has been made when the reader meets the byte that is no instruction.
    whole = _system(SHELL_CANARY)
    return whole[:-1] + b"\xff."


def _compressed() -> bytes:
    import zlib

    return zlib.compress(_system(SHELL_CANARY))


def _object_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([_Call(exec, WRITE_CANARY)], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def payloads() -> tuple[Payload, ...]:
    """Return the files that act, from the plainest to those that scanners pass over."""
    return (
        Payload(
            "shell command",
            "shell.pkl",
            "calls os.system",
            "file",
            lambda: _system(SHELL_CANARY),
            needs_processes=True,
        ),
        Payload("exec", "exec.pkl", "calls exec", "file", lambda: _pickled(exec, WRITE_CANARY)),
        Payload(
            "program",
            "program.pkl",
            "calls subprocess.call",
            "file",
            lambda: _pickled(subprocess.call, ["touch", CANARY]),
            needs_processes=True,
        ),
        Payload(
            "connection",
            "connection.pkl",
            "calls socket.create_connection",
            "connection",
            lambda: _pickled(socket.create_connection, NOBODY, 0.2),
        ),
        Payload(
            "another ending",
            "renamed.sav",
            "the shell command under an ending that no list knows",
            "file",
            lambda: _system(SHELL_CANARY),
            needs_processes=True,
        ),
        Payload(
            "compressed",
            "compressed.joblib",
            "the shell command, compressed as joblib does",
            "file",
            _compressed,
            needs_processes=True,
        ),
        Payload(
            "broken after the call",
            "broken.pkl",
            "the shell command, then a byte at which readers give up",
            "file",
            _broken_after,
            needs_processes=True,
        ),
        Payload(
            "pickle in a pickle",
            "nested.pkl",
            "calls pandas.read_pickle on bytes that it brings along",
            "file",
            _nested,
            needs_processes=True,
        ),
        Payload(
            "timer",
            "timer.pkl",
            "calls timeit.timeit, which runs a statement",
            "file",
            lambda: _pickled(timeit.timeit, WRITE_CANARY, "pass", time.perf_counter, 1),
        ),
        Payload(
            "log file",
            "log.pkl",
            "makes a logging.FileHandler, which opens a file",
            "file",
            lambda: _pickled(logging.FileHandler, CANARY),
        ),
        Payload(
            "packed file",
            "packed.pkl",
            "makes a gzip.GzipFile, which opens a file to write",
            "file",
            lambda: pickle.dumps(_Call(gzip.GzipFile, CANARY, "wb"), protocol=4),
        ),
        Payload(
            "annotation",
            "annotation.pkl",
            "calls typing.get_type_hints on an annotation, which is evaluated",
            "file",
            _annotation,
        ),
        Payload(
            "sleep",
            "sleep.pkl",
            "calls time.sleep, so that the reader never returns",
            "hang",
            lambda: pickle.dumps(_Call(time.sleep, 86_400), protocol=4),
        ),
        Payload(
            "object array",
            "array.npy",
            "an array of objects, which numpy unpickles where it is allowed to",
            "file",
            _object_array,
        ),
    )


def payload_files(folder: str | Path) -> dict[str, Path]:
    """Write every payload into a folder; name → path."""
    return {payload.name: payload.write(folder) for payload in payloads()}


def honest_files(folder: str | Path, *, seed: int = 0) -> dict[str, Path]:
    """Write files that only hold models and weights, made with scikit-learn as most are; name → path.

    They are the control of every scanner: what it says of them is a false alarm.
    """
    import joblib
    import skops.io
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(200, 4))
    y = (x[:, 0] + rng.normal(size=200) > 0).astype(int)
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    forest = RandomForestClassifier(5, max_depth=3, random_state=seed).fit(x, y)
    boosted = HistGradientBoostingClassifier(max_iter=5, random_state=seed).fit(x, y)
    weights = {"coef": linear[-1].coef_.tolist(), "intercept": linear[-1].intercept_.tolist()}
    made: dict[str, tuple[str, Callable[[Path], Any]]] = {
        "plain numbers": ("weights.pkl", lambda p: p.write_bytes(pickle.dumps(weights, protocol=4))),
        "logistic regression": ("linear.pkl", lambda p: p.write_bytes(pickle.dumps(linear, protocol=4))),
        "random forest": ("forest.joblib", lambda p: joblib.dump(forest, p)),
        "forest, compressed": ("small.joblib", lambda p: joblib.dump(forest, p, compress=3)),
        "gradient boosting": ("boosted.pkl", lambda p: p.write_bytes(pickle.dumps(boosted, protocol=4))),
        "array": ("weights.npy", lambda p: np.save(p, linear[-1].coef_)),
        "skops": ("linear.skops", lambda p: skops.io.dump(linear, p)),
    }
    found = {}
    for name, (file, write) in made.items():
        found[name] = Path(folder) / file
        with atomic_file(found[name]) as draft:
            write(draft)
    return found
