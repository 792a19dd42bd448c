"""Password hashes with argon2id, and the layers that keep hashes imported from old systems safe."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import secrets
from dataclasses import asdict, dataclass, field
from functools import lru_cache

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from secure_ai.core.errors import UserError


@dataclass(frozen=True)
class HashProfile:
    """The work of one argon2id hash.

    Attributes:
        name: how the profile is called.
        memory_kib: memory of one hash, in KiB.
        passes: how often that memory is gone over.
        lanes: threads.
        source: where the numbers are from.
    """

    name: str
    memory_kib: int
    passes: int
    lanes: int
    source: str


OWASP = HashProfile("OWASP", 19_456, 2, 1, "OWASP Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane")
RFC_9106 = HashProfile(
    "RFC 9106", 65_536, 3, 4, "RFC 9106, section 4, second recommended option: 64 MiB, 3 passes"
)
FOR_TESTS = HashProfile("for tests only", 8, 1, 1, "the least that argon2 takes; never for real passwords")

LARGEST_MEMORY_KIB, MOST_PASSES, MOST_ITERATIONS = 1 << 20, 20, 5_000_000
"""An imported hash that asks for more would stop the service at each sign-in."""


@lru_cache(maxsize=8)
def _hasher(profile: HashProfile) -> PasswordHasher:
    return PasswordHasher(
        profile.passes, profile.memory_kib, profile.lanes, hash_len=32, salt_len=16, type=Type.ID
    )


def hash_secret(secret: str | bytes, profile: HashProfile = OWASP) -> str:
    """Return the argon2id hash of ``secret`` with a random salt of 16 bytes, in the PHC string format."""
    return _hasher(profile).hash(secret)


def verify_hash(stored: str, secret: str | bytes) -> bool:
    """Whether ``secret`` gives the argon2 hash ``stored``; a damaged hash is never a match."""
    try:
        return _hasher(OWASP).verify(stored, secret)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored: str, profile: HashProfile) -> bool:
    """Whether ``stored`` was made with other parameters than ``profile``'s."""
    return _hasher(profile).check_needs_rehash(stored)


