"""The report of a sweep: store by store what was due, what went, what stayed and why, and the proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from secure_ai.core.intervals import wilson
from secure_ai.core.measurement import Measurement, Unassessed
from secure_ai.core.outputs import write_json
from secure_ai.govern.retention.proof import Proof

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["nothing due", "planned", "swept", "kept", "unassessed", "failed"]


@dataclass(frozen=True)
class StoreSweep:
    """What a sweep found and did in one store.

    Attributes:
        store, kind, data_class: which store.
        maximum: how long its class may be kept; empty without a rule.
        cutoff: what is dated before this day is due; None where it counts from the end of a relationship.
        status: ``"nothing due"``, ``"planned"`` (a dry run), ``"swept"``, ``"kept"`` (a hold or a duty keeps
            all that is due), ``"unassessed"`` or ``"failed"``.
        due: records beyond their maximum.
        removed: of them, those that went (would go, in a dry run).
        held: identifier of a hold → records that it keeps; a record may count for several.
        duty: law → records that it keeps.
        undated: records that nobody can date, and which therefore stay.
        future: records dated after the day of the sweep.
        unit: ``"records"``; ``"persons"`` where a store cannot count records; ``"files"`` of a backup that
            goes as a whole; ``"entries"`` of what is made anew from other records.
        method: how they went.
        reason: why it is unassessed or failed.
        proof: what shows it.
    """

    store: str
    kind: str
    data_class: str
    maximum: str
    cutoff: date | None
    status: Status
    due: int = 0
    removed: int = 0
    held: Mapping[str, int] = field(default_factory=dict)
    duty: Mapping[str, int] = field(default_factory=dict)
    undated: int = 0
    future: int = 0
    unit: str = "records"
    method: str = ""
    reason: str = ""
    proof: Proof | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON-ready values."""
        return asdict(self) | {"cutoff": self.cutoff and self.cutoff.isoformat()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> StoreSweep:
        """Rebuild from :meth:`to_dict`."""
        cutoff = fields["cutoff"] and date.fromisoformat(fields["cutoff"])
        proof = Proof(**fields["proof"]) if fields["proof"] else None
        return cls(**{**fields, "cutoff": cutoff, "proof": proof})

    @property
    def proven(self) -> bool:
        """Whether what had to go is shown to be gone."""
        return self.status in ("nothing due", "kept") or (
            self.status == "swept" and self.proof is not None and self.proof.holds
        )


@dataclass(frozen=True)
class SweepReport:
    """The result of a sweep.

    Attributes:
        reference: of the sweep.
        today: its day.
        sector: of the schedule.
        schedule: its title.
        dry_run: whether nothing was changed.
        holds_head: digest of the ledger of holds as it was; empty without one.
        stores: what was found and done, store by store.
        values_at_end: how many values of removed records were searched for once more when all was done.
        residues_at_end: of them, how many were found though no record holds them; must be 0.
        note: what must be known of it, such as until when backups hold what went.
        unfinished: what could not be done when all stores were swept, and why; empty if nothing.
    """

    reference: str
    today: date
    sector: str
    schedule: str
    dry_run: bool
    holds_head: str
    stores: tuple[StoreSweep, ...]
    values_at_end: int = 0
    residues_at_end: int = 0
    note: str = ""
    unfinished: str = ""

    @property
    def complete(self) -> bool:
        """Whether every store was assessed, what had to go is shown to be gone, and nothing is unfinished."""
        done = not self.dry_run and not self.residues_at_end and not self.unfinished
        return done and all(store.proven for store in self.stores)

    @property
    def due(self) -> int:
        """Records that are due, in all stores."""
        return sum(store.due for store in self.stores)

    @property
    def removed(self) -> int:
        """Records that went, in all stores."""
        return sum(store.removed for store in self.stores)

    def measurement(self) -> Measurement | Unassessed:
        """Return the share of stores whose removal is proven, with its interval."""
        if self.dry_run or not self.stores:
            return Unassessed("a dry run removes nothing" if self.dry_run else "there are no stores")
        proven, n = sum(store.proven for store in self.stores), len(self.stores)
        return Measurement(
            "stores_with_proven_expiry", proven / n, "share of stores", n, 0.0, wilson(proven, n),
            "counts before and after, digests, search of every byte", "GDPR Art. 5(1)(e)",
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON-ready values."""
        return {
            "reference": self.reference,
            "today": self.today.isoformat(),
            "sector": self.sector,
            "schedule": self.schedule,
            "dry_run": self.dry_run,
            "complete": self.complete,
            "holds_head": self.holds_head,
            "values_at_end": self.values_at_end,
            "residues_at_end": self.residues_at_end,
            "note": self.note,
            "unfinished": self.unfinished,
            "stores": [store.to_dict() for store in self.stores],
        }

    def save(self, path: str | Path) -> Path:
        """Write the report as JSON; a previous file is replaced.

        Raises:
            UserError: if it cannot be written.
        """
        return write_json(path, self.to_dict())

    def to_frame(self) -> pd.DataFrame:
        """Return one row per store: ``store``, ``class``, ``may be kept``, ``before``, ``due``, ``removed``,
        ``held``, ``kept by duty``, ``undated``, ``in the future``, ``status``, ``proof``."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "store": one.store,
                    "class": one.data_class,
                    "may be kept": one.maximum,
                    "before": one.cutoff,
                    "due": one.due,
                    "removed": one.removed,
                    "held": _counts(one.held),
                    "kept by duty": _counts(one.duty),
                    "undated": one.undated,
                    "in the future": one.future,
                    "status": one.status,
                    "proof": proof_sentence(one),
                }
                for one in self.stores
            ]
        )

    def sentence(self) -> str:
        """Say what was done."""
        if self.dry_run:
            return (
                f"{self.due:,} records are due in {len(self.stores)} stores; {self.removed:,} would go. "
                "Nothing was changed."
            )
        open_ones = [one.store for one in self.stores if not one.proven]
        text = f"{self.removed:,} of {self.due:,} records that were due are gone"
        if self.residues_at_end:
            said = f"{text}; {self.residues_at_end:,} of {self.values_at_end:,} searched values are left."
        elif not open_ones:
            said = f"{text}, and every store shows it."
        else:
            said = f"{text}; not shown for {', '.join(open_ones)}."
        return f"{said} {self.unfinished}".strip()


def proof_sentence(store: StoreSweep) -> str:
    """Say what shows that the records of one store are gone."""
    if store.reason:
        return store.reason
    proof = store.proof
    if proof is None:
        return "nothing was changed" if store.status == "planned" else "nothing had to go"
    said = f"{proof.before:,} → {proof.after:,} {store.unit}, {proof.still_due:,} still due"
    if proof.too_many:
        said += f", {proof.too_many:,} MORE WENT THAN WERE TO GO"
    if proof.values_searched:
        said += (
            f"; {proof.values_searched:,} values of {proof.persons_sampled:,} "
            f"{'person' if proof.persons_sampled == 1 else 'persons'} searched in "
            f"{proof.files_searched:,} files: {proof.residues:,} left"
        )
    if proof.still_held:
        said += f", {proof.still_held:,} stand in records that are kept"
    return "; ".join(filter(None, [said, proof.key, proof.note]))


def _counts(found: Mapping[str, int]) -> str:
    return "; ".join(f"{name}: {count:,}" for name, count in sorted(found.items()))
