"""What the tasks of chapter 17 on phishing are checked on: links of every trick, and a watched filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.phishing.filter import PhishingFilter
from secure_ai.attack.phishing.mail import Mail
from secure_ai.attack.phishing.measure import split_by_template

FOREIGN = {
    "\u0430": "a", "\u0435": "e", "\u0456": "i", "\u0458": "j", "\u043e": "o",
    "\u0440": "p", "\u0441": "c", "\u0455": "s", "\u0445": "x", "\u0443": "y",
}  # fmt: skip
"""Cyrillic letters that look like Latin ones (Unicode Technical Standard #39)."""
LOOKS_LIKE = str.maketrans({"0": "o", "1": "l", "3": "e", "5": "s", "-": None, **FOREIGN})
"""For ``str.translate``: what the eye takes digits and foreign letters for; hyphens are overlooked."""

FIRST = ("cobalt", "willow", "marlow", "hollow", "solstice", "clover", "lodestone", "colliery")
SECOND = ("bank", "clinic", "hospital", "credit", "savings", "hospice")
STRANGERS = ("quick-parcel", "news-desk", "bright-lamp", "river-data", "mint-garden", "apt-print")
ENDINGS = ("example", "test", "invalid")
WAYS = ("login", "notice", "view", "start")


def link_cases(rng: np.random.Generator) -> tuple[tuple[str, ...], dict[str, tuple[str, str]]]:
    """Draw the domains of a house, and an address of each sort with what is to be said of it.

    Returns:
        The known domains; and for each sort of address the address and ``"known"``, ``"deceptive"`` or
        ``"unknown"``.
    """
    firsts = [str(word) for word in rng.permutation(FIRST)[:3]]
    endings = [str(rng.choice(ENDINGS[:2])) for _ in firsts]
    known = tuple(
        f"{first}-{rng.choice(SECOND)}.{ending}" for first, ending in zip(firsts, endings, strict=True)
    )
    own = str(rng.choice(known))
    label, ending = own.split(".")
    stranger = f"{rng.choice(STRANGERS)}.{rng.choice(ENDINGS[1:])}"
    other = str(rng.choice([one for one in ENDINGS if one != ending]))
    way = f"{rng.choice(WAYS)}/{rng.integers(1000, 9999)}"
    digits = label.replace("o", "0", 1) if rng.random() < 0.5 else label.replace("l", "1", 1)
    foreign = label.replace("o", "\u043e", 1).encode("idna").decode("ascii")
    relative = f"{label.split('-')[0]}-paint.{ending}"
    return known, {
        "own": (f"https://{own}/{way}", "known"),
        "below own": (f"https://{rng.choice(('portal', 'mail', 'www'))}.{own}/{way}", "known"),
        "own in capitals": (f"https://Portal.{own.upper()}:8443/{way}", "known"),
        "own handing on": (f"https://{own}/go?to=https://{stranger}/", "known"),
        "stranger": (f"https://www.{stranger}/{way}", "unknown"),
        "relative": (f"https://{relative}/{way}", "unknown"),
        "in front": (f"https://{own}.{stranger}/{way}", "deceptive"),
        "before at": (f"https://{own}@{stranger}/{way}", "deceptive"),
        "at the end": (f"https://{rng.choice(('my', 'the', 'get'))}{own}/{way}", "deceptive"),
        "other ending": (f"https://{label}.{other}/{way}", "deceptive"),
        "digit": (f"https://{digits}.{ending}/{way}", "deceptive"),
        "foreign letter": (f"https://{foreign}.{ending}/{way}", "deceptive"),
        "shouted in front": (f"https://{own.upper()}.{stranger}/{way}", "deceptive"),
    }


@dataclass
class WatchedFilter:
    """A filter that knows by heart the templates that it was trained on, and guesses about others.

    Attributes:
        guesses: what it says of a mail whose template it has not seen.
        trained, asked: the ids of the mails that any filter of this sort was trained on, and was asked about.
    """

    guesses: dict[str, bool]
    trained: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    _known: dict[str, bool] = field(default_factory=dict)

    def fit(self, mails: Sequence[Mail]) -> WatchedFilter:
        """Learn the templates of ``mails`` by heart."""
        self.trained |= {mail.mail_id for mail in mails}
        self._known = {mail.template: mail.malicious for mail in mails}
        return self

    def predict(self, mails: Sequence[Mail]) -> np.ndarray:
        """Return for each mail whether it is flagged."""
        self.asked |= {mail.mail_id for mail in mails}
        return np.array([self._known.get(mail.template, self.guesses[mail.mail_id]) for mail in mails], bool)


@dataclass(frozen=True)
class Mailbox:
    """Mails, the templates that are held out, and what a filter makes of them.

    Attributes:
        mails: of several templates, far more honest ones than phishing.
        held_out: the templates that no filter may be trained on.
        guesses: for each mail, what a filter says that has not seen its template.
    """

    mails: tuple[Mail, ...]
    held_out: frozenset[str]
    guesses: dict[str, bool] = field(repr=False)

    def watched(self) -> tuple[Callable[[], WatchedFilter], set[str], set[str]]:
        """Return what makes filters, and the ids that any of them is trained on and asked about."""
        trained: set[str] = set()
        asked: set[str] = set()
        return lambda: WatchedFilter(self.guesses, trained, asked), trained, asked


def mailbox(rng: np.random.Generator) -> Mailbox:
    """Draw a mailbox: a filter catches some of the phishing of templates it never saw, and errs at times."""
    mails: list[Mail] = []
    guesses: dict[str, bool] = {}
    held_out = set()
    for kind, templates, each in (("credential_phishing", 5, (4, 9)), ("newsletter", 9, (20, 40))):
        names = [f"{kind}-{number}" for number in rng.permutation(90)[:templates]]
        held_out |= set(names[: 2 if kind == "newsletter" else 3])
        for name in names:
            for _ in range(int(rng.integers(*each))):
                mail = _letter(f"m{len(mails):05d}", kind, name)
                mails.append(mail)
                guesses[mail.mail_id] = bool(rng.random() < (0.6 if mail.malicious else 0.1))
    tested = [mail for mail in mails if mail.template in held_out]
    # A catch, a miss, a false alarm and an honest mail let through are there, so that every figure differs.
    for malicious in (True, False):
        of_side = [mail.mail_id for mail in tested if mail.malicious is malicious]
        guesses[of_side[0]], guesses[of_side[1]], guesses[of_side[2]] = True, False, malicious
    order = rng.permutation(len(mails))
    return Mailbox(tuple(mails[place] for place in order), frozenset(held_out), guesses)


def _letter(mail_id: str, kind: str, template: str) -> Mail:
    blank = dict.fromkeys(
        ("sender_name", "sender_address", "reply_to", "recipient_role", "subject", "body", "sent"), ""
    )
    return Mail(
        mail_id, "healthcare", kind, template, **blank,
        links=(), attachments=(), spf="pass", dkim="pass", dmarc="pass",
    )  # fmt: skip


Measure = Callable[[Sequence[Mail], Callable[[], Any], Set[str]], tuple[float, float]]


def measured_two_ways(mails: Sequence[Mail], measure: Measure, seed: int, draws: int = 3) -> pd.DataFrame:
    """Measure the kit's filter by template and by mail, each on the mean of some splits.

    Returns:
        measured on, recall, precision.
    """
    # By mail means: every mail counts as a template of its own.
    alone = [replace(mail, template=mail.mail_id) for mail in mails]
    by_template, by_mail = [], []
    for draw in range(draws):
        _, tested = split_by_template(mails, 0.4, seed=seed + draw)
        by_template.append(measure(mails, PhishingFilter, {mail.template for mail in tested}))
        by_mail.append(measure(alone, PhishingFilter, {mail.mail_id for mail in mails[draw::draws]}))
    rows = {"templates never seen": by_template, "mails never seen": by_mail}
    return pd.DataFrame(
        [(way, *np.mean(found, axis=0)) for way, found in rows.items()],
        columns=["measured on", "recall", "precision"],
    )
