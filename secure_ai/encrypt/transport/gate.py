"""What may stand between a caller whose certificate is known and a model: a gate that decides and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from secure_ai.core.audit import AuditEvent, Plain
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.batches import Batch


class Refused(UserError):
    """A request that the gate does not let through.

    Args:
        sentence: what the caller is told.
        status: of HTTP: 403 not allowed, 400 not usable, 413 too many rows, 429 too many for now.
        reason: what the audit trail is told; the sentence if empty.
        retry_after: seconds after which it may be tried again, with 429.
        purpose: the purpose as it may stand in the audit trail: one of those that the gate knows.
        details: further plain values for the audit trail.
    """

    def __init__(
        self,
        sentence: str,
        *,
        status: int = 403,
        reason: str = "",
        retry_after: float | None = None,
        purpose: str = "",
        details: Mapping[str, Plain] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status, self.reason, self.retry_after = status, reason or sentence, retry_after
        self.purpose, self.details = purpose, dict(details or {})


@dataclass(frozen=True)
class Admitted:
    """A request that the gate lets through, as the audit trail is told.

    Attributes:
        reason: the rule that permits it.
        purpose: the declared purpose.
        event_id: of the request.
        details: further plain values, such as the number of rows.
    """

    reason: str = ""
    purpose: str = ""
    event_id: str = ""
    details: Mapping[str, Plain] = field(default_factory=dict)


class Gate(Protocol):
    """Decides about batches and answers them; may be called by several threads at once.

    ``admit`` raises :class:`Refused`, or returns what is recorded before ``answer`` is called. ``answer``
    returns the fields of the answer; whatever it raises is told to the caller as a failure of the model, by
    the name of its type. ``describe`` returns what a caller may know of the model, or raises Refused.
    """

    def describe(self, caller: str) -> dict[str, Any]: ...

    def admit(self, caller: str, batch: Batch) -> Admitted: ...

    def answer(self, caller: str, batch: Batch, event: AuditEvent) -> dict[str, Any]: ...
