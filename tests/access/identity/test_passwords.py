"""The store of passwords: what is kept, who gets in, and how old hashes are upgraded."""

from __future__ import annotations

import base64
import hashlib
import stat
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from secure_ai.access.identity.password_hashing import (
    FOR_TESTS,
    OWASP,
    RFC_9106,
    HashProfile,
    directory_hash,
    hash_secret,
    parse_hash,
    verify_hash,
)
from secure_ai.access.identity.password_rules import PasswordRefused
from secure_ai.access.identity.passwords import PasswordStore, ResetRefused, WrongPassword
from secure_ai.core.errors import UserError

GOOD, OTHER = "correct horse battery staple", "seven bicycles in the garden"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def store():
    return PasswordStore(profile=FOR_TESTS)


def hashes_of(password):
    secret, salt = password.encode(), b"NaCl"
    sha1 = hashlib.sha1(secret + salt).digest()
    pbkdf2 = base64.b64encode(hashlib.pbkdf2_hmac("sha256", secret, salt, 1000)).decode()
    return {
        "md5 hexadecimal": hashlib.md5(secret).hexdigest(),
        "sha1 hexadecimal": hashlib.sha1(secret).hexdigest(),
        "{MD5}": "{MD5}" + base64.b64encode(hashlib.md5(secret).digest()).decode(),
        "{SMD5}": "{SMD5}" + base64.b64encode(hashlib.md5(secret + salt).digest() + salt).decode(),
        "{SHA}": "{SHA}" + base64.b64encode(hashlib.sha1(secret).digest()).decode(),
        "{SSHA}": "{SSHA}" + base64.b64encode(sha1 + salt).decode(),
        "django md5": f"md5$NaCl${hashlib.md5(salt + secret).hexdigest()}",
        "django sha1": f"sha1$NaCl${hashlib.sha1(salt + secret).hexdigest()}",
        "django pbkdf2": f"pbkdf2_sha256$1000$NaCl${pbkdf2}",
        "argon2": hash_secret(password, HashProfile("other", 16, 1, 1, "")),
        "{ARGON2}": directory_hash(password, FOR_TESTS),
        "our {SSHA}": directory_hash(password, argon2=False),
    }


def test_the_profiles_are_those_of_owasp_and_rfc_9106():
    assert (OWASP.memory_kib, OWASP.passes, OWASP.lanes) == (19 * 1024, 2, 1)
    assert (RFC_9106.memory_kib, RFC_9106.passes, RFC_9106.lanes) == (64 * 1024, 3, 4)
    assert hash_secret("x", FOR_TESTS).startswith("$argon2id$v=19$m=8,t=1,p=1$")


def test_the_right_password_signs_in_whatever_the_case_of_the_name(store):
    store.register("Ana.Lopez", GOOD)
    assert store.verify("ana.lopez ", GOOD).correct
    assert "ANA.LOPEZ" in store


@pytest.mark.parametrize(
    "password", [GOOD + " ", GOOD.upper(), "", "\0", "\ud800", GOOD + "\0", "x" * 100_000]
)
def test_another_password_never_signs_in(store, password):
    store.register("ana", GOOD)
    assert not store.verify("ana", password).correct


@pytest.mark.parametrize("username", ["", " ", "x" * 300, "a\0b", "a\ud800", None, 7])
def test_a_name_that_is_none_is_refused_and_never_found(store, username):
    with pytest.raises(UserError, match="user name"):
        store.register(username, GOOD)
    assert not store.verify(username, GOOD).correct


def test_an_unknown_name_costs_as_much_as_a_known_one():
    store = PasswordStore(profile=HashProfile("a few milliseconds", 4096, 3, 1, ""))
    store.register("ana", GOOD)
    store.import_hash("old", hashlib.md5(b"x").hexdigest())
    times = {}
    for name in ("ana", "nobody", "old") * 7:
        start = time.thread_time()
        assert not store.verify(name, "wrong password of ana").correct
        times.setdefault(name, []).append(time.thread_time() - start)
    medians = [statistics.median(values) for values in times.values()]
    assert max(medians) < 2 * min(medians)


