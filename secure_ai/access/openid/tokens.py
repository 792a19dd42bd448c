"""The check of tokens: who issued them, for whom, until when, and that nobody else made them."""

from __future__ import annotations

import hmac
import json
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

from joserfc import jws
from joserfc.errors import BadSignatureError as JoseBadSignature
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet
from joserfc.util import urlsafe_b64decode

from secure_ai.access.openid import errors
from secure_ai.access.openid.claims import NAMES, Claims, Kind, roughly, without_port
from secure_ai.access.openid.keys import KeySource, public_keys
from secure_ai.core.errors import UserError

ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")
ASYMMETRIC = frozenset({*ALGORITHMS, "RS384", "RS512", "PS384", "PS512", "ES384", "ES512", "Ed448"})
MAX_TOKEN_CHARACTERS = 16_384
_REQUIRED = {
    "access": ("iss", "aud", "sub", "exp", "iat", "client_id", "jti"),  # RFC 9068, section 2.2
    "id": ("iss", "aud", "sub", "exp", "iat"),  # OpenID Connect Core 1.0, section 2
}


class ReplayStore:
    """The numbers (``jti``) of tokens that were used already, each kept until its token expires."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now, self._lock = now, threading.Lock()
        self._seen: dict[tuple[str, str], float] = {}

    def use(self, issuer: str, number: str, until: float) -> bool:
        """Remember a token; return whether it is new."""
        with self._lock:
            now = self._now()
            if len(self._seen) % 1024 == 0:
                self._seen = {key: end for key, end in self._seen.items() if end > now}
            if self._seen.get((issuer, number), 0) > now:
                return False
            self._seen[issuer, number] = until
            return True


def check_token(
    token: str,
    *,
    issuer: str,
    audience: str,
    keys: KeySet | Mapping[str, Any] | KeySource,
    kind: Kind = "access",
    algorithms: Collection[str] = ALGORITHMS,
    now: Callable[[], float] = time.time,
    leeway: float = 60,
    required: Collection[str] = (),
    types: Collection[str] | None = None,
    nonce: str | None = None,
    replays: ReplayStore | None = None,
) -> Claims:
    """Return what ``token`` says, once everything about it has been checked.

    Nothing in the token decides how it is checked: algorithms and keys come from the caller, and a key
    or an address that the token brings along is never used. The signature is checked before any claim.

    Args:
        token: the JSON Web Token, without the word "Bearer".
        issuer: the provider that must have issued it, exactly as it writes itself.
        audience: for whom it must have been made: the service's own name, or for an ID token the client's.
        keys: the issuer's public keys: a key set (RFC 7517), or a discovered provider.
        kind: ``"access"`` (RFC 9068) or ``"id"`` (OpenID Connect Core 1.0).
        algorithms: those that may have signed it; only ones with a private and a public key.
        now: the clock, in seconds since 1970.
        leeway: seconds by which clocks may differ.
        required: further claims that must be there.
        types: accepted values of the header ``typ``, for a provider that does not follow RFC 9068.
        nonce: what the application sent with its request, for an ID token.
        replays: where used tokens are remembered, if each may be used once only.

    Raises:
        TokenError: the subclass says why; neither the token nor a claim of it is shown.
        UserError: if the arguments ask for something unsafe.

    Source: RFC 7519, RFC 8725 (best practice), RFC 9068, OpenID Connect Core 1.0 section 3.1.3.7.
    """
    _check_arguments(issuer, audience, kind, algorithms, leeway)
    header, claims = _parse(token)
    algorithm = _check_algorithm(header, algorithms)
    _check_signature(token, header, algorithm, keys)
    _check_type(header, kind, types)
    _check_parties(claims, issuer, audience, kind)
    for name in (*_REQUIRED[kind], *required):
        if claims.get(name) in (None, "", [], {}):
            raise errors.MissingClaimError(
                f"The {NAMES[kind]} has no claim '{name}': ask the provider to include it."
            )
    if not isinstance(claims["sub"], str):
        _malformed()
    issued, expires = _check_times(claims, now(), leeway, kind)
    if nonce is not None:
        given = claims.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            raise errors.WrongNonceError(
                f"The {NAMES[kind]} answers another sign-in than this one: sign in again."
            )
    if replays is not None:
        number = claims.get("jti")
        if not isinstance(number, str) or not number:
            raise errors.MissingClaimError(
                f"The {NAMES[kind]} has no claim 'jti': without it a second use cannot be seen."
            )
        if not replays.use(issuer, number, expires + leeway):
            raise errors.ReplayedTokenError(
                f"The {NAMES[kind]} has been used before and counts once only: ask for a new one."
            )
    scope, client = claims.get("scope"), claims.get("client_id", claims.get("azp"))
    return Claims(
        kind=kind,
        issuer=issuer,
        subject=claims["sub"],
        audience=tuple(_strings(claims["aud"])),
        client_id=client if isinstance(client, str) else "",
        scopes=tuple(scope.split()) if isinstance(scope, str) else (),
        groups=_list_claim(claims, "groups"),
        roles=_list_claim(claims, "roles"),
        issued_at=issued,
        expires_at=expires,
        algorithm=algorithm,
        values=MappingProxyType(claims),
    )


class _Registry(jws.JWSRegistry):
    """The one algorithm that has been allowed, without a warning for the former name of Ed25519."""

    max_header_length = MAX_TOKEN_CHARACTERS

    def get_alg(self, name: str) -> Any:
        if name not in (self.allowed or ()):
            raise JoseError("not allowed")
        return self.algorithms[name]


def _check_arguments(
    issuer: str, audience: str, kind: str, algorithms: Collection[str], leeway: float
) -> None:
    if isinstance(algorithms, str) or not algorithms or not set(algorithms) <= ASYMMETRIC:
        raise UserError(
            "A provider's tokens are checked with its public key: allow only algorithms such as RS256."
        )
    if not issuer or not audience or not isinstance(issuer, str) or not isinstance(audience, str):
        raise UserError(
            "Say who must have issued the token and for whom: issuer and audience, each one text."
        )
    if kind not in NAMES:
        raise UserError("A token is of kind 'access' or 'id'.")
    if not 0 <= leeway <= 600:
        raise UserError("Clocks may be allowed to differ by 0 to 600 seconds: correct the leeway.")


def _malformed() -> NoReturn:
    raise errors.MalformedTokenError(
        "This is not a signed token (three parts, each base64url, the first two JSON objects): "
        "check that it was copied whole and without the word 'Bearer'."
    ) from None


def _parse(token: object) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(token, str):
        _malformed()
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise errors.OversizedTokenError(
            f"The token is longer than {MAX_TOKEN_CHARACTERS:,} characters and is not read: ask for one "
            "with fewer claims."
        )
    parts = token.split(".")
    if not token.isascii() or len(parts) != 3:
        _malformed()
    try:
        # Also a signature must decode; one that is empty is judged with the algorithm.
        urlsafe_b64decode(parts[2].encode())
        header, claims = (_object(part) for part in parts[:2])
    except (ValueError, RecursionError):
        _malformed()
    known = {"alg": str, "typ": str, "kid": str}
    if any(name in header and not isinstance(header[name], form) for name, form in known.items()):
        _malformed()
    # A critical extension that is not understood must be refused (RFC 7515, section 4.1.11).
    if "alg" not in header or "crit" in header or "b64" in header:
        _malformed()
    return header, claims


def _object(part: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            # Two readers could take different ones.
            raise ValueError("a name stands twice")
        return found

    def refuse(_constant: str) -> NoReturn:
        raise ValueError("not JSON")

    text = urlsafe_b64decode(part.encode()).decode("utf-8")
    value = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _check_algorithm(header: Mapping[str, Any], algorithms: Collection[str]) -> str:
    algorithm = header["alg"]
    if algorithm.lower() == "none":
        raise errors.UnsignedTokenError(
            "The token says that it needs no signature: anybody can have written it, so it is refused."
        )
    if algorithm.upper().startswith("HS"):
        raise errors.AlgorithmConfusionError(
            "The token names a shared-secret algorithm, but its issuer signs with a private key: signed with "
            "the public key as the secret it would be a forgery, so it is refused."
        )
    if algorithm not in algorithms:
        raise errors.AlgorithmNotAllowedError(
            f"The token's algorithm is not allowed here: {', '.join(algorithms)} are."
        )
    return algorithm


def _check_signature(
    token: str,
    header: Mapping[str, Any],
    algorithm: str,
    keys: KeySet | Mapping[str, Any] | KeySource,
) -> None:
    kid = header.get("kid")
    at_hand = keys.public_keys(kid) if hasattr(keys, "public_keys") else public_keys(keys)
    named = [key for key in at_hand if kid is None or key.kid == kid]
    fitting = [key for key in named if _fits(algorithm, key)]
    if named and not fitting:
        raise errors.AlgorithmNotAllowedError(
            "The token's algorithm does not fit the issuer's key: the token is refused."
        )
    if not fitting or (kid is None and len(fitting) > 1):
        own = {"jku", "jwk", "x5u", "x5c"} & header.keys()
        brought = " The key or address that the token brings along is not used." if own else ""
        raise errors.UnknownKeyError(
            "The issuer has no key of the name that the token gives: it comes from elsewhere, or its key was "
            f"retired.{brought}"
        )
    try:
        jws.deserialize_compact(token, fitting[0], registry=_Registry(algorithms=[algorithm]))
    except JoseBadSignature:
        raise errors.BadSignatureError(
            "The signature does not belong to the token: it was changed, or someone else signed it."
        ) from None
    except (JoseError, ValueError, TypeError):
        _malformed()


def _fits(algorithm: str, key: Key) -> bool:
    try:
        jws.JWSRegistry.algorithms[algorithm].check_key(key)
    except JoseError:
        return False
    return True


def _check_type(header: Mapping[str, Any], kind: Kind, types: Collection[str] | None) -> None:
    typ = header.get("typ", "").lower().removeprefix("application/")
    if types is not None:
        right = typ in {name.lower().removeprefix("application/") for name in types}
    else:
        right = typ == "at+jwt" if kind == "access" else typ in ("", "jwt")
    if not right:
        raise errors.WrongTypeError(
            f"This is not an {NAMES[kind]}: an ID token says who signed in, an access token what may be "
            "done, and one is not taken for the other."
        )


def _check_parties(claims: Mapping[str, Any], issuer: str, audience: str, kind: Kind) -> None:
    if "iss" not in claims or "aud" not in claims:
        missing = "iss" if "iss" not in claims else "aud"
        raise errors.MissingClaimError(
            f"The {NAMES[kind]} has no claim '{missing}': ask the provider to include it."
        )
    if claims["iss"] != issuer:
        raise errors.WrongIssuerError(
            f"The {NAMES[kind]} comes from another issuer than {without_port(issuer)}: it is refused."
        )
    audiences = _strings(claims["aud"])
    authorized = claims.get("azp", audience)
    if kind == "id" and len(audiences) > 1 and "azp" not in claims:
        authorized = None
    if audience not in audiences or (kind == "id" and authorized != audience):
        raise errors.WrongAudienceError(
            f"The {NAMES[kind]} was not made for {audience}: one that another service was given opens "
            "nothing here."
        )


def _check_times(claims: Mapping[str, Any], now: float, leeway: float, kind: Kind) -> tuple[float, float]:
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(_float(value)):
            _malformed()
    issued, expires, begins = _float(claims["iat"]), _float(claims["exp"]), _float(claims.get("nbf", 0))
    if issued > now + leeway:
        raise errors.IssuedInFutureError(
            f"By this machine's clock the {NAMES[kind]} was issued {roughly(issued - now)} in the future: "
            "set the clock of this machine or of the provider."
        )
    if begins > now + leeway:
        raise errors.NotYetValidError(
            f"The {NAMES[kind]} becomes valid in {roughly(begins - now)}: wait, or set this machine's clock."
        )
    if expires <= now - leeway:
        raise errors.ExpiredTokenError(
            f"The {NAMES[kind]} expired {roughly(now - expires)} ago: sign in again, and if it was new, set "
            "the clock of this machine."
        )
    return issued, expires


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _strings(value: object) -> list[str]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        _malformed()
    return found


def _list_claim(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = claims.get(name)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return ()
