"""In the contained process: open a pickled model and answer questions about rows."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from secure_ai.attack.supply_chain.channel import receive, send
from secure_ai.attack.supply_chain.child import FROM_PARENT, load_bytes


def serve(questions: BinaryIO, answers: BinaryIO, arguments: Mapping[str, Any], content: bytes) -> None:
    """Open the model, say what it tells apart, and answer until the questions end."""
    model = _opened(arguments["format"], content, arguments["trusted_types"])
    asks = model.predict_proba if hasattr(model, "predict_proba") else None
    send(
        answers,
        {
            "classes": [_plain(label) for label in getattr(model, "classes_", ())],
            "answer": "probabilities" if asks else "labels",
            "features": [str(name) for name in getattr(model, "feature_names_in_", ())],
        },
    )
    while True:
        header, payload = receive(questions, most=FROM_PARENT)
        # From the process that owns this one: rows are no hostile content.
        rows = pickle.load(io.BytesIO(payload))
        try:
            if header["ask"] == "probabilities":
                found = np.ascontiguousarray(model.predict_proba(rows), dtype="<f8")
                send(answers, {"shape": list(found.shape)}, found.tobytes())
            else:
                labels = [_plain(label) for label in np.asarray(model.predict(rows)).ravel()]
                send(answers, {}, json.dumps(labels).encode())
        except Exception as error:
            send(answers, {"error": type(error).__name__[:80]})


def _opened(form: str, content: bytes, trusted_types: list[str]) -> Any:
    if form == "skops":
        from secure_ai.defend.model_files.skops_files import load_skops

        return load_skops(content, "file", trusted_types=trusted_types)
    return load_bytes(content)


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
