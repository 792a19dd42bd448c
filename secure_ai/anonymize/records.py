"""JSON records: read as columns by the names of their fields, however deep; written in the same shape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from secure_ai.anonymize.actions import PEOPLE, Actions, placeholder
from secure_ai.anonymize.documents import lines
from secure_ai.anonymize.plan import ColumnPlan, person_column, plan_column
from secure_ai.anonymize.receipt import Journal
from secure_ai.anonymize.text import TextCleaner, form_scanner
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.discover.columns import judge_column

SAMPLED = 2_000
"""Records that are read before the first is written, to judge the fields."""
CHUNK = 500
MAX_WHOLE = 200 << 20
"""Most bytes of a file that is one JSON value; as JSON Lines it may have any size."""
MAX_DEPTH = 60
_PLAIN_KEY = re.compile(r"(?!.*\d{7})[\w .:/\[\]$-]{1,80}")


def read_json_lines(path: Path) -> Iterator[Any]:
    """Yield the values of a JSON Lines file.

    Raises:
        UserError: naming file and line, if a line is no JSON.
    """
    for number, line in enumerate(lines(path), 1):
        text = line.removeprefix("\ufeff") if number == 1 else line
        if text.strip():
            yield _parse(text, f"{shown(path.name)}:{number}")


def read_json(path: Path) -> Any:
    """Return the value of a JSON file.

    Raises:
        UserError: if it is none, or too large to be read at once.
    """
    label = shown(path.name)
    if path.stat().st_size > MAX_WHOLE:
        raise UserError(
            f"{label} is too large for one JSON value: write it as JSON Lines, one record a line."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{label} is not UTF-8 text all through: save it as UTF-8.") from None
    return _parse(text, label)


def _parse(text: str, where: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        raise UserError(f"{where} is not valid JSON ({at}): correct it or leave it out.") from None
    except _Refused as error:
        raise UserError(f"{where} {error}") from None
    except RecursionError:
        raise UserError(f"{where} is nested too deeply: at most {MAX_DEPTH} levels are read.") from None
    if depth_of(value) > MAX_DEPTH:
        raise UserError(f"{where} is nested too deeply: at most {MAX_DEPTH} levels are read.")
    return value


class _Refused(Exception):
    """What JSON allows and no record should hold."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise _Refused("has a name twice in one object: keep one of them.")
    return record


def _constant(_: str) -> None:
    raise _Refused("holds NaN or Infinity, which JSON does not know: write null.")


