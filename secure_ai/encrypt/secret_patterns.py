"""What keys and passwords look like in a line of text: detect-secrets' detectors and what they lack."""

from __future__ import annotations

import ast
import base64
import binascii
import functools
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.filters import heuristic
from detect_secrets.plugins.keyword import DENYLIST

# Addresses are no secrets. The others are found by better patterns below.
_NOT_USED = {"Public IP (ipv4)", "Private Key", "Base64 High Entropy String", "Hex High Entropy String"}
_KEYWORD = "Secret Keyword"
_OWN: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("private key (PEM)", re.compile(r"(-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)")),
    ("private key (PuTTY)", re.compile(r"(PuTTY-User-Key-File-[23]: \S+)")),
    ("AWS access key", re.compile(r"(?<![A-Z0-9])((?:AKIA|ASIA)[A-Z0-9]{16})(?![A-Z0-9])")),
    ("token of a vault", re.compile(r"(?<![\w.])(hv[sbr]\.[A-Za-z0-9_-]{20,})")),
    ("age secret key", re.compile(r"(AGE-SECRET-KEY-1[A-Z0-9]{50,})")),
    ("private key (JWK)", re.compile(r"""["']d["']\s*:\s*["']([A-Za-z0-9_-]{43,})["']""")),
    ("GitHub token", re.compile(r"(?<!\w)(github_pat_\w{22,})")),
    ("Google API key", re.compile(r"(?<![\w-])(AIza[\w-]{35})(?![\w-])")),
    ("Hugging Face token", re.compile(r"(?<!\w)(hf_[A-Za-z0-9]{30,})")),
    ("secret of a second factor", re.compile(r"otpauth://[^\s\"']{1,300}?[?&]secret=([A-Za-z2-7]{16,})")),
    (
        "password in a header",
        re.compile(r"""(?i)authorization["']?\s*[:,=]\s*["']?Basic\s+([A-Za-z0-9+/]{8,}={0,2})"""),
    ),
    (
        "password on a command line",
        re.compile(
            r"""(?:(?<=\s)--password[= ]|\bcurl\b.{0,200}?\s-u\s*["']?[^\s:]{1,64}:)([^\s'"$<{]{6,100})"""
        ),
    ),
    ("password of .netrc", re.compile(r"\bmachine\s+\S+\s.{0,200}?\bpassword\s+(\S{6,100})")),
    (
        "passphrase",
        re.compile(
            r"""(?i)passphrase["']?\]?\s*(?:[=:,]|=>)\s*["']((?=[^"']*[^\W_])[^"'{}<>\n]{15,200})["']"""
        ),
    ),
    (
        "passphrase",
        re.compile(r"SECURE_AI_(?:NEW_)?PASSPHRASE\s*=\s*(?!\s*[\"'$<({])(.{14,200}\S)"),
    ),
    ("token in a header", re.compile(r"(?i)\bBearer\s+([A-Za-z0-9_.~+/-]{20,}=*)")),
    (
        "password in an address",
        re.compile(
            r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/@'\"<>]{0,100}:([^\s:/@'\"<>{}$]{1,200})@[\w.\[-]"
        ),
    ),
    (
        "password in a connection string",
        re.compile(
            r"(?i)(?:host|server|data source|dbname|database|user(?: id)?|uid)\s*=\s*[^;\s]+[;\s].{0,200}?"
            r"\b(?:password|pwd)\s*=\s*([^;\s'\"{}]{1,200})"
        ),
    ),
)
_PREFIXES = (
    "-----BEGIN",
    "PuTTY-User-Key-File",
    "AKIA",
    "ASIA",
    "eyJ",
    "ghp_",
    "gho_",
    "glpat-",
    "github_pat_",
    "hf_",
    "AIza",
    "AGE-",
    "hvs.",
    "sk-",
)
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/_.-])([A-Za-z0-9+/]{40,}={0,2}|[A-Za-z0-9_-]{40,}={0,2})(?![A-Za-z0-9+/_=-])"
)
_QUOTED_BASE64 = re.compile(r"""["']([A-Za-z0-9+/_-]{20,}={0,2})["']""")
_HEX = re.compile(r"(?<![0-9A-Za-z_-])((?:[0-9a-f]{32,}|[0-9A-F]{32,}))(?![0-9A-Za-z_-])")
_BYTES = re.compile(r"""(?<!\w)(b'(?:[^'\\\n]|\\.){8,400}'|b"(?:[^"\\\n]|\\.){8,400}")""")
_NAMED = re.compile(
    r"(?i)(?<![a-z])(?:secret|passphrase|passwor[dt]|pwd|token|credential|api[ _-]?key|private[ _-]?key|"
    r"(?:[a-z]+[ _-])?key)(?![a-z])"
)
_NOT_SECRET = re.compile(
    r"(?i)sha-?(?:1|256|384|512)|md5|digest|checksum|fingerprint|commit|integrity|etag|uuid|public|certificate"
)
_PLACEHOLDER = re.compile(
    r"(?i)^(?:change[ _-]?me|your.*|my[ _-]?(?:password|secret|key).*|<.*>|\[.*\]|\{.*\}|\$.*|%.*|x{3,}|\*+|"
    r"\.{3,}|•+|…|none|null|true|false|password|passphrase|secret|token|key|todo|dummy|placeholder|redacted|hidden|not.?set)$"
)
_KEYWORDS = re.compile("|".join(DENYLIST), re.IGNORECASE)
KIT_KEY_CHARACTERS = 88


