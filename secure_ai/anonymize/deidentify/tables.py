"""De-identify tables column by column, on distinct values, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from secure_ai.anonymize.deidentify import dates
from secure_ai.anonymize.deidentify.actions import PEOPLE, Actions, placeholder
from secure_ai.anonymize.deidentify.arrays import (
    PART,
    add_days,
    as_text,
    changed,
    folded,
    is_text,
    joined,
    map_distinct,
    ninety,
    numbers,
    plain,
    shift_common_forms,
    whole_numbers,
)
from secure_ai.anonymize.deidentify.names import parse_name
from secure_ai.anonymize.deidentify.nested import NestedCleaner, takes_apart
from secure_ai.anonymize.deidentify.own_names import KnownNames, known_names
from secure_ai.anonymize.deidentify.plan import (
    ColumnPlan,
    name_pairs,
    names_people,
    person_column,
    plan_column,
    role_of,
)
from secure_ai.anonymize.deidentify.receipt import Journal
from secure_ai.anonymize.deidentify.text import Tally, TextCleaner, form_scanner
from secure_ai.core.errors import UserError
from secure_ai.core.sources import Source, shown
from secure_ai.discover.inventory import ColumnProfile, Inventory, inventory
from secure_ai.discover.verdict import Verdict

CACHED = 300_000
"""Most distinct values of a column whose results are kept from one batch to the next."""


_MOVED = ("DATE_TIME", "shift_date")


@dataclass(frozen=True)
class TablePlan:
    """What happens to a table.

    Attributes:
        columns: one plan for each, in order.
        person: the column that says whose record a row is, or None.
        pairs: the columns of given and family names that belong together.
        named: the columns of people's names that do not stay: they are looked for in a row's texts.
    """

    columns: tuple[ColumnPlan, ...]
    person: str | None
    pairs: tuple[tuple[str, str], ...] = ()
    named: tuple[str, ...] = ()


def plan_table(actions: Actions, found: Inventory, journal: Journal, person: str | None = None) -> TablePlan:
    """Plan what happens to every column of an inventoried table, and note it in the journal.

    Raises:
        UserError: if the policy's rule for a column is not permitted, or there is no column ``person``.
    """
    verdicts = [
        Verdict(c.entities, c.confidence, c.evidence, c.free_text, c.identifier_share) for c in found.columns
    ]
    names = [column.name for column in found.columns]
    check_header(actions, names, found.label)
    columns = tuple(
        plan_column(actions.policy, column.name, _kind(column), verdict)
        for column, verdict in zip(found.columns, verdicts, strict=True)
    )
    whose = person_column(names, verdicts, person)
    moved = [c.column for c in columns if c.rule.action == "shift_date"]
    if moved and whose is None:
        journal.notes["No column tells whose record a row is: dates move by another number of days in every "
                      "row; name it with --person-column."] = None  # fmt: skip
    elif moved:
        journal.notes[f"Dates move by one number of days for each value of {whose}."] = None
    for column in columns:
        journal.columns[column.column] = column.change
    parts = [(c.column, c.role) for c in columns if c.role and c.rule.action == "pseudonym"]
    flat = [
        plan
        for plan, column in zip(columns, found.columns, strict=True)
        if _kind(column) not in {"nested", "binary"}
    ]
    return TablePlan(columns, whose, name_pairs(parts), tuple(p.column for p in flat if names_people(p)))


def check_header(actions: Actions, names: Sequence[str], label: str) -> None:
    """Check that no name of a column is a person or a number of one: it would stay in the output.

    Raises:
        UserError: naming the position of the column, never its name.
    """
    # A year as the name of a column is no harm; a day is, where only years may stay.
    dates = actions.policy.rule("DATE_TIME").action == "year"
    cleaned = form_scanner(actions, dates=dates).clean(list(names))
    for number, document in enumerate(cleaned, 1):
        if document.made:
            raise UserError(
                f"Column {number} of {label} is named like a person, a date or an identifier: "
                "give the table a header line, or that column another name."
            )


def _kind(column: ColumnProfile) -> str:
    # JSON in text has fields, too.
    return "nested" if column.fields else kind_of(column.sql_type)


def kind_of(sql_type: str) -> str:
    """Return the kind of a DuckDB type: text, number, date, boolean, nested or binary."""
    base = sql_type.upper()
    if base.startswith(("STRUCT", "MAP", "UNION")) or base.endswith("]") or base == "JSON":
        return "nested"
    if base in {"BLOB", "BIT"}:
        return "binary"
    if base.startswith(("DATE", "TIMESTAMP")):
        return "date"
    if base == "BOOLEAN":
        return "boolean"
    if base.startswith("DECIMAL") or base in {"FLOAT", "DOUBLE"} or "INT" in base or base.startswith("TIME"):
        return "number"
    return "text"


class TableCleaner:
    """Applies a plan to Arrow batches.

    Args:
        actions: the policy's actions.
        plan: what happens to each column.
        journal: where counts are noted.
    """

    def __init__(self, actions: Actions, plan: TablePlan, journal: Journal) -> None:
        self.actions = actions
        self.plan = plan
        self.journal = journal
        self._caches: dict[str, dict] = {}
        self._nested: dict[str, NestedCleaner] = {}
        self._row = 0
        self._text = TextCleaner(actions)

    @cached_property
    def _scan(self) -> TextCleaner:
        return form_scanner(self.actions)

    def batch(self, table: pa.Table) -> pa.Table:
        """Return a batch after de-identification; dropped columns are missing in it."""
        persons = self._persons(table)
        own = self._own_names(table)
        columns, names = [], []
        for plan in self.plan.columns:
            if plan.mode == "drop":
                self._count(plan.change.entities[:1], "drop", table.num_rows)
                continue
            array = plain(table.column(plan.column))
            columns.append(self._column(plan, array, persons, own, table))
            names.append(plan.column)
        self._row += table.num_rows
        self.journal.rows += table.num_rows
        return pa.table(columns, names=names)

    def _persons(self, table: pa.Table) -> pa.Array:
        if self.plan.person is not None:
            return pc.fill_null(as_text(plain(table.column(self.plan.person))), "")
        return pa.array([f"row {i}" for i in range(self._row, self._row + table.num_rows)], pa.string())

    def _own_names(self, table: pa.Table) -> pa.DictionaryArray | None:
        """Return the names that every row holds in columns of its own, joined."""
        if not self.plan.named:
            return None
        parts = [as_text(plain(table.column(name))).cast(pa.large_string()) for name in self.plan.named]
        filled = [pc.replace_substring(pc.fill_null(part, ""), PART, " ") for part in parts]
        joined = pc.binary_join_element_wise(*filled, pa.scalar(PART, pa.large_string()))
        return joined.dictionary_encode()

    def _known(self, joined: str) -> KnownNames:
        cache = self._cache("own names")
        if joined not in cache:
            if len(cache) >= CACHED:
                cache.clear()
            values = dict(zip(self.plan.named, joined.split(PART), strict=True))
            names = []
            for given, family in name_pairs([(name, role_of(name)) for name in values]):
                if values[given].strip() and values[family].strip():
                    names.append((f"{values[family]}, {values[given]}", ""))
            names += [(value, role_of(name)) for name, value in values.items()]
            cache[joined] = known_names(names)
        return cache[joined]

    def _column(
        self,
        plan: ColumnPlan,
        array: pa.Array,
        persons: pa.Array,
        own: pa.DictionaryArray | None,
        table: pa.Table,
    ) -> pa.Array:
        if plan.mode == "keep":
            return array
        if plan.mode in {"text", "scan"}:
            return self._read(plan, array, persons, own)
        if plan.mode == "nested":
            return self._taken_apart(plan.column, array, persons, own)
        new = self._values(plan, array, persons, table)
        self._count((plan.entity,), plan.rule.action, changed(array, new))
        return new

    def _count(self, entities: Sequence[str], action: str, number: int) -> None:
        if number:
            self.journal.tally.done[entities[0] if entities else "OTHER", action] += number

    def _taken_apart(
        self, column: str, array: pa.Array, persons: pa.Array, own: pa.DictionaryArray | None
    ) -> pa.Array:
        if not takes_apart(array.type):
            self.journal.notes[f"{shown(column)} has a type that is not taken apart: it was emptied."] = None
            self._count((), "drop", len(array))
            return pa.nulls(len(array), array.type)
        cleaner = self._nested.setdefault(column, NestedCleaner(self.actions, self.journal, column))
        known = None if own is None else [self._known(names) for names in own.to_pylist()]
        return cleaner.clean(array, persons.to_pylist(), known)

    # ------------------------------------------------------------ values

    def _values(self, plan: ColumnPlan, array: pa.Array, persons: pa.Array, table: pa.Table) -> pa.Array:
        action = plan.rule.action
        typed = not is_text(array.type)
        if action == "redact" and typed:
            return pa.nulls(len(array), array.type)
        if action == "redact":
            filled = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(array)), 0)
            return pc.if_else(filled, pa.scalar(placeholder(plan.entity), array.type), array)
        if action == "year" and pa.types.is_temporal(array.type):
            years = pc.cast(pc.year(array), pa.int32())
            return pc.if_else(pc.greater(years, self.actions.as_of - 90), years, pa.scalar(None, pa.int32()))
        if action == "age" and typed:
            # 90 stands for every age above 89 in a column of numbers.
            return pc.if_else(pc.greater(array.cast(pa.float64()), 89), ninety(array.type), array)
        if action == "shift_date":
            return self._shifted(plan, array, persons)
        if (
            plan.entity in PEOPLE
            and action == "pseudonym"
            and any(plan.column in pair for pair in self.plan.pairs)
        ):
            return self._one_of_pair(plan, array, table)
        if action == "year" and typed:
            return whole_numbers(self._mapped(plan, array))
        return self._mapped(plan, array)

    def _mapped(self, plan: ColumnPlan, array: pa.Array) -> pa.Array:
        kind = array.type if is_text(array.type) else pa.string()
        cache = self._cache(plan.column)

        def new(value: str) -> str:
            if value not in cache:
                if len(cache) >= CACHED:
                    cache.clear()
                cache[value] = (
                    self.actions.apply(plan.entity, value, rule=plan.rule, role=plan.role, column=True)
                    if value.strip()
                    else value
                )
            return cache[value]

        return map_distinct(as_text(array), new).cast(kind)

    def _one_of_pair(self, plan: ColumnPlan, array: pa.Array, table: pa.Table) -> pa.Array:
        # Given and family name of a row name one person, as "Maria Garcia" in a note does.
        pair = next(pair for pair in self.plan.pairs if plan.column in pair)
        given, family = (pc.fill_null(as_text(plain(table.column(name))), "") for name in pair)
        both = joined(pc.replace_substring(given, PART, " "), family)
        cache = self._cache("names of " + plan.column)

        def new(value: str) -> str:
            if value not in cache:
                if len(cache) >= CACHED:
                    cache.clear()
                first, last = value.split(PART, 1)
                people = self.actions.people()
                if first.strip() and last.strip():
                    people.add([parse_name(f"{last}, {first}")])
                own = first if plan.role == "given" else last
                cache[value] = people.replace(own, plan.role) if own.strip() else own
            return cache[value]

        mapped = map_distinct(both, new).cast(array.type)
        return pc.if_else(pc.is_valid(array), mapped, pa.scalar(None, array.type))

    def _shifted(self, plan: ColumnPlan, array: pa.Array, persons: pa.Array) -> pa.Array:
        days = self._days(persons, plan.rule.within)
        if pa.types.is_date(array.type):
            return add_days(array, days)
        if pa.types.is_timestamp(array.type):
            per_day = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[array.type.unit] * 86_400
            moved = pc.add(array.cast(pa.int64()), pa.array(days.astype(np.int64) * per_day))
            return moved.cast(array.type)
        text = as_text(array)
        quick = shift_common_forms(text, days)
        if quick is not None:
            return quick
        keyed = joined(pa.array(days.astype(str), pa.string()), text)

        def new(value: str) -> str:
            number, written = value.split(PART, 1)
            if not written.strip():
                return written
            moved = dates.shift_text(written, int(number))
            return placeholder(plan.entity) if moved is None else moved

        return map_distinct(keyed, new).cast(text.type)

    def _days(self, persons: pa.Array, within: int) -> np.ndarray:
        encoded = persons.dictionary_encode()
        cache = self._cache(f"days {within}")
        days = []
        for person in encoded.dictionary.to_pylist():
            if person not in cache:
                if len(cache) >= CACHED:
                    cache.clear()
                cache[person] = self.actions.days(person.strip(), within)
            days.append(cache[person])
        return np.asarray(days, dtype=np.int32)[encoded.indices.to_numpy(zero_copy_only=False)]

    # ------------------------------------------------------------ text

    def _read(
        self, plan: ColumnPlan, array: pa.Array, persons: pa.Array, own: pa.DictionaryArray | None
    ) -> pa.Array:
        cleaner = self._scan if plan.mode == "scan" else self._text
        encoded = as_text(array).dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        if not texts:
            return array
        kind = array.type if is_text(array.type) else pa.string()
        # A text that names somebody of its own row reads otherwise than the same text in another row.
        owned = self._names_its_own(encoded, own)
        counts = np.bincount(numbers(encoded.indices.filter(pa.array(~owned))), minlength=len(texts))
        common = np.flatnonzero(counts)
        documents: list[tuple[str, Tally]] = [("", Tally())] * len(texts)
        for i, document in zip(
            common, self._cleaned(plan.column, cleaner, [texts[i] for i in common]), strict=True
        ):
            documents[i] = document
        new = pa.array([text for text, _ in documents], kind).take(encoded.indices)
        # A text in which dates move reads otherwise for each person, or rather for each number of days.
        moves = self.actions.policy.rule("DATE_TIME").action == "shift_date" and plan.mode == "text"
        dated = np.asarray([moves and _MOVED in tally.done for _, tally in documents])
        rows_dated = np.asarray(pc.fill_null(pa.array(dated).take(encoded.indices), False)).copy()
        total = _summed(documents, np.where(dated, 0, counts))
        if owned.any():
            rows = np.flatnonzero(owned)
            read, at = self._each_row(
                cleaner, as_text(array).take(pa.array(rows)), None, own.take(pa.array(rows))
            )
            dated = np.asarray([moves and _MOVED in tally.done for _, tally in read])
            rows_dated[rows] = dated[at]
            counts = np.bincount(at, minlength=len(read))
            total.add(_summed(read, np.where(dated, 0, counts)))
            texts_read = pa.array([text for text, _ in read], kind).take(pa.array(at))
            new = pc.replace_with_mask(new, pa.array(owned), texts_read)
        if rows_dated.any():
            rows = pa.array(np.flatnonzero(rows_dated))
            # Rows that do not name their own people read alike whoever these are.
            named = None if own is None else self._named_if(owned, own).take(rows)
            read, at = self._each_row(cleaner, as_text(array).take(rows), persons.take(rows), named)
            total.add(_summed(read, np.bincount(at, minlength=len(read))))
            texts_read = pa.array([text for text, _ in read], kind).take(pa.array(at))
            new = pc.replace_with_mask(new, pa.array(rows_dated), texts_read)
        self.journal.tally.add(total)
        return new

    def _named_if(self, owned: np.ndarray, own: pa.DictionaryArray) -> pa.Array:
        nobody = pa.scalar(PART * (len(self.plan.named) - 1), pa.large_string())
        return pc.if_else(pa.array(owned), own.cast(pa.large_string()), nobody)

    def _names_its_own(self, encoded: pa.DictionaryArray, own: pa.DictionaryArray | None) -> np.ndarray:
        """Return for every row whether its text may hold a name that the row has in a column of its own."""
        found = np.zeros(len(encoded), bool)
        if own is None:
            return found
        rows = np.flatnonzero(np.asarray(pc.is_valid(encoded)))
        text_at, name_at = numbers(encoded.indices), own.indices.to_numpy()[rows]
        width = len(own.dictionary)
        pairs, row_pair = np.unique(text_at.astype(np.int64) * width + name_at, return_inverse=True)
        texts = [folded(text) for text in encoded.dictionary.to_pylist()]
        known = [self._known(joined) for joined in own.dictionary.to_pylist()]
        held = [known[pair % width].may_stand_in(texts[pair // width]) for pair in pairs.tolist()]
        found[rows] = np.asarray(held, bool)[row_pair] if held else False
        return found

    def _each_row(
        self, cleaner: TextCleaner, text: pa.Array, persons: pa.Array | None, own: pa.Array | None
    ) -> tuple[list[tuple[str, Tally]], np.ndarray]:
        """Return texts as they read for the people of their rows, each once, and which each row has."""
        days = np.zeros(len(text), np.int32)
        someone: dict[int, str] = {}
        if persons is not None:
            days = self._days(persons, self.actions.policy.rule("DATE_TIME").within)
            # Whoever moves by as many days stands for all who do.
            someone = dict(zip(days.tolist(), persons.to_pylist(), strict=True))
        who = pa.array([""] * len(text), pa.large_string()) if own is None else own.cast(pa.large_string())
        keyed = joined(joined(pa.array(days.astype(str), pa.string()), who), text).dictionary_encode()
        texts = keyed.dictionary.to_pylist()
        cache = self._cache("of rows, form only" if cleaner is not self._text else "of rows")
        unseen = [text for text in texts if text not in cache]
        if len(cache) + len(unseen) > CACHED:
            cache.clear()
            unseen = texts
        # The text comes last, because it may hold anything.
        parts = 2 if own is None else len(self.plan.named) + 1
        keys = [text.split(PART, parts) for text in unseen]
        known = None if own is None else [self._known(PART.join(names)) for _, *names, _ in keys]
        owners = [someone.get(int(number), "") for number, *_ in keys]
        read = cleaner.clean([value for *_, value in keys], owners, known=known)
        for new, document in zip(unseen, read, strict=True):
            cache[new] = (document.text, document.tally)
        return [cache[key] for key in texts], keyed.indices.to_numpy()

    def _cleaned(self, column: str, cleaner: TextCleaner, texts: list[str]) -> list[tuple[str, Tally]]:
        cache = self._cache(f"{column} of nobody")
        unseen = [text for text in texts if text not in cache]
        if len(cache) + len(unseen) > CACHED:
            cache.clear()
            unseen = texts
        for text, document in zip(unseen, cleaner.clean(unseen, [""] * len(unseen)), strict=True):
            cache[text] = (document.text, document.tally)
        return [cache[text] for text in texts]

    def _cache(self, name: str) -> dict:
        return self._caches.setdefault(name, {})


def _summed(documents: Sequence[tuple[str, Tally]], counts: np.ndarray) -> Tally:
    total = Tally()
    for (_, tally), count in zip(documents, counts.tolist(), strict=True):
        total.add(tally, count)
    return total


def clean_table(
    actions: Actions, source: Source, journal: Journal, *, person: str | None = None
) -> tuple[pa.Table, TablePlan]:
    """De-identify a whole table in memory and return it with its plan."""
    plan = plan_table(actions, inventory(source), journal, person)
    cleaner = TableCleaner(actions, plan, journal)
    batches = [cleaner.batch(pa.Table.from_batches([batch])) for batch in source.batches()]
    return pa.concat_tables(batches), plan
