"""A provider found by its address: its description checked, its keys fetched anew when they rotate."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from joserfc.jwk import Key
from pydantic import BaseModel, ConfigDict, ValidationError

from secure_ai.access.openid import web
from secure_ai.access.openid.claims import roughly
from secure_ai.access.openid.errors import ClockOffError, DiscoveryError, ProviderError
from secure_ai.access.openid.keys import public_keys
from secure_ai.access.openid.tokens import ALGORITHMS
from secure_ai.core.errors import UserError

WELL_KNOWN = "/.well-known/openid-configuration"
REFRESH_SECONDS = 30.0
KEYS_SECONDS = 600.0
_ENDPOINTS = {
    "authorization_endpoint": "sign-in address in the provider's description",
    "token_endpoint": "token address in the provider's description",
    "jwks_uri": "address of the keys in the provider's description",
    "userinfo_endpoint": "user-information address in the provider's description",
    "revocation_endpoint": "revocation address in the provider's description",
}


class Description(BaseModel):
    """What is used of a discovery document (OpenID Connect Discovery 1.0, section 3)."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    revocation_endpoint: str | None = None
    id_token_signing_alg_values_supported: list[str] = ["RS256"]
    response_types_supported: list[str] = ["code"]
    code_challenge_methods_supported: list[str] | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False


class DiscoveredProvider:
    """A provider whose description has been checked; a source of keys for ``check_token``."""

    def __init__(self, description: Description, context: ssl.SSLContext | None = None) -> None:
        self.description = description
        self.context = context
        self._lock = threading.Lock()
        self._keys: list[Key] = []
        self._asked: float | None = None

    @property
    def issuer(self) -> str:
        """The provider's own name, which its tokens carry."""
        return self.description.issuer

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms that the provider offers for ID tokens and that are safe."""
        offered = self.description.id_token_signing_alg_values_supported
        return tuple(name for name in ALGORITHMS if name in offered)

    def public_keys(self, kid: str | None) -> list[Key]:
        """Return the provider's keys; one that is not known yet is asked for, at most twice a minute.

        All are asked for again every ten minutes, so that a key that was withdrawn stops counting.

        Raises:
            ProviderError: if the keys cannot be fetched.
        """
        with self._lock:
            known = bool(self._keys) and (kid is None or any(key.kid == kid for key in self._keys))
            now = time.monotonic()
            limit = KEYS_SECONDS if known else REFRESH_SECONDS
            if self._asked is None or now - self._asked >= limit:
                self._asked = None
                self._keys = self._fetch()
                self._asked = now
            return self._keys

    def _fetch(self) -> list[Key]:
        address = self.description.jwks_uri
        with web.open_client(address, self.context) as client:
            answer = web.ask(client, "GET", address, "its keys")
        try:
            found = public_keys(answer.content) if answer.status == 200 else []
        except UserError:
            found = []
        if not found:
            raise ProviderError("The provider gave no usable keys: its tokens cannot be checked.")
        return found

    def __repr__(self) -> str:
        return f"DiscoveredProvider({self.issuer})"


def discover(address: str, *, context: ssl.SSLContext | None = None) -> DiscoveredProvider:
    """Return the provider at ``address``, once its description of itself has been checked.

    Args:
        address: the issuer's address, or the whole address of its discovery document.
        context: trust for the connection, where the organization has a certificate authority of its own.

    Raises:
        DiscoveryError: if the address is unsafe, or the description is missing, incomplete, of another
            issuer, or offers nothing safe.
        ProviderUnreachableError: if nobody answers.

    Source: OpenID Connect Discovery 1.0, section 4.3; RFC 8414, section 3.3.
    """
    web.check_address(address, "provider's address", loopback=True)
    issuer = address.removesuffix(WELL_KNOWN)
    document = issuer.rstrip("/") + WELL_KNOWN
    with web.open_client(document, context) as client:
        answer = web.ask(client, "GET", document, "its description")
    if answer.status != 200 or not answer.content:
        raise DiscoveryError(
            f"There is no provider's description at that address (status {answer.status}): give the issuer's "
            f"address, to which {WELL_KNOWN} is added."
        )
    return DiscoveredProvider(_checked(answer.content, issuer), context)


def _checked(content: Mapping[str, Any], issuer: str) -> Description:
    try:
        found = Description.model_validate(dict(content))
    except ValidationError as problem:
        names = sorted({str(item["loc"][0]) for item in problem.errors(include_input=False)})
        raise DiscoveryError(
            f"The provider's description lacks or misstates {', '.join(names)}: it is not used."
        ) from None
    if found.issuer.rstrip("/") != issuer.rstrip("/"):
        raise DiscoveryError(
            "The provider's description is of another issuer than the address that was asked: give the "
            "issuer's own address (for a provider of many organizations, your organization's)."
        )
    local = web.is_loopback(issuer)
    for name, what in _ENDPOINTS.items():
        value = getattr(found, name)
        if value is not None:
            web.check_address(value, what, loopback=local)
    if "code" not in found.response_types_supported:
        raise DiscoveryError("The provider does not offer the authorization code flow: nothing safe is left.")
    methods = found.code_challenge_methods_supported
    if methods is not None and "S256" not in methods:
        raise DiscoveryError("The provider does not offer PKCE with S256: a stolen code could be used.")
    if not set(found.id_token_signing_alg_values_supported) & set(ALGORITHMS):
        raise DiscoveryError(
            f"The provider signs ID tokens with none of {', '.join(ALGORITHMS)}: they could not be trusted."
        )
    return found


def clock_offset(
    address: str, *, now: Callable[[], float] = time.time, context: ssl.SSLContext | None = None
) -> float:
    """Return by how many seconds this machine's clock is ahead of the provider's (negative: behind).

    The provider's time is the ``Date`` of its answer, exact to about a second.

    Raises:
        ProviderError: if nobody answers, or without a ``Date``.
    """
    web.check_address(address, "provider's address", loopback=True)
    document = address.removesuffix(WELL_KNOWN).rstrip("/") + WELL_KNOWN
    with web.open_client(document, context) as client:
        before = now()
        answer = web.ask(client, "GET", document, "its time")
        middle = (before + now()) / 2
    try:
        theirs = parsedate_to_datetime(answer.date).timestamp()
    except (ValueError, TypeError):
        raise ProviderError(
            "The provider's answer has no readable date: compare the clocks by hand."
        ) from None
    return middle - theirs


def check_clock(
    address: str,
    *,
    limit: float = 60,
    now: Callable[[], float] = time.time,
    context: ssl.SSLContext | None = None,
) -> float:
    """Return :func:`clock_offset`, unless it is too large for tokens to be judged.

    Raises:
        ClockOffError: if the clocks differ by more than ``limit`` seconds.
        ProviderError: if nobody answers, or without a date.
    """
    offset = clock_offset(address, now=now, context=context)
    if abs(offset) > limit:
        direction = "fast" if offset > 0 else "slow"
        raise ClockOffError(
            f"This machine's clock is {roughly(offset)} off ({direction}, by the provider's): set it, best "
            "by switching on the network time, and sign in again."
        )
    return offset
