"""The gate before every key: the policy is asked and the audit trail written before it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.errors import KeyRingError, KeyUseDeniedError
from secure_ai.encrypt.key_rings.interface import canonical_context, is_identifier

Allowed = Callable[[str, str, str, Mapping[str, str]], bool]
UNNAMED = "unnamed"
NO_NAME = "(no valid name)"


class KeyUse:
    """One use of a key, on its way to the audit trail."""

    def __init__(self, gate: Gate, action: str, key_name: str, context: str) -> None:
        self._gate, self._action, self._key_name, self._context = gate, action, key_name, context
        self.version = ""
        self.recorded = False

    def allow(self, version: str = "") -> None:
        """Record the use as allowed: before a key is handed out, and before a change is written."""
        self.version = version or self.version
        self._gate.audit.record(self._gate.actor, self._action, self._key_name, "allowed", **self._details())
        self.recorded = True

    def fail(self, reason: str) -> None:
        """Record that the use failed."""
        self._gate.audit.record(
            self._gate.actor, self._action, self._key_name, "error", reason=reason, **self._details()
        )

    def _details(self) -> dict[str, str]:
        details = {"ring": self._gate.ring, "version": self.version, "context": self._context}
        return {name: value for name, value in details.items() if value}


class Gate:
    """Who uses a ring, who decides about it, and where it is written down.

    Args:
        ring: the kind of ring, as wrapped keys name it.
        actor: the identifier of the account or service that uses it, never a person's name.
        audit: the trail; a new one in memory if None.
        allowed: ``allowed(actor, action, key_name, context)``; a use is refused unless it returns True.
            An exception in it refuses, too.
    """

    def __init__(
        self,
        ring: str,
        actor: str = UNNAMED,
        audit: AuditLog | None = None,
        allowed: Allowed | None = None,
    ) -> None:
        self.ring, self.actor = ring, actor
        self.audit = AuditLog() if audit is None else audit
        self.allowed = allowed

    @contextmanager
    def use(
        self, action: str, key_name: str, context: Mapping[str, str] | None = None, *, ask: bool = True
    ) -> Iterator[KeyUse]:
        """Ask the policy, run the block, and record how it ended before anything leaves it.

        ``ask`` is False for what concerns a ring as a whole: its passphrase decides about that.

        A refusal, a failure and a success are one event each; a change that was recorded with
        :meth:`KeyUse.allow` and then failed has a second one.

        Raises:
            KeyUseDeniedError: if the policy refuses.
            UserError: if the trail cannot be written: then nothing is done, and no key is handed out.
        """
        # What is no name may be a person's own: it stays out of the trail.
        name = (key_name if is_identifier(key_name) else NO_NAME) if ask else shown(str(key_name))
        use = KeyUse(self, action, name, "")
        try:
            wanted = {} if context is None else context
            text = canonical_context(wanted).decode("ascii")
            use = KeyUse(self, action, name, text if wanted else "")
            if ask:
                self._ask(action, name, dict(wanted))
            yield use
            if not use.recorded:
                use.allow()
        except KeyUseDeniedError:
            raise
        except KeyRingError as error:
            use.fail(error.reason)
            raise
        except UserError:
            use.fail("bad input")
            raise
        except BaseException as error:
            use.fail(type(error).__name__)
            raise

    def _ask(self, action: str, key_name: str, context: Mapping[str, str]) -> None:
        if self.allowed is None:
            return
        reason = KeyUseDeniedError.reason
        try:
            if self.allowed(self.actor, action, key_name, context) is True:
                return
        except Exception:
            reason = "the access policy failed"
        details = {"ring": self.ring, "context": canonical_context(context).decode("ascii")}
        self.audit.record(
            self.actor, action, key_name, "denied", reason=reason, alert=True,
            **{name: value for name, value in details.items() if value != "{}"},
        )  # fmt: skip
        raise KeyUseDeniedError(
            f"The access policy does not allow {shown(self.actor)} to {action} with the key {key_name}: "
            "ask who keeps the policy."
        ) from None
