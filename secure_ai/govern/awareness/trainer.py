"""The phishing trainer: mails that adapt, feedback that names cues, a score that habits cannot raise."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from secure_ai.attack.phishing.cues import find_cues
from secure_ai.attack.phishing.headers import organization
from secure_ai.attack.phishing.mail import Link, Mail, check_mails
from secure_ai.attack.phishing.phish_scale import CUES, phish_scale
from secure_ai.core.errors import UserError
from secure_ai.govern.awareness.sensitivity import Sensitivity, sensitivity
from secure_ai.govern.awareness.skill import PHISH_LOGITS, Skill, estimate_skill, honest_logit

ANSWERS = ("report", "trust")
# Leitner boxes: a missed kind of cue comes back after so many mails, later each time it is found.
INTERVALS = (3, 7, 15)
# Where learning is held to be quickest: right about seven times of ten.
EASIER_BY = 0.8
NEAREST = 8
ALL_SERVED = "Every mail was served: make more with another seed, and a new trainer."


@dataclass(frozen=True)
class Exercise:
    """What the learner sees: a mail without what is true of it."""

    mail_id: str
    sender: str
    reply_to: str
    recipient_role: str
    subject: str
    body: str
    links: tuple[Link, ...]
    attachments: tuple[str, ...]
    pictures: tuple[str, ...]
    authentication: str
    number: int

    def text(self) -> str:
        """Return the mail as text, links with their true address as on hovering."""
        lines = [f"Mail {self.number}", f"From: {self.sender}"]
        lines += [f"Reply-To: {self.reply_to}"] if self.reply_to else []
        lines += [
            f"To: {self.recipient_role}",
            f"Subject: {self.subject}",
            self.authentication,
            "",
            self.body,
        ]
        lines += [f"[in a picture] {text}" for text in self.pictures]
        lines += [f"Link: {link.shown} -> {link.url}" for link in self.links]
        return "\n".join(lines + [f"Attachment: {name}" for name in self.attachments])


@dataclass(frozen=True)
class Feedback:
    """What the learner is told.

    Attributes:
        mail_id: of the mail.
        right: whether the answer was.
        malicious: whether the mail was a phish.
        found, missed, not_there: cues (names) that the learner named rightly, that were overlooked, and that
            were named but are not in the mail.
        message: all of it in words.
    """

    mail_id: str
    right: bool
    malicious: bool
    found: tuple[str, ...]
    missed: tuple[str, ...]
    not_there: tuple[str, ...]
    message: str

    def sentence(self) -> str:
        """Return the message."""
        return self.message


@dataclass
class _Record:
    difficulties: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)


class PhishingTrainer:
    """Serves mails one by one and adapts to the answers.

    Args:
        mails: phishing and honest, as from ``make_mails``.
        seed: of the order; the same answers get the same mails.

    Raises:
        UserError: if ``mails`` has not both kinds.
    """

    def __init__(self, mails: Sequence[Mail], seed: int = 0) -> None:
        mails = check_mails(mails)
        self._left = {side: {m.mail_id: m for m in mails if m.malicious == side} for side in (True, False)}
        if not all(self._left.values()):
            raise UserError("The trainer needs phishing and honest mails: make_mails() gives both.")
        self._random = np.random.default_rng(seed)
        self._records = {True: _Record(), False: _Record()}
        self._cues: dict[str, Counter[str]] = {
            "found": Counter(),
            "missed": Counter(),
            "not_there": Counter(),
        }
        self._due: dict[str, tuple[int, int]] = {}
        self._current: Mail | None = None
        self._served = 0
        self._ended = False

    def next(self) -> Exercise:
        """Return the next mail; the same again until it is answered.

        Raises:
            UserError: if every mail of one side was served.
        """
        if self._ended:
            raise UserError(ALL_SERVED)
        if self._current is None:
            # A fair coin: neither the last answer nor the order tells what comes.
            self._current = self._choose(bool(self._random.random() < 0.5))
            self._served += 1
        mail = self._current
        return Exercise(
            mail.mail_id, f"{mail.sender_name} <{mail.sender_address}>",
            mail.reply_to if mail.reply_to != mail.sender_address else "", mail.recipient_role, mail.subject,
            mail.body, mail.links, mail.attachments, mail.images,
            f"Authentication: spf={mail.spf} dkim={mail.dkim} dmarc={mail.dmarc}", self._served,
        )  # fmt: skip

    def answer(self, mail_id: str, decision: str, cues: Iterable[str] = ()) -> Feedback:
        """Take the learner's decision on the mail that was served, and say what was seen and overlooked.

        Args:
            mail_id: of the mail, so that a late click cannot answer another one.
            decision: ``report`` or ``trust``.
            cues: names of cues (``phish_scale.CUES``) that made the learner suspicious.

        Raises:
            UserError: if no such mail is waiting, or the decision or a cue is unknown (nothing is counted).
        """
        mail = self._current
        if mail is None or mail_id != mail.mail_id:
            raise UserError("This mail is not waiting for an answer: call next() and answer that one.")
        if decision not in ANSWERS:
            raise UserError("The decision must be 'report' or 'trust'.")
        given = [cues] if isinstance(cues, str) or not isinstance(cues, Iterable) else list(cues)
        unknown = sorted(str(name) for name in given if not isinstance(name, str) or name not in CUES)
        if unknown:
            raise UserError(f"The cue '{unknown[0][:40]}' is unknown: choose from {', '.join(CUES)}.")
        named = set(given)
        there = dict.fromkeys(cue.name for cue in mail.cues)
        found = tuple(name for name in there if name in named)
        missed = tuple(name for name in there if name not in named) if mail.malicious else ()
        not_there = tuple(sorted(named - set(there)))
        right = (decision == "report") == mail.malicious
        self._count(mail, right, found, missed if not right or named else (), not_there)
        self._current = None
        message = _message(mail, right, found, missed, not_there)
        return Feedback(mail_id, right, mail.malicious, found, missed, not_there, message)

    def score(self) -> Sensitivity:
        """Return the score so far: sensitivity, not the share of right answers.

        Reporting everything or nothing scores 0, however many mails are phishing.
        """
        phish, honest = self._records[True], self._records[False]
        return sensitivity(
            sum(phish.right), len(phish.right), len(honest.right) - sum(honest.right), len(honest.right)
        )

    def skill(self) -> dict[str, Skill]:
        """Return ability by side, ``phishing`` and ``honest``, and ``both``: the weaker of the two."""
        sides = {
            name: estimate_skill(record.difficulties, record.right)
            for name, record in (("phishing", self._records[True]), ("honest", self._records[False]))
        }
        return sides | {"both": min(sides.values(), key=lambda one: one.ability)}

    def due_cues(self) -> tuple[str, ...]:
        """Return kinds of cues that were missed and whose time has come, the longest due first."""
        return tuple(
            name
            for name, (due, _) in sorted(self._due.items(), key=lambda item: item[1])
            if due <= self._served
        )

    def progress(self) -> pd.DataFrame:
        """Return counts, and nothing else: ``what``, ``count``. No name, no mail, no time."""
        score = self.score()
        rows = [
            ("phishing reported", score.hits), ("phishing trusted", score.phishing - score.hits),
            ("honest mail trusted", score.honest - score.false_alarms),
            ("honest mail reported", score.false_alarms),
        ]  # fmt: skip
        rows += [
            (f"cue {how.replace('_', ' ')}: {CUES[name]}", count)
            for how, counts in self._cues.items()
            for name, count in sorted(counts.items())
        ]
        return pd.DataFrame(rows, columns=["what", "count"])

    def sentence(self) -> str:
        """Say the score, the level, and which cues to look for."""
        due = self._cues["missed"].most_common(2)
        advice = f" Most often overlooked: {' and '.join(CUES[name] for name, _ in due)}." if due else ""
        return self.score().sentence() + advice

    def _choose(self, side: bool) -> Mail:
        left = self._left[side]
        if not left:
            # Asked again, the coin would fall on the other side, and everybody would know which that is.
            self._ended = True
            raise UserError(ALL_SERVED)
        record = self._records[side]
        aim = estimate_skill(record.difficulties, record.right).ability - EASIER_BY
        ids = np.array(sorted(left))
        wanted = self.due_cues() if side else ()
        for name in wanted:
            again = [one for one in ids if any(cue.name == name for cue in left[one].cues)]
            if again:
                ids = np.array(again)
                break
        distance = np.array([abs(_difficulty(left[one]) - aim) for one in ids])
        close = ids[np.argsort(distance + self._random.random(len(ids)) * 0.3)[:NEAREST]]
        return left.pop(str(close[int(self._random.integers(len(close)))]))

    def _count(self, mail: Mail, right: bool, found: tuple, missed: tuple, not_there: tuple) -> None:
        record = self._records[mail.malicious]
        record.difficulties.append(_difficulty(mail))
        record.right.append(right)
        for how, names in (("found", found), ("missed", missed), ("not_there", not_there)):
            self._cues[how].update(names)
        for name in missed:
            self._due[name] = (self._served + INTERVALS[0], 0)
        for name in found:
            if name in self._due and mail.malicious:
                box = self._due[name][1] + 1
                if box < len(INTERVALS):
                    self._due[name] = (self._served + INTERVALS[box], box)
                else:
                    del self._due[name]


def _difficulty(mail: Mail) -> float:
    return PHISH_LOGITS[mail.difficulty] if mail.malicious else honest_logit(len(mail.cues))


def _message(mail: Mail, right: bool, found: tuple, missed: tuple, not_there: tuple) -> str:
    def words(names: Iterable[str]) -> str:
        return "; ".join(_shown(mail, name) for name in names)

    parts = []
    if mail.malicious:
        parts.append("Right: this is phishing." if right else "This was phishing, and you trusted it.")
        parts.append(phish_scale(mail).sentence())
        parts += [f"You saw: {words(found)}."] if found else []
        parts += [f"Also there: {words(missed)}."] if missed else []
        if not missed and not found:
            parts.append("It carries no cue at all: only asking back by another way would have shown it.")
        if not right:
            parts.append("If it happens at work, report it at once: nobody is blamed, and minutes count.")
    else:
        parts.append(
            "Right: this mail is honest." if right
            else "This mail is honest; reported, it costs somebody time and may hold up work. When in doubt, "
            "reporting is still better than clicking."
        )  # fmt: skip
        if found:
            parts.append(f"Suspicious but harmless here: {words(found)}.")
        parts.append(_why_honest(mail))
    if not_there:
        parts.append(f"Not in this mail: {', '.join(CUES[name] for name in not_there)}.")
    return " ".join(parts)


def _shown(mail: Mail, name: str) -> str:
    seen = next((cue.words for cue in mail.cues if cue.name == name and cue.words), "")
    return f"{CUES[name]} ('{seen[:60]}')" if seen else CUES[name]


def _why_honest(mail: Mail) -> str:
    known = mail.sender_domain in organization(mail.sector).known_domains
    signs = (
        ["the sender's domain is known"] if known else ["the sender is unknown, but asks for nothing secret"]
    )
    if mail.spf == mail.dkim == mail.dmarc == "pass":
        signs.append("authentication passed")
    if not any(cue.name == "domain_spoofing" for cue in _technical(mail)):
        signs.append("no domain is made to look like another")
    return f"What speaks for it: {', '.join(signs)}."


@functools.lru_cache(maxsize=1024)
def _technical(mail: Mail) -> tuple:
    place = organization(mail.sector)
    return find_cues(mail, place.known_domains, place.name)


def cue_choices() -> Mapping[str, str]:
    """Return the cues a learner can name: name → words, for a widget's boxes."""
    return dict(CUES)
