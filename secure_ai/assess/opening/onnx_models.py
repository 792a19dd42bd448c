"""An ONNX model, opened and asked in a process of its own by onnxruntime, where that is installed."""

from __future__ import annotations

import importlib.util
import io
import pickle
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from secure_ai.attack.supply_chain.channel import receive, send
from secure_ai.attack.supply_chain.child import FROM_PARENT
from secure_ai.attack.supply_chain.guards import Guards, Limits
from secure_ai.attack.supply_chain.process import ContainedError, ContainedProcess, error_name
from secure_ai.attack.targets import TargetError
from secure_ai.attack.targets.target import Answer
from secure_ai.core import UserError

TYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(int64)": "int64",
    "tensor(int32)": "int32", "tensor(bool)": "bool",
}  # fmt: skip
TEXT = "tensor(string)"
MOST_CLASSES = 1000
MOST_OTHERWISE = 0.5
ROUNDING = 1e-5


def looks_like_onnx(content: bytes) -> bool:
    """Say whether the first bytes are those of an ONNX model: a protobuf that begins with its version."""
    return (
        len(content) > 16
        and content[0] == 0x08
        and content[1] < 0x40
        and content[2] in b"\x12\x1a\x22\x3a\x42"
    )


class ContainedOnnx:
    """An ONNX classifier in a contained process; give it to any attack as ``model``.

    Args:
        content: the file's bytes.
        classes: what it tells apart, where the file does not say.
        limits: time for an answer, memory.
        modules: further folders with code that the process may read.

    Attributes:
        classes: what it tells apart.
        answer: ``"probabilities"`` or ``"labels"``.
        features: names of its inputs, where each is one column; empty where rows come as one matrix.
        width: columns of that matrix, where the file says it.
        guards: what is closed to the process on this system.

    Raises:
        UserError: if onnxruntime is not installed, or the file is no classifier that it opens.

    Source: ONNX operators ai.onnx.ml; onnxruntime Python API (``InferenceSession``).
    """

    def __init__(
        self,
        content: bytes,
        *,
        classes: Sequence[Any] | None = None,
        limits: Limits | None = None,
        modules: Sequence[str] = (),
    ) -> None:
        if not modules and importlib.util.find_spec("onnxruntime") is None:
            raise UserError(
                "An ONNX model is opened with onnxruntime, which is not installed: run 'pip install "
                "onnxruntime', or give the model in the skops format, by its endpoint, or its probabilities."
            )
        try:
            self._process = ContainedProcess(
                "secure_ai.assess.opening.onnx_models:serve",
                {"implied": classes is None},
                content=content,
                limits=limits,
                modules=modules,
                imports=["onnxruntime", "pandas"],
            )
            self.guards: Guards = self._process.guards
            said, _ = self._process.ask(None, most=0, what="open")
        except ContainedError as error:
            raise UserError(f"The ONNX model cannot be opened. {error}") from None
        features, width = said.get("features"), said.get("width")
        self.features = tuple(map(str, features)) if isinstance(features, list) else ()
        self.width = width if isinstance(width, int) and width > 0 else None
        self.answer: Answer = "labels" if said.get("answer") == "labels" else "probabilities"
        try:
            self.classes = self._known(classes, said)
        except UserError:
            self.close()
            raise

    def ask(self, rows: pd.DataFrame) -> np.ndarray:
        """Return what it answers about rows: probabilities (rows x classes) or labels.

        Raises:
            TargetError: if it does not answer in time, crashes, or sends what is no answer.
        """
        count = len(rows)
        try:
            payload = pickle.dumps(rows, protocol=5)
            said, found = self._process.ask({}, payload, most=count * 8 * MOST_CLASSES + 1000)
        except ContainedError as error:
            raise TargetError(f"The ONNX model was asked about {count:,} rows. {error}") from None
        if said.get("error") == "NameTheClasses":
            raise TargetError("The ONNX model numbers its classes in its own way: name them in classes.")
        if "error" in said:
            raise TargetError(
                f"The ONNX model failed on {count:,} rows ({error_name(said['error'])}): check that they "
                "have the columns that it takes."
            )
        shape = said.get("shape")
        sides = isinstance(shape, list) and len(shape) == 2 and all(type(side) is int for side in shape)
        if not sides or min(shape) < 0 or 8 * shape[0] * shape[1] != len(found):
            raise TargetError(f"The ONNX model sent what is no answer about {count:,} rows.")
        matrix = np.frombuffer(found, dtype="<f8").reshape(shape).astype(float)
        if self.answer == "labels":
            return matrix.ravel().astype(int)
        # Sums of 32-bit numbers end a little outside 0 and 1; what lies further out is for the target.
        near = np.clip(matrix, 0, 1)
        return np.where(np.abs(matrix - near) <= ROUNDING, near, matrix)

    @property
    def alive(self) -> bool:
        """Whether its process can still be asked."""
        return self._process.alive

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def _known(self, given: Sequence[Any] | None, said: Mapping[str, Any]) -> list[Any]:
        count, names = said.get("count"), said.get("classes")
        if (
            isinstance(names, list)
            and 2 <= len(names) <= MOST_CLASSES
            and len(set(map(str, names))) == len(names)
        ):
            return names
        if self.answer == "labels" and said.get("texts"):
            raise UserError("The ONNX model gives a text and no probabilities: give its endpoint instead.")
        if given is None:
            if said.get("texts"):
                raise UserError(
                    "The ONNX model does not say which classes it tells apart: name them in classes."
                )
            # As most tools number them; where the model's own labels differ, it says so when it is asked.
            given = list(range(max(count or 2, 2)))
        if isinstance(count, int) and count > 1 and len(given) != count:
            raise UserError(f"The ONNX model tells {count} classes apart and classes names {len(given)}.")
        return list(given)


