"""Refusals of the desk and of the queue of reviews: each stands in the audit trail, once."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from secure_ai.core.audit import AuditEvent, AuditLog
from secure_ai.core.errors import UserError


class Trail:
    """An audit trail under one prefix that counts what it records as not allowed.

    Args:
        audit: where events go; None keeps none.
        prefix: of each action (``"rights"``).
    """

    def __init__(self, audit: AuditLog | None, prefix: str) -> None:
        self._audit, self._prefix, self.refused = audit, prefix, 0

    def record(self, actor: str, action: str, target: str, outcome: str, **details: Any) -> None:
        """Record one event."""
        self.refused += outcome != "allowed"
        if self._audit is not None:
            self._audit.record(actor, f"{self._prefix}.{action}", target, outcome, **details)

    @property
    def events(self) -> tuple[AuditEvent, ...]:
        """What the audit trail recorded; empty without one."""
        return () if self._audit is None else self._audit.events

    @contextmanager
    def refusals(self, action: str, target: Any, actor: Any) -> Iterator[None]:
        """Record the sentence with which the block refuses, unless the block recorded it itself."""
        before = self.refused
        try:
            yield
        except UserError as error:
            if self.refused == before:
                # Whatever somebody typed as a number of a case is no text for the trail.
                named = target if re.fullmatch(r"RR-\d{6,}", str(target)) else "request"
                self.record(str(actor), action, str(named), "denied", reason=str(error), alert=True)
            raise


def recorded(action: str, actor: str = "desk") -> Callable:
    """Return a decorator for a method of a desk whose refusals stand in its ``trail``.

    Args:
        action: what is tried; the method's first argument is the number of the case, or a form.
        actor: who tries where the caller names nobody.
    """

    def wrap(method: Callable) -> Callable:
        @functools.wraps(method)
        def run(self: Any, target: Any, *args: Any, **options: Any) -> Any:
            with self.trail.refusals(action, target, options.get("actor", actor)):
                return method(self, target, *args, **options)

        return run

    return wrap
