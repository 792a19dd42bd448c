"""What is sent is in no capture, log, audit trail or drop in the clear; keys stay where they belong."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.files import decrypt_file, encrypt_file
from secure_ai.encrypt.transport import (
    RecipientKey,
    RecipientKeys,
    ServiceFailed,
    generate_recipient_key,
    generate_signing_key,
    generate_ssh_key,
    handshake_table,
    lesson_authority,
    recording_relay,
    request_score,
    request_score_without_tls,
    send_by_sftp,
    serve,
    serve_without_tls,
    vendor_sftp_server,
)
from secure_ai.encrypt.transport.packages import (
    Expected,
    sign_receipt,
    unpack_package,
    verify_receipt,
    write_package,
)
from secure_ai.encrypt.transport.public_keys import load_private_key

from .planted import PERSONAL, SECRET
from .records import record, text_file

CALLER = "ward-dashboard"
CREATED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PARTIES = {
    "sender": "Lakeside Hospital",
    "recipient": "Readmission Analytics",
    "purpose": "validation of the readmission model",
}
DATES = {"sequence": 4, "created": CREATED, "expires": CREATED + timedelta(days=14)}


def seen(watch):
    return {found.canary for found in watch.found()}


def captured(watch, relay):
    capture = relay.capture()
    (watch.work / "capture").write_bytes(capture.data())
    watch.say("capture", capture, capture.excerpt())


def test_without_tls_a_capture_holds_the_record(watch):
    with serve_without_tls(lambda record: 0.5) as service, recording_relay(service.address) as relay:
        assert request_score_without_tls(relay.address, record()) == 0.5
    captured(watch, relay)
    assert seen(watch) == set(PERSONAL)


def test_with_tls_neither_capture_nor_trail_holds_the_record_or_a_private_key(watch):
    trail = AuditLog(watch.work / "service.audit.jsonl")
    with lesson_authority() as authority:
        client, server = authority.client(CALLER), authority.server()
        with (
            serve(lambda record: 0.5, server, allowed={CALLER}, audit=trail) as service,
            recording_relay(service.address) as relay,
        ):
            assert request_score(relay.address, record(), client) == 0.5
            with pytest.raises(UserError) as refused:
                request_score(relay.address, record(), authority.client("another"))
            watch.raised(refused.value)
            watch.say("handshakes", handshake_table(service, authority).to_string(), service, authority)
        captured(watch, relay)
        keys = {f"key of {tls.key.name}": private_bytes(tls.key) for tls in (client, server)}
        assert {stat.S_IMODE(tls.key.stat().st_mode) for tls in (client, server)} == {0o600}
    # Private keys of the lesson's authority are files while it lives, for OpenSSL reads files
    # alone: they are searched for afterwards, in what is left.
    watch.canaries = watch.canaries.plus(**keys)
    assert watch.found() == []
    assert not list((watch.here / "tmp").iterdir())


def private_bytes(path):
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    return key.private_numbers().private_value.to_bytes(32, "big")


def test_a_model_that_fails_on_a_record_does_not_tell_it(watch):
    def score(record):
        raise ValueError(f"cannot score {record}")

    trail = AuditLog(watch.work / "service.audit.jsonl")
    with (
        lesson_authority() as authority,
        serve(score, authority.server(), allowed={CALLER}, audit=trail) as service,
    ):
        with pytest.raises(ServiceFailed) as failed:
            request_score(service.address, record(), authority.client(CALLER))
        watch.raised(failed.value)
    assert watch.found() == []


@pytest.fixture
def keys(watch):
    """The organizations' keys: sealed under the planted passphrase, in the watched place."""
    made = {
        "signing": generate_signing_key(watch.work / "signing.pem", passphrase=SECRET["passphrase"]),
        "recipient": generate_recipient_key(watch.work / "recipient.pem", passphrase=SECRET["passphrase"]),
    }
    kinds = {"signing": "ed25519", "recipient": "x25519"}
    loaded = {
        name: load_private_key(pair.private, kinds[name], SECRET["passphrase"]) for name, pair in made.items()
    }
    raw = {f"private key, {name}": key.private_bytes_raw() for name, key in loaded.items()}
    watch.canaries = watch.canaries.plus(**raw)
    return made | {"signing key": loaded["signing"]}