def serve(questions: BinaryIO, answers: BinaryIO, arguments: Mapping[str, Any], content: bytes) -> None:
    """In the contained process: open the model, say what it is, and answer until the questions end."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    last = inputs[0].shape[-1] if inputs[0].shape else None
    matrix = len(inputs) == 1 and last != 1
    found = _Answer.of(session)
    probe = found.run([_blank(one) for one in inputs], len(inputs))
    send(
        answers,
        {
            "features": [] if matrix else [one.name for one in inputs],
            "width": last if matrix and isinstance(last, int) else None,
            "answer": "probabilities" if found.scores is not None else "labels",
            "classes": found.classes,
            "count": found.count(probe),
            "texts": found.texts,
        },
    )
    while True:
        _, payload = receive(questions, most=FROM_PARENT)
        rows = pickle.load(io.BytesIO(payload))  # from the process that owns this one
        try:
            given = [_typed(rows, inputs[0])] if matrix else [_typed(rows[[one.name]], one) for one in inputs]
            sent = np.ascontiguousarray(found.run(given, None), dtype="<f8")
            if arguments["implied"] and found.otherwise(given, sent):
                send(answers, {"error": "NameTheClasses"})
                continue
            send(answers, {"shape": list(sent.shape)}, sent.tobytes())
        except Exception as error:
            send(answers, {"error": type(error).__name__[:80]})


class _Answer:
    """Which output holds the answer, and how it is read as a matrix of numbers."""

    def __init__(self, session: Any, scores: str | None, labels: str | None, texts: bool) -> None:
        self.session, self.scores, self.labels, self.texts = session, scores, labels, texts
        self.classes: list[Any] | None = None

    @classmethod
    def of(cls, session: Any) -> _Answer:
        outputs = session.get_outputs()
        scores = [o.name for o in outputs if o.type.startswith("seq(map") or o.type in list(TYPES)[:2]]
        named = [name for name in scores if "prob" in name.lower()]
        labels = [o for o in outputs if o.type in ("tensor(int64)", TEXT)]
        return cls(
            session,
            (named or scores or [None])[-1],
            labels[0].name if labels else None,
            bool(labels and labels[0].type == TEXT),
        )

    def run(self, given: list[np.ndarray], probe: int | None) -> np.ndarray | None:
        feed = {one.name: values for one, values in zip(self.session.get_inputs(), given, strict=True)}
        name = self.scores or self.labels
        if name is None:
            raise ValueError("no output that is an answer")
        try:
            found = self.session.run([name], feed)[0]
        except Exception:
            # A row of zeros and empty texts is no row of theirs: some models refuse it.
            if probe is None:
                raise
            return None
        if isinstance(found, list):
            if self.classes is None:
                self.classes = list(found[0])
            return np.array([[row.get(one, np.nan) for one in self.classes] for row in found], dtype=float)
        found = np.asarray(found)
        return found.reshape(len(found), -1) if found.ndim else found.reshape(1, 1)

    def count(self, probe: np.ndarray | None) -> int | None:
        """Return how many classes there are, where the model says it."""
        if self.scores is None:
            return None
        if probe is not None:
            return int(probe.shape[1])
        shape = next(one.shape for one in self.session.get_outputs() if one.name == self.scores)
        return shape[-1] if shape and len(shape) == 2 and isinstance(shape[-1], int) else None

    def otherwise(self, given: list[np.ndarray], scores: np.ndarray) -> bool:
        """Say whether the model's own labels are not the places of its greatest probabilities."""
        if self.classes is not None or self.scores is None or self.labels is None or scores.shape[1] < 2:
            return False
        feed = {one.name: values for one, values in zip(self.session.get_inputs(), given, strict=True)}
        labels = np.asarray(self.session.run([self.labels], feed)[0]).ravel()
        return bool((labels != scores.argmax(axis=1)).mean() > MOST_OTHERWISE)


def _typed(rows: pd.DataFrame, wanted: Any) -> np.ndarray:
    if wanted.type == TEXT:
        return rows.astype(str).to_numpy(dtype=object)
    return rows.to_numpy(dtype=TYPES[wanted.type])


def _blank(wanted: Any) -> np.ndarray:
    shape = [side if isinstance(side, int) and side > 0 else 1 for side in wanted.shape]
    if wanted.type == TEXT:
        return np.full(shape, "", dtype=object)
    return np.zeros(shape, dtype=TYPES[wanted.type])
