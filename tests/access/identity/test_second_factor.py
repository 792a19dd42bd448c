"""One-time codes: no replay, a little skew, slow guessing, sealed secrets."""

from __future__ import annotations

import json
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.access.identity.sealing import KeySealer, RingSealer, SealBroken
from secure_ai.access.identity.second_factor import MOST_FAILURES, SecondFactors, current_code
from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import LocalKeyRing
from secure_ai.encrypt.secret_keys import random_key

NOW = datetime(2026, 3, 2, 9, 0, 10, tzinfo=UTC)
STEP = timedelta(seconds=30)


@pytest.fixture
def factors():
    return SecondFactors(KeySealer(random_key()), issuer="Lakeside Hospital")


def enrolled(factors, username="ana", now=NOW - 2 * STEP):
    enrollment = factors.enroll(username)
    assert factors.confirm(username, current_code(enrollment.secret, now), now)
    return enrollment


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_codes_are_those_of_rfc_6238():
    # Appendix B, SHA-1, the last six of eight digits.
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for moment, code in (
        (59, "287082"),
        (1111111109, "081804"),
        (1234567890, "005924"),
        (20000000000, "353130"),
    ):
        assert current_code(secret, datetime.fromtimestamp(moment, UTC)) == code


@pytest.mark.parametrize(
    ("steps", "status"), [(-2, "wrong"), (-1, "accepted"), (0, "accepted"), (1, "accepted"), (2, "wrong")]
)
def test_one_step_of_skew_is_allowed_and_two_are_not(factors, steps, status):
    secret = enrolled(factors, now=NOW - 9 * STEP).secret
    assert factors.verify("ana", current_code(secret, NOW + steps * STEP), NOW).status == status


def test_a_code_works_once_and_so_does_every_earlier_one(factors):
    secret = enrolled(factors).secret
    code, before = current_code(secret, NOW), current_code(secret, NOW - STEP)
    assert factors.verify("ana", code, NOW).ok
    assert factors.verify("ana", code, NOW).status == "replayed"
    assert factors.verify("ana", before, NOW).status == "replayed"
    assert factors.verify("ana", current_code(secret, NOW + STEP), NOW + STEP).ok


def test_a_code_used_by_many_at_the_same_moment_works_for_one(factors):
    secret = enrolled(factors).secret
    with ThreadPoolExecutor(8) as pool:
        checks = list(pool.map(lambda _: factors.verify("ana", current_code(secret, NOW), NOW), range(8)))
    assert sum(check.ok for check in checks) <= 1


def test_the_code_that_confirms_an_enrollment_does_not_sign_in(factors):
    secret = enrolled(factors, now=NOW).secret
    assert factors.verify("ana", current_code(secret, NOW), NOW).status == "replayed"


def test_the_last_code_is_remembered_over_a_restart(tmp_path):
    path, key = tmp_path / "factors.sqlite", random_key()
    factors = SecondFactors(KeySealer(key), path)
    secret = enrolled(factors).secret
    assert factors.verify("ana", current_code(secret, NOW), NOW).ok
    factors.close()
    again = SecondFactors(KeySealer(key), path)
    assert again.verify("ana", current_code(secret, NOW), NOW).status == "replayed"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "code",
    [
        "",
        "12345",
        "1234567",
        "abcdef",
        "١٢٣٤٥٦"[::-1],
        "-00001",
        "1e5   ",
        "\ud800",
        "x" * 10_000,
        None,
        123456,
    ],
)
def test_what_is_no_code_is_wrong_and_no_crash(factors, code):
    enrolled(factors)
    assert factors.verify("ana", code, NOW).status == "wrong"


def test_spaces_and_wide_digits_do_not_matter(factors):
    secret = enrolled(factors).secret
    code = current_code(secret, NOW)
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    assert factors.verify("ana", f" {wide[:3]} {wide[3:]} ", NOW).ok


