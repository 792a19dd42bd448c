"""Addresses of links: where they really go, and the tricks in how they are written."""

from __future__ import annotations

import base64
import binascii
import functools
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from secure_ai.attack.phishing.characters import hidden_characters, without_hidden
from secure_ai.attack.phishing.domains import DomainVerdict, Name, compare_names, known_names, read_domain
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

LONGEST_URL = 8_000
REDIRECT_KEYS = ("u", "url", "to", "target", "dest", "redirect", "next", "r")


@dataclass(frozen=True)
class UrlVerdict:
    """What was seen in the address of a link.

    Attributes:
        host: where the browser would go, lower case; empty if nowhere.
        verdict: as of a domain: ``known``, ``lookalike``, ``suspicious`` or ``unknown``.
        resembles: the known domain that the host is, or is like.
        reasons: why, in words.
        target: host that a redirect in the address names; empty if there is none.
    """

    host: str
    verdict: str
    resembles: str
    reasons: tuple[str, ...]
    target: str = ""

    def sentence(self) -> str:
        """Say where the address goes, and why it is judged so."""
        onward = f", and on to {self.target}" if self.target else ""
        reasons = f": {'; '.join(self.reasons)}" if self.reasons else ""
        return f"The link goes to {self.host or 'no host'}{onward} ({self.verdict}{reasons})."


def inspect_url(url: str, known_domains: Iterable[str | Name]) -> UrlVerdict:
    """Say where the address of a link goes, and what is deceptive in how it is written.

    Seen are: a name before ``@`` (``https://bank.example@evil.test``), IP addresses (also as one number),
    hidden and direction-changing characters, punycode and mixed scripts, backslashes, escaped letters in
    the host, a known name in the path, redirects that carry another address, and other schemes than web.

    Raises:
        UserError: if the address is empty, no text, of more than 8,000 characters, or has no readable host.
    """
    known = known_names(known_domains)
    if not isinstance(url, str) or not url.strip():
        raise UserError(
            "The address of the link is empty or no text: give one such as https://bank.example/."
        )
    if len(url) > LONGEST_URL:
        raise UserError(
            f"The address of the link has {len(url):,} characters, more than {LONGEST_URL:,}: check the mail."
        )
    reasons = [f"hidden character {name.lower()}" for _, name in hidden_characters(url)[:3]]
    parts, host = _parts(url, reasons)
    if parts.scheme == "mailto" and "@" in parts.path:
        host = parts.path.rsplit("@", 1)[1].lower()
    elif parts.scheme not in {"http", "https"}:
        return UrlVerdict(host, "suspicious", "", (f"the scheme {shown(parts.scheme)}: is no web page",))
    if not host:
        raise UserError(f"'{shown(url)}' names no host: give an address such as https://bank.example/.")
    if (parts.username or "") or "@" in parts.netloc:
        before = shown((parts.netloc.rsplit("@", 1)[0])[:40])
        reasons.append(f"'{before}' before the @ is a user name, not the host")
    address = _ip_address(host)
    if address is not None:
        return UrlVerdict(
            str(address), "suspicious", "", (*reasons, "an IP address in place of a name"), _target(parts)
        )
    found = compare_names(*read_domain(host), known)
    reasons += [reason for reason in found.reasons if reason not in reasons]
    borrowed = next(
        (name.registered for name in known if name.registered in unquote(parts.path).lower()), None
    )
    if borrowed and found.verdict == "unknown":
        reasons.append(f"{borrowed} stands in the path, the host is another")
    # Harmless by itself (case does not matter in a host), but it hides an I among l.
    if found.verdict != "known" and any(c.isupper() for c in parts.netloc):
        reasons.append("capital letters in the host")
    verdict, resembles = found.verdict, found.resembles
    if reasons and verdict in {"unknown", "known"}:
        verdict, resembles = "suspicious", resembles or borrowed or ""
    return UrlVerdict(found.domain, verdict, resembles, tuple(reasons), _target(parts))


def host_of(url: str) -> str:
    """Return the host of an address as the browser takes it, lower case; empty if there is none."""
    try:
        return _parts(url, [])[1]
    except UserError:
        return ""


def final_host(url: str) -> str:
    """Return the host that a redirect in the address leads to, or else its own host."""
    try:
        parts, host = _parts(url, [])
    except UserError:
        return ""
    return _target(parts) or host


@functools.lru_cache(maxsize=20_000)
def judge_url(url: str, known: tuple[Name, ...]) -> UrlVerdict:
    """Judge like :func:`inspect_url`, and call suspicious what that cannot read: for whole mails."""
    try:
        return inspect_url(url, known)
    except UserError as error:
        return UrlVerdict("", "suspicious", "", (str(error).rstrip("."),))


@functools.lru_cache(maxsize=20_000)
def judge_domain(domain: str, known: tuple[Name, ...]) -> DomainVerdict:
    """Judge like ``inspect_domain``, and call suspicious what that cannot read: for whole mails."""
    try:
        return compare_names(*read_domain(domain), known)
    except UserError as error:
        return DomainVerdict(shown(domain), "suspicious", "", (str(error).rstrip("."),))


def shown_host(text: str) -> str:
    """Return the host that the shown text of a link claims, where it is written as an address; else empty."""
    text = without_hidden(text).strip().lower()
    if not re.fullmatch(r"(https?://)?[\w.-]+\.[a-z][\w-]+(/\S*)?", text):
        return ""
    return host_of(text if "//" in text else f"https://{text}")


def _parts(url: str, reasons: list[str]):
    text = without_hidden(url).strip()
    if "\\" in text:
        reasons.append("a backslash in the address")
        text = text.replace("\\", "/")
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        raise UserError(f"'{shown(url)}' cannot be read as the address of a link: check the mail.") from None
    if "%" in host:
        reasons.append("escaped letters in the host")
        host = unquote(host).lower()
    return parts._replace(scheme=parts.scheme.lower()), host


def _ip_address(host: str):
    text = host.strip("[]")
    try:
        if re.fullmatch(r"\d+|0x[0-9a-f]+", text):
            return ipaddress.ip_address(int(text, 0) if not text.isdigit() else int(text))
        if re.fullmatch(r"(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+)){3}", text):
            # Browsers read octal (0300) and hexadecimal (0xc0) parts as numbers too.
            return ipaddress.ip_address(bytes(_part(part) for part in text.split(".")))
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _part(text: str) -> int:
    if text.startswith("0x"):
        return int(text, 16)
    return int(text, 8) if len(text) > 1 and text.startswith("0") else int(text)


def _target(parts) -> str:
    for key, value in parse_qsl(parts.query, max_num_fields=50) if parts.query.count("&") < 50 else ():
        if key.lower() not in REDIRECT_KEYS:
            continue
        if "//" not in value:
            try:
                value = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode("ascii")  # noqa: PLW2901
            except (binascii.Error, ValueError):
                continue
        if "//" in value and len(value) < LONGEST_URL:
            return host_of(value)
    return ""
