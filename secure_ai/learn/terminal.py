"""The phishing trainer and the tabletop in a terminal: questions and answers, line by line.

Both end cleanly on "quit", at the end of the input and on Ctrl-C, and answer what they do not understand with
a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.awareness import PhishingTrainer, cue_choices
from secure_ai.govern.incidents import Tabletop
from secure_ai.govern.incidents.tabletop.actions import ACTIONS, QUESTIONS
from secure_ai.learn.display import Listing, Note
from secure_ai.learn.phishing_inbox import PhishingInbox
from secure_ai.learn.tabletop_exercise import LOG_LINES, TabletopExercise, words

Ask = Callable[[str], str]
Say = Callable[[str], object]
LEAVING = ("quit", "exit", "q")
DECISIONS = {
    "r": "report", "report": "report", "1": "report", "t": "trust", "trust": "trust", "honest": "trust",
    "2": "trust",
}  # fmt: skip
HELP = """Commands:
  decide [ACTION ROLE]   let a role do something; by number or name, or without to be asked
  ask [QUESTION]         ask a question; by number or name
  wait [MINUTES]         let time pass; without minutes until something arrives
  actions, questions, roles, messages, log [LINES], clocks, decisions, plan   look at one of them
  report FOLDER          write the after-action report
  finish                 let the rest of the time pass and see the result
  quit                   leave"""


class _LeftError(Exception):
    """The person wants to leave."""


def train_in_terminal(
    trainer: PhishingTrainer, ask: Ask = input, say: Say = print, *, mails: int | None = None
) -> str:
    """Train line by line until the person leaves or the mails are used up; return the score in words.

    Args:
        trainer: serves the mails.
        ask: called with a prompt, returns what was typed.
        say: called with what is shown.
        mails: how many mails at most.

    Raises:
        UserError: if ``mails`` is no whole number of 1 or more.
    """
    inbox = PhishingInbox(trainer)
    if mails is not None and (isinstance(mails, bool) or not isinstance(mails, int) or mails < 1):
        raise UserError("mails is how many mails to show: a whole number of 1 or more.")
    cues = list(cue_choices())
    served = 0
    try:
        while mails is None or served < mails:
            say(inbox.next().text())
            decision = _answer(ask, say)
            named = _named_cues(ask, say, cues)
            say(inbox.answer(decision, named).text() + "\n")
            served += 1
    except (EOFError, KeyboardInterrupt, _LeftError):
        pass
    except UserError as error:
        say(str(error))
    ending = f"End of the training. {inbox.score}"
    say(ending)
    return ending


def play_in_terminal(tabletop: Tabletop, ask: Ask = input, say: Say = print) -> str:
    """Play a tabletop line by line until it is over or the person leaves; return the result in words.

    Args:
        tabletop: the incident.
        ask: called with a prompt, returns what was typed.
        say: called with what is shown.
    """
    exercise = TabletopExercise(tabletop)
    try:
        say(Note("The incident", exercise.brief()).text())
        say(exercise.messages().text())
        say(HELP)
        told = -1
        while not tabletop.over:
            if told != tabletop.minute:
                told = tabletop.minute
                say(exercise.status())
            command, *rest = _typed(ask, f"minute {tabletop.minute}> ").split() or [""]
            try:
                said = _command(exercise, command.lower(), rest, ask, say)
            except UserError as error:
                said = str(error)
            if said:
                say(said)
    except (EOFError, KeyboardInterrupt, _LeftError):
        say("You left the exercise.")
    ending = exercise.result().text()
    say(ending)
    return ending


def _command(exercise: TabletopExercise, command: str, rest: list[str], ask: Ask, say: Say) -> str:
    looks = {
        "actions": lambda: _numbered(exercise.actions()),
        "questions": lambda: _numbered(exercise.questions()),
        "roles": lambda: _numbered(exercise.roles()),
        "messages": lambda: exercise.messages().text(),
        "clocks": lambda: exercise.clocks().text(),
        "decisions": lambda: exercise.decisions().text(),
        "plan": lambda: exercise.plan().text(),
        "help": lambda: HELP,
        "?": lambda: HELP,
    }
    if command in looks:
        return looks[command]()
    if command == "log":
        return exercise.log(_whole(rest[0]) if rest else LOG_LINES).text()
    if command == "wait":
        return exercise.wait(_whole(rest[0]) if rest else None).text()
    if command == "ask":
        names = [question.id for question in QUESTIONS]
        return exercise.ask(_chosen(rest[:1], exercise.questions(), names, ask, say)).text()
    if command == "decide":
        names, roles = [action.id for action in ACTIONS], list(exercise.tabletop.roles)
        action = _chosen(rest[:1], exercise.actions(), names, ask, say)
        role = _chosen(rest[1:], exercise.roles(), roles, ask, say)
        return exercise.decide(action, role).text()
    if command == "finish":
        exercise.finish()
        return ""
    if command == "report":
        written = exercise.write_report(" ".join(rest))
        return f"Written: {', '.join(path.name for path in written)}."
    return f"'{shown(command)}' is no command: type help to see them." if command else ""


def _chosen(given: Sequence[str], listing: Listing, names: list[str], ask: Ask, say: Say) -> str:
    """Return the name for what was typed, a number of the list or a name; asks if nothing was."""
    kind = listing.caption.lower().removesuffix("s")
    typed = "_".join(given)
    if not given:
        say(_numbered(listing))
        typed = "_".join(_typed(ask, f"Which {kind} (number or name)? ").split())
    number = _number(typed)
    if number is not None and 1 <= number <= len(names):
        return names[number - 1]
    if typed in names:
        return typed
    raise UserError(
        f"There is no {kind} '{shown(typed)}': give its number from 1 to {len(names)}, or its name."
    )


def _numbered(listing: Listing) -> str:
    rows = [(f"{number}. {words(str(row[0]))}", *row[1:]) for number, row in enumerate(listing.rows, 1)]
    return Listing(listing.caption, listing.columns, rows, listing.after).text()


def _answer(ask: Ask, say: Say) -> str:
    while True:
        typed = _typed(ask, "Your answer (r = report as phishing, t = looks honest, quit): ")
        if typed.lower() in DECISIONS:
            return DECISIONS[typed.lower()]
        say("Type r to report the mail, t if it looks honest, or quit.")


def _named_cues(ask: Ask, say: Say, cues: list[str]) -> list[str]:
    while True:
        typed = _typed(ask, "Cues you saw (numbers with commas, ? for the list, Enter for none): ")
        if typed == "?":
            say("\n".join(f"{number}. {text}" for number, text in enumerate(cue_choices().values(), 1)))
            continue
        parts = [part for part in typed.replace(",", " ").split() if part]
        found = [_cue(part, cues) for part in parts]
        if None not in found:
            return [name for name in found if name]
        say(f"Give numbers from 1 to {len(cues)} or names of cues, or ? to see them.")


def _cue(part: str, cues: list[str]) -> str | None:
    number = _number(part)
    if number is not None:
        return cues[number - 1] if 1 <= number <= len(cues) else None
    return part if part in cues else None


def _typed(ask: Ask, prompt: str) -> str:
    typed = str(ask(prompt)).strip()
    if typed.lower() in LEAVING:
        raise _LeftError
    return typed


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def _whole(text: str) -> int:
    number = _number(text)
    if number is None:
        raise UserError(f"'{shown(text)}' is no number: give a whole number of 1 or more.")
    return number
