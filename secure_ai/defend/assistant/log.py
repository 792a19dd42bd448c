"""The log of conversations: every turn as an audit event, with hashes and masked text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from secure_ai.attack.assistant.conversation import Turn
from secure_ai.attack.assistant.hooks import Guard, Moment
from secure_ai.core.audit import AuditLog
from secure_ai.core.text import mask_spans

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_OUTCOMES = {"answered": "allowed", "blocked": "denied", "held": "denied"}
LONGEST = 400
MOST_LINES = 4_000
# Lines of the same records come again and again: the detector reads each of them once.
_MASKED: dict[str, str] = {}


class ConversationLog(Guard):
    """Records every finished turn in an audit log, and so in the tamper-evident chain behind it.

    Args:
        audit: where events go; ``AuditLog(store=trail)`` writes them into a chain.
        masked: whether the masked text of question and reply is kept besides the hashes.
    """

    name = "conversation_log"

    def __init__(
        self, audit: AuditLog, masked: bool = True, mask: Callable[[str], str] | None = None
    ) -> None:
        self.audit, self.masked, self._mask = audit, masked, mask or masked_text

    def on_end(self, moment: Moment) -> None:
        """Record the turn; where the log cannot be written, nothing of the turn is shown."""
        turn = moment.turn
        try:
            self._record(moment, turn)
        except Exception:
            turn.reply, turn.outcome = "This could not be recorded and so is not shown.", "blocked"

    def _record(self, moment: Moment, turn: Turn) -> None:
        details: dict[str, str | int] = {
            "role": turn.user.role,
            "turn": len(moment.conversation.turns),
            "asked_sha256": _hash(turn.asked),
            "reply_sha256": _hash(turn.reply),
            "calls": " ".join(call.name[:40] for call in turn.calls),
            "effects": " ".join(effect.kind for effect in turn.effects),
            "acts": "; ".join(f"{act.guard} {act.act}: {act.reason}"[:120] for act in turn.acts)[:2_000],
            "model_calls": turn.usage.model_calls,
            "tokens": turn.usage.prompt_tokens + turn.usage.completion_tokens,
        }
        if self.masked:
            details["asked_masked"] = self._mask(turn.asked[:LONGEST])
            details["reply_masked"] = self._mask(turn.reply[:LONGEST])
        self.audit.record(
            turn.user.id,
            "assistant.turn",
            moment.conversation.id,
            _OUTCOMES.get(turn.outcome, "error"),  # type: ignore[arg-type]
            reason=turn.outcome,
            alert=any(act.act in ("blocked", "held") for act in turn.acts),
            records=[document.id for document in turn.shown][:50],
            **details,
        )


def masked_text(text: str) -> str:
    """Return the text with every personal value that is found masked, line by line."""
    lines = text.split("\n")
    known = {line: found for line in set(lines) if (found := _MASKED.get(line)) is not None}
    missing = [line for line in dict.fromkeys(lines) if line.strip() and line not in known]
    if missing:
        from secure_ai.discover import detect

        with _threads().limit(limits=1):  # a few short lines: threads would only wait for each other
            spans = detect(missing)
        known |= {line: mask_spans(line, each, "<>") for line, each in zip(missing, spans, strict=True)}
        if len(_MASKED) > MOST_LINES:
            _MASKED.clear()
        _MASKED.update(known)
    return "\n".join(known.get(line, line) for line in lines)


@cache
def _threads() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
