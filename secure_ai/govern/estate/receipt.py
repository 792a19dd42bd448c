"""The receipt of an erasure: store by store what went, what had to stay and why, and what a search found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.core.outputs import write_json
from secure_ai.govern.estate.store import Block, Removal

if TYPE_CHECKING:
    from secure_ai.govern.estate.search.traces import Traces


@dataclass(frozen=True)
class ErasureReceipt:
    """What an erasure did; it names the person by a pseudonym alone.

    Attributes:
        reference: of the request.
        pseudonym: of the person; it is linked to nobody once the erasure is complete.
        day: the day of the erasure.
        removals: what each store forgot, in order.
        blocked: store → every reason why its data had to stay.
        traces: what the search of every byte found afterwards; None where it was not asked for.
        seconds: parts of the work → wall time; never stored.
    """

    reference: str
    pseudonym: str
    day: date
    removals: tuple[Removal, ...]
    blocked: Mapping[str, tuple[Block, ...]] = field(default_factory=dict)
    traces: Traces | None = None
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def complete(self) -> bool:
        """Whether nothing had to stay, nobody must look at a record, and a search, if any, found no trace."""
        seen = self.traces is None or not (self.traces.found or self.traces.unreadable)
        return not self.blocked and not self.ambiguous and seen

    @property
    def records(self) -> int:
        """How many rows, documents and entries went."""
        return sum(removal.records for removal in self.removals)

    @property
    def mentions(self) -> int:
        """How many mentions in the records of others were masked."""
        return sum(removal.mentions for removal in self.removals)

    @property
    def ambiguous(self) -> int:
        """How many records of others name somebody of that name: a person must say who is meant."""
        return sum(removal.ambiguous for removal in self.removals)

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as plain JSON-ready values."""
        return {
            "reference": self.reference,
            "pseudonym": self.pseudonym,
            "day": self.day.isoformat(),
            "complete": self.complete,
            "ambiguous": self.ambiguous,
            "removals": [asdict(removal) for removal in self.removals],
            "blocked": {
                store: [
                    asdict(block) | {"until": block.until and block.until.isoformat()} for block in blocks
                ]
                for store, blocks in self.blocked.items()
            },
            "traces": None if self.traces is None else self.traces.to_dict(),
        }

    def save(self, path: str | Path) -> Path:
        """Write the receipt as JSON; a previous file is replaced.

        Raises:
            UserError: if it cannot be written.
        """
        return write_json(path, self.to_dict())

    def to_frame(self) -> Any:
        """Return one row per store: what went, how, and what had to stay why."""
        import pandas as pd

        rows = [
            {"store": one.store, "outcome": "erased", "records": one.records, "mentions": one.mentions,
             "how or why": " ".join(filter(None, [one.method + ".", one.note]))}
            for one in self.removals
        ]  # fmt: skip
        rows += [
            {"store": store, "outcome": "kept", "records": 0, "mentions": 0,
             "how or why": f"{block.reference}: {block.reason}"}
            for store, blocks in self.blocked.items()
            for block in blocks
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["store", "outcome", "records", "mentions", "how or why"])

    def sentence(self) -> str:
        """Say what was done."""
        text = (
            f"{self.records:,} record{'' if self.records == 1 else 's'} erased in {len(self.removals):,} "
            f"store{'' if len(self.removals) == 1 else 's'}, {self.mentions:,} "
            f"mention{'' if self.mentions == 1 else 's'} in records of others masked"
        )
        if self.blocked:
            text += f"; kept by hold or law in {', '.join(self.blocked)}"
        if self.ambiguous:
            text += f"; {self.ambiguous:,} for a person to look at: others bear the name, too"
        if self.traces is not None:
            text += f". {self.traces.sentence()}"
        return text if text.endswith(".") else text + "."
