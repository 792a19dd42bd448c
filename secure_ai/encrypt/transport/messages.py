"""What a scoring service and its client say to each other: records and scores as JSON, checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date

from secure_ai.core.errors import UserError

MAX_FIELDS = 2000


class BadMessage(UserError):
    """Bytes that are no record or no score."""


def record_to_json(record: Mapping) -> bytes:
    """Return a record as JSON: text, numbers, truth values; dates as ISO 8601; what is missing as null.

    Raises:
        BadMessage: if the record is no mapping, or a field holds something else (its place is named, never
            its value).
    """
    if not isinstance(record, Mapping):
        raise BadMessage(
            "A record is names and values, such as a row's `to_dict()`: give one record at a time."
        )
    fields = {}
    for place, (name, value) in enumerate(record.items(), start=1):
        plain = plain_value(value)
        if not isinstance(name, str) or not isinstance(plain, (str, int, float, bool, type(None))):
            raise BadMessage(
                f"Field {place} of the record is no text, number, date or truth value: "
                "leave it out or convert it."
            )
        fields[name] = plain
    return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode()


def record_from_json(body: bytes) -> dict[str, str | int | float | bool | None]:
    """Read a record from the bytes of a request.

    Raises:
        BadMessage: if they are no flat JSON object, a name occurs twice, or a number is not finite.
    """
    fields = read_object(body)
    if len(fields) > MAX_FIELDS or not all(
        isinstance(value, (str, int, float, bool, type(None))) for value in fields.values()
    ):
        raise BadMessage(f"A record has at most {MAX_FIELDS:,} fields and no nested ones.")
    return fields


def score_from_json(body: bytes) -> float:
    """Read a score from the bytes of an answer.

    Raises:
        BadMessage: if they hold no finite score.
    """
    score = read_object(body).get("score")
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not math.isfinite(score):
        raise BadMessage(
            "The service answered without a score: check that the address is that of the service."
        )
    return float(score)


def plain_value(value: object) -> object:
    """Return a value as JSON can hold it: dates as ISO 8601, what is missing as None; others as they are."""
    if isinstance(value, date):
        return None if type(value).__name__ == "NaTType" else value.isoformat()
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return None if type(value).__name__ == "NAType" else value


def read_object(body: bytes) -> dict:
    """Read a JSON object in which no name occurs twice and no number at the top is infinite.

    Raises:
        BadMessage: if it is none.
    """
    try:
        fields = json.loads(body, object_pairs_hook=_without_repetition, parse_constant=_refuse)
    except (ValueError, RecursionError):
        fields = None  # The exception holds the record: nothing is raised while it is at hand.
    if not isinstance(fields, dict):
        raise BadMessage("The message is no JSON object, or names a field twice.")
    if any(isinstance(value, float) and not math.isfinite(value) for value in fields.values()):
        raise BadMessage("A number of the message is not finite.")
    return fields


def _without_repetition(pairs: list[tuple[str, object]]) -> dict:
    # Two readers that disagree on which of two equal names counts can be played against each other.
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name occurs twice")
    return fields


def _refuse(constant: str) -> object:
    raise ValueError("not finite")