def test_guessing_is_slowed_down_and_ends_after_100_failures(factors):
    secret = enrolled(factors).secret
    moment, looked_at = NOW, 0
    for _ in range(2000):
        check = factors.verify("ana", wrong(current_code(secret, moment)), moment)
        looked_at += check.status in ("wrong", "replayed")
        moment += timedelta(seconds=max(1, check.wait_seconds))
    assert looked_at == MOST_FAILURES
    assert factors.verify("ana", current_code(secret, moment), moment).status == "disabled"
    assert moment - NOW > timedelta(days=3)


def test_while_codes_are_limited_a_right_one_is_not_looked_at(factors):
    secret = enrolled(factors).secret
    for _ in range(5):
        assert factors.verify("ana", wrong(current_code(secret, NOW)), NOW).status == "wrong"
    check = factors.verify("ana", current_code(secret, NOW), NOW)
    assert (check.status, check.ok) == ("limited", False)
    later = NOW + timedelta(seconds=check.wait_seconds)
    assert factors.verify("ana", current_code(secret, later), later).ok
    assert factors.verify("ana", "000000", later).status in ("wrong", "replayed")


def test_each_recovery_code_works_once(factors):
    enrollment = enrolled(factors)
    first, second = enrollment.recovery_codes[:2]
    assert factors.verify("ana", first, NOW).recovery_codes_left == 9
    assert factors.verify("ana", first, NOW).status == "wrong"
    assert factors.verify("ana", second.lower().replace("-", " "), NOW).status == "recovery"
    assert len(set(enrollment.recovery_codes)) == 10


def test_recovery_codes_of_another_account_do_not_work(factors):
    codes = enrolled(factors).recovery_codes
    enrolled(factors, "ben")
    assert factors.verify("ben", codes[0], NOW).status == "wrong"


def test_a_device_whose_clock_is_off_is_found_by_two_codes_and_not_let_in(factors):
    for minutes in (-200, -17, 23, 60):
        secret, device = enrolled(factors).secret, NOW + timedelta(minutes=minutes)
        pair = current_code(secret, device), current_code(secret, device + STEP)
        assert abs(factors.clock_difference("ana", *pair, NOW + STEP) - minutes) <= 1
        assert factors.verify("ana", pair[1], NOW + STEP).status == "wrong"


def test_the_diagnosis_of_a_clock_is_no_way_to_guess_codes(factors):
    secret = enrolled(factors).secret
    codes = [current_code(secret, NOW + step * STEP) for step in range(4)]
    assert factors.clock_difference("ana", codes[0], codes[2], NOW) is None
    assert factors.clock_difference("ana", codes[1], codes[0], NOW) is None
    assert factors.clock_difference("ana", codes[0], "x", NOW) is None
    assert factors.clock_difference("nobody", codes[0], codes[1], NOW) is None
    for _ in range(5):
        factors.clock_difference("ana", "000000", "000000", NOW)
    assert factors.clock_difference("ana", codes[0], codes[1], NOW) is None
    assert factors.verify("ana", codes[0], NOW).status == "limited"


def test_the_address_for_the_app_holds_issuer_account_and_secret(factors):
    enrollment = factors.enroll("ana")
    parts = urlsplit(enrollment.uri)
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/Lakeside%20Hospital:ana")
    assert parse_qs(parts.query) == {"secret": [enrollment.secret], "issuer": ["Lakeside Hospital"]}
    assert pyotp.parse_uri(enrollment.uri).at(NOW) == current_code(enrollment.secret, NOW)
    assert enrollment.secret not in repr(enrollment)
    assert enrollment.recovery_codes[0] not in repr(enrollment)