def sent(watch, keys, encrypted):
    """Pack a file, and hand it over to a vendor's server; returns what arrived there."""
    source, name = text_file(watch.inputs), "letters.enc" if encrypted else "letters.txt"
    packed = source
    if encrypted:
        packed = watch.work / name
        ring = RecipientKeys({"vendor": keys["recipient"].public})
        encrypt_file(source, packed, ring, "vendor", chunk_size=1 << 16)
    package = watch.work / "package.tar"
    watch.say(
        "package",
        write_package({name: packed}, package, **PARTIES, **DATES, signing_key=keys["signing key"]),
    )
    # SSH keys have no passphrase here and are files of mode 0600 by design: beside the watched place.
    login = generate_ssh_key(watch.inputs / "ssh")
    with vendor_sftp_server({"drop": login.public}) as vendor:
        receipt = send_by_sftp(
            package, vendor.address, user="drop", key=login.private, host_key=vendor.host_key
        )
        watch.say("vendor", vendor, receipt, receipt.sentence())
        assert vendor.folder.is_relative_to(watch.here)
        found = watch.found()
        (watch.inputs / "arrived.tar").write_bytes((vendor.folder / "package.tar").read_bytes())
    return found


def test_a_package_alone_hides_nothing_on_the_way(watch, keys):
    assert {found.canary for found in sent(watch, keys, encrypted=False)} == set(PERSONAL)


def test_an_encrypted_package_holds_no_value_and_no_key_at_sender_and_vendor(watch, keys):
    assert sent(watch, keys, encrypted=True) == []
    expected = Expected(
        {PARTIES["sender"]: keys["signing"].public}, PARTIES["recipient"], CREATED + timedelta(days=1), 3
    )
    manifest = unpack_package(watch.inputs / "arrived.tar", watch.work / "unpacked", expected)
    vendor = RecipientKey("vendor", keys["recipient"].private, passphrase=SECRET["passphrase"])
    decrypt_file(watch.work / "unpacked" / "letters.enc", watch.inputs / "back", vendor)
    assert (watch.inputs / "back").read_bytes() == (watch.inputs / "letters.txt").read_bytes()
    receipt = sign_receipt(manifest, received=CREATED, signing_key=keys["signing key"])
    signed = verify_receipt(receipt, manifest, {PARTIES["recipient"]: keys["signing"].public})
    watch.say("vendor", vendor, manifest, receipt, signed)
    assert watch.found() == []


def test_a_private_key_without_a_passphrase_is_found_so_the_search_can_fail(watch, keys):
    key = keys["signing key"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (watch.work / "plain.pem").write_bytes(key)
    assert seen(watch) == {"private key, signing"}


@pytest.fixture
def cloud(watch, monkeypatch):
    """AWS KMS as moto stands in for it, with credentials that nobody has."""
    pytest.importorskip("boto3", reason="the optional library boto3 is not installed")
    moto = pytest.importorskip("moto", reason="the test library moto is not installed")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": SECRET["client secret"],
        "AWS_SESSION_TOKEN": SECRET["password"],
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
    with moto.mock_aws():
        yield


def test_the_log_of_the_aws_library_holds_no_data_key(watch, cloud):
    from secure_ai.encrypt.key_rings.aws_kms import AwsKmsRing

    ring = AwsKmsRing(actor="service-1", audit=AuditLog(watch.work / "audit.jsonl"))
    ring.create_key("patients")
    key = ring.new_data_key("patients", {"table": "patients"})
    assert ring.unwrap(key.wrapped, {"table": "patients"}) == key.secret
    ring.rotate("patients")
    ring.rewrap(key.wrapped, {"table": "patients"})
    with pytest.raises(UserError) as refused:
        ring.unwrap(key.wrapped, {"table": "claims"})
    watch.raised(refused.value)
    watch.say("ring", ring, key)
    watch.canaries = watch.canaries.plus(**{"data key": key.secret})
    assert any(where.startswith("log of botocore") for where, _ in watch.said)
    assert watch.found() == []
