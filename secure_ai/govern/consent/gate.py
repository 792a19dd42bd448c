"""The gate: where data are read for a purpose the ledger is asked, and again before anything is used."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from secure_ai.core.audit import AuditLog, recorded_refusals
from secure_ai.core.errors import UserError
from secure_ai.core.sources import Source, as_source, column_list, shown
from secure_ai.govern.consent.answers import Answer
from secure_ai.govern.consent.events import word
from secure_ai.govern.consent.ledger import ConsentLedger
from secure_ai.govern.consent.queries import QueryResult, Tables
from secure_ai.govern.consent.reading import Person, Reading, column_names, person_columns
from secure_ai.govern.consent.training import TrainingTicket
from secure_ai.monitor.alerts.alert import counted


class ConsentGate:
    """Reads for a purpose, and lets through whose records may be used for it.

    Args:
        ledger: who agreed to what.
        audit: where every decision is recorded, before anything is handed out; whatever is refused or fails
            stands there as denied.
    """

    def __init__(self, ledger: ConsentLedger, *, audit: AuditLog | None = None) -> None:
        self.ledger, self.audit = ledger, audit
        self._tables = Tables(ledger)

    def read(
        self,
        source: Any,
        purpose: str,
        actor: str,
        *,
        person: Person,
        collected_for: str | None = None,
        columns: Sequence[str] | None = None,
        refuse: bool = False,
    ) -> Reading:
        """Read a table for a purpose.

        Args:
            source: whatever ``secure_ai.core.sources.open_source`` takes.
            purpose: word of the vocabulary.
            actor: the account that asks.
            person: column with the key of the person, or several where a row is about several people: all
                of them must be allowed.
            collected_for: the purpose the data were collected for, where it is another one.
            columns: those to read; all if not given.
            refuse: whether to refuse the whole where a single row may not be used, instead of leaving it out.

        Raises:
            UserError: if purpose or column is unknown, the uses are incompatible, or the ledger refuses.
        """
        target = source.label if isinstance(source, Source) else "a table"
        with self._recorded(actor, "read", target, purpose):
            self._check_purpose(purpose, actor, collected_for)
            opened = source if isinstance(source, pd.DataFrame) else as_source(source)
        if isinstance(opened, Source):
            target = opened.label
        with self._recorded(actor, "read", target, purpose):
            filtered = self._filtered_source if isinstance(opened, Source) else self._filtered_frame
            reading = filtered(opened, purpose, actor, person, columns)
            if refuse and reading.left_out:
                raise UserError(
                    f"{reading.left_out:,} of {reading.rows + reading.left_out:,} rows may not be used for "
                    f"{purpose}: read without refuse=True to leave them out."
                )
        self.note(
            actor, "read", target, "allowed", purpose=purpose, reason=f"{reading.left_out} rows left out"
        )
        return reading

    def training_rows(
        self,
        frame: pd.DataFrame,
        purpose: str,
        actor: str,
        *,
        person: Person,
        artifact: str,
        collected_for: str | None = None,
    ) -> TrainingTicket:
        """Return a ticket with the rows that a model may be trained on; finish it to publish the model.

        Args:
            frame: the rows.
            purpose, actor, person, collected_for: as :meth:`read`.
            artifact: identifier of what is made, such as ``"triage@4"``.

        Raises:
            UserError: as :meth:`read`; also if no row is left.
        """
        with self._recorded(actor, "train", shown(str(artifact)), purpose):
            name = word(artifact, "The artifact")
            self._check_purpose(purpose, actor, collected_for)
            reading = self._filtered_frame(frame, purpose, actor, person, None)
            if not reading.rows:
                raise UserError(f"No row may be used for {purpose}: there is nothing to train on.")
        self.note(
            actor, "train", name, "allowed", purpose=purpose, reason=f"{reading.left_out} rows left out"
        )
        return TrainingTicket.start(self, reading, run=secrets.token_hex(8), artifact=name)

    def register(
        self,
        name: str,
        source: Any,
        *,
        person: Person | None,
        through: tuple[str, str] | None = None,
        collected_for: str | None = None,
    ) -> None:
        """Register a table for :meth:`query`.

        Args:
            name: what SQL calls it.
            source: as :meth:`read`.
            person: column or columns with keys of people; None where it holds nothing about anybody.
            through: ``(table, column)``: where the table names nobody itself, but has a column of another
                registered table whose rows do (transactions through the account). All its people count.
            collected_for: as :meth:`read`.

        Raises:
            UserError: if the name is no identifier or taken, or a column is not there.
        """
        self._tables.add(name, as_source(source), person, through=through, collected_for=collected_for)

    def query(self, sql: str, purpose: str, actor: str) -> QueryResult:
        """Run one SELECT over registered tables, in which only rows that may be used for the purpose exist.

        Where somebody withdraws while it runs, it is run again without them.

        Args:
            sql: in DuckDB's dialect; files and other tables are out of its reach.
            purpose, actor: as :meth:`read`.

        Raises:
            UserError: as :meth:`read`; also if it is no single SELECT, or cannot be run.
        """
        with self._recorded(actor, "query", "registered tables", purpose):
            names = self._tables.named_in(sql)
            for collected_for in {self._tables.collected_for(name) for name in names} or {None}:
                self._check_purpose(purpose, actor, collected_for)
        target = ", ".join(sorted(names)) or "no table"
        with self._recorded(actor, "query", target, purpose):
            result = QueryResult(self._tables, sql, self.ledger.purposes[purpose].word)
        self.note(actor, "query", target, "allowed", purpose=purpose)
        return result

    def require_clean(self, artifact: str, actor: str) -> None:
        """Refuse to use a model with people in it whose records may no longer be used.

        Raises:
            UserError: naming how many people must be unlearned first.
        """
        debts = [debt for debt in self.ledger.models_to_unlearn() if debt.artifact == artifact]
        target = word(artifact, "The artifact")
        if debts:
            self.note(actor, "use model", target, "denied", reason="people in it must be unlearned")
            counts = [debt.people for debt in debts]
            many = (
                "everybody (the list is lost)" if None in counts else counted(sum(counts), "person", "people")
            )
            raise UserError(f"{target} must unlearn {many} before it is used: see models_to_unlearn().")
        self.note(actor, "use model", target, "allowed")

    def policy_facts(self, person: Any) -> dict[str, bool]:
        """Return what the access policy's records say of a person: attribute → whether consent stands."""
        facts = {p.policy_fact: p.word for p in self.ledger.purposes.purposes if p.policy_fact}
        return {fact: bool(self.ledger.allowed([person], purpose)[0]) for fact, purpose in facts.items()}

    def note(
        self, actor: str, action: str, target: str, outcome: Any, *, purpose: str = "", reason: str = ""
    ) -> None:
        """Record a decision of the gate."""
        if self.audit is not None:
            self.audit.record(actor, action, target, outcome, purpose=purpose, reason=reason)

    def _recorded(self, actor: Any, action: str, target: str, purpose: Any) -> AbstractContextManager[None]:
        """Record a refusal; what is no account or no purpose of the vocabulary is not repeated."""
        try:
            who = word(actor, "The actor")
        except UserError:
            who = "no account"
        try:
            asked = self.ledger.purposes[purpose].word
        except UserError:
            asked = ""
        return recorded_refusals(self.audit, action, target, actor=who, purpose=asked)

    def _filtered_frame(
        self, frame: Any, purpose: str, actor: str, person: Person, columns: Sequence[str] | None
    ) -> Reading:
        if not isinstance(frame, pd.DataFrame):
            raise UserError("The rows are a DataFrame.")
        answers = self._answers([frame[name] for name in person_columns(frame.columns, person)], purpose)
        columns = None if columns is None else column_names(columns)
        if missing := [name for name in columns or () if name not in frame.columns]:
            raise UserError(f"The table has no column '{shown(missing[0])}': check its name.")
        mask = np.logical_and.reduce([answer.mask for answer in answers])
        kept = frame[mask] if columns is None else frame.loc[mask, columns]
        return Reading(self, kept, answers, mask, purpose=purpose, actor=actor)

    def _filtered_source(
        self, opened: Source, purpose: str, actor: str, person: Person, columns: Sequence[str] | None
    ) -> Reading:
        wanted = opened.columns if columns is None else column_names(columns)
        names = person_columns(opened.columns, person)
        opened.require(wanted)
        read = column_list(list(dict.fromkeys([*wanted, *names])))
        table: pa.Table = opened.sql(f"SELECT {read} FROM source").to_arrow_table()
        answers = self._answers([table.column(name) for name in names], purpose)
        mask = np.logical_and.reduce([answer.mask for answer in answers])
        kept = table.select(wanted).filter(pa.array(mask))
        return Reading(self, duckdb.from_arrow(kept).df(), answers, mask, purpose=purpose, actor=actor)

    def _answers(self, keys: Sequence[Any], purpose: str) -> list[Answer]:
        return [self.ledger.answer(column, purpose) for column in keys]

    def _check_purpose(self, purpose: str, actor: str, collected_for: str | None) -> None:
        word(actor, "The actor")
        asked, reason = self.ledger.purposes[purpose], ""
        if asked.basis == "none":
            reason = f"'{asked.word}' is no purpose: say what the data are for."
        elif collected_for is not None:
            pair = self.ledger.purposes.compatibility(collected_for, purpose)
            if not pair.allowed:
                reason = (
                    f"Data collected for {pair.collected_for} may not be used for {pair.purpose} "
                    f"({pair.citation}): {pair.reason}"
                )
        if reason:
            raise UserError(reason)
