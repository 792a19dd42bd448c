"""The vendor's key: from a certificate that is checked, or a public key line that came by another way."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from secure_ai.core.audit import AuditLog, recorded_refusals
from secure_ai.core.sources import shown
from secure_ai.encrypt.transport.public_keys import fingerprint, public_line, read_public_line
from secure_ai.govern.handover.refusals import HandoverRefused
from secure_ai.govern.retention.periods import checked_day

LEAST_RSA_BITS = 2048
"""NIST SP 800-131A Rev. 2, Table 2: shorter RSA keys are disallowed."""
_MAX_BYTES = 100_000
_CONNECTIONS = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}


class CertificateRefused(HandoverRefused):
    """A vendor's certificate or key that is not accepted."""


@dataclass(frozen=True)
class VendorKey:
    """A vendor's public key that was accepted.

    Attributes:
        vendor: whose.
        line: the key as one line, ``x25519:…`` (to seal for) or ``ed25519:…`` (to verify with).
        fingerprint: its short name.
        valid_until: last day of the certificate; None for a bare key.
        from_certificate: whether an authority vouches for the name; if not, somebody compared the key.
    """

    vendor: str
    line: str
    fingerprint: str
    valid_until: date | None
    from_certificate: bool


def vendor_key(
    source: Path | str | bytes,
    vendor: str,
    *,
    today: date,
    authority: Path | str | bytes | None = None,
    revoked: Path | str | bytes | None = None,
    signing: bool = False,
    audit: AuditLog | None = None,
    actor: str = "hand-over",
) -> VendorKey:
    """Check a vendor's certificate and return its key.

    Args:
        source: a PEM certificate (file or content), or a public key line that the vendor confirmed by
            another way.
        vendor: the name that the certificate must carry.
        today: the day on which it must be valid, to its end (UTC).
        authority: the PEM certificate of whoever vouches for vendors; needed with a certificate.
        revoked: the authority's revocation list (PEM), where there is one.
        signing: whether it is the key that signs receipts (Ed25519), not the one to seal for (X25519).
        audit: where a refusal is recorded.
        actor: who asks.

    Raises:
        CertificateRefused: with the reason: expired, not yet valid, another name, issuer, use or algorithm,
            a weak key, revoked.

    Source: RFC 5280 (4.1.2.5 validity, 4.2.1.3 key usage), RFC 8410 (X25519 and Ed25519 in certificates).
    """
    with recorded_refusals(audit, "check vendor certificate", shown(vendor), actor=actor):
        checked_day(today)
        kind = "ed25519" if signing else "x25519"
        if isinstance(source, str) and source.strip().partition(":")[0] in {"ed25519", "x25519"}:
            key = read_public_line(source, kind)
            _require_strong(key)
            return VendorKey(vendor, public_line(key), fingerprint(key), None, from_certificate=False)
        certificate = _read_certificate(source, "certificate")
        if authority is None:
            raise CertificateRefused(
                f"Nobody vouches for the certificate of {shown(vendor)}: name the authority that does."
            )
        issuer = _read_certificate(authority, "authority's certificate")
        _require_issued_by(certificate, issuer, vendor)
        for which, one in (
            (f"certificate of {shown(vendor)}", certificate),
            ("authority's certificate", issuer),
        ):
            _require_valid(one, today, which)
        _require_name(certificate, vendor)
        _require_use(certificate, vendor, signing=signing)
        key = _key(certificate, vendor, signing=signing)
        if revoked is not None:
            _require_not_revoked(certificate, issuer, revoked, today)
        until = certificate.not_valid_after_utc.date()
        return VendorKey(vendor, public_line(key), fingerprint(key), until, from_certificate=True)


