"""Cues that functions find in a mail, and the proof of those that its template claims."""

from __future__ import annotations

import re
from collections.abc import Iterable

from secure_ai.attack.phishing.domains import Name, known_names
from secure_ai.attack.phishing.mail import DANGEROUS_ENDINGS, Cue, Mail
from secure_ai.attack.phishing.phish_scale import CUES
from secure_ai.attack.phishing.urls import final_host, judge_domain, judge_url, shown_host
from secure_ai.core.errors import UserError

GENERIC = re.compile(
    r"^(dear|hello|hi|attention|good day)[ ,]*"
    r"(colleague|colleagues|all|team|customer|user|sir|madam|sir or madam|staff|employee|friend|member|"
    r"account holder|sir/madam|valued \w+)\b|^(hello|hi|good morning|attention)[ ,!]*$", re.IGNORECASE,
)  # fmt: skip
GREETING = re.compile(r"^(dear|hello|hi|good (morning|day|afternoon)|attention|greetings)\b", re.IGNORECASE)
SHOUTING = re.compile(r"(?:\b[A-Z]{3,}\b[ ,.!]+){2,}\b[A-Z]{3,}\b|!{2,}")
LEGAL = re.compile(
    r"(©|copyright|all rights reserved|confidentiality notice|intended solely for)", re.IGNORECASE
)
OFFICE = re.compile(
    r"\b(desk|team|service|services|office|resources|notices|security|payroll)\b", re.IGNORECASE
)
TELEPHONE = re.compile(r"\b555-01\d\d\b|\bext(ension|\.)? ?\d{3,5}\b", re.IGNORECASE)
FOUND_BY_FUNCTION = (
    "attachment_type", "sender_address", "url_hyperlinking", "domain_spoofing", "no_branding",
    "security_icon", "legal_language", "generic_greeting", "no_signer_details", "unprofessional_design",
)  # fmt: skip


def find_cues(mail: Mail, known_domains: Iterable[str | Name], organization: str = "") -> tuple[Cue, ...]:
    """Return the cues that can be seen without understanding: header, links, files and form of the mail.

    Args:
        mail: any mail; its own ``cues`` are not looked at.
        known_domains: domains of the organization and its partners.
        organization: its name, by which a display name may claim to be it.

    Raises:
        UserError: if no known domain is given or one is none.
    """
    known = known_names(known_domains)
    return (*technical_cues(mail, known, organization), *_form_cues(mail))


def technical_cues(mail: Mail, known: tuple[Name, ...], organization: str = "") -> tuple[Cue, ...]:
    """Return the technical indicators: attachment, sender and reply-to, links, domains."""
    found = [
        Cue("attachment_type", "attachment", name)
        for name in mail.attachments
        if name.lower().endswith(DANGEROUS_ENDINGS)
    ]
    sender = judge_domain(mail.sender_domain, known)
    claims = organization and organization.lower() in mail.sender_name.lower()
    claimed = re.search(r"[\w.+-]+@([\w.-]+)", mail.sender_name)
    if (claims and sender.verdict != "known") or (claimed and claimed[1].lower() != mail.sender_domain):
        found.append(Cue("sender_address", "sender", mail.sender_address))
    reply_domain = mail.reply_to.rpartition("@")[2].lower()
    if reply_domain != mail.sender_domain and judge_domain(reply_domain, known).verdict != "known":
        found.append(Cue("sender_address", "reply_to", mail.reply_to))
    if sender.verdict in {"lookalike", "suspicious"}:
        found.append(Cue("domain_spoofing", "sender", mail.sender_domain))
    for link in mail.links:
        claimed_host = shown_host(link.shown)
        if link.in_image or (claimed_host and claimed_host != final_host(link.url)):
            found.append(Cue("url_hyperlinking", "link", link.url))
        if judge_url(link.url, known).verdict in {"lookalike", "suspicious"}:
            found.append(Cue("domain_spoofing", "link", link.url))
    return tuple(found)


def verify_cue(mail: Mail, cue: Cue, known_domains: Iterable[str | Name], organization: str = "") -> bool:
    """Say whether a cue is really there: by function where one can find it, else by its words at its place.

    Raises:
        UserError: if the cue is none of the Phish Scale's.
    """
    if cue.name not in CUES:
        raise UserError(f"The cue '{cue.name}' is unknown: choose from {', '.join(CUES)}.")
    if cue.name in FOUND_BY_FUNCTION and cue.start < 0:
        return cue in find_cues(mail, known_domains, organization)
    text = {"subject": mail.subject, "body": mail.body}.get(cue.where, "")
    return bool(cue.words) and cue.start >= 0 and text[cue.start : cue.end] == cue.words


def _form_cues(mail: Mail) -> list[Cue]:
    lines = [line for line in mail.body.splitlines() if line.strip()]
    found = []
    if OFFICE.search(mail.sender_name) and not any("[logo:" in line for line in lines):
        found.append(Cue("no_branding", "body", ""))
    opening = next((line for line in lines if line[0].isalpha()), "")
    if GENERIC.match(opening) or not GREETING.match(opening):
        found.append(Cue("generic_greeting", "body", opening[:60]))
    if not TELEPHONE.search("\n".join(lines[-7:])):
        found.append(Cue("no_signer_details", "body", lines[-1][:60] if lines else ""))
    found += [Cue("security_icon", "body", icon[0]) for icon in re.finditer(r"\[icon: [^\]]*\]", mail.body)]
    for where, text in (("subject", mail.subject), ("body", mail.body)):
        found += [Cue("unprofessional_design", where, shout[0]) for shout in SHOUTING.finditer(text)]
    found += [Cue("legal_language", "body", words[0]) for words in LEGAL.finditer(mail.body)]
    return found
