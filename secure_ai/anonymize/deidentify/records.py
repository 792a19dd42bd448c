"""JSON records: read as columns by the names of their fields, however deep; written in the same shape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from secure_ai.anonymize.deidentify.actions import PEOPLE, Actions, placeholder
from secure_ai.anonymize.deidentify.json_files import leaves, read_json, read_json_lines
from secure_ai.anonymize.deidentify.own_names import KnownNames, known_names
from secure_ai.anonymize.deidentify.plan import (
    ColumnPlan,
    name_pairs,
    names_people,
    person_column,
    plan_column,
)
from secure_ai.anonymize.deidentify.receipt import Journal
from secure_ai.anonymize.deidentify.text import TextCleaner, form_scanner
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.discover.columns import judge_column

SAMPLED = 2_000
"""Records that are read before the first is written, to judge the fields."""
CHUNK = 500
PLAIN_KEY = re.compile(r"(?!(?:.*\d){5})[^\W\d][\w$@-]{0,79}")
_CODE_KEY = re.compile(r"(?=(?:.*\d){5})[\d\W]+|(?=(?:.*\d){7})[A-Za-z]{1,4}[-_ ]?[\d-]+")
ANY_KEY = "{key}"
"""Stands in a path for a name that is a value, as in {"maria@example.com": ...}."""


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
    if isinstance(head[0], dict) and isinstance(head[0].get("resourceType"), str):
        from secure_ai.anonymize.deidentify.fhir import FhirCleaner
        from secure_ai.anonymize.deidentify.fhir_names import learn_names

        if not whole:
            learn_names(path, actions.named)
        cleaner = FhirCleaner(actions, journal).clean
    else:
        reader = RecordCleaner(actions, journal, head, person)

        def cleaner(chunk: list[Any]) -> list[Any]:
            journal.rows += len(chunk)
            return reader.clean(chunk)

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
    known: list[KnownNames | None] = field(default_factory=list)

    def add(
        self, value: str, owner: str, put: Callable[[str], None], known: KnownNames | None = None
    ) -> None:
        """Have ``value`` read; ``put`` is called with what it becomes."""
        self.values.append(value)
        self.owners.append(owner)
        self.puts.append(put)
        self.known.append(known)

    def clean(self, cleaner: TextCleaner, journal: Journal) -> None:
        """Read all of them and put them in their places."""
        for document, put in zip(
            cleaner.clean(self.values, self.owners, known=self.known), self.puts, strict=True
        ):
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
        self._keys: dict[str, tuple[str, str]] = {}
        self._key_cleaner = form_scanner(actions, dates=True)
        self._rows = 0
        found: dict[str, dict[str, int]] = {}
        kinds: dict[str, set[type]] = {}
        for record in sample:
            for path, value in self._leaves(record):
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

    def clean(
        self,
        records: list[Any],
        owners: Sequence[str] | None = None,
        known: Sequence[KnownNames | None] | None = None,
    ) -> list[Any]:
        """Return ``records`` after de-identification.

        Args:
            records: JSON values.
            owners: whose record each is, where the records themselves do not say it.
            known: names to look for in the texts of each, beside those that it holds in fields.
        """
        texts = {"text": Texts(), "scan": Texts()}
        holder: list[Any] = [None] * len(records)
        for number, record in enumerate(records):
            owner = self._owner(record, self._rows + number) if owners is None else owners[number]
            beside = None if known is None else known[number]
            context = _Record(owner, self._names(record, beside), texts)
            self._walk(record, "", context, _setter(holder, number))
        self._rows += len(records)
        for mode, waiting in texts.items():
            waiting.clean(self._cleaners[mode], self.journal)
        return holder

    def _leaves(self, record: Any) -> Iterator[tuple[str, Any]]:
        return leaves(record, key=lambda name: self._key(name)[1])

    def _owner(self, record: Any, number: int) -> str:
        if self._person is not None:
            for path, value in self._leaves(record):
                if path == self._person:
                    return _as_text(value)
        return f"record {number}"

    def _names(self, record: Any, beside: KnownNames | None) -> KnownNames:
        """Return the people whom a record names in fields of its own."""
        found: dict[str, list[tuple[str, str]]] = {}
        names = []
        for path, value in self._leaves(record):
            plan = self._of(path, value)
            if isinstance(value, str) and names_people(plan):
                names.append((value, plan.role))
                if plan.role:
                    found.setdefault(path.rpartition(".")[0], []).append((path, value))
        whole = []
        for parts in found.values():
            values = dict(parts)
            for given, family in name_pairs([(path, self._plans[path].role) for path in values]):
                whole.append((f"{values[family]}, {values[given]}", ""))
        own = known_names([*whole, *names])
        if not beside:
            return own
        return KnownNames(
            beside.mentions + own.mentions, beside.words | own.words, beside.pieces + own.pieces
        )

    def _walk(self, value: Any, path: str, record: _Record, put: Callable) -> None:
        if isinstance(value, dict):
            new: dict[str, Any] = {}
            put(new)
            for key, child in value.items():
                shown_key, step = self._key(key)
                name = _unused(shown_key, new)
                below = f"{path}.{step}" if path else step
                if isinstance(child, dict | list) or self._of(below, child).mode != "drop":
                    new[name] = None
                    self._walk(child, below, record, _setter(new, name))
                else:
                    self.journal.tally.done[self._entity(below), "drop"] += 1
        elif isinstance(value, list):
            items: list[Any] = [None] * len(value)
            put(items)
            for i, child in enumerate(value):
                self._walk(child, path, record, _setter(items, i))
        else:
            self._leaf(value, path or "value", record, put)

    def _entity(self, path: str) -> str:
        return (self._plans[path].change.entities or ("OTHER",))[0]

    def _key(self, key: str) -> tuple[str, str]:
        """Return what stands for the name of a field, and for its step in a path.

        A name can be a value: {"maria@example.com": {...}}, {"00123456": {...}}.
        """
        if PLAIN_KEY.fullmatch(key):
            return key, key
        if key not in self._keys:
            (document,) = self._key_cleaner.clean([key], [key])
            new = document.text
            if new == key and _CODE_KEY.fullmatch(key):
                new = self.actions.apply("UNIQUE_IDENTIFIER", key)
            self.journal.tally.add(document.tally)
            self._keys[key] = (new, key if new == key else ANY_KEY)
        return self._keys[key]

    def _of(self, path: str, value: Any) -> ColumnPlan:
        if path in self._plans:
            return self._plans[path]
        kinds = {type(value)}
        text = _as_text(value)
        self._verdicts[path] = self._judge(path, kinds, {text: 1} if text.strip() else {})
        return self._plan(path, kinds)

    def _leaf(self, value: Any, path: str, record: _Record, put: Callable) -> None:
        plan = self._of(path, value)
        if value is None or (isinstance(value, str) and not value.strip()):
            put(value)
        elif plan.mode == "drop":
            self.journal.tally.done[self._entity(path), "drop"] += 1
            put(None)
        elif plan.mode in {"text", "scan"} and isinstance(value, str):
            record.texts[plan.mode].add(value, record.owner, put, record.known)
        elif plan.mode == "text":
            # A number where text was judged: read it as text, keep it a number if nothing is found.
            record.texts["text"].add(
                _as_text(value), record.owner, lambda new: put(value if new == _as_text(value) else new)
            )
        elif plan.mode in {"keep", "scan"}:
            put(value)
        else:
            put(self._value(plan, value, record))

    def _value(self, plan: ColumnPlan, value: Any, record: _Record) -> Any:
        text = _as_text(value)
        people = None
        if plan.entity in PEOPLE:
            people = self.actions.people()
            people.add(list(record.known.mentions))
        new = self.actions.apply(
            plan.entity,
            text,
            rule=plan.rule,
            person=record.owner,
            people=people,
            role=plan.role,
            column=True,
        )
        if new == text:
            self.journal.tally.kept[plan.entity] += 1
            return value
        self.journal.tally.done[plan.entity, plan.rule.action] += 1
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _as_number(new, plan.entity)
        return new


@dataclass(frozen=True)
class _Record:
    """Whose record is read, whom it names, and where its texts wait."""

    owner: str
    known: KnownNames
    texts: dict[str, Texts]


def _unused(name: str, holder: dict[str, Any]) -> str:
    # Two values as names may become the same: {"a@x.org": 1, "b@x.org": 2}.
    number = 2
    new = name
    while new in holder:
        new = f"{name} {number}"
        number += 1
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


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return value if isinstance(value, str) else str(value)
