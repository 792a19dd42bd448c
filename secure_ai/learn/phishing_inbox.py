"""The phishing trainer as an inbox: one mail at a time, an answer, the cues seen, and what was overlooked."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from secure_ai.attack.phishing.phish_scale import TYPES
from secure_ai.core.errors import UserError
from secure_ai.govern.awareness import ANSWERS, Exercise, Feedback, PhishingTrainer, cue_choices
from secure_ai.learn.display import Listing, Note, Shown, box, inline, show_with_text
from secure_ai.learn.mail_view import WIDTH, MailView, defanged, visible

ANSWERS_IN_WORDS = {"report": "Report it as phishing", "trust": "It looks honest"}
LABELS = {
    "You saw: ": "Cues you found", "Also there: ": "Cues you missed",
    "Suspicious but harmless here: ": "Suspicious but harmless here",
    "Not in this mail: ": "Not in this mail",
    "What speaks for it: ": "What speaks for it", "If it happens at work, ": "If it happens at work",
}  # fmt: skip


class PhishingInbox:
    """What the learner works with: the waiting mail, the answer and its feedback.

    Args:
        trainer: serves the mails and keeps the score.

    Raises:
        UserError: if that is no trainer.
    """

    def __init__(self, trainer: PhishingTrainer) -> None:
        if not isinstance(trainer, PhishingTrainer):
            raise UserError("The inbox needs a trainer: PhishingTrainer(make_mails(...)).")
        self.trainer = trainer
        self.answered: Feedback | None = None
        """The feedback on the mail in view; None while it waits."""
        self._mail: Exercise | None = None

    @property
    def mail(self) -> Exercise:
        """The mail in view.

        Raises:
            UserError: if every mail was served.
        """
        if self._mail is None:
            self._mail = self.trainer.next()
        return self._mail

    @property
    def score(self) -> str:
        """The running score in words."""
        score = self.trainer.score()
        if not score.phishing + score.honest:
            return "No mail has been answered yet."
        return self.trainer.sentence()

    def answer(self, decision: str, cues: Iterable[str] = ()) -> Judged:
        """Answer the mail in view and return what was seen and overlooked, with the running score.

        Args:
            decision: ``"report"`` or ``"trust"``.
            cues: names of cues that were seen, see :func:`cue_listing`.

        Raises:
            UserError: if the mail in view was answered already, or the decision or a cue is unknown.
        """
        if self.answered is not None:
            raise UserError("This mail is answered: go on to the next one.")
        if not isinstance(decision, str) or not _are_names(cues):
            raise UserError(f"An answer is {' or '.join(ANSWERS)}, with a list of names of cues.")
        try:
            self.answered = self.trainer.answer(self.mail.mail_id, decision, cues)
        except UserError:
            # Someone answered with the trainer itself: what waits there is the mail to look at.
            if self._mail is not None and _waiting(self.trainer) != self._mail.mail_id:
                self._mail = None
            raise
        return Judged(self.answered, self.score)

    def next(self) -> MailView:
        """Go on to the next mail and return it; the same again while it waits.

        Raises:
            UserError: if every mail was served.
        """
        if self.answered is not None:
            self.answered, self._mail = None, None
        return MailView(self.mail)

    def look(self) -> Note:
        """Return the mail in view, what was said about it, the score, and how to go on by code."""
        try:
            seen: tuple[Shown, ...] = (MailView(self.mail),)
        except UserError as error:
            return Note("The inbox is empty", f"{error} {self.score}")
        if self.answered is not None:
            seen += (Judged(self.answered, self.score),)
            return Note("How to go on", "The next mail: `inbox.next()`.", before=seen)
        seen += (Note("Score so far", self.score),)
        how = "The cues have names: `inbox.cues()` lists them. Answer in a cell:"
        code = 'inbox.answer("report", ["urgency", "sender_address"])\ninbox.answer("trust")\ninbox.next()'
        return Note("How to go on", how, code, before=seen)

    @staticmethod
    def cues() -> Listing:
        """Return the cues that can be named."""
        return cue_listing()

    def show(self) -> None:
        """Show the widget, and under it the same as text.

        With ``SECURE_AI_WIDGETS=off`` only the text is shown.
        """
        show_with_text(
            self.widget, self.look(), folded="The mail at the start as text, and how to go on by code"
        )

    def widget(self) -> Any:
        """Return the ipywidgets version: the mail, boxes for cues, the answers, feedback and score."""
        from secure_ai.learn.phishing_widget import InboxControls

        return InboxControls(self).box


@dataclass(frozen=True, repr=False)
class Judged(Shown):
    """Feedback on an answer: the verdict in words first, then cues, then the running score."""

    feedback: Feedback
    score: str

    def _lines(self) -> list[tuple[str, list[str]]]:
        verdict, *others = _parts(visible(self.feedback.message))
        head = "Right" if self.feedback.right else "Not right"
        return [(head, [verdict]), *others, ("Score so far", [self.score])]

    def text(self) -> str:
        lines = []
        for label, items in self._lines():
            several = [
                textwrap.fill(item, WIDTH, initial_indent="- ", subsequent_indent="    ") for item in items
            ]
            one = textwrap.fill(f"{label}: {items[0]}", WIDTH)
            lines += [one] if len(items) == 1 else [f"{label}:", *several]
        return defanged("\n".join(lines))

    def html(self) -> str:
        body = ""
        for label, items in self._lines():
            several = "".join(f"<li>{inline(item)}</li>" for item in items)
            body += f'<p style="margin:0.3em 0 0"><strong>{label}:</strong> '
            body += f"{inline(items[0])}</p>" if len(items) == 1 else "</p>"
            body += f'<ul style="margin:0;padding-left:1.4em">{several}</ul>' if len(items) > 1 else ""
        return box(body, kind="correct" if self.feedback.right else "incorrect", role="status")


def cue_listing() -> Listing:
    """Return the cues that can be named, by the five types of the Phish Scale."""
    names = cue_choices()
    rows = [(kind, name, names[name]) for kind, of_kind in TYPES.items() for name in of_kind if name in names]
    return Listing("Cues of the NIST Phish Scale", ("Type", "Name", "Meaning"), rows)


def _parts(message: str) -> list:
    """Return the verdict of a message, then its labelled sentences as (label, items), one item a cue."""
    starts = "|".join(re.escape(start) for start in LABELS)
    verdict, *others = re.split(rf"(?<=[.]) (?={starts})", message)
    verdict = verdict.removeprefix("Right: ")
    between = rf"; (?={'|'.join(re.escape(words) for words in cue_choices().values())})"
    found = []
    for part in others:
        start = next(start for start in LABELS if part.startswith(start))
        items = re.split(between, part.removeprefix(start))
        found.append((LABELS[start], [item.removesuffix(".") for item in items] if len(items) > 1 else items))
    return [verdict[:1].upper() + verdict[1:], *found]


def _are_names(cues: object) -> bool:
    if isinstance(cues, str):
        return True
    return isinstance(cues, list | tuple | set | frozenset) and all(isinstance(one, str) for one in cues)


def _waiting(trainer: PhishingTrainer) -> str:
    try:
        return trainer.next().mail_id
    except UserError:
        return ""
