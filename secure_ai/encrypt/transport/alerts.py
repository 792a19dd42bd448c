"""What a refused handshake says: OpenSSL's own text, and the same in words."""

from __future__ import annotations

import re
import ssl

# OpenSSL's reasons, part of them by the alert that the other side sent (RFC 8446, section 6).
_WORDS = (
    (
        "self.signed certificate|unable to get (local )?issuer",
        "the {peer}'s certificate is of an authority that is not trusted",
    ),
    ("unknown.ca", "the {other} does not trust the authority of the {peer}'s certificate"),
    ("certificate.(has )?expired", "the {peer}'s certificate has expired"),
    ("not yet valid", "the {peer}'s certificate is not valid yet"),
    ("hostname mismatch|ip address mismatch|not valid for", "the {peer}'s certificate names another server"),
    (
        "uns[a-z]+ certificate purpose|alert.unsupported.certificate",
        "the {peer}'s certificate was issued for another purpose",
    ),
    ("certificate.required|did not return a certificate", "the {peer} showed no certificate"),
    ("alert.bad.certificate", "the {peer}'s certificate is not valid, perhaps not yet"),
    ("certificate.revoked", "the {peer}'s certificate was revoked"),
    ("protocol.version|unsupported.protocol|version.too.low", "there is no protocol version in common"),
    ("no.protocols.available", "this machine's OpenSSL cannot offer that version"),
    ("http.request|wrong.version.number|packet.length|record.layer.failure", "the peer does not speak TLS"),
    (
        "no.shared.cipher|no.cipher|handshake.failure",
        "there is no cipher in common, or a certificate is missing",
    ),
    ("decrypt.error|bad.signature|decrypt.failed|bad.record.mac", "what arrived had been altered on the way"),
    ("eof|closed|reset|broken pipe", "the connection was closed during the handshake"),
    ("timed out", "no answer in time"),
)


def openssl_text(error: BaseException) -> str:
    """Return the text of a TLS error, without the line of Python's source that it names."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ssl.SSLError) and error.args:
        text = str(error.args[-1])
    else:
        text = (error.strerror or "connection closed") if isinstance(error, OSError) else "connection closed"
    text = re.sub(r"\s*\(_ssl\.c:\d+\)", "", text).strip()
    # The name that did not match is the caller's own word and may be anything.
    return re.sub(r"'[^']*'", "the name asked for", text)


def in_words(text: str, peer: str) -> str:
    """Say what the text of a refused handshake means.

    Args:
        text: from :func:`openssl_text`.
        peer: whose certificate the text is about: ``"client"`` or ``"server"``.
    """
    other = "server" if peer == "client" else "client"
    lowered = text.lower().replace("_", " ")
    for pattern, words in _WORDS:
        if re.search(pattern.replace(".", "[ .-]"), lowered):
            return words.format(peer=peer, other=other)
    return "the handshake failed"
