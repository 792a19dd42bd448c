"""Intent: an acting call comes from the user's own words, its decisive values from them or own records.

The values that decide (recipient, amount, account, address, text to remember) are followed back to where they
came from, as taint tracking does: Debenedetti et al. 2025, "Defeating Prompt Injections by Design"
(arXiv 2503.18813).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from secure_ai.attack.assistant.conversation import ToolCall
from secure_ai.attack.assistant.hooks import PASSED, Guard, Moment, Verdict, act_of
from secure_ai.attack.assistant.tools import ACTING, EFFECT_OF
from secure_ai.core.errors import UserError
from secure_ai.defend.assistant.known import OFFICES, Known
from secure_ai.defend.assistant.queue import ApprovalQueue
from secure_ai.defend.assistant.texts import (
    content,
    folded,
    function_words,
    mail_addresses,
    number,
    numbers,
    sentences,
    squeezed,
    words,
)

_POINTS = re.compile(
    r"\b(?:in|from|of|per|to|on|with|as|that|my|the|this) (?:\w+ ){0,3}"
    r"(?:invoice|bill|e?-?mail|letter|inbox|message|document|statement|calendar|form|note)s?\b"
)
ASKS: Mapping[str, re.Pattern[str]] = {
    "book_appointment": re.compile(
        r"\b(?:re-?)?(?:book|schedul|reserv|arrang|appointment|slot|visit|meeting|consult|check-?up|"
        r"see (?:dr|doctor|my|the)|"
        r"set up|fix (?:a|me)|make (?:me )?(?:a|an)|get me in|put (?:me|him|her|them) (?:in|down)|"
        r"follow-?up|come in|move my|call with)"
    ),
    "send_message": re.compile(
        r"\b(?:send|sent|messag|writ(?:e|ing) (?!me\b)|e-?mail|mail\b|text\b|tell\b(?! me\b)|inform|"
        r"notif|let [\w.'-]+(?: [\w.'-]+){0,4} know|"
        r"forward|repl(?:y|ies)|respond|answer (?:him|her|them|that|the)|ask\b(?= (?!yourself))|drop "
        r"(?:\w+ )?a (?:line|note)|"
        r"pass (?:it |this |that )?on|get (?:word|a note) to|contact|reach out|request|note to|report)"
    ),
    "move_money": re.compile(
        r"\b(?:transfer|send|pay(?:ing)?\b|(?:get|have|see|want|need)\b.{0,40}\bpaid|"
        r"payments? (?:of|to|for|in)\b|"
        r"settle|mov(?:e|ing)|wire(?! (?:payment|transfer|fee|cost))|remit|deposit|"
        r"(?:do|make|start|set up|arrange|schedule) (?:\w+ ){0,3}(?:payment|transfer|wire)|"
        r"put\b.{0,40}\b(?:into|in|to)|give|refund|top up|donat)"
    ),
    "open_link": re.compile(r"\b(?:open|visit|go to|load|look at|check|follow|show|read|browse|see|"
                            r"pull up|what is (?:on|at)|summar|link|page|site|fetch)"),
    "remember": re.compile(
        r"\b(?:remember|note\b|keep in mind|save|store|memor|from now on|in (?:the )?future|always|"
        r"prefer|don't forget|do not forget|"
        r"bear in mind|call me|next time|make a note|jot|take note|never)"
    ),
}  # fmt: skip
_ELSEWHERE = {
    "book_appointment": re.compile(
        r"\b(?:cita|reserv|turno|termin|buchen|vereinbar|rendez-?vous|"
        r"prenot|appuntament|consulta)"
    ),
    "send_message": re.compile(
        r"\b(?:env[ií]|mand[ae]|mensaje|escrib|d[ií]gale|avis[ae]|schick|send|"
        r"nachricht|schreib|envoy|message|[eé]cri|scriv|invi)"
    ),
    "move_money": re.compile(
        r"\b(?:transf|pag(?:ar|ue|a|o)\b|[uü]berweis|zahl|vir(?:er|ement|ez)|"
        r"pay(?:er|ez)|bonific)"
    ),
    "open_link": re.compile(r"\b(?:abr(?:a|e|ir)|[oö]ffne|ouvr|apri|visit)"),
    "remember": re.compile(r"\b(?:recu[eé]rd|guard|anot|merk|notier|souv|retien|ricord)"),
}
"""The same in Spanish, German, French and Italian."""
_QUESTION = re.compile(
    r"^\W*(?:q\W+)?(?:and |so |but )?(?:what|which|when|where|who|whom|whose|how|why|did|does|is|are|"
    r"was|were|has|have|had|find)\b"
    r"(?!.*\b(?:and|then|please|also) (?:please )?(?:send|pay|tell|write|email|message|transfer|"
    r"remember|note|inform|notify|forward)\b)"
)
_NOT = re.compile(
    r"\b(?:do not|don't|dont|never|no need to|without|not to|rather than|instead of)\s+(?:\w+\s+){0,2}$"
)
_ASSENT = re.compile(
    r"^\W*(?:yes|yep|yeah|ok|okay|sure|please do|do it|do that|go ahead|go on|confirm|correct|right|"
    r"that one|the (?:first|second|last)|"
    r"sounds good|perfect|great|fine|approved|it was approved|try again|again|now)\b"
)
_SELF_REPLY = re.compile(r"\b(?:reply|respond|answer|write back|forward)\b")
_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")


class Intent(Guard):
    """Holds acting calls that the user did not ask for, or whose decisive values are not the user's.

    Args:
        known: payees, staff and own accounts, which are trusted besides the user's words.
        queue: where such a call waits for a person; without one it is blocked.
    """

    name = "intent"

    def __init__(self, known: Known, queue: ApprovalQueue | None = None) -> None:
        self.known, self.queue = known, queue

    def on_tool_call(self, moment: Moment, call: ToolCall) -> Verdict:
        """Hold the call where it does not stem from the user."""
        if call.name not in ACTING:
            return PASSED
        if not isinstance(call.arguments, Mapping):
            return self._stopped(moment, call, "the call has no arguments that can be read", hold=False)
        asked = errand(moment)
        if not asks_for(call.name, asked):
            return self._stopped(moment, call, "the user asked for nothing of this kind", hold=False)
        reason = getattr(self, f"_{call.name}")(moment, moment.own_words(), dict(call.arguments))
        return self._stopped(moment, call, reason) if reason else PASSED

    def _stopped(self, moment: Moment, call: ToolCall, reason: str, hold: bool = True) -> Verdict:
        """Hold what the user may have meant by pointing at a letter; block the rest."""
        done = any(effect.kind == EFFECT_OF.get(call.name) for effect in moment.turn.effects)
        meant = hold and not done and bool(_POINTS.search(folded(errand(moment))))
        return hold_or_block(self, moment, call, reason, self.queue if meant else None)

    def _book_appointment(self, moment: Moment, own: str, arguments: dict[str, Any]) -> str:
        given, wanted = set(_DATE.findall(own)), set(_DATE.findall(str(arguments.get("date") or "")))
        if given and wanted and not wanted <= given and not _RELATIVE.search(folded(own)):
            return "the date is not one that the user named"
        whom = str(arguments.get("with_whom") or "")
        if mail_addresses(whom) - mail_addresses(own) or len(whom) > 80:
            return "whom to meet does not stem from the user"
        if whom and not self._named(whom, own) and not self._on_staff(whom):
            return "whom to meet does not stem from the user"
        return ""

    def _send_message(self, moment: Moment, own: str, arguments: dict[str, Any]) -> str:
        to = str(arguments.get("to") or "")
        addresses = mail_addresses(to)
        if addresses:
            stray = [
                each for each in addresses - mail_addresses(own) if not self._inside_and_meant(each, own)
            ]
            if stray:
                return "the recipient does not stem from the user"
        elif to.strip() and not self._named(to, own) and not (OFFICES.search(folded(to)) and len(to) <= 60):
            return "the recipient does not stem from the user"
        said = f"{arguments.get('subject') or ''} {arguments.get('text') or ''}"
        if not self._stems(moment, said, own):
            return "the text does not stem from the user"
        return ""

    def _move_money(self, moment: Moment, own: str, arguments: dict[str, Any]) -> str:
        amount = number(arguments.get("amount"))
        if amount is None or not _given(amount, numbers(own)):
            return "the amount does not stem from the user"
        user = moment.conversation.user
        account = squeezed(str(arguments.get("to_account") or ""))
        if not account:
            return "there is no account to pay to"
        if account in squeezed(own) or account in self.known.own_accounts(user):
            return ""
        for name, number_ in self.known.payees(user).items():
            if account in (squeezed(number_), squeezed(name)) and self._named(name, own):
                return ""
        return "the account does not stem from the user or from those whom the user paid before"

    def _open_link(self, moment: Moment, own: str, arguments: dict[str, Any]) -> str:
        url = folded(str(arguments.get("url") or "")).strip().rstrip("/.")
        bare = re.sub(r"^https?://(?:www\.)?", "", url)
        if bare and bare in folded(own):
            return ""
        host = bare.partition("/")[0]
        if self.known.is_own_host(host) and not re.search(r"[?#=&]", bare):
            return ""
        return "the address does not stem from the user"

    def _remember(self, moment: Moment, own: str, arguments: dict[str, Any]) -> str:
        text = str(arguments.get("text") or "")
        return (
            ""
            if share(content(text), content(own)) >= 0.7
            else "what to remember are not the user's own words"
        )

    def _named(self, whom: str, own: str) -> bool:
        """Say whether the user's words name somebody: a family name, or all of a short name."""
        parts = [word for word in words(whom) if word not in _TITLES and len(word) > 1]
        said = set(words(own))
        if not parts:
            return False
        return parts[-1] in said or sum(part in said for part in parts) * 2 >= len(parts) > 1

    def _on_staff(self, whom: str) -> bool:
        return self.known.is_colleague(whom)

    def _inside_and_meant(self, address: str, own: str) -> bool:
        """Say whether an address inside is that of somebody, or of an office, whom the user's words name."""
        if not self.known.is_inside(address):
            return False
        name = next((name for name, mail in self.known.staff.items() if folded(mail) == address), "")
        if name:
            return self._named(name, own) or bool(OFFICES.search(folded(own)))
        return True

    def _stems(self, moment: Moment, said: str, own: str) -> bool:
        """Say whether a text to send is made of the user's words and of what the user may pass on."""
        shown = " ".join(document.text for document in moment.turn.shown if _own_or_trusted(document))
        told = content(said)
        return (
            share(
                told,
                {*content(own), *content(shown), *_COURTESY, *content(self.known.name_of(moment.turn.user))},
            )
            >= 0.6
        )


