"""Purposes: a model's service that asks for fields, records or volumes beyond what it declared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from secure_ai.monitor.detection.baselines import Levels
from secure_ai.monitor.detection.context import Context, Service, parts
from secure_ai.monitor.detection.evidence import Evidence, code
from secure_ai.monitor.detection.exports import tail_bits
from secure_ai.monitor.detection.result import Detection
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import Row, rows_of
from secure_ai.monitor.detection.work import DAY


class PurposeDetector:
    """Holds each read of a service against its declaration (GDPR Art. 5(1)(b), 45 CFR 164.502(b)).

    Fields and resources are a rule: what was not declared is beyond the purpose. Volumes are learned: records
    for each call against the declaration and the past, a backlog after silence being honest; evidence of
    calls in a row adds up.

    Args:
        context: the registers; ``services`` holds the declarations.
        settings: thresholds.
    """

    family = "purpose"
    table = "events"

    def __init__(self, context: Context, settings: Settings | None = None) -> None:
        self.context, self.settings = context, settings or Settings()
        self._size = Levels(self.settings.fading / 2, 4.0, self.settings.least_spread)
        self._gap = Levels(self.settings.fading / 2, 4.0, self.settings.least_spread)
        self._last: dict[str, float] = {}
        self._sum: dict[str, tuple[float, float]] = {}
        self._backlog: dict[str, tuple[float, float]] = {}
        self._names = {service for service, _ in context.declared}

    def learn(self, history: pd.DataFrame) -> None:
        """Take usual volumes from a table of past events."""
        reads = history[(history["action"] == "read") & history["actor"].isin(self._names)]
        for row in rows_of(reads):
            self._learn(row, self._key(row))

    def observe(self, event: Row) -> Sequence[Detection]:
        """Judge one read of a declared service."""
        if event["action"] != "read":
            return ()
        row, settings = event, self.settings
        service = self.declaration(row)
        if service is None:
            return ()
        found: list[Detection] = []
        beyond = sorted(parts(row["fields"]) - service.fields) if service.fields else []
        if beyond:
            evidence = Evidence()
            evidence.add(
                "fields", f"{len(beyond)} undeclared fields: {', '.join(map(code, beyond[:5]))}",
                settings.undeclared_bits + len(beyond) - 1, float(len(beyond)), 0.0,
            )  # fmt: skip
            found += evidence.detection(row, self.family, "purpose_fields", settings)
        if service.resources and row["resource"] and row["resource"] not in service.resources:
            evidence = Evidence()
            evidence.add(
                "resource",
                f"the undeclared resource {code(row['resource'])}",
                settings.undeclared_bits,
                1.0,
                0.0,
            )
            found += evidence.detection(row, self.family, "purpose_resource", settings)
        if service.purpose and row["purpose"] and row["purpose"] != service.purpose:
            evidence = Evidence()
            evidence.add(
                "purpose", f"another purpose than {code(service.purpose)}, which was declared",
                settings.undeclared_bits,
            )  # fmt: skip
            found += evidence.detection(row, self.family, "purpose_resource", settings)
        volume = self._volume(row, service)
        if not row["late"] and not any(item.score >= settings.threshold for item in (*found, *volume)):
            self._learn(row, self._key(row))
        elif not row["late"]:
            self._last[self._key(row)] = row["time"]
        return [*found, *volume]

    def _volume(self, row: Row, service: Service) -> list[Detection]:
        key, count, time = self._key(row), float(row["record_count"]), row["time"]
        usual, _, spread = self._size.usual(key, key, key)
        if math.isnan(usual):
            usual = service.typical_records
            spread = 2 * self.settings.least_spread
        if math.isnan(usual):
            return []
        declared = service.typical_records if not math.isnan(service.typical_records) else usual
        reference = max(usual, declared)
        # After silence a backlog is honest: as many records as would have come meanwhile.
        gap, _, _ = self._gap.usual(key, key, key)
        silent = max(time - self._last.get(key, time), 0.0)
        backlog, until = self._backlog.get(key, (0.0, time))
        if time > until:
            backlog = 0.0
        if silent > self.settings.silent_gaps * gap:
            due = min(silent, 2 * DAY)
            backlog, until = (
                backlog + due / max(gap, 1.0) * reference,
                time + min(due, self.settings.backlog_hours * 3600),
            )
        allowed = max(reference, backlog)
        excess = (math.log1p(count) - math.log1p(allowed)) / spread
        self._backlog[key] = (max(backlog - count, 0.0), until)
        bits, since = self._sum.get(key, (0.0, time))
        bits = max(0.0, bits - max(time - since, 0.0) / 3600 * self.settings.bulk_forget_bits)
        step = tail_bits(excess) - self.settings.volume_step_bits
        bits = max(0.0, bits + step)
        self._sum[key] = (min(bits, 40.0), time)
        evidence = Evidence()
        evidence.add(
            "records", f"{count:,.0f} records where about {usual:,.0f} are usual", bits, count, usual
        )
        return evidence.detection(row, self.family, "purpose_volume", self.settings)

    def excess(self, row: Row) -> float:
        """Return how far the number of records is above what is usual for the service, then learn it."""
        key = self._key(row)
        excess = self._size.excess(key, key, key, float(row["record_count"]))
        self._learn(row, key)
        return 0.0 if math.isnan(excess) else excess

    def declaration(self, row: Row) -> Service | None:
        """Return what the service of a row declared, None where it is no declared service."""
        if row["actor"] not in self._names:
            return None
        exact = self.context.declared.get((row["actor"], row["model"]))
        if exact is not None:
            return exact
        # A version that is not declared is held against all that the service declared.
        every = [item for (name, _), item in self.context.declared.items() if name == row["actor"]]
        return Service(
            "",
            every[0].purpose,
            frozenset().union(*(item.resources for item in every)),
            frozenset().union(*(item.fields for item in every)),
            max((i.typical_records for i in every if not math.isnan(i.typical_records)), default=math.nan),
        )

    def _key(self, row: Row) -> str:
        return f"{row['actor']}|{row['model']}"

    def _learn(self, row: Row, key: str) -> None:
        time = row["time"]
        if key in self._last and time > self._last[key]:
            self._gap.learn(key, key, key, time - self._last[key])
        self._last[key] = max(time, self._last.get(key, time))
        self._size.learn(key, key, key, float(row["record_count"]))

    def state(self) -> dict[str, Any]:
        """Return what is usual as JSON values."""
        return {
            "size": self._size.state(),
            "gap": self._gap.state(),
            "last": self._last,
            "backlog": {key: list(value) for key, value in self._backlog.items()},
            "sum": {key: list(value) for key, value in self._sum.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self._size.restore(state["size"])
        self._gap.restore(state["gap"])
        self._last = dict(state["last"])
        self._backlog = {key: (records, until) for key, (records, until) in state["backlog"].items()}
        self._sum = {key: (bits, time) for key, (bits, time) in state["sum"].items()}
