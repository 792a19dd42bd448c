"""Edits with which a phisher tries to pass a filter, and the proof that a mail still does its harm."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from secure_ai.attack.phishing.characters import confusable_letters, plain_text
from secure_ai.attack.phishing.mail import Mail
from secure_ai.attack.phishing.urls import final_host

SYNONYM_SETS = tuple(
    frozenset(words.split())
    for words in (
        "password passphrase passcode",
        "confirm verify validate check",
        "sign log",
        "account profile",
        "open view read",
        "today now",
        "pay settle transfer",
        "send forward mail",
        "please kindly",
        "invoice bill statement",
        "attached enclosed",
        "attachment enclosure",
        "urgent pressing",
        "immediately promptly",
        "scan capture",
        "code pattern",
        "enter type give",
        "details particulars facts",
        "card plate",
        "staff personnel employees",
        "complete full entire",
        "list roster table",
        "files records",
        "wire remit",
        "buy purchase get",
        "answer reply respond",
        "upload place drop",
        "deliver bring",
        "closed locked",
        "expires lapses ends",
        "choose select pick",
        "approve accept allow",
        "new recent",
        "message note",
        "need require",
        "enable permit",
        "editing changes",
        "install apply",
        "update patch",
        "document paper",
        "form sheet",
        "work job",
        "claim redeem",
        "cards vouchers",
        "number digits",
        "help assist",
        "share pass",
        "see find",
        "money funds",
        "sum amount",
        "proof evidence",
    )
)
_SET_OF = {word: number for number, words in enumerate(SYNONYM_SETS) for word in words}
HONEST_SENTENCES = (
    "The canteen serves soup on Thursday.", "Thanks to everybody who helped on the open day.",
    "We never ask for your password.", "The room by the lift is free in the morning.",
    "Photos of the summer party are on the board.", "Details as usual in the portal.",
    "Who cannot come tells the lead.", "The minutes of the last meeting are in the folder.",
    "Call us if something is unclear.", "There is nothing to do for you.", "No answer is needed.",
    "The recording comes later.", "Paper copies come by post.", "See you in the meeting.",
    "The status page tells more.", "Bring the figures, please.",
)  # fmt: skip
ZERO_WIDTH = ("\u200b", "\u200c", "\u2060")
SHORTENERS = ("lnk.sho.example", "go.tiny.test")
LONGEST_GROWTH, ROOM_FOR_PADDING = 3, 600

Edit = Callable[[Mail, np.random.Generator], Mail]


def use_synonyms(mail: Mail, random: np.random.Generator) -> Mail:
    """Replace about half of the words that have a synonym."""

    def other(word: re.Match[str]) -> str:
        found = _SET_OF.get(word[0].lower())
        if found is None or random.random() < 0.5:
            return word[0]
        choice = sorted(SYNONYM_SETS[found] - {word[0].lower()})[
            int(random.integers(len(SYNONYM_SETS[found]) - 1))
        ]
        return choice.capitalize() if word[0][0].isupper() else choice

    return _with_text(mail, lambda text: re.sub(r"[A-Za-z]+", other, text))


def use_homoglyphs(mail: Mail, random: np.random.Generator) -> Mail:
    """Put a letter of another script, that looks the same, into about a third of the words."""

    def disguise(word: re.Match[str]) -> str:
        places = [i for i, letter in enumerate(word[0]) if letter in "aceiopxysj"]
        if not places or random.random() < 0.65:
            return word[0]
        place = places[int(random.integers(len(places)))]
        sights = [s for s in confusable_letters(word[0][place]) if "\u0370" <= s <= "\u04ff"]
        return word[0][:place] + sights[0] + word[0][place + 1 :] if sights else word[0]

    return _with_text(mail, lambda text: re.sub(r"(?<!\[)\b[a-zA-Z]{4,}\b", disguise, text))


def add_zero_width(mail: Mail, random: np.random.Generator) -> Mail:
    """Put an invisible character into about a third of the words."""

    def split(word: re.Match[str]) -> str:
        if random.random() < 0.65:
            return word[0]
        place = int(random.integers(1, len(word[0])))
        return word[0][:place] + ZERO_WIDTH[int(random.integers(len(ZERO_WIDTH)))] + word[0][place:]

    return _with_text(mail, lambda text: re.sub(r"(?<!\[)\b[a-zA-Z]{4,}\b", split, text))


def add_honest_text(mail: Mail, random: np.random.Generator) -> Mail:
    """Add three sentences as they stand in honest mail (good words)."""
    chosen = random.choice(len(HONEST_SENTENCES), 3, replace=False)
    return dataclasses.replace(
        mail, body=mail.body + "\n\n" + " ".join(HONEST_SENTENCES[int(place)] for place in chosen)
    )


def add_logo(mail: Mail, random: np.random.Generator) -> Mail:
    """Put a logo on top, where there is none."""
    if "[logo:" in mail.body:
        return mail
    return dataclasses.replace(mail, body=f"[logo: {mail.sender_name}]\n{mail.body}")


def hide_link(mail: Mail, random: np.random.Generator) -> Mail:
    """Send each link through a service that hands on to its target."""
    through = [f"https://{service}/r?u=" for service in SHORTENERS]
    links = tuple(
        link
        if "?u=" in link.url
        else dataclasses.replace(link, url=through[int(random.integers(2))] + _packed(link.url))
        for link in mail.links
    )
    return dataclasses.replace(mail, links=links)


def link_as_qr_code(mail: Mail, random: np.random.Generator) -> Mail:
    """Show each link as a QR code, which a filter that does not read pictures passes over."""
    return dataclasses.replace(
        mail, links=tuple(dataclasses.replace(link, in_image=True) for link in mail.links)
    )


def text_as_picture(mail: Mail, random: np.random.Generator) -> Mail:
    """Put the paragraph with the ask into a picture."""
    blocks = mail.body.split("\n\n")
    hit = next((i for i, block in enumerate(blocks) if _flat(mail.ask) in _flat(block)), None)
    if hit is None or not mail.ask:
        return mail
    picture = blocks[hit]
    blocks[hit] = "[image: notice]"
    return dataclasses.replace(mail, body="\n\n".join(blocks), images=(*mail.images, picture))


EDITS: Mapping[str, Edit] = MappingProxyType({
    "synonyms": use_synonyms, "homoglyphs": use_homoglyphs, "zero_width": add_zero_width,
    "honest_text": add_honest_text, "logo": add_logo, "redirect": hide_link, "qr_code": link_as_qr_code,
    "picture": text_as_picture,
})  # fmt: skip


def purpose_kept(original: Mail, edited: Mail) -> bool:
    """Say whether an edited phish still does what the original did.

    Its links lead to the same hosts and are still shown, its attachments and the address for answers are
    the same, the ask can still be read by a person (in text or picture, up to synonyms of the kit's own
    table and characters that look alike), and the text has not grown beyond measure.
    """
    goals = {final_host(link.url) for link in original.links}
    if not goals <= {final_host(link.url) for link in edited.links}:
        return False
    if (original.attachments, original.reply_to) != (edited.attachments, edited.reply_to):
        return False
    seen = "\n".join([edited.body, *edited.images])
    readable = _flat(seen)
    if any(_flat(link.shown) not in readable for link in edited.links):
        return False
    if len(seen) > LONGEST_GROWTH * len(original.body) + ROOM_FOR_PADDING:
        return False
    return _flat(original.ask) in readable


def _with_text(mail: Mail, change: Callable[[str], str]) -> Mail:
    # What a link shows stands in the body and in the link: it stays as it is in both.
    pieces = [re.escape(link.shown) for link in mail.links if link.shown]
    keep = re.compile("(" + "|".join([r"\[[^\]]*\]", *pieces]) + ")")
    body = "".join(part if n % 2 else change(part) for n, part in enumerate(keep.split(mail.body)))
    return dataclasses.replace(mail, subject=change(mail.subject), body=body)


def _flat(text: str) -> str:
    words = (word.strip(".,") for word in re.findall(r"[a-z0-9$%.,@]+", plain_text(text).lower()))
    return " ".join(f"={_SET_OF[word]}" if word in _SET_OF else word for word in words)


def _packed(url: str) -> str:
    return base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
