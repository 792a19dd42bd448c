"""Runs a model as a service on this machine: mutual TLS, then the gate, each request in the audit trail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd

from secure_ai.access.policy import AccessPolicy
from secure_ai.access.scoring.accounts import ModelCard, ServiceAccount
from secure_ai.access.scoring.gate import ModelGate, OnQuery
from secure_ai.access.scoring.limits import RateLimit
from secure_ai.core.audit import AuditLog
from secure_ai.encrypt.transport.scoring_server import Limits
from secure_ai.encrypt.transport.scoring_service import ScoringService, serve_gate
from secure_ai.encrypt.transport.sockets import Address
from secure_ai.encrypt.transport.tls import TlsFiles


@dataclass(frozen=True)
class RunningModel:
    """A service that runs.

    Attributes:
        service: the transport, with its address and audit trail.
        gate: the policy, the limits and the answer policy.
    """

    service: ScoringService
    gate: ModelGate

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self.service.address

    @property
    def audit(self) -> AuditLog:
        """Who asked for how many rows, and what came of it; never a record or a score."""
        return self.service.audit

    def lower_limit(
        self, principal: str, *, rows_per_minute: int | None = None, rows_per_day: int | None = None
    ) -> RateLimit:
        """Lower what a principal may ask about, from its next request on; the trail says so."""
        limit = self.gate.limiter.lower(principal, rows_per_minute=rows_per_minute, rows_per_day=rows_per_day)
        self.audit.record(
            "scoring-service", "lower limit", principal, "allowed",
            rows_per_minute=limit.rows_per_minute, rows_per_day=limit.rows_per_day,
        )  # fmt: skip
        return limit

    def usage(self) -> pd.DataFrame:
        """Return one row for each account: rows answered and refused, requests, and its limits now."""
        totals: dict[str, list[int]] = {name: [0, 0, 0] for name in self.gate.accounts}
        for event in self.audit.events:
            if event.action == "score" and event.actor in totals:
                counts, rows = totals[event.actor], int(event.details.get("rows", 0))
                counts[0] += 1
                counts[1 if event.outcome == "allowed" else 2] += rows
        limits = {name: self.gate.limiter.limit_of(name) for name in totals}
        return pd.DataFrame(
            [
                (name, *counts, limits[name].rows_per_minute, limits[name].rows_per_day)
                for name, counts in totals.items()
            ],
            columns=["account", "requests", "rows answered", "rows refused", "rows a minute", "rows a day"],
        )


@contextmanager
def run_model(
    model: Any,
    card: ModelCard,
    accounts: Sequence[ServiceAccount],
    reference: Any,
    tls: TlsFiles,
    *,
    policy: AccessPolicy | None = None,
    audit: AuditLog | None = None,
    on_query: OnQuery | None = None,
    threshold: float = 0.5,
    clock: Callable[[], float] = time.monotonic,
    limits: Limits = Limits(),
) -> Iterator[RunningModel]:
    """Run a model behind TLS 1.3, policy, limits and answer policy while the block runs.

    Args:
        model: a fitted classifier with ``predict_proba`` and ``classes_``.
        card: what the organization has decided about it.
        accounts: who is registered; a certificate names the account.
        reference: rows that show the model's columns and the scale of its inputs.
        tls: the server's certificate and key, and the authority of its clients.
        policy: decides who may; the kit's own if None.
        audit: where each request is recorded before it is answered; in memory if None.
        on_query: called with each answered batch, for a watch; see
            :class:`secure_ai.access.scoring.queries.Query`.
        threshold: probability of the second of two classes from which it is the label.
        clock: seconds of the limits.
        limits: what one connection may cost.

    Raises:
        CertificateError: if the files cannot be used.
        UserError: if nobody is registered, or the model gives no probabilities.
    """
    log = audit if audit is not None else AuditLog()

    def trouble(kind: str) -> None:
        log.record(
            "scoring-service", "watch", card.id, "error", reason=f"the watch failed ({kind})", alert=True
        )

    gate = ModelGate(
        model, card, accounts, reference,
        policy=policy, threshold=threshold, clock=clock, on_query=on_query, on_trouble=trouble,
    )  # fmt: skip
    with serve_gate(
        gate, tls, allowed=frozenset(gate.accounts), audit=log, name=card.id, limits=limits
    ) as service:
        yield RunningModel(service, gate)
