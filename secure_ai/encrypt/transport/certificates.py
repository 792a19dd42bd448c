"""A small certificate authority for lessons and tests: keys that live in a temporary folder and vanish."""

from __future__ import annotations

import ipaddress
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from secure_ai.core.audit import utc_now
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.tls import TlsFiles

Validity = Literal["valid", "expired", "not yet valid"]
LOCAL_NAMES = ("localhost", "127.0.0.1")
DAY = timedelta(days=1)
_DATES: dict[str, tuple[int, int]] = {"valid": (-1, 30), "expired": (-30, -1), "not yet valid": (1, 30)}


class CertificateAuthority:
    """Signs certificates for servers and service accounts; its own key is never written.

    Use :func:`lesson_authority`, which removes the folder. For production, use the organization's own
    authority and give its files to :class:`~secure_ai.encrypt.transport.tls.TlsFiles`.

    Attributes:
        organization: whose authority it is.
        folder: where certificates and keys (mode 0600) are written.
        certificate: the authority's own certificate, a PEM file.
    """

    def __init__(self, organization: str, folder: Path, now: datetime | None = None) -> None:
        self.organization, self.folder, self.now = organization, folder, now or utc_now()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(organization, "Lesson authority")
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
        root = (
            self._builder(self._name, self._key.public_key(), self.now - 60 * DAY, self.now + 60 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = folder / "authority.pem"
        _write(self.certificate, root.public_bytes(serialization.Encoding.PEM), 0o644)

    def __repr__(self) -> str:
        return f"CertificateAuthority({self.organization!r})"

    def server(
        self, name: str = "server", *, hosts: Sequence[str] = LOCAL_NAMES, validity: Validity = "valid"
    ) -> TlsFiles:
        """Issue a server's certificate for names and addresses, and write it with its key.

        Raises:
            UserError: if ``validity`` is none of the three.
        """
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        return self._issue(name, ExtendedKeyUsageOID.SERVER_AUTH, validity, hosts[0], names)

    def client(self, service: str, *, validity: Validity = "valid") -> TlsFiles:
        """Issue a client's certificate that names a service account, and write it with its key.

        Raises:
            UserError: if ``validity`` is none of the three.
        """
        return self._issue(service, ExtendedKeyUsageOID.CLIENT_AUTH, validity, service, None)

    def certify(
        self,
        name: str,
        key: X25519PublicKey | Ed25519PublicKey,
        *,
        validity: Validity = "valid",
    ) -> Path:
        """Vouch for an organization's key to seal for (X25519) or to verify signatures with (Ed25519).

        The private half stays with its owner. Give the file back to whoever sends it data.

        Args:
            name: the organization's name, the certificate's common name.
            key: its public key.
            validity: one of the three.

        Raises:
            UserError: if ``validity`` is none of the three, or the name cannot stand in a certificate.

        Source: RFC 8410 (X25519 and Ed25519 in certificates, section 5: their key usage).
        """
        if validity not in _DATES:
            raise UserError(f"A certificate is {', '.join(_DATES)}: choose one of them.")
        first, last = (self.now + shift * DAY for shift in _DATES[validity])
        sealing = isinstance(key, X25519PublicKey)
        certificate = (
            self._builder(_subject(self.organization, name), key, first, last)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False, agreement=sealing), critical=True)
            .add_extension(self._identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        place = Path(tempfile.mkdtemp(prefix=_file_name(name) + "-", dir=self.folder))
        path = place / f"{_file_name(name)}.pem"
        _write(path, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        return path

    def _issue(
        self,
        name: str,
        usage: x509.ObjectIdentifier,
        validity: Validity,
        common_name: str,
        names: x509.SubjectAlternativeName | None,
    ) -> TlsFiles:
        if validity not in _DATES:
            raise UserError(f"A certificate is {', '.join(_DATES)}: choose one of them.")
        first, last = (self.now + days * DAY for days in _DATES[validity])
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            self._builder(_subject(self.organization, common_name), key.public_key(), first, last)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(self._identifier, critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        place = Path(tempfile.mkdtemp(prefix=_file_name(name) + "-", dir=self.folder))
        paths = place / f"{_file_name(name)}.pem", place / f"{_file_name(name)}.key"
        _write(paths[0], certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        _write(
            paths[1],
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            0o600,
        )
        return TlsFiles(*paths, self.certificate)

    def _builder(
        self, subject: x509.Name, key: CertificatePublicKeyTypes, first: datetime, last: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(first.astimezone(UTC))
            .not_valid_after(last.astimezone(UTC))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


@contextmanager
def lesson_authority(
    organization: str = "Lakeside Hospital", *, now: datetime | None = None
) -> Iterator[CertificateAuthority]:
    """Give an authority whose folder, readable by its owner only, is removed at the end.

    It is also removed on an error, on Ctrl-C and when the interpreter ends, but not when the process is
    killed; what then stays are keys that nobody but this block ever trusted.

    Args:
        organization: whose authority it is.
        now: the time around which certificates are valid; the machine's if None, which is what TLS checks.
    """
    with tempfile.TemporaryDirectory(prefix="secure-ai-authority-") as folder:
        yield CertificateAuthority(organization, Path(folder), now)


def _subject(organization: str, common_name: str) -> x509.Name:
    try:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
    except (ValueError, TypeError):
        raise UserError("A name in a certificate has 1 to 64 characters: choose another.") from None


def _usage(*, authority: bool, agreement: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority and not agreement,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=agreement,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _file_name(name: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in name)[:40] or "unnamed"


def _write(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
