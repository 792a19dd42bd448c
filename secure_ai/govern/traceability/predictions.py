"""One call from a prediction to model, data, code, approval, policy, card and consent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from secure_ai.access.policy.separation import TOXIC_COMBINATIONS
from secure_ai.core.audit import AuditLog, recorded_refusals
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.defend.lineage import Lineage
from secure_ai.defend.lineage.tracing import Trace
from secure_ai.govern.consent.callback import Consent
from secure_ai.govern.retention.periods import checked_day
from secure_ai.govern.traceability.data_facts import (
    consent_facts,
    data_facts,
    inputs_of,
    rows_scored,
    version_of,
)
from secure_ai.govern.traceability.evidence import Evidence, gap
from secure_ai.govern.traceability.model_facts import model_facts
from secure_ai.govern.traceability.register import ModelRegister, Signed
from secure_ai.govern.traceability.trail import Fact, Trail

OF_MODEL = (
    "model", "model file", "code", "trained by", "approval", "duties", "policy", "card", "training data",
    "data versions",
)  # fmt: skip
"""Questions that nobody can answer without a model."""


def trace_prediction(
    prediction: str,
    lineage: Lineage,
    *,
    today: date,
    register: ModelRegister | None = None,
    head: str | None = None,
    keys: Mapping[str, str] | None = None,
    artifact: str | Path | None = None,
    code: str | Path | None = None,
    card: str | Path | None = None,
    sources: Mapping[str, pd.DataFrame] | None = None,
    consent: Consent | None = None,
    purpose: str | None = None,
    scoring_purpose: str | None = None,
    roles: pd.DataFrame | None = None,
    sector: str | None = None,
    audit: AuditLog | None = None,
    actor: str = "traceability",
) -> Trail:
    """Say of one prediction which model made it, of what, by whom, who approved it and who consented.

    Everything but the first two arguments may be missing; then the answer says what nobody could check.

    Args:
        prediction: name of its row, ``scores@3f2a91c0b7d1#17``.
        lineage: in which it was recorded.
        today: the day that approvals are compared with, beside the day of the prediction; a day before that
            is a problem of its own.
        register: who made and approved which model.
        head: what the register's ``head`` was when it was last known to be whole, kept elsewhere: without it
            nobody can say whether its last entries (a withdrawal, for instance) were cut off.
        keys: account → public signing key line, from a list that is kept apart from the register.
        artifact: the model file as it is used now.
        code: folder of the training code as it is now, or the version that it has now.
        card: the model card's file.
        sources: name of each source → the table as it is now, with the column that was named as identifier
            when it was read: it holds the people's keys. A table of another content is a problem of its own.
        consent: called with people's keys and the purpose; a consent ledger's ``allowed``.
        purpose: what the consent of the people in the training rows is asked for; the purpose of the model's
            record if None.
        scoring_purpose: the same for the person of the prediction; that of the training if None.
        roles, sector: who holds which role; to check that the approver could not have trained the model.
        audit: where it is recorded that somebody asked, or was refused.
        actor: who asks.

    Raises:
        UserError: if the prediction is not recorded, is no single row, the lineage is damaged, something is
            given that is of another kind than said above, or the consent callback fails.
    """
    with recorded_refusals(audit, "trace prediction", _target(prediction), actor=actor):
        checked_day(today)
        tables = _tables(sources)
        _check_roles(roles, sector)
        trace = _traced(prediction, lineage)
        versions = {name: version_of(lineage, name, frame) for name, frame in tables.items()}
        evidence = Evidence(
            register, keys or {}, None if artifact is None else Path(artifact), code,
            None if card is None else Path(card), tables, versions, consent, roles, sector,
        )  # fmt: skip
        here = prediction.partition("#")[0]
        if audit is not None:
            audit.record(actor, "trace prediction", here, "allowed", records=[prediction])
        made = _made(trace, here)
        inputs = inputs_of(trace.graph, here)
        models = [name for name in trace.models if name in inputs]
        model = models[0] if len(models) == 1 else ""
        facts = [_made_fact(prediction, here, made.date(), today)]
        record: Signed | None = None
        if model:
            facts.append(Fact("model", "known", f"{model} made it.", model, model))
            record, of_model = model_facts(trace, model, made.date(), today, evidence)
            trained = lineage.back(model)
            facts += [*of_model, *data_facts(trained, model, record, evidence)]
        else:
            trained = None
            reason = f"{len(models)} models are recorded for it, so that none is known to have made it."
            facts += [gap(question, reason) for question in OF_MODEL]
        if purpose is None and record is not None and not record.problem(evidence.keys):
            purpose = record.entry.purpose
        scored = rows_scored(lineage, prediction, model)
        facts += consent_facts("consent of training", trained, purpose or "", evidence)
        facts += consent_facts("consent of prediction", scored, scoring_purpose or purpose or "", evidence)
        facts += [_lineage_fact(lineage, trace), _register_fact(register, head)]
    return Trail(prediction, model, tuple(facts), trace)


def _target(prediction: object) -> str:
    """Return the data set of a prediction's name for the audit trail; what is no name is not repeated."""
    named = isinstance(prediction, str) and re.fullmatch(r"([^#@]{1,200}@[^#@]{1,64})#\d+", prediction)
    return shown(named[1]) if named else "prediction"


