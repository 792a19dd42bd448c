"""Generated mail of a hospital and a bank: honest mail of many kinds and seven kinds of phishing."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from secure_ai.attack.phishing.cues import find_cues
from secure_ai.attack.phishing.domains import Name, known_names
from secure_ai.attack.phishing.headers import (
    Draw,
    Organization,
    Sender,
    draw_link,
    draw_sender,
    draw_slots,
    organization,
)
from secure_ai.attack.phishing.mail import KINDS, MALICIOUS_KINDS, SECTORS, Mail
from secure_ai.attack.phishing.phish_scale import phish_scale
from secure_ai.attack.phishing.render import mistype, read_slots, read_templates, unmark
from secure_ai.core.errors import UserError

MOST_MAILS = 20_000
TRIES = 30
FIRST_DAY = datetime(2026, 3, 2, 7, 0)
CLOSINGS = (
    "Thank you and kind regards",
    "Many thanks and all the best",
    "With thanks and regards",
    "Regards",
)
# How carefully a mail was made: 0 clean, 1 hasty, 2 crude. Honest mail is crude too, but less often.
CARE = {True: (0.28, 0.26, 0.46), False: (0.62, 0.26, 0.12)}


def make_mails(
    sector: str = "healthcare",
    n: int = 400,
    *,
    seed: int = 0,
    phishing_share: float = 0.4,
    kinds: Sequence[str] | None = None,
) -> tuple[Mail, ...]:
    """Make ``n`` distinct mails, in the order of their sending; the same for the same arguments.

    Args:
        sector: ``healthcare`` or ``finance``.
        n: how many, up to 20,000.
        seed: of every choice.
        phishing_share: share of malicious mail, from 0 to 1.
        kinds: only these of ``mail.KINDS``; all by default.

    Raises:
        UserError: if an argument is out of its range, or the templates do not yield so many distinct mails.
    """
    place = organization(sector)
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST_MAILS:
        raise UserError(f"The number of mails must be a whole number from 1 to {MOST_MAILS:,}.")
    if not isinstance(phishing_share, int | float) or not 0 <= phishing_share <= 1:
        raise UserError("The share of phishing must be a number from 0 to 1.")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UserError("The seed must be a whole number from 0.")
    wanted = tuple(KINDS if kinds is None else [kinds] if isinstance(kinds, str) else kinds)
    unknown = [kind for kind in wanted if kind not in KINDS]
    if unknown or not wanted:
        raise UserError(
            f"The kind '{''.join(map(str, unknown[:1]))}' is unknown: choose from {', '.join(KINDS)}."
        )
    by_side = {side: [kind for kind in wanted if (kind in MALICIOUS_KINDS) == side] for side in (True, False)}
    random = np.random.default_rng((seed, SECTORS.index(sector)))
    bad = round(n * phishing_share) if by_side[True] and by_side[False] else n * bool(by_side[True])
    sides = random.permutation([True] * bad + [False] * (n - bad))
    seen: set[tuple[str, str]] = set()
    mails = []
    for number, side in enumerate(sides):
        mail = _distinct(place, by_side[bool(side)], number, random, seen)
        minutes = int(random.integers(0, 11 * 60))
        sent = FIRST_DAY + timedelta(days=number * 60 // n, minutes=minutes)
        mails.append(dataclasses.replace(mail, sent=sent.isoformat(timespec="seconds") + "Z"))
    mails.sort(key=lambda mail: mail.sent)
    return tuple(
        dataclasses.replace(mail, mail_id=f"{sector[0]}{seed}-{number:05d}")
        for number, mail in enumerate(mails, 1)
    )


def _distinct(place: Organization, kinds: list[str], number: int, random, seen: set) -> Mail:
    for _ in range(TRIES):
        mail = _one(place, kinds[int(random.integers(len(kinds)))], random)
        if (mail.subject, mail.body) not in seen:
            seen.add((mail.subject, mail.body))
            return mail
    raise UserError(
        f"Only {number:,} distinct mails of these kinds were found: ask for fewer, or for more kinds."
    )


def _one(place: Organization, kind: str, random: np.random.Generator) -> Mail:
    templates = _of_kind(kind)
    draw = Draw(place, templates[int(random.integers(len(templates)))], {}, random)
    malicious = kind in MALICIOUS_KINDS
    care = 0 if draw.template.get("polish") == "clean" else int(random.choice(3, p=CARE[malicious]))
    draw_slots(draw)
    sender = draw_sender(draw)
    draw.slots["sender_org"] = sender.organization or sender.signer
    links = tuple(draw_link(draw, spec, sender) for spec in draw.template.get("links", ()))
    body = _body(draw, sender, care, malicious)
    for number, link in reversed(list(enumerate(links, 1))):
        body = body.replace("LINK" if number == 1 else f"LINK{number}", link.shown)
    body, body_cues, ask = unmark(body, "body")
    subject, subject_cues, _ = unmark(_subject(draw, care, malicious), "subject")
    mail = Mail(
        mail_id="", sector=place.sector, kind=kind, template=draw.template["id"], sender_name=sender.name,
        sender_address=sender.address, reply_to=sender.reply_to, recipient_role=draw.slots["role"],
        subject=subject, body=body, links=links,
        attachments=tuple(draw.fill(name) for name in draw.template.get("attachments", ())), sent="",
        **sender.results, ask=ask, images=tuple(draw.fill(text) for text in _pictures(draw.template)),
    )  # fmt: skip
    cues = (*subject_cues, *body_cues, *find_cues(mail, _known(place.sector), place.name))
    mail = dataclasses.replace(mail, cues=cues)
    if not malicious:
        return mail
    mail = dataclasses.replace(mail, premise=_premise(draw.template, draw.slots["role"], care))
    return dataclasses.replace(mail, difficulty=phish_scale(mail).difficulty)


def _premise(template: Mapping[str, Any], role: str, care: int) -> tuple[int, ...]:
    process, relevance, events, concern, exposure = template["premise"]
    if template.get("roles"):
        relevance = min(8, relevance + 2) if role in template["roles"] else max(0, relevance - 2)
    if care == 2:
        process = max(0, process - 2)
    return process, relevance, events, concern, exposure


def _subject(draw: Draw, care: int, malicious: bool) -> str:
    subject = draw.fill(draw.template["subject"])
    if care == 2 and draw.choose((True, False, False)):
        shout = ("URGENT", "ATTENTION", "IMPORTANT") if malicious else ("Pls read", "FYI", "IMPORTANT")
        subject = f"{draw.choose(shout)}: {subject}{draw.choose(('!!', ''))}"
    return subject


def _body(draw: Draw, sender: Sender, care: int, malicious: bool) -> str:
    values, choose, random = read_slots(), draw.choose, draw.random
    text = draw.fill(draw.template["body"]).strip()
    extra = int(random.integers(1, 4)) if care == 2 and malicious else int(care > 0 and choose((True, False)))
    pressure = values["pressure"]["malicious" if malicious else "benign"]
    for sentence in random.permutation(pressure)[:extra]:
        text += f"\n{draw.fill(str(sentence))}"
    generic = care == 2 or (care == 1 and choose((True, False)))
    greeting = f"{choose(('Dear', 'Hello', 'Hi'))} {draw.slots['first']},"
    if generic:
        greeting = choose(("Dear colleague,", "Hello,", "Dear user,", "Dear Sir or Madam,", "Hi all,"))
    signature = [sender.signer, sender.title, sender.organization]
    if care == 0 or (care == 1 and choose((True, False))):
        signature.append(("" if sender.person else "Questions: ") + f"555-01{int(random.integers(100)):02d}")
    elif care == 2:
        signature = signature[:1]
    if care < 2 and choose((True, False)):
        signature.insert(0, choose(CLOSINGS))
    lines = [greeting, "", text, "", *(part for part in signature if part)]
    body = mistype("\n".join(lines), (0, 2, 6 if malicious else 4)[care], random)
    if not sender.person and care == 2 and malicious and choose((True, False)):
        body = f"[[logo:{draw.fill(choose(values['fake_logos']))}]]\n{body}"
    elif not sender.person and care < 2:
        body = f"[logo: {sender.organization}]\n{body}"
    if (care == 2 or not sender.person) and choose((True, False, False)):
        body += f"\n\n{draw.fill(choose(values['footers']))}"
    if malicious and care == 2 and choose((True, False)):
        body += f"\n{choose(values['icons'])}"
    if draw.template.get("preheader"):
        # Newsletters fill the preview of the mailbox with invisible characters.
        body = "\u200c " * int(random.integers(4, 12)) + "\n" + body
    return re.sub(r"\n{3,}", "\n\n", body)


def _pictures(template: Mapping[str, Any]) -> tuple[str, ...]:
    return (template["picture"],) if "picture" in template else ()


@functools.cache
def _known(sector: str) -> tuple[Name, ...]:
    return known_names(organization(sector).known_domains)


@functools.cache
def _of_kind(kind: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(template for found, template in read_templates().values() if found == kind)
