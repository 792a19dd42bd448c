"""Nested columns and JSON in text: taken apart into fields, cleaned as records are, put together again."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from secure_ai.anonymize.deidentify.actions import Actions
from secure_ai.anonymize.deidentify.arrays import is_text
from secure_ai.anonymize.deidentify.own_names import KnownNames
from secure_ai.anonymize.deidentify.receipt import Journal
from secure_ai.anonymize.deidentify.records import SAMPLED, RecordCleaner


class NestedCleaner:
    """De-identifies one column of structures, lists, maps or JSON texts; its type stays as it was.

    What a field of another type cannot hold (``[PERSON]`` in a number, ``1980`` in a date) becomes null,
    and so does binary content.

    Args:
        actions: the policy's actions.
        journal: where every field is noted, as ``column.field``.
        name: the column.
    """

    def __init__(self, actions: Actions, journal: Journal, name: str) -> None:
        self._actions = actions
        self._journal = journal
        self._name = name
        self._cleaner: RecordCleaner | None = None

    def clean(
        self, array: pa.Array, owners: Sequence[str], known: Sequence[KnownNames | None] | None
    ) -> pa.Array:
        """Return ``array`` after de-identification.

        Args:
            array: the column of a batch.
            owners: whose row each is.
            known: the names that each row holds in columns of its own.
        """
        old = array.to_pylist()
        as_json = is_text(array.type)
        values = [_parsed(value) if as_json else opened(value, array.type) for value in old]
        records = [{self._name: value} for value in values]
        if self._cleaner is None:
            self._cleaner = RecordCleaner(self._actions, self._journal, records[:SAMPLED], None)
        new = [record.get(self._name) for record in self._cleaner.clean(records, owners, known)]
        if as_json:
            texts = [
                after if isinstance(after, str) or after is None else json.dumps(after, ensure_ascii=False)
                for after in new
            ]
            return pa.array(
                [
                    before if after == value else text
                    for before, value, after, text in zip(old, values, new, texts, strict=True)
                ],
                array.type,
            )
        return pa.array([closed(a, b, array.type) for a, b in zip(new, old, strict=True)], array.type)


def takes_apart(kind: pa.DataType) -> bool:
    """Whether values of a type can be taken apart: structures, lists and maps of plain values."""
    if pa.types.is_struct(kind):
        return all(takes_apart(field.type) for field in kind)
    if pa.types.is_map(kind):
        return takes_apart(kind.key_type) and takes_apart(kind.item_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return takes_apart(kind.value_type)
    return not (pa.types.is_nested(kind) or pa.types.is_interval(kind) or pa.types.is_duration(kind))


def _parsed(text: str | None) -> Any:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict | list) else text


def opened(value: Any, kind: pa.DataType) -> Any:
    """Return a value of a nested column as JSON would hold it; a map is a list of keys and values."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {field.name: opened(value.get(field.name), field.type) for field in kind}
    if pa.types.is_map(kind):
        return [{"key": opened(k, kind.key_type), "value": opened(v, kind.item_type)} for k, v in value]
    if isinstance(value, list):
        return [opened(item, kind.value_type) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value


def closed(new: Any, old: Any, kind: pa.DataType) -> Any:
    """Return a cleaned value in the type of its column; null where the type cannot hold it."""
    if new is None or old is None:
        return None
    if pa.types.is_struct(kind):
        return {field.name: closed(new.get(field.name), old.get(field.name), field.type) for field in kind}
    if pa.types.is_map(kind):
        pairs = [
            (closed(entry.get("key"), k, kind.key_type), closed(entry.get("value"), v, kind.item_type))
            for entry, (k, v) in zip(new, old, strict=True)
        ]
        return [pair for pair in pairs if pair[0] is not None]
    if isinstance(old, list):
        return [closed(a, b, kind.value_type) for a, b in zip(new, old, strict=True)]
    if new == opened(old, kind):
        return old
    return _typed(new, old)


def _typed(new: Any, old: Any) -> Any:
    if isinstance(old, str):
        return str(new)
    read: dict[type, Callable[[str], Any]] = {
        datetime: datetime.fromisoformat, date: date.fromisoformat, int: int, float: float, Decimal: Decimal,
    }  # fmt: skip
    maker = read.get(type(old))
    try:
        return None if maker is None else maker(str(new))
    except (ValueError, InvalidOperation):
        return None