_RELATIVE = re.compile(
    r"\b(?:tomorrow|today|next|later|earlier|another|mon|tues?|wednes|thurs?|fri|satur|sun)(?:day)?\b|"
    r"\bweek|\bafter\b|\binstead\b|\bnearest|\bsoon"
)
_TITLES = frozenset(["dr", "doctor", "mr", "mrs", "ms", "nurse", "prof", "md", "the", "my", "our"])
_COURTESY = frozenset(
    content(
        "dear regards sincerely kind best message hello please thank you user patient customer "
        "request regarding subject team wanted know writing"
    )
)


def errand(moment: Moment) -> str:
    """Return the user's words of this turn, with those before where it is a short assent."""
    said = [turn.asked for turn in moment.conversation.turns if turn is not moment.turn]
    now = moment.turn.asked
    short = len(words(now)) <= 12
    if said and (short or _ASSENT.search(folded(now))):
        return f"{said[-1]}\n{now}"
    return now


def asks_for(tool: str, text: str) -> bool:
    """Say whether the words ask for something of a tool's kind.

    "Do not send" asks for nothing, nor does a question about what was sent or paid.
    """
    plain = folded(text)
    if _ELSEWHERE[tool].search(plain) and is_foreign(plain):
        return True
    for sentence in sentences(plain):
        if tool in ("send_message", "move_money", "remember") and _QUESTION.search(sentence):
            continue
        for found in ASKS[tool].finditer(sentence):
            if not _NOT.search(sentence[: found.start()]) or tool == "remember":
                return True
    return False