def secrets_in_line(line: str, filename: str) -> Iterator[tuple[str, str]]:
    """Yield kind and masked sample of everything in ``line`` that looks like a secret, each once.

    Args:
        line: one line of text.
        filename: a name whose ending tells how values are written (``x.py``: in quotes; ``x.ini``: without).
    """
    seen: list[str] = []
    for kind, secret in _candidates(line, filename):
        # The first kind is the most particular one; a part of what was found is not found again.
        if not any(secret in known or known in secret for known in seen):
            seen.append(secret)
            yield kind, masked(secret)


def masked(secret: str) -> str:
    """Return a sample that says nothing about the secret: a public prefix, and the length of a long one."""
    prefix = next((p for p in _PREFIXES if secret.startswith(p)), "")
    return f"{prefix}… ({len(secret)} characters)" if len(secret) >= 16 else f"{prefix}… (short)"


def entropy(text: str) -> float:
    """Return Shannon's entropy of the characters of ``text``, in bits per character."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values()) if total else 0.0


def _candidates(line: str, filename: str) -> Iterator[tuple[str, str]]:
    for kind, pattern in _OWN:
        for match in pattern.finditer(line):
            if not _PLACEHOLDER.match(match[1]):
                yield kind, match[1]
    yield from _kit_keys(line)
    keyword = None
    for kind, plugin in _plugins():
        if kind == _KEYWORD:
            keyword = plugin
            continue
        for found in plugin.analyze_line(filename=filename, line=line, line_number=0):
            if found.secret_value and not _PLACEHOLDER.match(found.secret_value):
                yield kind, found.secret_value
    yield from _random_text(line)
    if keyword is not None and _KEYWORDS.search(line):
        for found in keyword.analyze_line(filename=filename, line=line, line_number=0):
            if found.secret_value and not _harmless(found.secret_value, line):
                yield "password or key by its name", found.secret_value


def _kit_keys(line: str) -> Iterator[tuple[str, str]]:
    """Yield the content of this kit's key files: 64 random bytes in base64."""
    for match in _BASE64.finditer(line):
        text = match[1]
        if len(text) == KIT_KEY_CHARACTERS and text.endswith("==") and entropy(text) > 4.5:
            try:
                base64.b64decode(text, validate=True)
            except binascii.Error:
                continue
            yield "key file of 64 bytes (base64)", text


def _random_text(line: str) -> Iterator[tuple[str, str]]:
    """Yield random-looking text where its line speaks of keys, and random bytes written as Python does."""
    for match in _BYTES.finditer(line):
        try:
            value = ast.literal_eval(match[1])
        except (ValueError, SyntaxError):
            continue
        strange = sum(not 32 <= byte < 127 for byte in value)
        if len(value) >= 16 and strange >= len(value) / 3 and len(set(value)) >= len(value) * 0.6:
            yield "random bytes", match[1]
    if not _NAMED.search(line) or _NOT_SECRET.search(line):
        return
    for match in _HEX.finditer(line):
        if entropy(match[1].lower()) > 3.0 and not heuristic.is_sequential_string(match[1]):
            yield "random text (hex)", match[1]
    for pattern in (_BASE64, _QUOTED_BASE64):
        for match in pattern.finditer(line):
            text = match[1]
            mixed = all(re.search(part, text) for part in ("[a-z]", "[A-Z]", "[0-9]"))
            if mixed and entropy(text) > 3.9 and not heuristic.is_potential_uuid(text):
                yield "random text (base64)", text


def _harmless(secret: str, line: str) -> bool:
    return bool(
        _PLACEHOLDER.match(secret)
        or len(secret) < 4
        or " " in secret.strip()
        or heuristic.is_not_alphanumeric_string(secret)
        or heuristic.is_sequential_string(secret)
        or heuristic.is_templated_secret(secret)
        or heuristic.is_prefixed_with_dollar_sign(secret)
        # password=read_password(): a call, unless what was found stands in quotes.
        or (heuristic.is_indirect_reference(line) and not _quoted(secret, line))
    )


def _quoted(secret: str, line: str) -> bool:
    return any(f"{mark}{secret}{mark}" in line for mark in "\"'")


@functools.cache
def _plugins() -> tuple[tuple[str, Any], ...]:
    # The detectors themselves, without the library's settings, which are global to the process.
    kinds = get_mapping_from_secret_type_to_class()
    return tuple((kind, made()) for kind, made in sorted(kinds.items()) if kind not in _NOT_USED)
