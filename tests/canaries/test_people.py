"""Passwords, one-time secrets, codes and tokens are in no file, log, trail, page, output or exception."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pyotp
import pytest

from secure_ai.access.identity.directory import DirectoryClient
from secure_ai.access.identity.directory_data import DirectoryContent
from secure_ai.access.identity.directory_server import directory_server, why_no_directory
from secure_ai.access.identity.password_hashing import FOR_TESTS
from secure_ai.access.identity.password_rules import PasswordRules
from secure_ai.access.identity.passwords import PasswordStore
from secure_ai.access.identity.sealing import KeySealer
from secure_ai.access.identity.second_factor import SecondFactors, current_code
from secure_ai.access.identity.sign_in import SignIn
from secure_ai.access.openid.client import renew, sign_in_headless, sign_out, user_info
from secure_ai.access.openid.flow import CodeFlow
from secure_ai.access.openid.model import Client, User
from secure_ai.access.openid.provider import local_provider
from secure_ai.access.openid.tokens import check_token
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.secret_keys import random_key

from .planted import SECRET

NOW = datetime(2026, 3, 2, 9, 0, 10, tzinfo=UTC)
STEP = timedelta(seconds=30)
WRONG = "not the goldfinch but the siskin"


def seen(watch):
    return {found.canary for found in watch.found()}


@pytest.fixture
def door(watch):
    """A sign-in whose stores and trail are files in the watched place; its secrets are canaries."""
    key = random_key()
    store = PasswordStore(
        watch.work / "passwords.sqlite", profile=FOR_TESTS, rules=PasswordRules.with_second_factor()
    )
    factors = SecondFactors(KeySealer(key), watch.work / "factors.sqlite")
    audit = AuditLog(watch.work / "sign-in.audit.jsonl", clock=lambda: NOW)
    door = SignIn(store, factors, audit=audit, clock=lambda: NOW)
    enrollment = factors.enroll("ana")
    codes = {f"recovery code {number}": code for number, code in enumerate(enrollment.recovery_codes)}
    base32 = enrollment.secret
    watch.canaries = watch.canaries.plus(
        key=key.secret, wrong=WRONG, raw_secret=pyotp.TOTP(base32).byte_secret(), secret=base32, **codes
    )
    watch.say("identity", store, factors, door, enrollment)
    yield door, enrollment
    store.close()


def test_a_whole_life_of_an_account_leaves_hashes_and_sealed_secrets_alone(watch, door):
    sign_in, enrollment = door
    store, factors = sign_in.passwords, sign_in.factors
    store.register("ana", SECRET["password"])
    code = current_code(enrollment.secret, NOW - 9 * STEP)
    assert factors.confirm("ana", code, NOW - 9 * STEP)
    good = sign_in.authenticate("ana", SECRET["password"], current_code(enrollment.secret, NOW), "192.0.2.7")
    assert good.ok
    watch.canaries = watch.canaries.plus(device=good.device_token)
    results = [
        good,
        sign_in.authenticate("ana", WRONG, "000000"),
        sign_in.authenticate(SECRET["password"], "ana", "000000"),
        sign_in.authenticate("ana", SECRET["password"], enrollment.recovery_codes[3]),
        sign_in.authenticate("ana", SECRET["password"], enrollment.recovery_codes[3]),
        sign_in.diagnose_clock("ana", WRONG, "111111", "222222"),
    ]
    reset = store.issue_reset("ana", NOW)
    watch.canaries = watch.canaries.plus(reset=reset.code)
    store.reset("ana", reset.code, WRONG, NOW)
    for attempt in (
        lambda: store.reset("ana", reset.code, SECRET["password"], NOW),
        lambda: store.change("ana", SECRET["password"], WRONG),
        lambda: store.register("ana", SECRET["password"]),
        lambda: store.register("ben", "ben"),
        lambda: factors.confirm("ben", enrollment.recovery_codes[0], NOW),
    ):
        with pytest.raises(UserError) as refused:
            attempt()
        watch.raised(refused.value)
    watch.say("identity", *results, reset, store, factors, sign_in.audit.to_frame().to_string())
    assert watch.found() == []


def test_secrets_that_are_stored_as_they_are_would_be_found(watch, door):
    _, enrollment = door
    frame = pd.DataFrame({"password": [SECRET["password"]], "secret": [enrollment.secret]})
    frame.to_json(watch.work / "accounts.json")
    assert seen(watch) >= {"password", "secret"}


@pytest.fixture
def provider(watch):
    """A provider of sign-in with one nurse and one application that has a secret."""
    nurse = User("nurse01", roles=("nurse",), name="Ada Test", password=SECRET["password"])
    application = Client("records-app", secret=SECRET["client secret"])
    trail = AuditLog(watch.work / "provider.audit.jsonl")
    with local_provider([nurse], [application], audit=trail) as running:
        watch.say("provider", running, nurse, application)
        yield running


def signed_in(watch, provider):
    result = sign_in_headless(provider, "nurse01", SECRET["password"], client_secret=SECRET["client secret"])
    tokens = {"access": result.access_token, "refresh": result.refresh_token, "id": result.id_token}
    # The signature is what makes a token worth stealing; its readable parts are in each copy of it.
    parts = {f"signature of {name}": value.rpartition(".")[2] for name, value in tokens.items()}
    watch.canaries = watch.canaries.plus(**tokens, **parts)
    return result


def test_a_sign_in_its_renewal_and_its_end_show_no_password_client_secret_or_token(watch, provider):
    first = signed_in(watch, provider)
    second = renew(first)
    watch.canaries = watch.canaries.plus(
        **{"second access": second.access_token, "second refresh": second.refresh_token}
    )
    claims = check_token(
        second.access_token, issuer=provider.issuer, audience=provider.audience, keys=provider.key_set
    )
    user_info(second)
    watch.say("sign-in", first, second, claims, first.sentence(), first.to_frame().to_string())
    watch.say("claims", claims.sentence(), claims.to_frame().to_string())
    sign_out(second)
    for attempt in (
        lambda: renew(second),
        lambda: user_info(second),
        lambda: sign_in_headless(provider, "nurse01", WRONG, client_secret=SECRET["client secret"]),
        lambda: sign_in_headless(
            provider, SECRET["password"], "nurse01", client_secret=SECRET["client secret"]
        ),
        lambda: sign_in_headless(provider, "nurse01", SECRET["password"], client_secret="another"),
    ):
        with pytest.raises(UserError) as refused:
            attempt()
        watch.raised(refused.value)
    assert watch.found() == []


def test_the_verifier_of_a_code_stays_in_the_application(watch, provider, monkeypatch):
    made = []
    original = CodeFlow.__init__

    def remember(self, *arguments, **options):
        original(self, *arguments, **options)
        made.append(self._verifier)

    monkeypatch.setattr(CodeFlow, "__init__", remember)
    signed_in(watch, provider)
    watch.canaries = watch.canaries.plus(verifier=made[0])
    assert watch.found() == []


def test_what_the_libraries_would_log_holds_tokens_so_the_search_can_fail(watch, provider, monkeypatch):
    monkeypatch.setattr("secure_ai.core.quiet._allowed", lambda record: True)
    from secure_ai.core import quiet

    loggers = [
        name for name in quiet.logging.root.manager.loggerDict if name.startswith(("httpx", "authlib"))
    ]
    for name in loggers:
        logger = quiet.logging.getLogger(name)
        monkeypatch.setattr(logger, "filters", [])
    signed_in(watch, provider)
    assert seen(watch) >= {"access", "refresh"}


@pytest.fixture
def directory(watch):
    """An LDAP server with one person whose password is planted, in the watched place."""
    if reason := why_no_directory():
        pytest.skip(reason)
    staff = pd.DataFrame(
        {"staff_id": ["S1"], "username": ["ana"], "role": ["nurse"], "department": ["Surgery"]}
    )
    content = DirectoryContent(staff, {"ana": SECRET["password"]})
    with directory_server(content, profile=FOR_TESTS) as running:
        watch.say("directory", running, content)
        watch.canaries = watch.canaries.plus(reader=running.reader_password, wrong=WRONG)
        yield running


def test_a_directory_keeps_and_logs_no_password_of_people_or_of_its_reader(watch, directory):
    client = DirectoryClient(
        directory.ldaps_url, directory.base, directory.reader, directory.reader_password,
        ca=directory.authority,
    )  # fmt: skip
    assert client.authenticate("ana", SECRET["password"])
    assert not client.authenticate("ana", WRONG)
    watch.say("client", client, client.find("ana"), client.groups_of("ana"))
    wrong = DirectoryClient(
        directory.ldaps_url, directory.base, directory.reader, WRONG, ca=directory.authority
    )
    with pytest.raises(UserError) as refused:
        wrong.find("ana")
    watch.raised(refused.value)
    assert any((watch.here / "tmp").glob("secure-ai-directory-*/*")), "slapd's files are in the watched place"
    assert any(where == "log of ldap3" for where, _ in watch.said), "the library's log was on"
    assert watch.found() == []
