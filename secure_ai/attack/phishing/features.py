"""What a filter sees of a mail: its words, and facts of header, links, files and form."""

from __future__ import annotations

import functools
import math
import re

from secure_ai.attack.phishing.characters import BIDI_CONTROLS, INVISIBLE, mixes_scripts, plain_text
from secure_ai.attack.phishing.cues import SHOUTING, technical_cues
from secure_ai.attack.phishing.domains import Name
from secure_ai.attack.phishing.mail import DANGEROUS_ENDINGS, Mail
from secure_ai.attack.phishing.urls import final_host, host_of, judge_domain, judge_url

_HIDDEN_WITHIN = re.compile(rf"(?<=\w)[{''.join(sorted(INVISIBLE | BIDI_CONTROLS))}](?=\w)")
WORDS_OF = {
    "sender_known": "the sender's domain is known",
    "sender_lookalike": "the sender's domain is like a known one, or tricky",
    "sender_unknown": "the sender's domain is unknown",
    "sender_mailbox_number": "a number in the sender's mailbox name",
    "claims_us": "the display name hides another sender or reply-to address",
    "reply_elsewhere": "answers go to another domain",
    "spf_fail": "SPF failed",
    "dkim_missing": "DKIM is missing or failed",
    "dmarc_fail": "DMARC failed",
    "dmarc_none": "DMARC says nothing",
    "authenticated": "SPF, DKIM and DMARC passed",
    "links": "number of links",
    "link_known": "a link to a known domain",
    "link_unknown": "a link to an unknown domain",
    "link_lookalike": "a link to a lookalike, or a tricky address",
    "link_not_sender": "a link to another domain than the sender's",
    "link_hides": "link text that claims another address",
    "link_redirects": "a link that hands on to another domain",
    "qr_code": "a link in a picture (QR code)",
    "dangerous_file": "a dangerous type of attachment",
    "harmless_file": "an attachment of a usual type",
    "shouting": "capitals or exclamation marks in a row",
    "logo": "a logo",
    "hidden_characters": "invisible characters within words",
    "mixed_words": "words of mixed scripts",
    "picture_text": "text that stands in a picture",
}


def filter_text(mail: Mail, normalize: bool = False) -> str:
    """Return the words a filter reads: subject, body, shown links and file names.

    Args:
        mail: any mail.
        normalize: read what a person reads: without invisible characters, confusables as Latin, and the
            text in pictures (OCR).
    """
    parts = [mail.subject, mail.body, *(link.shown for link in mail.links if not link.in_image)]
    parts += [re.sub(r"\d", "0", name) for name in mail.attachments]
    if not normalize:
        return "\n".join(parts)
    return plain_text("\n".join([*parts, *mail.images]))


@functools.lru_cache(maxsize=50_000)
def header_features(
    mail: Mail, known: tuple[Name, ...], organization: str, normalize: bool
) -> dict[str, float]:
    """Return facts by the names of ``WORDS_OF``; only those that are not zero.

    With ``normalize`` redirects are followed as far as the address itself tells, QR codes are read, and
    invisible characters, words of mixed scripts and text in pictures are counted.
    """
    verdict = judge_domain(mail.sender_domain, known).verdict
    technical = technical_cues(mail, known, organization)
    found = {
        "sender_known": verdict == "known",
        "sender_lookalike": verdict in {"lookalike", "suspicious"},
        "sender_unknown": verdict == "unknown",
        "sender_mailbox_number": any(c.isdigit() for c in mail.sender_address.partition("@")[0]),
        "claims_us": any(cue.name == "sender_address" for cue in technical),
        "reply_elsewhere": mail.reply_to.rpartition("@")[2].lower() != mail.sender_domain,
        "spf_fail": mail.spf == "fail",
        "dkim_missing": mail.dkim != "pass",
        "dmarc_fail": mail.dmarc == "fail",
        "dmarc_none": mail.dmarc == "none",
        "authenticated": mail.spf == mail.dkim == mail.dmarc == "pass",
        "links": math.log1p(len(mail.links)),
        "qr_code": any(link.in_image for link in mail.links),
        "dangerous_file": any(name.lower().endswith(DANGEROUS_ENDINGS) for name in mail.attachments),
        "harmless_file": any(not name.lower().endswith(DANGEROUS_ENDINGS) for name in mail.attachments),
        "shouting": bool(SHOUTING.search(mail.subject) or SHOUTING.search(mail.body)),
        "logo": "[logo:" in mail.body,
    }
    if normalize:
        text = mail.subject + mail.body
        # Newsletters have invisible characters between words; within a word they only split it for filters.
        found["hidden_characters"] = math.log1p(len(_HIDDEN_WITHIN.findall(text)))
        found["mixed_words"] = math.log1p(
            sum(mixes_scripts(word) for word in set(text.split()) if not word.isascii())
        )
        found["picture_text"] = bool(mail.images)
    for link in mail.links:
        if link.in_image and not normalize:
            continue
        host, goal = host_of(link.url), final_host(link.url)
        judged = judge_url(link.url, known)
        verdict = judge_domain(goal, known).verdict if normalize and goal != host else judged.verdict
        found["link_known"] = found.get("link_known", False) or verdict == "known"
        found["link_unknown"] = found.get("link_unknown", False) or verdict == "unknown"
        found["link_lookalike"] = found.get("link_lookalike", False) or verdict in {"lookalike", "suspicious"}
        found["link_not_sender"] = found.get("link_not_sender", False) or not host.endswith(
            mail.sender_domain
        )
        found["link_redirects"] = found.get("link_redirects", False) or (normalize and goal != host)
    found["link_hides"] = any(cue.name == "url_hyperlinking" for cue in technical if not found["qr_code"])
    return {name: float(value) for name, value in found.items() if value}
