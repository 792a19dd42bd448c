"""One mail as a mail program shows it, as HTML and as text, with nothing in it that can be clicked."""

from __future__ import annotations

import html
import re
import textwrap
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from secure_ai.govern.awareness import Exercise
from secure_ai.learn.display import LINE, THEMED_BACKGROUND, THEMED_TEXT, Shown

WIDTH = 96
# Right-to-left marks and overrides: with them, text and addresses read otherwise than they are written.
DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
DEFANGED = "(Addresses are defanged, with [:] for the colon, so that nothing here can be clicked.)"
AUTHENTICATION = {
    "spf": {
        "pass": "the server that sent it may send for this domain",
        "fail": "the server that sent it may not send for this domain",
        "none": "the domain does not say which servers may send for it",
    },
    "dkim": {
        "pass": "its signature is valid",
        "fail": "its signature is not valid",
        "none": "it is not signed",
    },
    "dmarc": {
        "pass": "the sender's domain agrees with these checks",
        "fail": "the sender's domain does not agree with these checks",
        "none": "the sender's domain has no rule for mail that fails",
    },
}


def visible(text: str, *, address: bool = False) -> str:
    """Return ``text`` with control characters and changes of direction as ``[U+202E]``.

    They could rearrange what is read, or steer a terminal. Line ends and tabs stay. In an address
    everything without a shape of its own is shown that way.
    """

    def hidden(character: str) -> bool:
        kind = unicodedata.category(character)
        if address:
            return kind in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
        return character in DIRECTIONS or kind == "Cs" or (kind == "Cc" and character not in "\n\t")

    return "".join(f"[U+{ord(one):04X}]" if hidden(one) else one for one in text)


def defanged(text: str) -> str:
    """Return ``text`` with its addresses broken, ``https[:]//``, so that no viewer turns them into links.

    >>> defanged("see https://www.a.example/b")
    'see https[:]//www[.]a.example/b'
    """
    text = text.replace("://", "[:]//")
    text = re.sub(r"(?i)\bwww\.", lambda found: f"{found[0][:-1]}[.]", text)
    return re.sub(r"(?i)\b(data|mailto):(?=\S)", r"\1[:]", text)


def authentication_in_words(line: str) -> list[str]:
    """Return the results of SPF, DKIM and DMARC in words; the line itself if it holds none of them."""
    results = re.findall(r"\b(spf|dkim|dmarc)=(pass|fail|none)\b", line.lower())
    found = [f"{check.upper()} {result}: {AUTHENTICATION[check][result]}" for check, result in results]
    return found or [visible(line)]


@dataclass(frozen=True, repr=False)
class MailView(Shown):
    """A mail that waits for an answer.

    Attributes:
        mail: what the trainer serves.
    """

    mail: Exercise

    def text(self) -> str:
        """Return the mail as lines; addresses are defanged, as notebooks and terminals make links of them."""
        mail, lines = self.mail, [f"Mail {self.mail.number}"]
        lines += _wrapped(f"{name}: {visible(value)}" for name, value in self._head())
        lines += _wrapped(f"Checked: {words}" for words in authentication_in_words(mail.authentication))
        lines += ["", *_wrapped(visible(mail.body).splitlines(), ""), ""]
        lines += _wrapped(f"In a picture: {visible(words)}" for words in mail.pictures)
        for number, (label, address) in enumerate(self._links(), 1):
            lines += [*_wrapped([f"Link {number}: {label}"]), f"  leads to: {address}"]
        lines += _wrapped(f"Attachment: {visible(name, address=True)}" for name in mail.attachments)
        plain = "\n".join(lines).rstrip()
        broken = defanged(plain)
        return broken if broken == plain else f"{broken}\n{DEFANGED}"

    def html(self) -> str:
        """Return the mail as HTML: escaped, no link, no picture, no script."""
        mail = self.mail
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left;vertical-align:top;padding:0 1em 0 0;'
            f'font-weight:bold">{name}</th><td style="text-align:left;overflow-wrap:anywhere">'
            f"<bdi>{_escaped(value)}</bdi></td></tr>"
            for name, value in self._head()
        )
        checked = "<br>".join(html.escape(words) for words in authentication_in_words(mail.authentication))
        rows += (
            '<tr><th scope="row" style="text-align:left;vertical-align:top;padding:0 1em 0 0;'
            f'font-weight:bold">Checked</th><td style="text-align:left">{checked}</td></tr>'
        )
        parts = [
            f'<table style="border-collapse:collapse;color:inherit;background:inherit">{rows}</table>',
            f'<div style="white-space:pre-wrap;overflow-wrap:anywhere;border-top:1px solid {LINE};'
            f'margin-top:0.5em;padding-top:0.5em">{_escaped(mail.body)}</div>',
        ]
        under = [f"<p><strong>In a picture:</strong> {_escaped(words)}</p>" for words in mail.pictures]
        under += [
            f"<p><strong>Link {number}:</strong> {html.escape(label)}<br>leads to: "
            f'<code style="overflow-wrap:anywhere">{html.escape(address)}</code></p>'
            for number, (label, address) in enumerate(self._links(), 1)
        ]
        under += [
            f"<p><strong>Attachment:</strong> <code>{html.escape(visible(name, address=True))}</code></p>"
            for name in mail.attachments
        ]
        if under:
            parts.append(f'<div style="border-top:1px solid {LINE};margin-top:0.5em">{"".join(under)}</div>')
        return (
            f'<div role="group" aria-label="Mail {mail.number}" style="color:{THEMED_TEXT};'
            f"background:{THEMED_BACKGROUND};border:1px solid {LINE};padding:0.6em 1em;max-width:58em;"
            f'line-height:1.5">{"".join(parts)}</div>'
        )

    def _head(self) -> list[tuple[str, str]]:
        mail = self.mail
        answers = [("Answers go to", mail.reply_to)] if mail.reply_to else []
        return [("From", mail.sender), *answers, ("To", mail.recipient_role), ("Subject", mail.subject)]

    def _links(self) -> list[tuple[str, str]]:
        return [
            (
                visible(link.shown) + (" (a code in a picture)" if link.in_image else ""),
                visible(link.url, address=True),
            )
            for link in self.mail.links
        ]


def _escaped(text: str) -> str:
    return html.escape(visible(text), quote=True)


def _wrapped(lines: Iterable[str], indent: str = "  ") -> list[str]:
    return [
        part
        for line in lines
        for part in textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [""]
    ]