def depth_of(value: Any) -> int:
    """Return how deeply ``value`` is nested, up to one more than is read."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        ]
    return depth


def clean_records(path: Path, out: Path, actions: Actions, journal: Journal, person: str | None) -> None:
    """De-identify a JSON or JSON Lines file into ``out``.

    Raises:
        UserError: if a record cannot be read (file and line), or the file holds none.
    """
    whole = path.suffix.lower() == ".json"
    value = read_json(path) if whole else None
    listed = isinstance(value, list)
    records = iter(value if listed else [value]) if whole else read_json_lines(path)
    head = list(islice(records, SAMPLED))
    if not head:
        raise UserError(f"{shown(path.name)} holds no records: export it again.")
    cleaner: Callable[[list[Any]], list[Any]]
    if isinstance(head[0], dict) and isinstance(head[0].get("resourceType"), str):
        from secure_ai.anonymize.fhir import FhirCleaner

        cleaner = FhirCleaner(actions, journal).clean
    else:
        cleaner = RecordCleaner(actions, journal, head, person).clean
    stream = chain(head, records)
    with out.open("w", encoding="utf-8", newline="") as file:
        if whole:
            cleaned = [record for chunk in _chunks(stream) for record in cleaner(chunk)]
            json.dump(cleaned if listed else cleaned[0], file, ensure_ascii=False, indent=2)
            file.write("\n")
        else:
            for chunk in _chunks(stream):
                for record in cleaner(chunk):
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _chunks(stream: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(stream)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


@dataclass
class Texts:
    """Texts that stand in records and are read together: a place to put each when it is done."""

    values: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    puts: list[Callable[[str], None]] = field(default_factory=list)

    def add(self, value: str, owner: str, put: Callable[[str], None]) -> None:
        """Have ``value`` read; ``put`` is called with what it becomes."""
        self.values.append(value)
        self.owners.append(owner)
        self.puts.append(put)

    def clean(self, cleaner: TextCleaner, journal: Journal) -> None:
        """Read all of them and put them in their places."""
        for document, put in zip(cleaner.clean(self.values, self.owners), self.puts, strict=True):
            journal.tally.add(document.tally)
            put(document.text)


class RecordCleaner:
    """De-identifies records whose fields are judged from a sample.

    Args:
        actions: the policy's actions.
        journal: where everything is noted.
        sample: the first records.
        person: the field that says whose record it is (``patient.id``); found by its name if not given.
    """

    def __init__(self, actions: Actions, journal: Journal, sample: list[Any], person: str | None) -> None:
        self.actions = actions
        self.journal = journal
        found: dict[str, dict[str, int]] = {}
        kinds: dict[str, set[type]] = {}
        for record in sample:
            for path, value in leaves(record):
                kinds.setdefault(path, set()).add(type(value))
                counts = found.setdefault(path, {})
                text = _as_text(value)
                if text.strip() and (len(counts) < SAMPLED or text in counts):
                    counts[text] = counts.get(text, 0) + 1
        self._verdicts = {path: self._judge(path, kinds[path], counts) for path, counts in found.items()}
        self._person = person_column(list(found), self._verdicts.values(), person)
        self._plans: dict[str, ColumnPlan] = {}
        for path in found:
            self._plan(path, kinds[path])
        self._cleaners = {"text": TextCleaner(actions), "scan": form_scanner(actions)}

    def _judge(self, path: str, kinds: set[type], counts: dict[str, int]):
        sql = "BOOLEAN" if kinds <= {bool} else "BIGINT" if kinds <= {int} else "VARCHAR"
        sql = "DOUBLE" if sql == "VARCHAR" and kinds <= {int, float} else sql
        numbers = [float(text) for text in counts] if sql in {"BIGINT", "DOUBLE"} else []
        return judge_column(
            ".".join(path.split(".")[-2:]),
            sql,
            counts,
            n_values=sum(counts.values()),
            distinct=len(counts),
            largest=max(numbers, default=None),
        )

    def _plan(self, path: str, kinds: set[type]) -> ColumnPlan:
        kind = "boolean" if kinds <= {bool} else "number" if kinds <= {int, float} else "text"
        plan = plan_column(self.actions.policy, path, kind, self._verdicts[path])
        self._plans[path] = plan
        self.journal.columns[path] = plan.change
        return plan

    def clean(self, records: list[Any]) -> list[Any]:
        """Return ``records`` after de-identification."""
        texts = {"text": Texts(), "scan": Texts()}
        holder = [[]]
        for number, record in enumerate(records):
            owner = self._owner(record, self.journal.rows + number)
            holder[0].append(None)
            self._walk(record, "", owner, texts, _setter(holder[0], number))
        self.journal.rows += len(records)
        for mode, waiting in texts.items():
            waiting.clean(self._cleaners[mode], self.journal)
        return holder[0]

    def _owner(self, record: Any, number: int) -> str:
        if self._person is not None:
            for path, value in leaves(record):
                if path == self._person:
                    return _as_text(value)
        return f"record {number}"

    def _walk(self, value: Any, path: str, owner: str, texts: dict[str, Texts], put: Callable) -> None:
        if isinstance(value, dict):
            new: dict[str, Any] = {}
            put(new)
            for key, child in value.items():
                name = self._key(key)
                below = f"{path}.{name}" if path else name
                if isinstance(child, dict | list) or self._of(below, child).mode != "drop":
                    new[name] = None
                    self._walk(child, below, owner, texts, _setter(new, name))
                else:
                    self.journal.tally.done[self._entity(below), "drop"] += 1
        elif isinstance(value, list):
            items: list[Any] = [None] * len(value)
            put(items)
            for i, child in enumerate(value):
                self._walk(child, path, owner, texts, _setter(items, i))
        else:
            self._leaf(value, path or "value", owner, texts, put)

    def _entity(self, path: str) -> str:
        return (self._plans[path].change.entities or ("OTHER",))[0]

    def _key(self, key: str) -> str:
        # A name of a field can be a value: {"maria@example.com": {...}}.
        if _PLAIN_KEY.fullmatch(key):
            return key
        (document,) = self._cleaners["text"].clean([key], [key])
        self.journal.tally.add(document.tally)
        return document.text

    def _of(self, path: str, value: Any) -> ColumnPlan:
        if path in self._plans:
            return self._plans[path]
        kinds = {type(value)}
        text = _as_text(value)
        self._verdicts[path] = self._judge(path, kinds, {text: 1} if text.strip() else {})
        return self._plan(path, kinds)

    def _leaf(self, value: Any, path: str, owner: str, texts: dict[str, Texts], put: Callable) -> None:
        plan = self._of(path, value)
        if value is None or (isinstance(value, str) and not value.strip()):
            put(value)
        elif plan.mode == "drop":
            self.journal.tally.done[self._entity(path), "drop"] += 1
            put(None)
        elif plan.mode in {"text", "scan"} and isinstance(value, str):
            texts[plan.mode].add(value, owner, put)
        elif plan.mode == "text":
            # A number where text was judged: read it as text, keep it a number if nothing is found.
            texts["text"].add(
                _as_text(value), owner, lambda new: put(value if new == _as_text(value) else new)
            )
        elif plan.mode in {"keep", "scan"}:
            put(value)
        else:
            put(self._value(plan, value, owner))

    def _value(self, plan: ColumnPlan, value: Any, owner: str) -> Any:
        text = _as_text(value)
        people = self.actions.people() if plan.entity in PEOPLE else None
        new = self.actions.apply(
            plan.entity, text, rule=plan.rule, person=owner, people=people, role=plan.role, column=True
        )
        if new == text:
            self.journal.tally.kept[plan.entity] += 1
            return value
        self.journal.tally.done[plan.entity, plan.rule.action] += 1
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _as_number(new, plan.entity)
        return new


def _as_number(new: str, entity: str) -> Any:
    if new == placeholder(entity):
        return None
    if new == "90+":
        return 90
    return int(new) if re.fullmatch(r"[1-9]\d{0,3}", new) else new


def _setter(holder: Any, at: Any) -> Callable[[Any], None]:
    def put(value: Any) -> None:
        holder[at] = value

    return put


def leaves(record: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, value) of every value in a record; lists leave no trace in the path."""
    if isinstance(record, dict):
        for key, child in record.items():
            yield from leaves(child, f"{path}.{key}" if path else key)
    elif isinstance(record, list):
        for child in record:
            yield from leaves(child, path)
    else:
        yield path or "value", record


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return value if isinstance(value, str) else str(value)