def test_a_hash_with_lower_parameters_is_replaced_at_the_next_sign_in(tmp_path):
    path = tmp_path / "passwords.sqlite"
    PasswordStore(path, profile=FOR_TESTS).register("ana", GOOD)
    later = PasswordStore(path, profile=HashProfile("more", 64, 2, 1, ""))
    assert later.verify("ana", "wrong").upgraded is False
    assert later.verify("ana", GOOD).upgraded is True
    assert later.verify("ana", GOOD) == later.verify("ANA", GOOD)
    assert later.verify("ana", GOOD).upgraded is False


@pytest.mark.parametrize("kind", hashes_of("x"))
def test_a_hash_of_an_old_system_works_once_and_is_upgraded(store, kind):
    store.import_hash("ana", hashes_of("old secret")[kind])
    assert not store.verify("ana", "another").correct
    assert store.verify("ana", "old secret").correct
    assert store.verify("ana", "old secret").upgraded is False


@pytest.mark.parametrize("kind", [kind for kind in hashes_of("x") if "argon" not in kind.lower()])
def test_no_weak_hash_is_ever_stored(tmp_path, kind):
    path = tmp_path / "passwords.sqlite"
    stored = hashes_of("old secret")[kind]
    PasswordStore(path, profile=FOR_TESTS).import_hash("ana", stored)
    digest = parse_hash(stored).value
    content = path.read_bytes()
    assert digest not in content
    assert digest.hex().encode() not in content
    assert base64.b64encode(digest).rstrip(b"=") not in content


def test_ntlm_hashes_are_verified_or_refused_where_the_machine_has_no_md4(store):
    # "password" in MD4 of UTF-16, the published example.
    try:
        store.import_hash("ana", "{NTLM}8846F7EAEE8FB117AD06BDD830B7586C")
    except UserError as error:
        assert "MD4" in str(error)
    else:
        assert store.verify("ana", "password").correct


@pytest.mark.parametrize(
    "stored",
    [
        "", "nonsense", "{SHA}***", "{SHA}AAAA", "{SSHA}AAAA", "{CRYPT}$6$x$y", "a" * 31,
        "$argon2id$v=19$m=8", "$argon2id$v=19$m=2147483647,t=1,p=1$c29tZXNhbHQ$" + "A" * 43,
        "pbkdf2_sha256$999999999$salt$AAAA",
        "pbkdf2_sha256$0$salt$AAAA", "pbkdf2_md5$1$salt$AAAA", None, "x" * 5000,
    ],
)  # fmt: skip
def test_a_damaged_or_costly_hash_is_refused_and_not_repeated(store, stored):
    with pytest.raises(UserError) as error:
        store.import_hash("ana", stored)
    assert not stored or stored not in str(error.value)
    assert "ana" not in store


