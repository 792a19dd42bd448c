"""Models and rows on which no attack can be judged, though they look good at first sight."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .planted import PERSONAL

ROWS = 420
NAME = PERSONAL["name"]


@dataclass(frozen=True)
class Data:
    """Rows and their true classes, and rows of others.

    Attributes:
        rows, labels: what a model is judged on.
        others: rows that the attacker owns.
        constraints: what can be changed; None for the usual.
    """

    rows: pd.DataFrame
    labels: np.ndarray
    others: pd.DataFrame
    constraints: Any = None


def usual_data(seed: int = 3) -> Data:
    """Applicants whose every amount is recognizable."""
    rng = np.random.default_rng(seed)
    rows, others = (
        pd.DataFrame(
            {
                "income": 73_000.0 + 10_000 * rng.normal(size=count),
                "debts": 91_000.0 + 20_000 * rng.normal(size=count),
                "age": rng.integers(20, 70, count),
                "children": rng.integers(0, 4, count),
            }
        )
        for count in (ROWS, ROWS // 2)
    )
    return Data(rows, _truth(rows), others)


def _truth(rows: pd.DataFrame) -> np.ndarray:
    return (rows["income"] - 0.5 * rows["debts"] + 200 * rows["age"] > 36_000).to_numpy().astype(int)


def good_model(data: Data) -> Any:
    """A model of which everything can be asked."""
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(data.rows, data.labels)


class BadModel(ClassifierMixin, BaseEstimator):
    """A classifier that fits, and then answers as ``kind`` says."""

    def __init__(self, kind: str = "constant") -> None:
        self.kind = kind

    def fit(self, rows: Any, labels: Any) -> BadModel:
        """Learn which classes there are, and no more."""
        if self.kind == "cannot be trained":
            raise ValueError(f"could not convert string to float: '{NAME}'")
        self.classes_ = np.unique(labels)[: 1 if self.kind == "one class" else None]
        self.dice_ = np.random.default_rng(1)
        return self

    def predict(self, rows: Any) -> np.ndarray:
        """Return classes, or what this model takes for them."""
        if self.kind == "text answers":
            return np.full(len(rows), NAME, dtype=object)
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]

    def predict_proba(self, rows: Any) -> Any:
        """Return probabilities, or what this model takes for them."""
        size, classes = len(rows), len(self.classes_)
        if self.kind == "raises an exception with a name":
            raise ValueError(f"{NAME} earns {np.asarray(rows).ravel()[0]}")
        if self.kind == "never a number":
            return np.full((size, classes), np.nan)
        if self.kind == "text answers":
            return np.full((size, classes), NAME, dtype=object)
        if self.kind == "fewer answers than rows":
            return np.tile([0.2, 0.8], (size // 2, 1))
        if self.kind == "answers by chance":
            second = self.dice_.random(size)
            return np.column_stack([1 - second, second])
        if self.kind == "probabilities above 1":
            return np.tile([-0.5, 1.5], (size, 1))
        if self.kind == "no answer":
            return None
        return np.tile([0.9, 0.1], (size, 1))[:, :classes]


BAD_KINDS = (
    "one class", "constant", "never a number", "text answers", "fewer answers than rows", "answers by chance",
    "raises an exception with a name", "probabilities above 1", "no answer",
)  # fmt: skip


def bad_rows(data: Data, what: str) -> Data:
    """Return the data with one thing wrong."""
    if what == "a missing value":
        return replace(data, rows=_with(data.rows, np.nan), others=_with(data.others, np.nan))
    if what == "an infinite value":
        return replace(data, rows=_with(data.rows, np.inf), others=_with(data.others, np.inf))
    if what == "too few rows":
        return replace(data, rows=data.rows[:4], labels=data.labels[:4], others=data.others[:4])
    if what == "no rows":
        return replace(data, rows=data.rows[:0], labels=data.labels[:0], others=data.others[:0])
    if what == "one class in the labels":
        return replace(data, labels=np.ones_like(data.labels))
    raise KeyError(what)


BAD_ROWS = ("a missing value", "an infinite value", "too few rows", "no rows")


def _with(rows: pd.DataFrame, value: float) -> pd.DataFrame:
    changed = rows.copy()
    changed.iloc[5, 0] = value
    return changed


@contextmanager
def bad_server() -> Iterator[str]:
    """The address of an endpoint: ``/stalls``, ``/fails`` (500), ``/lies`` (leaves answers out)."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/stalls":
                over.wait(20)
                return
            lie = {"predictions": [0.5] * (len(asked["records"]) // 2), "note": NAME}
            body = NAME.encode() if self.path == "/fails" else json.dumps(lie).encode()
            self.send_response(500 if self.path == "/fails" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            over.set()
            server.shutdown()
            thread.join()
