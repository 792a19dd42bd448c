"""Claims about the key ring in AWS KMS, against moto and the AWS library's own stubs; never the network."""

from __future__ import annotations

import sys
import traceback
from dataclasses import replace

import pytest

from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import (
    ForeignKeyError,
    KeyDisabledError,
    KeyExistsError,
    KeyNameError,
    KeyNotFoundError,
    KeyUseDeniedError,
    KeyVersionGoneError,
    PersonKeys,
    ServiceDeniedError,
    ServiceError,
    ServiceThrottledError,
    ServiceUnreachableError,
    WrappedKey,
    WrappedKeyError,
    rewrap_all,
)
from secure_ai.encrypt.key_rings.aws_kms import AwsKmsRing

CONTEXT = {"table": "patients"}


@pytest.fixture
def credentials(monkeypatch, tmp_path):
    """Credentials and a region that nobody has."""
    pytest.importorskip("boto3", reason="the optional library boto3 is not installed")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing-canary",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def session():
    """A session of the AWS library, which reads its description of KMS once."""
    boto3 = pytest.importorskip("boto3", reason="the optional library boto3 is not installed")
    # A session knows the stand-in only if that was there before.
    pytest.importorskip("moto.core", reason="the test library moto is not installed")
    return boto3.session.Session("testing", "testing-canary", "testing", region_name="eu-central-1")


@pytest.fixture
def kms(credentials, audit, session):
    """A ring in moto's stand-in for KMS, with one key."""
    moto = pytest.importorskip("moto", reason="the test library moto is not installed")
    with moto.mock_aws():
        ring = AwsKmsRing(actor="service-1", audit=audit, client=session.client("kms"))
        ring.create_key("patients")
        yield ring


@pytest.fixture
def stubbed(credentials):
    """A ring whose client answers what a test tells it to."""
    from botocore.stub import Stubber

    ring = AwsKmsRing()
    with Stubber(ring._client) as stub:
        yield ring, stub


def test_a_data_key_opens_with_its_context_alone(kms):
    made = kms.new_data_key("patients", CONTEXT)
    assert len(made.secret) == 32
    assert kms.unwrap(made.wrapped, CONTEXT) == made.secret
    for context in ({}, {"table": "claims"}):
        with pytest.raises(WrappedKeyError, match="another context"):
            kms.unwrap(made.wrapped, context)


def test_a_rotated_key_opens_what_it_wrapped_and_wraps_with_the_newest(kms):
    old = kms.new_data_key("patients", CONTEXT)
    newest = kms.rotate("patients")
    assert kms.unwrap(old.wrapped, CONTEXT) == old.secret
    report = rewrap_all([(old.wrapped, CONTEXT)], kms)
    assert report.keys[0].version == newest
    assert report.destroyable == (("patients", old.wrapped.version),)
    assert kms.unwrap(report.keys[0], CONTEXT) == old.secret
    assert [(v.version, v.state) for v in kms.versions("patients")] == [
        (old.wrapped.version, "old"),
        (newest, "current"),
    ]
    assert kms.key_names() == ("patients",)


def test_destroying_schedules_a_deletion(kms):
    first = kms.versions("patients")[0].version
    kms.rotate("patients")
    kms.destroy("patients", first)
    assert [v.state for v in kms.versions("patients")] == ["pending deletion", "current"]
    with pytest.raises(KeyVersionGoneError, match="already"):
        kms.destroy("patients", first)


def test_person_keys_work_with_kms(kms, tmp_path):
    with PersonKeys.create(tmp_path / "p.db", kms, groups=4) as keys:
        keys.add(f"P{n}" for n in range(12))
        note = keys.seal("P1", b"note")
        assert keys.shred("P2").versions_destroyed == 1
        assert keys.unseal("P1", note) == b"note"
        assert [v.state for v in kms.versions("persons")] == ["pending deletion", "current"]


def test_every_use_is_in_the_audit_trail(kms, audit):
    made = kms.new_data_key("patients", CONTEXT)
    kms.unwrap(made.wrapped, CONTEXT)
    assert [(e.actor, e.action, e.target, e.outcome) for e in audit.events] == [
        ("service-1", action, "patients", "allowed") for action in ("create", "wrap", "unwrap")
    ]


