"""Limits of rate and cost: how long, how often, and how many calls and tokens a turn and a day may have."""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from secure_ai.attack.assistant.conversation import ToolCall, Turn
from secure_ai.attack.assistant.hooks import PASSED, Guard, Moment, Verdict, act_of
from secure_ai.attack.assistant.tools import ACTING
from secure_ai.core.audit import utc_now
from secure_ai.core.errors import UserError

LONG_LINE = 100
_ENDS = re.compile(r"[.!?](?=\s)|(?=\n)")
_NUMBERED = re.compile(r"^\s*\d+[.):]?\s+")


@dataclass(frozen=True)
class Limits:
    """What one user may use up; every number is at least 1."""

    message_characters: int = 4_000
    reply_characters: int = 1_600
    turns_per_minute: int = 12
    turns_per_hour: int = 120
    model_calls_per_turn: int = 4
    tool_calls_per_turn: int = 4
    same_call_per_turn: int = 2
    tokens_per_turn: int = 20_000
    tokens_per_day: int = 200_000

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UserError(f"The limit {part.name} is a whole number from 1, not {str(value)[:40]!r}.")


class RateAndCost(Guard):
    """Ends turns and calls that cost more than the limits allow.

    Args:
        limits: see :class:`Limits`.
        clock: gives the time; a fixed one makes lessons repeatable.
    """

    name = "limits"

    def __init__(self, limits: Limits | None = None, clock: Callable[[], datetime] = utc_now) -> None:
        self.limits, self._clock = limits or Limits(), clock
        self._starts: dict[str, deque[datetime]] = defaultdict(deque)
        self._tokens: dict[tuple[str, str], int] = defaultdict(int)

    def on_start(self, moment: Moment) -> Verdict:
        """Refuse a turn that comes too soon or on a day that is used up."""
        now, user = self._clock(), moment.conversation.user.id
        starts = self._starts[user]
        while starts and now - starts[0] > timedelta(hours=1):
            starts.popleft()
        minute = sum(now - start <= timedelta(minutes=1) for start in starts)
        if minute >= self.limits.turns_per_minute or len(starts) >= self.limits.turns_per_hour:
            return self._refused(
                "too many messages in a short time", "Please wait a moment before the next message."
            )
        if self._tokens[(user, str(now.date()))] >= self.limits.tokens_per_day:
            return self._refused(
                "the tokens of the day are used up", "The assistant can answer again tomorrow."
            )
        starts.append(now)
        return PASSED

    def on_input(self, moment: Moment, text: str) -> Verdict:
        """Refuse a message that is too long."""
        if len(text) > self.limits.message_characters:
            return self._refused(
                f"a message of more than {self.limits.message_characters:,} characters",
                "This message is too long for me. Please ask one thing in a few sentences.",
                "input",
            )
        return PASSED

    def on_tool_call(self, moment: Moment, call: ToolCall) -> Verdict:
        """Refuse calls beyond those of a turn, and the same call again."""
        turn, limits = moment.turn, self.limits
        before = _before(turn, call)
        same = sum(other.name == call.name and _text(other) == _text(call) for other in before)
        spent = turn.usage.prompt_tokens + turn.usage.completion_tokens
        why = ""
        if len(before) >= limits.tool_calls_per_turn:
            why = f"more than {limits.tool_calls_per_turn} tool calls in a turn"
        elif turn.usage.model_calls >= limits.model_calls_per_turn:
            why = f"{limits.model_calls_per_turn} model calls in a turn and no end"
        elif spent > limits.tokens_per_turn:
            why = "more tokens than a turn may cost"
        if why:
            return self._refused(why, "I stopped here: this took more steps than a question may.")
        # What acts happens once in a turn.
        if same >= (1 if call.name in ACTING else limits.same_call_per_turn):
            act = act_of(self, "limits", "blocked", "the same tool call again", call.name[:60])
            return Verdict(False, "Not done: the same call was made before.", act)
        return PASSED

    def on_output(self, moment: Moment, text: str) -> Verdict:
        """Cut a reply that is too long, or that says one thing over and over."""
        cut, why = without_repeats(text), "what was said over and over was cut"
        if len(cut) > self.limits.reply_characters:
            # What is said twice goes first, so that an answer further down is still read.
            cut = without_repeats(cut, most=1)
        if len(cut) > self.limits.reply_characters:
            cut, why = shortened(cut, self.limits.reply_characters), "the reply was longer than allowed"
        if cut == text:
            return PASSED
        return Verdict(True, f"{cut} …", act_of(self, "limits", "changed", why))

    def on_end(self, moment: Moment) -> None:
        """Count the tokens of the turn."""
        usage = moment.turn.usage
        day = (moment.conversation.user.id, str(self._clock().date()))
        self._tokens[day] += usage.prompt_tokens + usage.completion_tokens

    def _refused(self, why: str, answer: str, stage: str = "limits") -> Verdict:
        return Verdict(False, None, act_of(self, stage, "blocked", why), answer)


def shortened(text: str, most: int) -> str:
    """Return the text up to the last line or sentence that ends within ``most`` characters."""
    if len(text) <= most:
        return text
    ends = [found.end() for found in _ENDS.finditer(text[:most])]
    return text[: ends[-1] if ends and ends[-1] >= most // 2 else most].rstrip()


def without_repeats(text: str, most: int = 4) -> str:
    """Return the text with no line, and no run of words, more than a few times; a long line at most twice."""
    seen: dict[str, int] = defaultdict(int)
    lines = []
    for line in text.split("\n"):
        key = _NUMBERED.sub("", line).strip()
        seen[key] += bool(key)
        if seen[key] <= (most if len(key) < LONG_LINE else min(most, 2)):
            lines.append(_without_runs(line, most))
    return "\n".join(lines)


def _without_runs(line: str, most: int) -> str:
    """Return the line with each run of words at most a few times on end."""
    units = line.split(" ")
    for size in (1, 2, 3, 4, 5, 6, 8, 10, 12, 15):
        kept: list[str] = []
        for unit in units:
            kept.append(unit)
            last = kept[-size:]
            if len(kept) > size * most and all(
                kept[-size * (n + 1) : len(kept) - size * n] == last for n in range(most + 1)
            ):
                del kept[-size:]
        units = kept
    return " ".join(units)


def _before(turn: Turn, call: ToolCall) -> list[ToolCall]:
    """Return the calls of the turn before this one, whether or not it is noted already."""
    before = []
    for other in turn.calls:
        if other is call:
            break
        before.append(other)
    return before


def _text(call: ToolCall) -> str:
    return json.dumps(dict(call.arguments or {}), sort_keys=True, default=str)
