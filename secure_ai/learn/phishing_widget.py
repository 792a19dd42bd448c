"""The phishing inbox's controls: ipywidgets with a mail, boxes for the cues seen, and the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from secure_ai.attack.phishing.phish_scale import TYPES
from secure_ai.core.errors import UserError
from secure_ai.govern.awareness import ANSWERS, cue_choices
from secure_ai.learn.display import Note, box, compact, inline
from secure_ai.learn.phishing_inbox import ANSWERS_IN_WORDS

if TYPE_CHECKING:
    from secure_ai.learn.phishing_inbox import PhishingInbox

CUES = "secure-ai-cues"
WIDE = {"width": "auto", "max_width": "62em"}
# A box's label would be cut where its column ends.
WRAPPED = (
    f"<style>.{CUES} .widget-label-basic {{white-space: normal; height: auto; line-height: 1.3;"
    " padding-left: 1.7em; text-indent: -1.7em}</style>"
)
BUTTON = {"width": "auto", "min_width": "11em"}


class InboxControls:
    """A mail, cues, answers, feedback and the running score; ``box`` holds them all.

    Nothing is switched off: a button that a keyboard has just used keeps the focus, and says why it does
    nothing now.
    """

    def __init__(self, inbox: PhishingInbox) -> None:
        self.inbox = inbox
        self.mail = ipywidgets.HTML(layout=WIDE)
        self.cues = {
            name: ipywidgets.Checkbox(
                description=words,
                indent=False,
                layout={"width": "auto", "height": "auto", "margin": "0.1em 0"},
            )
            for name, words in cue_choices().items()
        }
        self.answers = {
            answer: _button(ANSWERS_IN_WORDS.get(answer, answer), self._answering(answer))
            for answer in ANSWERS
        }
        self.next = _button("Next mail", self._next)
        self.feedback = ipywidgets.HTML(layout=WIDE)
        buttons = ipywidgets.HBox(
            [*self.answers.values(), self.next], layout={"flex_flow": "row wrap", "margin": "0.4em 0"}
        )
        question = ipywidgets.HTML(
            f"{WRAPPED}<strong>What made you suspicious?</strong> Tick what you saw; then answer."
        )
        self.box = ipywidgets.VBox([self.mail, question, self._groups(), buttons, self.feedback])
        self._show_mail()

    def _groups(self) -> Any:
        groups = []
        for kind, names in TYPES.items():
            boxes = [self.cues[name] for name in names if name in self.cues]
            heading = ipywidgets.HTML(f"<em>{inline(kind.capitalize())}</em>")
            groups.append(ipywidgets.VBox([heading, *boxes], layout={"margin": "0 1em 0.4em 0"}))
        columns = [ipywidgets.VBox(part) for part in (groups[:3], groups[3:4], groups[4:])]
        grid = {**WIDE, "grid_template_columns": "repeat(auto-fit, minmax(19em, 1fr))"}
        return ipywidgets.GridBox(columns, layout=grid).add_class(CUES)

    def _answering(self, answer: str) -> Any:
        def judge(_: Any) -> None:
            named = [name for name, ticked in self.cues.items() if ticked.value]
            try:
                judged = self.inbox.answer(answer, named)
            except UserError as error:
                self.feedback.value = self._said(str(error))
                return
            self.feedback.value = compact(judged.html())
            self._emphasize(answered=True)

        return judge

    def _next(self, _: Any) -> None:
        if self.inbox.answered is None:
            waits = "Answer this mail first: the next one comes after that."
            self.feedback.value = self._said(waits)
            return
        self._show_mail()

    def _show_mail(self) -> None:
        try:
            view = self.inbox.next()
        except UserError as error:
            self.mail.value = Note("The inbox is empty", str(error)).html()
            self.feedback.value = self._said("There is no further mail.")
            return
        self.mail.value = f"<p><strong>Mail {view.mail.number}</strong></p>{view.html()}"
        for ticked in self.cues.values():
            ticked.value = False
        self.feedback.value = self._said(f"Mail {view.mail.number} waits for your answer.")
        self._emphasize(answered=False)

    def _emphasize(self, *, answered: bool) -> None:
        for button in self.answers.values():
            button.button_style = "" if answered else "primary"
        self.next.button_style = "primary" if answered else ""

    def _said(self, words: str) -> str:
        score = f"<br><strong>Score so far:</strong> {inline(self.inbox.score)}"
        return compact(box(f"{inline(words)}{score}", role="status"))


def _button(label: str, act: Any) -> Any:
    button = ipywidgets.Button(description=label, tooltip=label, layout=BUTTON)
    button.on_click(act)
    return button
