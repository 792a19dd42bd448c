"""Ways to store passwords, from unsalted MD5 to argon2id, as functions of a guess and a salt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from argon2.low_level import Type, hash_secret_raw

from secure_ai.access.identity.password_hashing import OWASP

PBKDF2_ITERATIONS, SCRYPT_N, SCRYPT_R = 600_000, 1 << 17, 8


@dataclass(frozen=True)
class Scheme:
    """A way to store passwords.

    Attributes:
        name: as in a table.
        salted: whether each account has a salt of its own.
        source: where its parameters are from.
        compute: (password, salt) → digest.
    """

    name: str
    salted: bool
    source: str
    compute: Callable[[bytes, bytes], bytes] = field(repr=False, compare=False)


def _md5(password: bytes, salt: bytes) -> bytes:
    return hashlib.md5(password, usedforsecurity=False).digest()


def _sha256(password: bytes, salt: bytes) -> bytes:
    return hashlib.sha256(salt + password).digest()


def password_schemes(
    pbkdf2_iterations: int = PBKDF2_ITERATIONS,
    scrypt_n: int = SCRYPT_N,
    argon2_memory_kib: int = OWASP.memory_kib,
    argon2_passes: int = OWASP.passes,
) -> dict[str, Scheme]:
    """Return the schemes by a short name, weakest first; the defaults are those of the OWASP cheat sheet."""

    def pbkdf2(password: bytes, salt: bytes) -> bytes:
        return hashlib.pbkdf2_hmac("sha256", password, salt, pbkdf2_iterations)

    def scrypt(password: bytes, salt: bytes) -> bytes:
        room = 2 * 128 * SCRYPT_R * scrypt_n + (1 << 20)
        return hashlib.scrypt(password, salt=salt, n=scrypt_n, r=SCRYPT_R, p=1, maxmem=room, dklen=32)

    def argon2id(password: bytes, salt: bytes) -> bytes:
        return hash_secret_raw(password, salt, argon2_passes, argon2_memory_kib, 1, 32, Type.ID)

    owasp = "OWASP Password Storage Cheat Sheet"
    return {
        "md5": Scheme("MD5, no salt", False, "RFC 1321", _md5),
        "sha256": Scheme("SHA-256, salted", True, "FIPS 180-4", _sha256),
        "pbkdf2": Scheme(f"PBKDF2, {pbkdf2_iterations:,} iterations", True, owasp, pbkdf2),
        "scrypt": Scheme(f"scrypt, {128 * SCRYPT_R * scrypt_n / 2**20:.3g} MiB", True, owasp, scrypt),
        "argon2id": Scheme(
            f"argon2id, {argon2_memory_kib / 1024:.3g} MiB, {argon2_passes} passes", True, owasp, argon2id
        ),
    }