def test_a_damaged_stored_hash_is_never_a_match():
    for stored in ("", "x", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA"):
        assert verify_hash(stored, "x") is False


def test_a_change_needs_the_old_password_and_keeps_the_rules(store):
    store.register("ana", GOOD)
    for name, old, new, error in (
        ("ana", OTHER, OTHER, WrongPassword),
        ("nobody", GOOD, OTHER, WrongPassword),
        ("ana", GOOD, "short", PasswordRefused),
        ("ana", GOOD, GOOD, PasswordRefused),
    ):
        with pytest.raises(error):
            store.change(name, old, new)
    assert store.verify("ana", GOOD).correct
    store.change("ana", GOOD, OTHER)
    assert store.verify("ana", OTHER).correct
    assert not store.verify("ana", GOOD).correct


def test_a_reset_code_works_once_in_time_and_for_its_account(store):
    store.register("ana", GOOD)
    store.register("ben", GOOD)
    code = store.issue_reset("ana", NOW).code
    for name, given, moment in (
        ("ana", "wrong", NOW),
        ("ben", code, NOW),
        ("nobody", code, NOW),
        ("ana", code, NOW + timedelta(minutes=11)),
    ):
        with pytest.raises(ResetRefused):
            store.reset(name, given, OTHER, moment)
    with pytest.raises(PasswordRefused):
        store.reset("ana", code, "short", NOW)
    store.reset("ana", code, OTHER, NOW)
    assert store.verify("ana", OTHER).correct
    with pytest.raises(ResetRefused):
        store.reset("ana", code, GOOD, NOW)


def test_a_compromised_password_must_be_changed(store):
    store.register("ana", GOOD)
    store.require_change("ana")
    assert store.verify("ana", GOOD).must_change
    store.change("ana", GOOD, OTHER)
    assert not store.verify("ana", OTHER).must_change


def test_a_disabled_or_removed_account_does_not_sign_in(store):
    store.register("ana", GOOD)
    store.enable("ana", False)
    assert not store.verify("ana", GOOD).correct
    store.enable("ana")
    assert store.verify("ana", GOOD).correct
    store.remove("ana")
    assert not store.verify("ana", GOOD).correct
    for call in (store.remove, store.enable, store.require_change):
        with pytest.raises(UserError, match="no such account"):
            call("ana")


def test_attempts_at_the_same_moment_cannot_exceed_the_bound(store):
    store.register("ana", GOOD)
    with ThreadPoolExecutor(8) as pool:
        admitted = list(pool.map(lambda _: store.reserve_attempt("ana", 20), range(60)))
    assert sum(admitted) == 20
    store.clear_attempts("ana")
    assert store.reserve_attempt("ana", 20)


def test_the_file_is_readable_by_its_owner_only_and_holds_no_password(tmp_path):
    path = tmp_path / "passwords.sqlite"
    store = PasswordStore(path, profile=FOR_TESTS)
    store.register("ana", GOOD)
    code = store.issue_reset("ana", NOW)
    store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert GOOD.encode() not in path.read_bytes()
    assert code.code.encode() not in path.read_bytes()
    assert GOOD not in repr(store) and code.code not in repr(code)
    assert PasswordStore(path, profile=FOR_TESTS).verify("ana", GOOD).correct


def test_a_file_that_is_no_database_is_an_error_in_a_sentence(tmp_path):
    (tmp_path / "passwords.sqlite").write_text("not a database, only text " * 100)
    for path in (tmp_path / "passwords.sqlite", tmp_path / "no" / "such.sqlite", tmp_path):
        with pytest.raises(UserError, match="cannot be opened"):
            PasswordStore(path, profile=FOR_TESTS)


def test_a_name_is_taken_once(store):
    store.register("ana", GOOD)
    with pytest.raises(UserError, match="taken"):
        store.register("ANA", OTHER)
    with pytest.raises(UserError, match="time zone"):
        store.issue_reset("ana", datetime(2026, 1, 1))


def test_the_form_that_changes_a_password_is_no_way_around_the_bound_on_failures():
    store = PasswordStore(profile=FOR_TESTS)
    store.register("ana", "seven silver spoons sing")
    for _ in range(100):
        with pytest.raises(WrongPassword):
            store.change("ana", "another guess", "nine golden forks dance")
    with pytest.raises(WrongPassword):
        store.change("ana", "seven silver spoons sing", "nine golden forks dance")
    store.clear_attempts("ana")
    store.change("ana", "seven silver spoons sing", "nine golden forks dance")
    assert store.verify("ana", "nine golden forks dance").correct


@pytest.mark.parametrize("code", [None, 5, b"code", "", "\ud800"])
def test_a_reset_code_that_is_none_is_a_sentence(code):
    store = PasswordStore(profile=FOR_TESTS)
    store.register("ana", "seven silver spoons sing")
    with pytest.raises(ResetRefused):
        store.reset("ana", code, "nine golden forks dance", datetime(2026, 1, 1, tzinfo=UTC))


def test_the_most_verbose_log_holds_no_name_hash_or_code(caplog):
    caplog.set_level(1)
    for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.engine.Engine", "sqlalchemy.pool"):
        caplog.set_level(1, name)
    store = PasswordStore(profile=FOR_TESTS)
    store.register("canary.name", "seven silver spoons sing")
    code = store.issue_reset("canary.name", datetime(2026, 1, 1, tzinfo=UTC)).code
    assert store.verify("canary.name", "seven silver spoons sing").correct
    for secret in ("canary.name", "seven silver", "$argon2", code):
        assert secret not in caplog.text