def is_foreign(text: str) -> bool:
    """Say whether a text is hardly English, by the words that every English text has."""
    listed = words(text)
    return len(listed) >= 3 and sum(word in function_words() for word in listed) < 0.2 * len(listed)


def share(told: tuple[str, ...] | list[str], source: Any) -> float:
    """Return which share of the words stands in the source; 1 where there is none."""
    known = set(source)
    return (
        sum(word in known or (word.isdigit() and _in_numbers(word, known)) for word in told) / len(told)
        if told
        else 1.0
    )


def _in_numbers(word: str, known: set[str]) -> bool:
    return word.lstrip("0") in known


def _given(amount: Decimal, listed: set[Decimal]) -> bool:
    return any(amount == other for other in listed)


def _own_or_trusted(document: Any) -> bool:
    free = document.kind in ("Notes", "Chat", "")
    return document.trusted or (document.channel in ("record", "tool_result", "calendar") and not free)


def hold_or_block(
    guard: Guard, moment: Moment, call: ToolCall, reason: str, queue: ApprovalQueue | None
) -> Verdict:
    """Return the verdict of a call that must not simply happen: it waits in the queue, or is blocked.

    A call that a person has approved goes on, once.
    """
    name = call.name[:60]
    if queue is None:
        act = act_of(guard, "tool_call", "blocked", reason, name)
        return Verdict(False, f"Not done: {reason}.", act)
    use = f"{moment.conversation.id}/{len(moment.conversation.turns)}/{id(moment.turn)}/{call.id}"
    arguments = dict(call.arguments or {})
    try:
        if queue.take(moment.conversation.user.id, call, use):
            return PASSED
        item = queue.hold(moment.conversation.user.id, call.name, arguments, reason, moment.conversation.id)
    except UserError as error:
        return Verdict(False, str(error), act_of(guard, "tool_call", "blocked", str(error), name))
    act = act_of(guard, "tool_call", "held", f"{reason} ({item.id})", name)
    told = f"Not done yet: a person must approve it ({item.id})."
    return Verdict(False, told, act, f"A colleague must approve this first ({item.id}).")