def _traced(prediction: str, lineage: Lineage) -> Trace:
    if not isinstance(prediction, str) or "#" not in prediction:
        raise UserError("A trail starts at one prediction: name its row, as in scores@3f2a91c0b7d1#17.")
    trace = lineage.back(prediction)
    here = prediction.partition("#")[0]
    if lineage.graph().dataset(here).kind != "predictions":
        raise UserError(f"'{shown(here)}' holds no predictions: name a row of what predict() recorded.")
    return trace


def _tables(sources: object) -> Mapping[str, pd.DataFrame]:
    if sources is not None and not isinstance(sources, Mapping):
        raise UserError("The sources are a mapping: the name of each source → its table as it is now.")
    return sources or {}


def _check_roles(roles: object, sector: str | None) -> None:
    if roles is not None and not (
        isinstance(roles, pd.DataFrame) and {"staff_id", "role"} <= set(roles.columns)
    ):
        raise UserError("The roles are a table with the columns staff_id and role: give that.")
    if sector is not None and sector not in TOXIC_COMBINATIONS:
        raise UserError(
            f"'{shown(str(sector))}' is no sector whose duties are known: choose "
            f"{' or '.join(TOXIC_COMBINATIONS)}."
        )


def _made_fact(prediction: str, here: str, made: date, today: date) -> Fact:
    if today < made:
        answer = (
            f"Recorded as {prediction} on {made}, after {today}, the day that is asked for: one of them is "
            "wrong, and what stood on that day says nothing of it."
        )
        return Fact("prediction", "problem", answer, f"made after {today}", here)
    return Fact("prediction", "known", f"Made on {made}, recorded as {prediction}.", f"{made}", here)


def _made(trace: Trace, dataset: str) -> datetime:
    times = [datetime.fromisoformat(step.time) for step in trace.graph.steps if step.output == dataset]
    return min(times)


def _lineage_fact(lineage: Lineage, trace: Trace) -> Fact:
    problems = lineage.verify()
    if len(problems):
        return Fact(
            "lineage",
            "problem",
            f"{len(problems)} files of the lineage were changed or are missing.",
            "altered",
        )
    if not trace.exact:
        return gap("lineage", "Some steps link no rows, so that more is named than was touched.")
    return Fact("lineage", "known", "Every step links its rows, and no file of rows was changed.", "whole")


def _register_fact(register: ModelRegister | None, head: str | None) -> Fact:
    if register is None:
        return gap("register", "Not known: no register of models was given.")
    entries = register.entries()
    broken = [number for number, one in enumerate(entries, 1) if not one.chained]
    if broken:
        reason = f"Before entry {broken[0]} of the register of models one was altered, added or taken out."
        return Fact("register", "problem", reason, f"broken before entry {broken[0]}")
    if head is None:
        return gap(
            "register", "Whether its last entries were cut off nobody can say without its former head."
        )
    if head and head not in {one.entry.digest() for one in entries}:
        return Fact(
            "register", "problem", "Entries at the end of the register of models were cut off.", "cut off"
        )
    return Fact(
        "register", "known", f"Its {len(entries)} entries hang together up to the known head.", "whole"
    )
