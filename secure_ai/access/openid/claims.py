"""What a checked token says, as values and in words that are the same at each run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

Kind = Literal["access", "id"]
NAMES = {"access": "access token", "id": "ID token"}
_MEANINGS = {
    "iss": "who issued it",
    "sub": "about whom",
    "aud": "for whom it was made",
    "exp": "until when",
    "iat": "since when",
    "nbf": "not before",
    "auth_time": "when the person signed in",
    "jti": "its own number",
    "nonce": "which sign-in it answers",
    "at_hash": "which access token came with it",
    "client_id": "the application that asked",
    "azp": "the application that asked",
    "scope": "what the application may do",
    "groups": "groups of the person",
    "roles": "roles of the person",
    "name": "the person's name",
    "email": "the person's address",
}
_TIMES = frozenset({"exp", "iat", "nbf"})
_RANDOM = frozenset({"jti", "nonce", "at_hash", "c_hash", "sid"})


@dataclass(frozen=True, repr=False)
class Claims:
    """What a checked token says.

    Attributes:
        kind: ``"access"`` or ``"id"``.
        issuer, subject, audience: who issued it, about whom, for whom.
        client_id: the application that asked for it; empty where the token does not say.
        scopes, groups, roles: what it permits, as the issuer says.
        issued_at, expires_at: seconds since 1970, UTC.
        algorithm: how it was signed.
        values: every claim.
    """

    kind: Kind
    issuer: str
    subject: str
    audience: tuple[str, ...]
    client_id: str
    scopes: tuple[str, ...]
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    issued_at: float
    expires_at: float
    algorithm: str
    values: Mapping[str, Any] = field(compare=False)

    def __repr__(self) -> str:
        return f"Claims({self.kind}, {', '.join(sorted(self.values))})"

    def sentence(self) -> str:
        """Say what was found, in words; the same at each run."""
        seconds = self.expires_at - self.issued_at
        holder = f" with the roles {', '.join(self.roles)}" if self.roles else ""
        return (
            f"The {NAMES[self.kind]} is genuine ({self.algorithm}): it was made for "
            f"{' and '.join(self.audience)}{holder} and is valid for {seconds:.0f} seconds."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a claim: ``claim``, ``meaning``, ``value``; times and random values as words."""
        rows = [(name, _MEANINGS.get(name, ""), self._shown(name)) for name in sorted(self.values)]
        return pd.DataFrame(rows, columns=["claim", "meaning", "value"])

    def _shown(self, name: str) -> str:
        value = self.values[name]
        if name == "auth_time":
            return "at the sign-in"
        if name in _TIMES and isinstance(value, int | float):
            after = value - self.issued_at
            return "when it was issued" if after == 0 else f"{after:+.0f} seconds from when it was issued"
        if name in _RANDOM:
            return "(random)"
        if name == "iss":
            return without_port(self.issuer)
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def roughly(seconds: float) -> str:
    """Say a length of time in words that are not exact."""
    seconds = abs(seconds)
    if seconds < 90:
        return "about a minute"
    if seconds < 90 * 60:
        return f"about {seconds / 60:.0f} minutes"
    if seconds < 36 * 3600:
        return f"about {seconds / 3600:.0f} hours"
    return "more than a day"


def without_port(address: str) -> str:
    """Return ``address`` with a local port replaced, so that lessons read the same at each run."""
    scheme, separator, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    name, colon, port = host.rpartition(":")
    if not colon or not port.isdigit() or name not in ("127.0.0.1", "localhost", "[::1]"):
        return address
    return f"{scheme}{separator}{name}:<port>{slash}{path}"
