"""TLS 1.3 with certificates on both sides, from files of one's own that are checked before they are used."""

from __future__ import annotations

import os
import socket
import ssl
import stat
import warnings
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from secure_ai.core.audit import utc_now
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

MAX_PEM_BYTES = 1 << 20


class CertificateError(UserError):
    """A certificate or key file that cannot be used as it is."""


@dataclass(frozen=True)
class TlsFiles:
    """One side's certificate, its private key, and the authority that it accepts; all PEM files.

    Attributes:
        certificate: the certificate, followed by those in between it and the authority if there are any;
            None for a client that shows none.
        key: its private key.
        authority: one or more certificates of authorities that the other side's certificate may come from.
        passphrase: of the private key, if it is encrypted; not shown by ``repr``.
    """

    certificate: Path | str | None
    key: Path | str | None
    authority: Path | str
    passphrase: str | None = field(default=None, repr=False)

    def check(self, now: datetime | None = None) -> None:
        """Check that the files can be read, belong together and are valid at ``now``.

        Raises:
            CertificateError: if one is missing, of another format, expired or not yet valid, or if the key is
                that of another certificate. No error holds anything of a key.
        """
        now = now or utc_now()
        for authority in read_certificates(self.authority):
            _check_dates(authority, Path(self.authority), now)
        if self.certificate is None or self.key is None:
            if self.certificate is not self.key:
                raise CertificateError(
                    "A certificate is used with its private key: name both files or neither."
                )
            return
        leaf = read_certificates(self.certificate)[0]
        _check_dates(leaf, Path(self.certificate), now)
        if _public_bytes(leaf.public_key()) != _public_bytes(self._private_key().public_key()):
            raise CertificateError(
                f"The key in {_name(self.key)} is not that of the certificate in {_name(self.certificate)}: "
                "name the pair that was issued together."
            )

    def _private_key(self):
        name, raw = _name(self.key), _read(self.key)
        passphrase = None if self.passphrase is None else self.passphrase.encode()
        if passphrase is None and b"ENCRYPTED" in raw:
            raise CertificateError(f"The key in {name} is encrypted: give its passphrase.")
        try:
            key = serialization.load_pem_private_key(raw, passphrase)
        except TypeError:
            raise CertificateError(f"The key in {name} is not encrypted: give no passphrase.") from None
        except (ValueError, UnsupportedAlgorithm):
            hint = "or its passphrase is another" if passphrase else "give the key as a PEM file"
            raise CertificateError(f"{name} holds no private key that can be read: {hint}.") from None
        if os.name == "posix" and stat.S_IMODE(Path(self.key).stat().st_mode) & 0o007:
            warnings.warn(f"Everybody may read the private key {name}: run 'chmod 600 {name}'.", stacklevel=4)
        return key


def read_certificates(path: Path | str) -> list[x509.Certificate]:
    """Read the certificates of a PEM file.

    Raises:
        CertificateError: if it cannot be read or holds none.
    """
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError:
        raise CertificateError(
            f"{_name(path)} holds no certificate in PEM format ('-----BEGIN CERTIFICATE-----'): "
            "convert it with 'openssl x509'."
        ) from None


def service_name(certificate: x509.Certificate) -> str:
    """Return whom a client's certificate names: its one common name; empty if there is none or more than one.

    PostgreSQL's authentication by certificate reads the same field.
    """
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def server_context(tls: TlsFiles, *, now: datetime | None = None, check: bool = True) -> ssl.SSLContext:
    """Return a server's settings: TLS 1.3 alone, and a client without a certificate is refused.

    Args:
        tls: the server's files.
        now: the time that the files are checked at; the machine's if None.
        check: whether to check the files first; False only to show what a client does about a bad one.

    Raises:
        CertificateError: if the files cannot be used.

    Source: NIST SP 800-52 Rev. 2, 3.1 (protocol versions) and 3.5 (client authentication).
    """
    if tls.certificate is None:
        raise CertificateError("A server needs a certificate and its key: name both files.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    # Every connection shows its certificate anew: nothing is resumed past one that has expired meanwhile.
    context.num_tickets = 0
    return _loaded(context, tls, now, check)


def client_context(tls: TlsFiles, *, now: datetime | None = None, check: bool = True) -> ssl.SSLContext:
    """Return a client's settings: TLS 1.3 alone, the server's certificate and name are checked.

    Args:
        tls: the client's files; without certificate and key it shows none.
        now: the time that the files are checked at; the machine's if None.
        check: whether to check the files first; False only to show what a server does about a bad one.

    Raises:
        CertificateError: if the files cannot be used.
    """
    return _loaded(plain_client_context(), tls, now, check)


def plain_client_context() -> ssl.SSLContext:
    """Return a client's settings that trust nobody yet; a server's name counts only where it belongs.

    That is the subjectAltName: the common name may be anything, also another server's (RFC 9525).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.hostname_checks_common_name = False
    return context


def client_socket(context: ssl.SSLContext, plain: socket.socket, server_name: str) -> ssl.SSLSocket:
    """Return ``plain`` as a client's TLS connection, before its handshake.

    Raises:
        UserError: if no certificate can carry ``server_name``.
    """
    try:
        return context.wrap_socket(plain, server_hostname=server_name, do_handshake_on_connect=False)
    except (ValueError, TypeError):
        raise UserError(
            f"'{shown(str(server_name))}' is no name of a server: give the one that its certificate carries."
        ) from None


def _loaded(context: ssl.SSLContext, tls: TlsFiles, now: datetime | None, check: bool) -> ssl.SSLContext:
    if check:
        tls.check(now)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(cafile=str(tls.authority))
        if tls.certificate is not None:
            # OpenSSL would ask at the terminal for a missing passphrase, and a notebook would wait for ever.
            context.load_cert_chain(str(tls.certificate), str(tls.key), password=lambda: tls.passphrase or "")
    except (ssl.SSLError, OSError, ValueError):
        raise CertificateError(
            f"OpenSSL does not take the certificate in {_name(tls.certificate or tls.authority)}: "
            "use one of at least RSA 2048 or EC P-256, signed with SHA-256 or better."
        ) from None
    return context


def _check_dates(certificate: x509.Certificate, path: Path, now: datetime) -> None:
    if now > certificate.not_valid_after_utc:
        raise CertificateError(
            f"The certificate in {_name(path)} expired on {_day(certificate.not_valid_after_utc)}: renew it."
        )
    if now < certificate.not_valid_before_utc:
        raise CertificateError(
            f"The certificate in {_name(path)} is valid from {_day(certificate.not_valid_before_utc)} only: "
            "check the clock of this machine, or wait."
        )


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d}"


def _public_bytes(key) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _read(path: Path | str) -> bytes:
    file, name = Path(path), _name(path)
    try:
        if not file.is_file():
            raise CertificateError(f"The file {name} does not exist: check the path.")
        if file.stat().st_size > MAX_PEM_BYTES:
            raise CertificateError(f"{name} is too large for a certificate or key: name the PEM file.")
        return file.read_bytes()
    except OSError:
        raise CertificateError(f"The file {name} cannot be read: check its rights.") from None


def _name(path: Path | str) -> str:
    return shown(Path(path).name or str(path))
