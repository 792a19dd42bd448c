"""A model behind TLS 1.3 with certificates on both sides: who calls is known, checked and audited."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.gate import Gate
from secure_ai.encrypt.transport.scoring_server import Limits, Score, ScoringServer
from secure_ai.encrypt.transport.sockets import Address
from secure_ai.encrypt.transport.tls import TlsFiles, server_context


@dataclass(frozen=True)
class ScoringService:
    """A service that runs.

    Attributes:
        name: of the model, as it stands in the audit trail.
        address: where it listens, on this machine only.
        allowed: the service accounts that may call it.
        audit: who called, and what came of it; never a record or a score.
    """

    name: str
    address: Address
    allowed: frozenset[str]
    audit: AuditLog

    def sentence(self) -> str:
        """Say what the audit trail holds so far."""
        counts = dict.fromkeys(("allowed", "denied", "error"), 0)
        for event in self.audit.events:
            counts[event.outcome] += 1
        return (
            f"The service {self.name} has allowed {counts['allowed']} and denied {counts['denied']} "
            f"requests; {counts['error']} failed."
        )


@contextmanager
def serve(
    score: Score,
    tls: TlsFiles,
    *,
    allowed: Collection[str],
    audit: AuditLog | None = None,
    name: str = "model",
    limits: Limits = Limits(),
    check: bool = True,
) -> Iterator[ScoringService]:
    """Run a scoring service on a free port of 127.0.0.1 while the block runs.

    ``POST /score`` with a flat JSON object is answered with ``{"score": number}``, ``GET /health`` with
    ``{"status": "ready"}``; both to allowed callers only.

    Args:
        score: the model: takes a record, returns a finite number; may be called by several threads at once.
        tls: the server's certificate and key, and the authority of its clients.
        allowed: the service accounts that may call, as their certificates name them.
        audit: where each request is recorded before it is answered; in memory if None.
        name: of the model.
        limits: what one connection may cost.
        check: False only to show what a client does about a bad certificate of the server.

    Raises:
        CertificateError: if the files cannot be used.
        UserError: if nobody is allowed to call.
    """
    if isinstance(allowed, str) or not allowed:
        raise UserError("Name the service accounts that may call, such as allowed={'ward-dashboard'}.")
    server = ScoringServer(
        score=score,
        context=server_context(tls, check=check),
        allowed=allowed,
        audit=audit,
        name=name,
        limits=limits,
    )
    with _running(server) as service:
        yield service


@contextmanager
def serve_without_tls(
    score: Score, *, audit: AuditLog | None = None, name: str = "model", limits: Limits = Limits()
) -> Iterator[ScoringService]:
    """Run the same service over plain HTTP: everybody may call and everybody on the way may read.

    Only to be shown beside :func:`serve`; it listens on this machine alone.
    """
    with _running(
        ScoringServer(score=score, context=None, allowed=(), audit=audit, name=name, limits=limits)
    ) as service:
        yield service


@contextmanager
def serve_gate(
    gate: Gate,
    tls: TlsFiles,
    *,
    allowed: Collection[str],
    audit: AuditLog | None = None,
    name: str = "model",
    limits: Limits = Limits(),
) -> Iterator[ScoringService]:
    """Run a service of batches whose gate decides who gets which answer, while the block runs.

    ``POST /scores`` with :class:`~secure_ai.encrypt.transport.batches.Batch` as JSON is answered with what
    the gate answers, ``GET /model`` with what it tells of the model, ``GET /health`` as by :func:`serve`. A
    caller that sends ``Connection: keep-alive`` asks further questions over the same connection.

    Args:
        gate: decides and answers.
        tls, allowed, audit, name, limits: as for :func:`serve`.

    Raises:
        CertificateError: if the files cannot be used.
        UserError: if nobody is allowed to call.
    """
    if isinstance(allowed, str) or not allowed:
        raise UserError("Name the service accounts that may call, such as allowed={'ward-dashboard'}.")
    server = ScoringServer(
        score=None,
        gate=gate,
        context=server_context(tls),
        allowed=allowed,
        audit=audit,
        name=name,
        limits=limits,
    )
    with _running(server) as service:
        yield service


@contextmanager
def _running(server: ScoringServer) -> Iterator[ScoringService]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="scoring-service", daemon=True)
    thread.start()
    try:
        address = Address(*server.server_address[:2])
        yield ScoringService(server.name, address, server.allowed, server.audit)
    finally:
        server.shutdown()
        thread.join()
        server.stop()
