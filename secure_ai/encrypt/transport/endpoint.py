"""What a TLS service of one's own offers: protocol versions, certificate, key and chain, as measured."""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pandas as pd
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from secure_ai.core.audit import utc_now
from secure_ai.core.measurement import Unassessed
from secure_ai.core.sources import shown
from secure_ai.encrypt.transport.alerts import in_words, openssl_text
from secure_ai.encrypt.transport.handshakes import VERSIONS, Version, can_offer, version_context
from secure_ai.encrypt.transport.sockets import Address, connect, deadline
from secure_ai.encrypt.transport.tls import CertificateError, TlsFiles, client_socket

OLD_VERSIONS = ("TLS 1.0", "TLS 1.1")


@dataclass(frozen=True)
class Endpoint:
    """What was measured of one address.

    Attributes:
        versions: for each protocol version whether it is accepted, or why that is not known.
        days_left: whole days from ``now`` to the end of the certificate; negative once it has expired.
        key_type: of the certificate's key, such as ``"EC P-256"``.
        chain_verified: whether the certificate leads to the authority, checked at the machine's time.
        name_matches: whether the certificate carries the name that was asked for.
        remarks: what was said where a version or check failed, by its name.
    """

    versions: Mapping[str, bool | Unassessed]
    days_left: int | Unassessed
    key_type: str | Unassessed
    chain_verified: bool | Unassessed
    name_matches: bool | Unassessed
    remarks: Mapping[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a check: ``check``, ``result`` (words, also where it is unassessed), ``remark``."""
        checks = {f"accepts {version}": value for version, value in self.versions.items()} | {
            "days until the certificate ends": self.days_left,
            "key of the certificate": self.key_type,
            "chain verified": self.chain_verified,
            "name matches": self.name_matches,
        }
        return pd.DataFrame([{"check": name, "result": _words(value), "remark": self._remark(name, value)}
                             for name, value in checks.items()])  # fmt: skip

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """What is known to be wrong: old versions that are accepted, ``"chain"``, ``"name"``."""
        old = [version for version in OLD_VERSIONS if self.versions.get(version) is True]
        checks = {"chain": self.chain_verified, "name": self.name_matches}
        return (*old, *(check for check, value in checks.items() if value is False))

    def sentence(self) -> str:
        """Say what is accepted and what is not known."""
        accepted = [version for version, value in self.versions.items() if value is True]
        unknown = [version for version, value in self.versions.items() if isinstance(value, Unassessed)]
        old = [version for version in accepted if version in self.weaknesses]
        parts = [f"The service accepts {', '.join(accepted) or 'no version that could be tried'}"]
        if unknown:
            parts.append(f"{', '.join(unknown)} could not be assessed")
        if old:
            parts.append(f"{' and '.join(old)} must be switched off (RFC 8996)")
        return "; ".join(parts) + "."

    def _remark(self, name: str, value: object) -> str:
        return value.reason if isinstance(value, Unassessed) else self.remarks.get(name, "")


def inspect_endpoint(
    host: str,
    port: int,
    *,
    now: datetime | None = None,
    tls: TlsFiles | None = None,
    authority: Path | str | None = None,
    server_name: str | None = None,
    timeout: float = 5.0,
) -> Endpoint:
    """Measure what a TLS service offers; about six connections to this address, none to another.

    Inspect services of your own organization, or with their owner's consent.

    Args:
        host: its name or address.
        port: its port.
        now: the time that the certificate's days are counted from; the machine's if None.
        tls: the client's certificate, for a service that asks for one; its authority is used for the chain.
        authority: the PEM file of the authority to verify the chain with, if ``tls`` is not given; the
            machine's own list if None.
        server_name: the name to ask for and to check; ``host`` if None.
        timeout: seconds for each connection.

    Raises:
        NotReachable: if nobody listens or answers there.
        CertificateError: if the files given cannot be used.
    """
    address, name = Address(host, port), server_name or host
    contexts = {version: _unchecking(tls, version) for version in VERSIONS}
    versions: dict[str, bool | Unassessed] = {}
    remarks: dict[str, str] = {}
    certificate: x509.Certificate | None = None
    for version, context in contexts.items():
        if not can_offer(context, version):
            versions[version] = Unassessed("this machine's OpenSSL cannot offer it")
            continue
        found, error = _handshake(address, context, name, timeout)
        certificate = certificate or found
        versions[version] = True if error is None else _judged(error)
        if error is not None:
            remarks[f"accepts {version}"] = in_words(openssl_text(error), peer="client")
    best = next((version for version in VERSIONS if versions[version] is True), None)
    if certificate is None or best is None:
        missing = Unassessed("no handshake went far enough to see the certificate")
        return Endpoint(versions, missing, missing, missing, missing, remarks)
    chain = _verified(address, best, tls, authority, name, timeout=timeout, check_name=False)
    if chain is not None:
        remarks["chain verified"] = in_words(openssl_text(chain), peer="server")
        matches: bool | Unassessed = Unassessed("the chain does not lead to the authority")
    else:
        matches = _verified(address, best, tls, authority, name, timeout=timeout, check_name=True) is None
    left = math.floor((certificate.not_valid_after_utc - (now or utc_now())).total_seconds() / 86400)
    return Endpoint(versions, left, _key_type(certificate), chain is None, matches, remarks)


def _unchecking(tls: TlsFiles | None, version: Version) -> ssl.SSLContext:
    context = version_context(tls, version)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _handshake(
    address: Address, context: ssl.SSLContext, name: str, timeout: float
) -> tuple[x509.Certificate | None, Exception | None]:
    """Return the server's certificate if it was seen, and what ended the handshake if something did."""
    with (
        connect(address, timeout) as plain,
        deadline(plain, timeout),
        client_socket(context, plain, name) as connection,
    ):
        try:
            connection.do_handshake()
        except (OSError, ValueError) as error:
            return None, error
        return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True)), None


def _judged(error: Exception) -> bool | Unassessed:
    """Whether a failed handshake means that the version is refused, or something else."""
    text = openssl_text(error).lower().replace("_", " ")
    if re.search("protocol version|unsupported protocol|version too low|no protocols", text):
        return False
    if isinstance(error, TimeoutError):
        return Unassessed("no answer in time")
    if "handshake failure" in text or "certificate" in text:
        return Unassessed("refused for a cipher or a missing client certificate: give `tls` to find out")
    if "closed" in text or "eof" in text or "reset" in text:
        return Unassessed("the connection was closed without a reason")
    return Unassessed(in_words(text, peer="client"))


def _verified(
    address: Address,
    version: Version,
    tls: TlsFiles | None,
    authority: Path | str | None,
    name: str,
    *,
    timeout: float,
    check_name: bool,
) -> Exception | None:
    """Return what is wrong with the chain, or with the chain and the name; None if nothing is."""
    context = version_context(tls, version)
    context.check_hostname, context.verify_mode = False, ssl.CERT_REQUIRED
    context.check_hostname = check_name
    if tls is None:
        try:
            context.load_verify_locations(authority) if authority else context.load_default_certs()
        except (OSError, ValueError):
            raise CertificateError(
                f"{shown(Path(authority or '').name)} holds no certificate of an authority: name a PEM file."
            ) from None
    return _handshake(address, context, name, timeout)[1]


def _key_type(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC " + {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}.get(
            key.curve.name, key.curve.name
        )
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    names = {ed25519.Ed25519PublicKey: "Ed25519", ed448.Ed448PublicKey: "Ed448"}
    return next((text for kind, text in names.items() if isinstance(key, kind)), "another kind")


def _words(value: object) -> str:
    if isinstance(value, Unassessed):
        return "unassessed"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