@dataclass(frozen=True)
class OldHash:
    """How an old system turned a password into a digest; the digest itself is hashed again by argon2id.

    Attributes:
        scheme: "md5", "sha1", "ntlm", "pbkdf2_sha256", "pbkdf2_sha1" or "argon2" (no layer).
        salt: hexadecimal.
        place: whether the salt stands "before" or "after" the password.
        iterations: of PBKDF2.
        size: bytes of the digest.
    """

    scheme: str
    salt: str = ""
    place: str = "before"
    iterations: int = 0
    size: int = 0

    def to_text(self) -> str:
        """Return one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> OldHash:
        """Rebuild from :meth:`to_text`."""
        return cls(**json.loads(text))

    def digest(self, password: str) -> bytes:
        """Return what the old system would have computed for ``password``."""
        secret, salt = password.encode("utf-8", "surrogatepass"), bytes.fromhex(self.salt)
        if self.scheme.startswith("pbkdf2_"):
            return hashlib.pbkdf2_hmac(self.scheme[7:], secret, salt, self.iterations, self.size)
        if self.scheme == "ntlm":
            return hashlib.new("md4", password.encode("utf-16-le", "surrogatepass")).digest()
        data = salt + secret if self.place == "before" else secret + salt
        return hashlib.new(self.scheme, data, usedforsecurity=False).digest()


@dataclass(frozen=True)
class ImportedHash:
    """A hash of an old system, taken apart.

    Attributes:
        old: how it was made.
        value: the digest in bytes, or an argon2 string.
    """

    old: OldHash
    value: bytes | str = field(repr=False)


_DIGEST_BYTES = {"md5": 16, "sha1": 20, "ntlm": 16}
_LDAP = re.compile(r"\{(MD5|SMD5|SHA|SSHA|NTLM|ARGON2)\}(\S+)", re.IGNORECASE)
_DJANGO = re.compile(r"(md5|sha1)\$([^$]*)\$([0-9a-fA-F]+)")
_PBKDF2 = re.compile(r"pbkdf2_(sha256|sha1)\$([0-9]{1,9})\$([^$]{1,200})\$([A-Za-z0-9+/=]{1,200})")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+")


def parse_hash(stored: str) -> ImportedHash:
    """Take apart a hash as directories and web frameworks store it.

    Understood are ``{MD5}``, ``{SMD5}``, ``{SHA}``, ``{SSHA}``, ``{ARGON2}`` (RFC 2307 and OpenLDAP),
    ``{NTLM}`` with 32 hexadecimal digits, Django's ``md5$salt$…``, ``sha1$salt$…`` and
    ``pbkdf2_sha256$iterations$salt$…``, argon2 strings, and bare hexadecimal of MD5 (32 digits)
    or SHA-1 (40 digits).

    Raises:
        UserError: if the hash is none of these, is damaged, asks for more work than the service can spend,
            or needs MD4 (NTLM) where this machine's OpenSSL has none.
    """
    if not isinstance(stored, str) or len(stored) > 2000:
        raise UserError("An imported password hash is one line of text.")
    try:
        found = _parse(stored.strip())
    except (ValueError, binascii.Error, InvalidHashError):
        found = None
    if found is None:
        raise UserError(
            "The imported password hash has an unknown or damaged format: {MD5}, {SMD5}, {SHA}, {SSHA}, "
            "{NTLM}, {ARGON2}, Django's md5$, sha1$ and pbkdf2_sha256$, argon2 and bare hexadecimal are "
            "understood."
        )
    if found.old.scheme == "ntlm":
        try:
            hashlib.new("md4", b"")
        except ValueError:
            raise UserError(
                "This machine's OpenSSL has no MD4, so NTLM hashes cannot be checked: let these users set "
                "a new password."
            ) from None
    return found


def _parse(text: str) -> ImportedHash | None:
    if match := _LDAP.fullmatch(text):
        return _from_directory(match[1].upper(), match[2])
    if text.startswith("$argon2"):
        return _argon2(text)
    if match := _PBKDF2.fullmatch(text):
        digest, iterations = base64.b64decode(match[4], validate=True), int(match[2])
        if not 1 <= iterations <= MOST_ITERATIONS:
            return None
        return ImportedHash(
            OldHash(f"pbkdf2_{match[1]}", match[3].encode().hex(), "before", iterations, len(digest)), digest
        )
    if match := _DJANGO.fullmatch(text):
        return _plain(match[1], bytes.fromhex(match[3]), match[2].encode(), "before")
    if _HEXADECIMAL.fullmatch(text) and len(text) in (32, 40):
        return _plain("md5" if len(text) == 32 else "sha1", bytes.fromhex(text))
    return None


def _from_directory(scheme: str, value: str) -> ImportedHash | None:
    if scheme == "ARGON2":
        return _argon2(value)
    if scheme == "NTLM":
        return _plain("ntlm", bytes.fromhex(value))
    raw = base64.b64decode(value, validate=True)
    name = "md5" if "MD5" in scheme else "sha1"
    size = _DIGEST_BYTES[name]
    if scheme in ("MD5", "SHA"):
        return _plain(name, raw)
    return _plain(name, raw[:size], raw[size:], "after") if len(raw) > size else None


def _plain(scheme: str, digest: bytes, salt: bytes = b"", place: str = "before") -> ImportedHash | None:
    if len(digest) != _DIGEST_BYTES[scheme]:
        return None
    return ImportedHash(OldHash(scheme, salt.hex(), place, size=len(digest)), digest)


def _argon2(text: str) -> ImportedHash | None:
    parameters = extract_parameters(text)
    if parameters.memory_cost > LARGEST_MEMORY_KIB or parameters.time_cost > MOST_PASSES:
        return None
    return ImportedHash(OldHash("argon2"), text)


def directory_hash(password: str, profile: HashProfile = OWASP, *, argon2: bool = True) -> str:
    """Return ``password`` hashed for an LDAP directory: ``{ARGON2}``, or the older salted ``{SSHA}``."""
    if argon2:
        return "{ARGON2}" + hash_secret(password, profile)
    salt = secrets.token_bytes(16)
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()
