"""Mails as data: what a recipient sees, what lies beneath, and what is true of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

SECTORS = ("healthcare", "finance")
MALICIOUS_KINDS = {
    "credential_phishing": "a page that collects passwords",
    "business_email_compromise": "a payment or a change of bank details, in a vendor's or executive's name",
    "malicious_attachment": "a file that runs or asks for macros",
    "quishing": "a QR code or a sign-in prompt that moves to the telephone",
    "delivery_or_benefits_lure": "a parcel, a benefit or a prize",
    "data_request": "wage statements, a patient or customer list, an export of a model",
    "spear_phishing": "fluent text, written by AI, with facts of the recipient's role",
}
BENIGN_KINDS = {
    "it_notice": "maintenance, passwords and systems",
    "hr_notice": "leave, benefits, rules",
    "invoice": "a vendor's bill or statement",
    "newsletter": "news, with links that count readers",
    "meeting": "an invitation or a change of one",
    "shared_document": "a file that a colleague shares",
    "colleague": "a question or a favor at work",
    "executive": "a note from the management",
    "delivery": "goods on their way",
    "training": "courses and reminders",
    "security_notice": "a code, a sign-in or a warning that is real",
    "data_work": "an honest request for figures, with its way and approval",
    "external_partner": "another institution, an authority, an auditor",
}
KINDS = (*MALICIOUS_KINDS, *BENIGN_KINDS)
RESULTS = ("pass", "fail", "none")
DANGEROUS_ENDINGS = (
    ".exe", ".scr", ".js", ".vbs", ".iso", ".img", ".lnk", ".hta", ".docm", ".xlsm", ".htm", ".html", ".one",
)  # fmt: skip


@dataclass(frozen=True)
class Link:
    """A link: the text that is shown, and the address beneath; in a picture it is a QR code."""

    shown: str
    url: str
    in_image: bool = False


@dataclass(frozen=True)
class Cue:
    """Something that may give a phish away.

    Attributes:
        name: one of the 23 cues of the Phish Scale, as in ``phish_scale.CUES``.
        where: ``subject``, ``body``, ``sender``, ``reply_to``, ``link``, ``attachment``.
        words: what is seen there.
        start: offset of ``words`` in the subject or body; -1 elsewhere.
    """

    name: str
    where: str
    words: str
    start: int = -1

    @property
    def end(self) -> int:
        """Offset one past the words; -1 where there is no offset."""
        return self.start + len(self.words) if self.start >= 0 else -1


@dataclass(frozen=True)
class Mail:
    """A mail and the truth about it.

    Attributes:
        mail_id: says nothing about the kind.
        sector: ``healthcare`` or ``finance``.
        kind: one of ``KINDS``.
        template: what it was made from; mails of one template are alike and belong on one side of a split.
        sender_name, sender_address, reply_to: as in the header; ``reply_to`` may equal the address.
        recipient_role: whose mailbox it came to.
        subject, body: the text; a picture stands as ``[image: ...]``, a logo as ``[logo: ...]``.
        links: in order of appearance.
        attachments: file names.
        sent: ISO 8601, UTC.
        spf, dkim, dmarc: results of authentication, ``pass``, ``fail`` or ``none``.
        cues: what may give it away (honest mails can have cues too).
        premise: the five scores of premise alignment; empty for honest mail.
        difficulty: of the Phish Scale, computed from cues and premise; empty for honest mail.
        ask: the words of the body that say what the attacker wants; empty for honest mail.
        images: text that stands in a picture, which only a human (or a filter with OCR) reads.
    """

    mail_id: str
    sector: str
    kind: str
    template: str
    sender_name: str
    sender_address: str
    reply_to: str
    recipient_role: str
    subject: str
    body: str
    links: tuple[Link, ...]
    attachments: tuple[str, ...]
    sent: str
    spf: str
    dkim: str
    dmarc: str
    cues: tuple[Cue, ...] = ()
    premise: tuple[int, ...] = ()
    difficulty: str = ""
    ask: str = ""
    images: tuple[str, ...] = ()

    @property
    def malicious(self) -> bool:
        """Whether it is a phish."""
        return self.kind in MALICIOUS_KINDS

    @property
    def sender_domain(self) -> str:
        """The domain of the sender's address, lower case."""
        return self.sender_address.rpartition("@")[2].lower()

    def seen(self) -> str:
        """Return the mail as a reader sees it who looks at everything: header, text, links, files."""
        lines = [
            f"From: {self.sender_name} <{self.sender_address}>",
            *([f"Reply-To: {self.reply_to}"] if self.reply_to != self.sender_address else []),
            f"To: {self.recipient_role}",
            f"Date: {self.sent}",
            f"Subject: {self.subject}",
            f"Authentication: spf={self.spf} dkim={self.dkim} dmarc={self.dmarc}",
            "",
            self.body,
        ]
        lines += [f"[text in a picture] {text}" for text in self.images]
        lines += [f"Link {n}: {link.shown} -> {link.url}" for n, link in enumerate(self.links, 1)]
        lines += [f"Attachment: {name}" for name in self.attachments]
        return "\n".join(lines)


def mails_frame(mails: Iterable[Mail]) -> pd.DataFrame:
    """Return one row per mail with what can be counted or grouped by, in the order given."""
    import pandas as pd

    names = [
        "mail_id", "sector", "kind", "template", "malicious", "recipient_role", "subject", "sender_address",
        "sent", "spf", "dkim", "dmarc", "difficulty",
    ]  # fmt: skip
    rows = [
        [*(getattr(mail, name) for name in names), len(mail.links), len(mail.attachments), len(mail.cues)]
        for mail in mails
    ]
    return pd.DataFrame(rows, columns=[*names, "links", "attachments", "cues"])


def check_mails(mails: object, what: str = "mails") -> tuple[Mail, ...]:
    """Return the mails as a tuple.

    Raises:
        UserError: if it is no list of mails, or empty.
    """
    if isinstance(mails, Mail) or not isinstance(mails, Sequence):
        raise UserError(f"The {what} must be a list of Mail, such as make_mails() returns.")
    checked = tuple(mails)
    if not checked or not all(isinstance(mail, Mail) for mail in checked):
        raise UserError(f"The {what} must be a list of Mail that is not empty: make_mails() makes one.")
    return checked


def word_places(text: str, words: str) -> list[int]:
    """Return the offsets of ``words`` in ``text``."""
    return [found.start() for found in re.finditer(re.escape(words), text)]
