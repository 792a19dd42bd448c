"""How far a sweep is, on disk: an interrupted one goes on where it stopped, under the same rules."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.govern.retention.report import StoreSweep

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,63}", re.ASCII)


class SweepState:
    """The journal of one sweep, a file of counts without personal values; gone when the sweep is done.

    Args:
        folder: where journals are kept.
        reference: of the sweep.
        today: its day.
        rules: digest of the schedule; a sweep goes on only under the rules it began with.

    Raises:
        UserError: if the reference is no name, the journal is damaged, or it is of another day or schedule.
    """

    def __init__(self, folder: str | Path, reference: str, today: date, rules: str) -> None:
        if not isinstance(reference, str) or _REFERENCE.fullmatch(reference) is None:
            raise UserError("A sweep needs a reference of letters, digits, dots and hyphens: '2026-Q4'.")
        self.path = Path(folder) / f"{reference}.json"
        self._head = {"reference": reference, "today": today.isoformat(), "rules": rules}
        self._done: dict[str, dict[str, Any]] = {}
        self._started: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            self._read()

    def done(self, store: str) -> StoreSweep | None:
        """Return what a store's sweep came to, if it was finished before an interruption."""
        fields = self._done.get(store)
        return StoreSweep.from_dict(fields) if fields else None

    def started(self, store: str) -> Mapping[str, Any] | None:
        """Return what was noted when the store's removal began, if it was interrupted."""
        return self._started.get(store)

    def start(self, store: str, counts: Mapping[str, Any]) -> None:
        """Note that a store's removal begins, with what was due."""
        self._started[store] = dict(counts)
        self._write()

    def finish(self, found: StoreSweep) -> None:
        """Note what a store's sweep came to."""
        self._done[found.store] = found.to_dict()
        self._write()

    def close(self) -> None:
        """Remove the journal: the sweep is done."""
        self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        with atomic_file(self.path) as draft:
            content = {**self._head, "started": self._started, "done": self._done}
            draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def _read(self) -> None:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            self._done, self._started = dict(content["done"]), dict(content["started"])
            for fields in self._done.values():
                StoreSweep.from_dict(fields)
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(
                f"The journal {self.path.name} of an interrupted sweep is damaged: remove it, and sweep anew."
            ) from None
        for name, value in self._head.items():
            if content.get(name) != value:
                what = "day" if name == "today" else "schedule"
                raise UserError(
                    f"The sweep {self._head['reference']} was interrupted under another {what}: finish it "
                    "with that one, or choose another reference."
                )