BAD = {
    "no such key": (lambda r, w: r.new_data_key("claims", {}), KeyNotFoundError),
    "rotate no such key": (lambda r, w: r.rotate("claims"), KeyNotFoundError),
    "key exists": (lambda r, w: r.create_key("patients"), KeyExistsError),
    "bad name": (lambda r, w: r.create_key("a.b"), KeyNameError),
    "unknown version": (lambda r, w: r.destroy("patients", "none"), KeyNotFoundError),
    "local key": (
        lambda r, w: r.unwrap(WrappedKey("local", "patients", "1", b"x" * 68), {}),
        ForeignKeyError,
    ),
    "empty": (lambda r, w: r.unwrap(replace(w, ciphertext=b""), CONTEXT), WrappedKeyError),
    "cut short": (lambda r, w: r.unwrap(replace(w, ciphertext=w.ciphertext[:80]), CONTEXT), WrappedKeyError),
    "a version that is not there": (
        lambda r, w: r.unwrap(replace(w, version="0" * 36), CONTEXT),
        KeyVersionGoneError,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_has_its_own_error(kms, name):
    call, kind = BAD[name]
    made = kms.new_data_key("patients", CONTEXT)
    with pytest.raises(kind) as caught:
        call(kms, made.wrapped)
    assert caught.value.__cause__ is None


ANSWERS = {
    "AccessDeniedException": ServiceDeniedError,
    "ExpiredTokenException": ServiceDeniedError,
    "ThrottlingException": ServiceThrottledError,
    "DisabledException": KeyDisabledError,
    "KMSInvalidStateException": KeyVersionGoneError,
    "NotFoundException": KeyVersionGoneError,
    "InvalidCiphertextException": WrappedKeyError,
    "IncorrectKeyException": WrappedKeyError,
    "KMSInternalException": ServiceUnreachableError,
    "SomethingNewException": ServiceError,
}


@pytest.mark.parametrize("code", ANSWERS)
def test_what_kms_answers_is_a_sentence_without_its_own_words(stubbed, code):
    ring, stub = stubbed
    stub.add_client_error("decrypt", code, "arn:aws:kms:canary")
    with pytest.raises(ANSWERS[code]) as caught:
        ring.unwrap(WrappedKey("aws-kms", "patients", "0" * 36, b"x" * 100), CONTEXT)
    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert ring.gate.audit.events[-1].outcome == "error"


def test_re_wrapping_names_both_keys_and_the_context_twice(stubbed):
    ring, stub = stubbed
    stub.add_response(
        "re_encrypt",
        {"CiphertextBlob": b"new", "KeyId": "arn:aws:kms:eu-central-1:1:key/second"},
        {
            "CiphertextBlob": b"x" * 100,
            "SourceKeyId": "first",
            "SourceEncryptionContext": CONTEXT,
            "DestinationKeyId": "alias/secure-ai/patients",
            "DestinationEncryptionContext": CONTEXT,
        },
    )
    again = ring.rewrap(WrappedKey("aws-kms", "patients", "first", b"x" * 100), CONTEXT)
    assert again == WrappedKey("aws-kms", "patients", "second", b"new")


def test_nothing_hangs_where_kms_cannot_be_reached(credentials):
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
    client = boto3.client("kms", endpoint_url="http://127.0.0.1:9", config=config)
    with pytest.raises(ServiceUnreachableError, match="cannot be reached"):
        AwsKmsRing(client=client).new_data_key("patients", {})
    default = AwsKmsRing()._client.meta.config
    assert (default.connect_timeout, default.read_timeout) == (5, 15)


def test_missing_credentials_region_and_library_are_named(credentials, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9")
    with pytest.raises(ServiceDeniedError, match="credentials"):
        AwsKmsRing().key_names()
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ServiceError, match="AWS_DEFAULT_REGION"):
        AwsKmsRing()


def test_without_boto3_the_installation_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(UserError, match=r"requirements-kms\.lock") as caught:
        AwsKmsRing()
    assert "Traceback" not in "".join(traceback.format_exception_only(caught.value))


def test_the_policy_is_asked_before_kms_is(credentials):
    ring = AwsKmsRing(allowed=lambda *_: False)
    with pytest.raises(KeyUseDeniedError):
        ring.new_data_key("patients", {})
