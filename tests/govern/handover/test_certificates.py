"""A vendor's certificate is accepted if it is right in every respect, and refused with a reason if not."""

from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.x509.oid import NameOID

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.certificates import CertificateAuthority
from secure_ai.encrypt.transport.public_keys import public_line
from secure_ai.govern.handover import vendor_key
from tests.govern.handover.conftest import TODAY, VENDOR

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path):
    return CertificateAuthority("State Authority", tmp_path, NOW)


def issued(authority, key, *, ca=False):
    """Return a vendor's certificate with any key, from the authority."""
    builder = authority._builder(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, VENDOR)]), key, NOW - timedelta(days=1),
        NOW + timedelta(days=30),
    ).add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True).add_extension(
        x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=True, key_cert_sign=False,
            crl_sign=False, encipher_only=False, decipher_only=False,
        ),
        critical=True,
    )  # fmt: skip
    return builder.sign(authority._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def revocation_list(authority, *serials, until=NOW + timedelta(days=7)):
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority._name)
        .last_update(NOW - timedelta(days=10))
        .next_update(until)
    )
    for serial in serials:
        revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
        builder = builder.add_revoked_certificate(revoked)
    return builder.sign(authority._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_certificate_that_is_right_gives_the_key_and_its_last_day(authority, x25519):
    found = vendor_key(
        authority.certify(VENDOR, x25519), VENDOR, today=TODAY, authority=authority.certificate,
        revoked=revocation_list(authority, 12345),
    )  # fmt: skip
    assert found.line == public_line(x25519)
    assert (found.valid_until, found.from_certificate) == (date(2026, 4, 1), True)


def test_signing_certificate_gives_the_key_that_verifies_receipts(authority, ed25519):
    path = authority.certify(VENDOR, ed25519)
    found = vendor_key(path, VENDOR, today=TODAY, authority=authority.certificate, signing=True)
    assert found.line == public_line(ed25519)


def test_every_wrong_certificate_is_refused_with_a_reason_of_its_own_and_logged(
    authority, x25519, ed25519, tmp_path
):
    good = authority.certify(VENDOR, x25519)
    (tmp_path / "other").mkdir()
    other = CertificateAuthority("Somebody Else", tmp_path / "other", NOW)
    root = authority.certificate
    short = rsa.generate_private_key(65537, 1024).public_key()
    usual = rsa.generate_private_key(65537, 2048).public_key()
    curve = ec.generate_private_key(ec.SECP192R1()).public_key()
    serial = x509.load_pem_x509_certificate(good.read_bytes()).serial_number
    low_order = X25519PublicKey.from_public_bytes(bytes(32))
    cases = {
        "expired": (authority.certify(VENDOR, x25519, validity="expired"), {}),
        "not yet valid": (authority.certify(VENDOR, x25519, validity="not yet valid"), {}),
        "another name": (authority.certify("Acme Model", x25519), {}),
        "another issuer": (other.certify(VENDOR, x25519), {}),
        "no authority": (good, {"authority": None}),
        "authority that is none": (good, {"authority": good}),
        "use: signs": (authority.certify(VENDOR, ed25519), {}),
        "use: connections": (authority.server(VENDOR, hosts=[VENDOR]).certificate, {}),
        "use: seals, where one that signs is needed": (good, {"signing": True}),
        "an authority's": (issued(authority, x25519, ca=True), {}),
        "weak RSA": (issued(authority, short), {}),
        "strong RSA": (issued(authority, usual), {}),
        "weak curve": (issued(authority, curve), {}),
        "low order": (issued(authority, low_order), {}),
        "revoked": (good, {"revoked": revocation_list(authority, serial)}),
        "old revocation list": (good, {"revoked": revocation_list(authority, until=NOW - timedelta(days=1))}),
        "revocation list of another": (good, {"revoked": revocation_list(other)}),
        "no PEM": (b"certificate", {}),
        "two": (good.read_bytes() * 2, {}),
        "no file": (tmp_path / "nobody.pem", {}),
        "folder": (tmp_path, {}),
        "line of the wrong kind": (public_line(ed25519), {}),
    }
    sentences = {}
    for name, (source, options) in cases.items():
        audit = AuditLog()
        with pytest.raises(UserError) as refused:
            vendor_key(source, VENDOR, today=TODAY, **{"authority": root, "audit": audit, **options})
        sentences[name] = str(refused.value)
        assert [(one.outcome, one.reason, one.alert) for one in audit.events] == [
            ("denied", sentences[name], True)
        ]
    # Whoever signs its own certificate is not the authority: the name that is said is that of the reason.
    assert "not issued by" in sentences["another issuer"]
    assert "weak (RSA, 1024 bits)" in sentences["weak RSA"]
    assert "expired (2026-03-01)" in sentences["expired"]
    assert "from 2026-03-03" in sentences["not yet valid"]
    repeated = [one for one in set(sentences.values()) if list(sentences.values()).count(one) > 1]
    assert len(set(sentences.values())) == len(cases), repeated


def test_certificate_that_ends_in_the_course_of_the_day_is_refused_that_day(authority, x25519):
    path = authority.certify(VENDOR, x25519)
    last = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.date()
    key = {"authority": authority.certificate}
    assert vendor_key(path, VENDOR, today=last - timedelta(days=1), **key).valid_until == last
    with pytest.raises(UserError, match="expired"):
        vendor_key(path, VENDOR, today=last, **key)
