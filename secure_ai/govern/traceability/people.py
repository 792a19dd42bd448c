"""Forward: from a person to the models that learned from them, the predictions, and the vendors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from secure_ai.core.audit import AuditLog
from secure_ai.defend.lineage import Lineage
from secure_ai.defend.lineage.tracing import Trace
from secure_ai.govern.handover.register import HandoverRegister
from secure_ai.govern.handover.returns import recipients_of
from secure_ai.govern.traceability.entries import Approval, Withdrawal
from secure_ai.govern.traceability.register import ModelRegister

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Touched:
    """What a person's records went into.

    Attributes:
        models: model, approved (by whom, with a signature that holds; empty for nobody), in_use (approved
            today and not withdrawn; None where no register was given).
        predictions: data set, rows.
        vendors: package, vendor, contract, purpose, contact, retention_until; None where no register was
            given.
        trace: the whole of it, for the picture of the lineage; None where the person is in no data set.
    """

    models: pd.DataFrame
    predictions: pd.DataFrame
    vendors: pd.DataFrame | None
    trace: Trace | None

    def sentence(self) -> str:
        """Say how much; what nobody could look up is said as well."""
        rows = int(self.predictions["rows"].sum())
        text = (
            f"The person's records went into {len(self.models)} model version(s) and {rows:,} prediction(s)"
        )
        if self.vendors is None:
            return f"{text}; vendors are unassessed, because no register of hand-overs was given."
        return f"{text}, and to {self.vendors['vendor'].nunique()} vendor(s)."


def trace_person(
    person: object,
    lineage: Lineage,
    *,
    identifier: str,
    today: date,
    register: ModelRegister | None = None,
    keys: Mapping[str, str] | None = None,
    handovers: HandoverRegister | None = None,
    audit: AuditLog | None = None,
    actor: str = "traceability",
) -> Touched:
    """Say which models, predictions and vendors a person's records went into.

    Args:
        person: value of ``identifier`` that stands for the person; only its keyed digest is compared.
        lineage: in which tables were read with that identifier.
        identifier: the column that says whose a row is, such as ``patient_id``.
        today: the day on which a model is in use or not.
        register: of models, to say which of them are approved.
        keys: account → public signing key line; an approval whose signature does not hold counts for nothing.
        handovers: register of hand-overs, to say which vendors have rows of the person.
        audit: where it is recorded that somebody asked; never about whom.
        actor: who asks.

    Raises:
        UserError: if no data set is recorded with this identifier, or the lineage is damaged.
    """
    import pandas as pd

    rows = lineage.find(identifier, person)
    trace = lineage.forward(rows) if rows else None
    if audit is not None:
        audit.record(actor, "trace person", "lineage", "allowed", rows=len(rows))
    models = [
        (name, *_standing(name, register, keys or {}, today)) for name in (trace.models if trace else [])
    ]
    predictions = []
    for name, reached in (trace.reached if trace else {}).items():
        one = trace.graph.dataset(name)
        if one.kind == "predictions":
            predictions.append((name, len(reached) if reached is not None else one.count or 0))
    return Touched(
        pd.DataFrame(models, columns=["model", "approved", "in_use"]),
        pd.DataFrame(predictions, columns=["dataset", "rows"]),
        None if handovers is None else recipients_of(handovers, str(person), audit=audit, actor=actor),
        trace,
    )


def _standing(
    model: str, register: ModelRegister | None, keys: Mapping[str, str], today: date
) -> tuple[str, bool | None]:
    if register is None:
        return "unassessed", None
    approvals = [one.entry for one in register.of(model, Approval) if not one.problem(keys)]
    if not approvals:
        return "", False
    last: Approval = approvals[-1]
    withdrawn = any(
        last.day <= one.entry.day <= today for one in register.of(model, Withdrawal) if not one.problem(keys)
    )
    return last.approved_by, not withdrawn and last.day <= today <= last.until