def test_a_factor_counts_only_once_it_is_confirmed(factors):
    enrollment = factors.enroll("ana")
    assert not factors.enrolled("ana")
    assert factors.verify("ana", current_code(enrollment.secret, NOW), NOW).status == "not enrolled"
    assert not factors.confirm("ana", wrong(current_code(enrollment.secret, NOW)), NOW)
    assert factors.confirm("ana", current_code(enrollment.secret, NOW), NOW)
    with pytest.raises(UserError, match="enroll first"):
        factors.confirm("ana", "123456", NOW)


def test_a_new_enrollment_leaves_the_old_factor_in_force_until_it_is_confirmed(factors):
    old = enrolled(factors).secret
    factors.enroll("ana")
    assert factors.verify("ana", current_code(old, NOW), NOW).ok


@pytest.mark.parametrize(
    "make", [lambda: KeySealer(random_key()), lambda: RingSealer(LocalKeyRing.in_memory("second-factors"))]
)
def test_the_stored_secret_is_sealed_and_bound_to_its_account(tmp_path, make):
    path = tmp_path / "factors.sqlite"
    factors = SecondFactors(make(), path)
    enrollment = enrolled(factors)
    enrolled(factors, "ben")
    content = path.read_bytes()
    secret = pyotp.TOTP(enrollment.secret).byte_secret()
    for hidden in (
        secret,
        enrollment.secret.encode(),
        enrollment.recovery_codes[0].replace("-", "").encode(),
    ):
        assert hidden not in content
    with sqlite3.connect(path) as database:
        sealed = database.execute("select sealed from second_factors where account='ana'").fetchone()
        database.execute("update second_factors set sealed=? where account='ben'", sealed)
    with pytest.raises(SealBroken, match="does not open") as error:
        factors.verify("ben", current_code(enrollment.secret, NOW), NOW)
    assert error.value.__cause__ is None


def test_another_key_or_a_changed_bit_does_not_open_a_secret():
    sealer, owner = KeySealer(random_key()), {"account": "ana"}
    sealed = sealer.seal(b"secret", owner)
    assert sealer.open(sealed, owner) == b"secret"
    for attempt in (
        lambda: KeySealer(random_key()).open(sealed, owner),
        lambda: sealer.open(sealed, {"account": "ben"}),
        lambda: sealer.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), owner),
        lambda: sealer.open(b"", owner),
        lambda: RingSealer(LocalKeyRing.in_memory("second-factors")).open(b"\xff" * 20, owner),
    ):
        with pytest.raises(SealBroken):
            attempt()


def test_after_a_rotation_factors_are_rewrapped_and_work_without_the_old_version():
    ring = LocalKeyRing.in_memory("second-factors")
    factors = SecondFactors(RingSealer(ring))
    secret = enrolled(factors).secret
    old = ring.versions("second-factors")[0].version
    ring.rotate("second-factors")
    assert factors.verify("ana", current_code(secret, NOW - STEP), NOW).ok
    assert factors.rewrap() == 1
    ring.destroy("second-factors", old)
    assert factors.verify("ana", current_code(secret, NOW), NOW).ok
    ring.destroy("second-factors")
    with pytest.raises(UserError):
        factors.verify("ana", current_code(secret, NOW + STEP), NOW + STEP)


def test_recovery_codes_are_stored_under_the_sealed_key_only(tmp_path):
    path = tmp_path / "factors.sqlite"
    enrolled(SecondFactors(KeySealer(random_key()), path))
    with sqlite3.connect(path) as database:
        stored = json.loads(database.execute("select recovery from second_factors").fetchone()[0])
    assert len(set(stored)) == 10
    assert all(len(one) == 64 for one in stored)


SHARED = SecondFactors(KeySealer(random_key()))
SHARED_SECRET = enrolled(SHARED).secret


@given(st.text(max_size=40))
def test_no_other_text_shows_a_code(text):
    right = {current_code(SHARED_SECRET, NOW + step * STEP) for step in (-1, 0, 1)}
    if SHARED.shows_code("ana", text, NOW) is not None:
        assert any(code in "".join(text.split()).replace("-", "") for code in right)
