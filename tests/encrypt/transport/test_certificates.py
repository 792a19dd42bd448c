"""Certificates and keys: issued, checked before use, and never quoted."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.certificates import lesson_authority
from secure_ai.encrypt.transport.tls import (
    CertificateError,
    TlsFiles,
    client_context,
    read_certificates,
    server_context,
    service_name,
)


def test_the_folder_of_an_authority_vanishes_also_after_an_error():
    with pytest.raises(RuntimeError), lesson_authority() as made:
        folder = made.folder
        made.client("ward-dashboard")
        raise RuntimeError
    assert not folder.exists()


def test_private_keys_are_readable_by_their_owner_only_and_the_authoritys_is_never_written(authority):
    tls = authority.client("ward-dashboard")
    assert stat.S_IMODE(Path(tls.key).stat().st_mode) == 0o600
    assert stat.S_IMODE(authority.folder.stat().st_mode) == 0o700
    assert not list(authority.folder.glob("*.key"))


def test_a_clients_certificate_names_its_service_account(authority):
    assert (
        service_name(read_certificates(authority.client("ward-dashboard").certificate)[0]) == "ward-dashboard"
    )


def test_good_files_pass_on_both_sides(authority):
    server_context(authority.server())
    client_context(authority.client("ward-dashboard"))
    client_context(TlsFiles(None, None, authority.certificate))


def changed(authority, tmp_path, case: str) -> TlsFiles:
    good, other = authority.client("ward-dashboard"), authority.client("ward-dashboard")
    damaged = tmp_path / "damaged.key"
    damaged.write_bytes(Path(good.key).read_bytes()[:100])
    damaged.chmod(0o600)
    der = tmp_path / "certificate.der"
    der.write_bytes(read_certificates(good.certificate)[0].public_bytes(serialization.Encoding.DER))
    huge = tmp_path / "huge.pem"
    with huge.open("wb") as file:
        file.truncate(2 << 20)
    return {
        "key of another": replace(good, key=other.key),
        "missing": replace(good, certificate=tmp_path / "nowhere.pem"),
        "missing key": replace(good, key=tmp_path / "nowhere.key"),
        "key without certificate": replace(good, certificate=None),
        "folder": replace(good, certificate=tmp_path),
        "expired": authority.client("ward-dashboard", validity="expired"),
        "early": authority.client("ward-dashboard", validity="not yet valid"),
        "damaged key": replace(good, key=damaged),
        "der": replace(good, certificate=der),
        "certificate as key": replace(good, key=good.certificate),
        "key as certificate": replace(good, certificate=good.key),
        "huge": replace(good, authority=huge),
        "passphrase not needed": replace(good, passphrase="marigold"),
    }[case]


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("key of another", "not that of the certificate"),
        ("missing", "does not exist"),
        ("missing key", "does not exist"),
        ("key without certificate", "both files or neither"),
        ("folder", "does not exist"),
        ("expired", "expired on"),
        ("early", "is valid from"),
        ("damaged key", "no private key"),
        ("der", "PEM format"),
        ("certificate as key", "no private key"),
        ("key as certificate", "PEM format"),
        ("huge", "too large"),
        ("passphrase not needed", "not encrypted"),
    ],
)
def test_files_that_cannot_be_used_are_named_with_the_reason_and_no_key(authority, tmp_path, case, says):
    tls = changed(authority, tmp_path, case)
    with pytest.raises(CertificateError, match=says) as caught:
        client_context(tls)
    key_lines = Path(authority.client("x").key).read_text().splitlines()[1:2]
    assert not any(line in str(caught.value) for line in key_lines)
    assert "marigold" not in str(caught.value) + repr(tls)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_an_encrypted_key_needs_its_passphrase_and_nobody_is_asked_at_the_terminal(authority, tmp_path):
    good = authority.client("ward-dashboard")
    key = serialization.load_pem_private_key(Path(good.key).read_bytes(), None)
    sealed = tmp_path / "sealed.key"
    sealed.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"marigold"),
        )
    )
    sealed.chmod(0o600)
    client_context(replace(good, key=sealed, passphrase="marigold"))
    for passphrase, says in ((None, "give its passphrase"), ("tulip", "passphrase is another")):
        with pytest.raises(CertificateError, match=says):
            client_context(replace(good, key=sealed, passphrase=passphrase))
        with pytest.raises(CertificateError, match="OpenSSL does not take"):
            client_context(replace(good, key=sealed, passphrase=passphrase), check=False)


def test_validity_is_judged_at_the_time_given(authority):
    tls = authority.client("ward-dashboard")
    tls.check(datetime.now(UTC) + timedelta(days=29))
    with pytest.raises(CertificateError, match="expired on"):
        tls.check(datetime.now(UTC) + timedelta(days=31))


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_key_that_everybody_may_read_is_warned_about(authority, tmp_path):
    good = authority.client("ward-dashboard")
    open_key = tmp_path / "open.key"
    open_key.write_bytes(Path(good.key).read_bytes())
    open_key.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600"):
        replace(good, key=open_key).check()


def test_names_that_fit_no_certificate_are_refused(authority):
    for name in ("", "x" * 65):
        with pytest.raises(UserError, match="1 to 64 characters"):
            authority.client(name)
    with pytest.raises(UserError, match="choose one of them"):
        authority.client("x", validity="tomorrow")


def test_certificates_can_be_issued_in_parallel(authority):
    found = []
    threads = [threading.Thread(target=lambda: found.append(authority.client("same"))) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len({tls.key for tls in found}) == 4
