"""Keys of tokens: those a provider signs with and rotates, and the public ones that a checker accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from secure_ai.core.errors import UserError

SIGNING_ALGORITHMS = ("RS256", "ES256", "Ed25519")
MIN_RSA_BITS = 2048
_KEY_CLASSES = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


class KeySource(Protocol):
    """Gives an issuer's public keys; fetches them anew when asked for one that it does not know."""

    def public_keys(self, kid: str | None) -> list[Key]:
        """Return the keys at hand, after a refresh where none is named ``kid``."""


def public_keys(key_set: KeySet | Mapping[str, Any]) -> list[Key]:
    """Return the keys of a set (RFC 7517) that may verify a token.

    A shared secret, an encryption key, a key that cannot be read and an RSA key below 2048 bits are
    left out, not an error: an issuer may publish keys of other kinds beside those for tokens.

    Raises:
        UserError: if it is no key set.
    """
    if isinstance(key_set, KeySet):
        entries: Any = key_set.as_dict(private=False)["keys"]
    else:
        entries = key_set.get("keys") if isinstance(key_set, Mapping) else None
    if not isinstance(entries, list):
        raise UserError("These are no token keys: give a JSON Web Key Set, an object with a list 'keys'.")
    found = []
    for entry in entries:
        key_class = _KEY_CLASSES.get(str(entry.get("kty"))) if isinstance(entry, Mapping) else None
        if key_class is None or entry.get("use") == "enc":
            continue
        try:
            key = key_class.import_key(dict(entry))
            key.ensure_kid()
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey) and key.public_key.key_size < MIN_RSA_BITS:
            continue
        found.append(key)
    return found


def new_signing_key(algorithm: str) -> Key:
    """Return a new private key for ``algorithm``, named by its thumbprint (RFC 7638).

    Raises:
        UserError: if the algorithm is not one of ``SIGNING_ALGORITHMS``.
    """
    parameters: Any = {"use": "sig", "alg": algorithm}
    if algorithm == "RS256":
        return RSAKey.generate_key(MIN_RSA_BITS, parameters, auto_kid=True)
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", parameters, auto_kid=True)
    if algorithm == "Ed25519":
        return OKPKey.generate_key("Ed25519", parameters, auto_kid=True)
    raise UserError(f"Tokens are signed with {', '.join(SIGNING_ALGORITHMS)}: choose one of them.")


def public_pem(key: Key) -> bytes:
    """Return the public half of ``key`` as PEM."""
    return key.as_pem(private=False)  # type: ignore[union-attr]


def sign(claims: Mapping[str, Any], key: Key, *, typ: str, **header: Any) -> str:
    """Return ``claims`` as a signed token (JWS compact form) that names its key and its type."""
    algorithm = str(key.alg)
    full = {"alg": algorithm, "typ": typ, "kid": key.kid, **header}
    return jwt.encode(full, dict(claims), key, registry=JWSRegistry(algorithms=[algorithm]))


class SigningKeys:
    """The key that a provider signs with, and the former ones that it still publishes."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self._keys = [new_signing_key(algorithm)]

    @property
    def current(self) -> Key:
        """The private key that signs now."""
        return self._keys[-1]

    def rotate(self) -> None:
        """Sign with a new key from now on; tokens under the former ones stay valid until they are retired."""
        self._keys = [*self._keys, new_signing_key(self.algorithm)]

    def retire(self) -> None:
        """Publish the current key only: tokens under former ones are refused from now on."""
        self._keys = self._keys[-1:]

    def read(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that one of these keys signed.

        Raises:
            JoseError, ValueError: if none did.
        """
        registry = JWSRegistry(algorithms=[self.algorithm])
        return jwt.decode(token, KeySet(list(self._keys)), registry=registry).claims

    def key_set(self) -> dict[str, Any]:
        """Return the public halves, the current first (RFC 7517)."""
        return {"keys": [key.as_dict(private=False) for key in reversed(self._keys)]}

    def __repr__(self) -> str:
        return f"SigningKeys({self.algorithm}, {len(self._keys)})"
