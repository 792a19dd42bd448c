"""Signs the body of a webhook and verifies it, so that a receiver can refuse forgeries and replays.

The headers and the signed text are those of Standard Webhooks 1.0 (``webhook-id``, ``webhook-timestamp``,
``webhook-signature``), which has libraries for many languages: HMAC-SHA-256 over id, timestamp and body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from secure_ai.core.errors import UserError

SHORTEST_KEY = 24  # bytes; Standard Webhooks asks for 24 to 64
TOLERANCE_SECONDS = 300


class SignatureError(UserError):
    """A message is not from whom it says, was changed, or is an old one sent again."""


def read_key(text: str) -> bytes:
    """Return the key of a webhook: ``whsec_`` and base64, or any text of 32 characters or more.

    Raises:
        UserError: if it is too short or no base64; the message does not show it.
    """
    text = text.strip()
    if text.startswith("whsec_"):
        try:
            key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            raise UserError("The key of a webhook that begins with whsec_ goes on in base64.") from None
    else:
        key = text.encode("utf-8", "surrogatepass")
        if len(key) < 32:
            raise UserError("The key of a webhook is too short: 32 random characters or more.")
    if len(key) < SHORTEST_KEY:
        raise UserError(f"The key of a webhook is too short: {SHORTEST_KEY} random bytes or more.")
    return key


def signature_headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a message that is sent now (seconds since 1970)."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": _signature(key, message_id, str(timestamp), body),
    }


def verify(
    headers: Mapping[str, str],
    body: bytes,
    key: bytes,
    *,
    now: float,
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> str:
    """Return the id of a message that is genuine and new; the caller drops one whose id it has seen.

    Raises:
        SignatureError: if a header is missing, the time is off by more than the tolerance, or no signature
            fits.
    """
    found = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = found.get("webhook-id", ""), found.get("webhook-timestamp", "")
    if not message_id or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 13):
        raise SignatureError("The message has no id or time: it is not from the alert desk.")
    expected = _signature(key, message_id, timestamp, body)
    given = found.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(expected.encode(), one.encode("utf-8", "replace")) for one in given):
        raise SignatureError("The signature does not fit: the message was changed or signed by another key.")
    if abs(now - int(timestamp)) > tolerance_seconds:
        raise SignatureError(
            f"The message was signed more than {tolerance_seconds:g} seconds away from now: it was sent "
            "again, or a clock is wrong."
        )
    return message_id


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = message_id.encode("utf-8", "replace") + b"." + timestamp.encode() + b"." + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
