"""The two guards of the screening: one before the question is read, one before documents are."""

from __future__ import annotations

from secure_ai.attack.assistant.conversation import Document, GuardAct, ToolCall
from secure_ai.attack.assistant.hooks import PASSED, Guard, Moment, Verdict, act_of, with_text
from secure_ai.defend.assistant.screening.judging import USUAL, Screening, Thresholds, screen
from secure_ai.defend.assistant.screening.rules import TASK
from secure_ai.defend.assistant.texts import words

OWN_WORDS = 0.8
"""Which share of what is to be remembered must stand in the user's messages to count as the user's own."""

_SCOPE = {
    "healthcare": "appointments, records, medicines and messages to the care team",
    "finance": "accounts, payments, cards and appointments with an advisor",
}
REFUSED = (
    "I cannot follow this message: it reads like instructions for the assistant itself. "
    "Please ask your question in your own words."
)
MOST_OWN = 10_000


class InputScreening(Guard):
    """Refuses what a user writes where it is an attack, and tasks that are not the organization's.

    Args:
        thresholds: from which score on.
    """

    name = "input_screening"

    def __init__(self, thresholds: Thresholds = USUAL) -> None:
        self.thresholds = thresholds

    def on_input(self, moment: Moment, text: str) -> Verdict:
        """Block a flagged message with an answer in plain words."""
        found = screen(text, source="user", thresholds=self.thresholds)
        if not found.flagged:
            return PASSED
        act = act_of(self, "input", "blocked", f"{found.kind}: {found.reasons[0]}", "message")
        scope = _SCOPE.get(moment.turn.user.sector, "what this organization does")
        answer = f"I can only help with {scope}." if found.kind == TASK else REFUSED
        return Verdict(allowed=False, act=act, answer=answer)


class DocumentScreening(Guard):
    """Cuts sentences that speak to the assistant out of documents, tool results and what is to be remembered.

    Documents that only the organization can write (``trusted``) pass as they are.

    Args:
        thresholds: from which score on a sentence is withheld.
        least: the share of the words that must be left; below it the whole document is withheld.
    """

    name = "document_screening"

    def __init__(self, thresholds: Thresholds = USUAL, least: float = 0.2) -> None:
        self.thresholds, self.least = thresholds, least
        self._own: set[tuple[str, str]] = set()

    def on_document(self, moment: Moment, document: Document) -> tuple[Document | None, GuardAct | None]:
        """Return the document without the offending sentences, marked where they stood."""
        if document.trusted or self._is_own_preference(moment, document):
            return document, None
        found = screen(document.text, source="document", thresholds=self.thresholds)
        if not found.flagged:
            titled = screen(document.title, source="document", thresholds=self.thresholds)
            return (
                (None, self._act("document", "blocked", titled, document.id))
                if titled.flagged
                else (document, None)
            )
        text = self._cut(document.text, found)
        if text is None:
            return None, self._act("document", "blocked", found, document.id)
        return with_text(document, text), self._act("document", "changed", found, document.id)

    def on_tool_result(self, moment: Moment, call: ToolCall, document: Document) -> Document | None:
        """Do the same to what a tool returned, and note it in the turn."""
        shown, act = self.on_document(moment, document)
        if act is not None:
            moment.turn.acts.append(GuardAct(self.name, "tool_result", act.act, act.reason, call.name))
        return shown

    def on_memory(self, moment: Moment, text: str) -> Verdict:
        """Refuse to remember what speaks to the assistant."""
        # A preference ("answer in short sentences") speaks to the assistant; in the user's own words it may.
        told = set(words(text))
        own = len(told & set(words(moment.own_words()))) >= OWN_WORDS * len(told)
        found = screen(text, source="user" if own else "document", thresholds=self.thresholds)
        if own and not found.flagged and len(self._own) < MOST_OWN:
            self._own.add((moment.conversation.user.id, text.strip()))
        return (
            Verdict(allowed=False, act=self._act("memory", "blocked", found, "note"))
            if found.flagged
            else PASSED
        )

    def _is_own_preference(self, moment: Moment, document: Document) -> bool:
        """Say whether this is remembered of the user in words that were judged as the user's own."""
        own = (moment.conversation.user.id, document.text.strip())
        return document.channel == "memory" and own in self._own

    def _act(self, stage: str, act: str, found: Screening, target: str) -> GuardAct:
        return act_of(self, stage, act, f"{found.kind}: {found.reasons[0]}", target)

    def _cut(self, text: str, found: Screening) -> str | None:
        """The text with a mark in place of each run of offending sentences; None where little is left."""
        if not found.spans:
            return None
        runs: list[list[int]] = []
        for span in found.spans:
            if runs and not text[runs[-1][1] : span.start].strip():
                runs[-1][1:] = [span.end, runs[-1][2] + 1]
            else:
                runs.append([span.start, span.end, 1])
        parts, at = [], 0
        for start, end, count in runs:
            parts.append(text[at:start])
            at = end
            what = (
                "1 sentence withheld: it speaks" if count == 1 else f"{count} sentences withheld: they speak"
            )
            parts.append(f"[{what} to the assistant]")
        parts.append(text[at:])
        left = sum(len(part.split()) for part in parts[::2])
        return "".join(parts) if left >= max(4, self.least * len(text.split())) else None
