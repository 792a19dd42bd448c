"""A sign-in told step by step: who sent what to whom, with every secret named instead of shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

# What a lesson may show as it is; everything else is named by its kind.
_OPEN = frozenset(
    {"response_type", "client_id", "scope", "code_challenge_method", "grant_type", "token_type", "expires_in"}
)
_KINDS = {
    "redirect_uri": "the application's own address",
    "state": "random, ties the answer to the request",
    "nonce": "random, ties the ID token to the request",
    "code_challenge": "SHA-256 of the verifier",
    "code_verifier": "random, known to the application only",
    "code": "authorization code, works once",
    "iss": "the provider's name",
    "username": "user name",
    "password": "password",
    "one_time_code": "one-time code",
    "ticket": "ties the form to the request",
    "decision": "sign in or cancel",
    "access_token": "signed token for the service",
    "refresh_token": "random, for the next access token",
    "id_token": "signed token about the person",
    "client_secret": "the application's password",
}


@dataclass(frozen=True)
class Step:
    """One message of a sign-in; ``carries`` names what it held without showing a secret."""

    sender: str
    receiver: str
    message: str
    carries: str = ""


def carried(values: Mapping[str, object]) -> str:
    """Return the names of what a message held, with the value or, for secrets, the kind."""
    parts = []
    for name, value in values.items():
        if name in _OPEN:
            parts.append(f"{name}={value}")
        else:
            parts.append(f"{name} ({_KINDS[name]})" if name in _KINDS else name)
    return ", ".join(parts)


def steps_to_frame(steps: tuple[Step, ...]) -> pd.DataFrame:
    """Return one row a step: ``step``, ``from``, ``to``, ``message``, ``carries``."""
    rows = [
        (number, step.sender, step.receiver, step.message, step.carries)
        for number, step in enumerate(steps, start=1)
    ]
    return pd.DataFrame(rows, columns=["step", "from", "to", "message", "carries"])