def _read_certificate(source: Path | str | bytes, what: str) -> x509.Certificate:
    raw = _content(source, what)
    try:
        found = x509.load_pem_x509_certificates(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateRefused(f"The {what} is no certificate in PEM form: ask for it again.") from None
    if len(found) != 1:
        raise CertificateRefused(f"The {what} holds {len(found)} certificates: give the one that is meant.")
    return found[0]


def _content(source: Path | str | bytes, what: str) -> bytes:
    if isinstance(source, bytes):
        return source[:_MAX_BYTES]
    if isinstance(source, str) and source.lstrip().startswith("-----BEGIN"):
        return source.encode("ascii", "replace")[:_MAX_BYTES]
    if not isinstance(source, str | os.PathLike):
        raise CertificateRefused(
            f"The {what} is neither a file nor its content ({type(source).__name__}): give one of them."
        )
    path = Path(source)
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            raise CertificateRefused(
                f"The {what} {shown(path.name)} is no file, or too large: check the path."
            )
        return path.read_bytes()
    except (OSError, ValueError):
        raise CertificateRefused(f"The {what} {shown(path.name)} cannot be read: check its rights.") from None


def _require_issued_by(certificate: x509.Certificate, issuer: x509.Certificate, vendor: str) -> None:
    whose = f"The certificate of {shown(vendor)}"
    if _extension(issuer, x509.BasicConstraints, "ca") is not True or (
        _extension(issuer, x509.KeyUsage, "key_cert_sign") is False
    ):
        raise CertificateRefused("The authority's certificate may sign no others: name the authority's own.")
    try:
        weak = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        weak = hashes.MD5()
    if isinstance(weak, hashes.MD5 | hashes.SHA1):
        raise CertificateRefused(
            f"{whose} is signed with MD5 or SHA-1, which can be forged: ask for another."
        )
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        raise CertificateRefused(
            f"{whose} was not issued by the authority that is trusted: do not use it."
        ) from None


def _require_valid(certificate: x509.Certificate, today: date, which: str) -> None:
    end_of_day = datetime.combine(today, time.max, UTC)
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if last < end_of_day:
        raise CertificateRefused(f"The {which} has expired ({last:%Y-%m-%d}): ask for the new one.")
    if first > end_of_day:
        raise CertificateRefused(
            f"The {which} is valid from {first:%Y-%m-%d} only: hand over then, or use the old one."
        )


def _require_name(certificate: x509.Certificate, vendor: str) -> None:
    names = {str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    alternative = _extension(certificate, x509.SubjectAlternativeName, None)
    if alternative is not None:
        names |= set(alternative.get_values_for_type(x509.DNSName))
    if vendor not in names:
        listed = ", ".join(sorted(map(shown, names))) or "nobody"
        raise CertificateRefused(f"The certificate is for {listed}, not for {shown(vendor)}: ask the vendor.")


def _require_use(certificate: x509.Certificate, vendor: str, *, signing: bool) -> None:
    whose = f"The certificate of {shown(vendor)}"
    if _extension(certificate, x509.BasicConstraints, "ca"):
        raise CertificateRefused(f"{whose} is an authority's: ask for that of the vendor's own key.")
    extended = _extension(certificate, x509.ExtendedKeyUsage, None)
    if extended is not None and set(extended) <= _CONNECTIONS:
        raise CertificateRefused(f"{whose} is for connections (TLS) alone: ask for one for data at rest.")
    needed = "digital_signature" if signing else "key_agreement"
    if not _extension(certificate, x509.KeyUsage, needed):
        use = "sign receipts" if signing else "receive sealed data"
        raise CertificateRefused(f"{whose} is not made to {use}: ask for one with the use {needed}.")


def _key(certificate: x509.Certificate, vendor: str, *, signing: bool) -> X25519PublicKey | Ed25519PublicKey:
    whose = f"The key of {shown(vendor)}"
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateRefused(
            f"{whose} is of an unknown kind: ask for X25519 (Ed25519 to sign)."
        ) from None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        raise CertificateRefused(f"{whose} is weak (RSA, {key.key_size} bits): ask for a new one.")
    if isinstance(key, dsa.DSAPublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < 224
    ):
        raise CertificateRefused(f"{whose} is too weak for any use today: ask for a new one.")
    wanted = Ed25519PublicKey if signing else X25519PublicKey
    if not isinstance(key, wanted):
        name = "Ed25519" if signing else "X25519"
        raise CertificateRefused(f"{whose} is strong, but of another kind than {name}: ask for such a key.")
    _require_strong(key)
    return key


def _require_strong(key: X25519PublicKey | Ed25519PublicKey) -> None:
    """Refuse the few X25519 keys with which everybody shares the same secret (RFC 7748, 6.1)."""
    if isinstance(key, X25519PublicKey):
        try:
            X25519PrivateKey.generate().exchange(key)
        except ValueError:
            raise CertificateRefused(
                "The X25519 key has a low order, so anybody could open what is sealed for it."
            ) from None


def _require_not_revoked(
    certificate: x509.Certificate, issuer: x509.Certificate, revoked: Path | str | bytes, today: date
) -> None:
    try:
        found = x509.load_pem_x509_crl(_content(revoked, "revocation list"))
        genuine = found.issuer == issuer.subject and found.is_signature_valid(issuer.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        genuine = False
    if not genuine:
        raise CertificateRefused("The revocation list is not the authority's: fetch it again.")
    if found.next_update_utc is None or found.next_update_utc < datetime.combine(today, time.min, UTC):
        raise CertificateRefused("The revocation list is out of date: fetch the new one before handing over.")
    if found.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
        raise CertificateRefused("The authority has revoked the certificate: ask the vendor what happened.")


def _extension(certificate: x509.Certificate, kind: type, field: str | None):
    """Return a field of an extension (the whole of it without ``field``); None where it is not there.

    Raises:
        CertificateRefused: if the extensions cannot be read.
    """
    try:
        value = certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise CertificateRefused("The certificate's extensions cannot be read: ask for a new one.") from None
    return value if field is None else getattr(value, field)
