"""The whole door: one answer for every failure, and a trail that holds nothing personal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from secure_ai.access.identity.lockout import SignInThrottle
from secure_ai.access.identity.password_hashing import FOR_TESTS
from secure_ai.access.identity.password_rules import PasswordRules
from secure_ai.access.identity.passwords import PasswordStore
from secure_ai.access.identity.sealing import KeySealer
from secure_ai.access.identity.second_factor import SecondFactors, current_code
from secure_ai.access.identity.sign_in import FAILED, SignIn, clock_sentence
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.secret_keys import random_key

GOOD, HERE, THERE = "a fine long sentence", "192.0.2.7", "198.51.100.9"
NOW = datetime(2026, 3, 2, 9, 0, 10, tzinfo=UTC)
STEP = timedelta(seconds=30)


class Door:
    def __init__(self, **options):
        self.store = PasswordStore(profile=FOR_TESTS, rules=PasswordRules.with_second_factor())
        self.factors = SecondFactors(KeySealer(random_key()))
        self.audit = AuditLog(clock=lambda: NOW)
        self.store.register("ana", GOOD)
        self.store.register("ben", GOOD)
        enrollment = self.factors.enroll("ana")
        self.secret, self.recovery = enrollment.secret, enrollment.recovery_codes
        self.factors.confirm("ana", self.code(NOW - 9 * STEP), NOW - 9 * STEP)
        self.sign_in = SignIn(
            self.store,
            self.factors,
            throttle=SignInThrottle(cells=1 << 10),
            audit=self.audit,
            clock=lambda: NOW,
            **options,
        )

    def code(self, now):
        return current_code(self.secret, now)


@pytest.fixture
def door():
    return Door()


def test_password_and_code_together_sign_in(door):
    result = door.sign_in.authenticate("Ana", GOOD, door.code(NOW), HERE, NOW)
    assert (result.ok, result.account, result.methods) == (True, "ana", ("pwd", "otp"))
    assert door.sign_in.throttle.knows("ana", result.device_token)
    assert result.device_token not in repr(result)


def test_a_password_alone_signs_in_only_where_no_factor_is_enrolled_or_required():
    assert Door().sign_in.authenticate("ben", GOOD, "", HERE).methods == ("pwd",)
    assert not Door().sign_in.authenticate("ana", GOOD, "", HERE).ok
    assert not Door(require_second_factor=True).sign_in.authenticate("ben", GOOD, "", HERE).ok
    with pytest.raises(UserError, match="pass SecondFactors"):
        SignIn(PasswordStore(profile=FOR_TESTS), require_second_factor=True)


FAILURES = {
    "wrong password": ("ana", "wrong", "right", "wrong password or no such account"),
    "unknown name": ("nobody", GOOD, "right", "wrong password or no such account"),
    "wrong code": ("ana", GOOD, "000000", "second factor wrong"),
    "no code": ("ana", GOOD, "", "second factor wrong"),
    "no name": ("", GOOD, "right", "no account name"),
    "a name of control characters": ("a\0b", GOOD, "right", "no account name"),
    "half a character": ("ana", "\ud800", "right", "wrong password or no such account"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_every_failure_gets_the_same_answer_and_its_own_reason_in_the_trail(door, case):
    name, password, code, reason = FAILURES[case]
    if code == "000000" and door.code(NOW) == code:
        code = "000001"
    result = door.sign_in.authenticate(name, password, door.code(NOW) if code == "right" else code, HERE, NOW)
    assert (result.ok, result.message, result.account, result.device_token) == (False, FAILED, "", "")
    event = door.audit.events[-1]
    assert (event.outcome, event.reason) == ("denied", reason)


def test_a_wrong_password_does_not_use_up_the_code(door):
    assert not door.sign_in.authenticate("ana", "wrong", door.code(NOW), HERE, NOW).ok
    assert door.sign_in.authenticate("ana", GOOD, door.code(NOW), HERE, NOW).ok


def test_a_code_does_not_sign_in_twice_and_its_second_use_is_an_alert(door):
    assert door.sign_in.authenticate("ana", GOOD, door.code(NOW), HERE, NOW).ok
    assert not door.sign_in.authenticate("ana", GOOD, door.code(NOW), THERE, NOW).ok
    assert door.audit.events[-1].alert
    assert door.audit.events[-1].reason == "second factor replayed"


def test_a_recovery_code_signs_in_and_says_how_many_are_left(door):
    result = door.sign_in.authenticate("ana", GOOD, door.recovery[3], HERE, NOW)
    assert (result.ok, result.recovery_codes_left) == (True, 9)


def test_under_attack_the_owner_signs_in_by_a_known_device_or_a_second_factor(door):
    token = door.sign_in.authenticate("ana", GOOD, door.code(NOW - STEP), HERE, NOW).device_token
    for number in range(200):
        assert not door.sign_in.authenticate("ana", f"guess {number}", "", f"198.51.100.{number}", NOW).ok
    assert door.sign_in.authenticate("ana", GOOD, door.code(NOW), HERE, NOW, device=token).ok
    later = NOW + STEP
    assert not door.sign_in.authenticate("ana", GOOD, "", "203.0.113.5", later).ok
    assert door.audit.events[-1].reason == "slowed down by account"
    assert door.sign_in.authenticate("ana", GOOD, door.code(later), "203.0.113.5", later).ok


def test_a_right_code_lifts_the_slow_down_for_one_guess_only(door):
    for number in range(30):
        door.sign_in.authenticate("ana", "guess", "", f"198.51.100.{number}", NOW)
    reasons = []
    for _ in range(3):
        door.sign_in.authenticate("ana", "guess", door.code(NOW), THERE, NOW)
        reasons.append(door.audit.events[-1].reason)
    assert reasons == ["wrong password or no such account"] + ["slowed down by account"] * 2


def test_after_90_failures_only_known_devices_and_factors_may_try_and_after_100_nobody(door):
    token = door.sign_in.authenticate("ana", GOOD, door.code(NOW), HERE, NOW).device_token
    day, checked = NOW, 0
    for number in range(400):
        day += timedelta(hours=2)
        door.sign_in.authenticate("ana", "guess", "", f"198.51.{number // 250}.{number % 250}", day)
        checked += door.audit.events[-1].reason.startswith("wrong password")
    assert checked == 90
    assert door.audit.events[-1].reason == "too many failures in a row"
    assert door.audit.events[-1].alert
    for _ in range(10):
        day += timedelta(days=1)
        door.sign_in.authenticate("ana", "guess", "", HERE, day, device=token)
        assert door.audit.events[-1].reason.startswith("wrong password")
    day += timedelta(days=1)
    assert not door.sign_in.authenticate("ana", GOOD, door.code(day), HERE, day, device=token).ok
    door.store.reset("ana", door.store.issue_reset("ana", day).code, "another fine sentence", day)
    assert door.sign_in.authenticate("ana", "another fine sentence", door.code(day), HERE, day).ok


def test_a_clock_that_is_off_is_told_only_after_the_right_password(door):
    off = NOW + timedelta(minutes=17)
    pair = door.code(off), door.code(off + STEP)
    said = door.sign_in.diagnose_clock("ana", GOOD, *pair, source=HERE, now=NOW + STEP)
    assert "off by about 17 minutes" in said
    assert door.sign_in.diagnose_clock("ana", "wrong", *pair, source=HERE, now=NOW + STEP) == FAILED
    assert door.sign_in.diagnose_clock("nobody", GOOD, *pair, source=HERE, now=NOW) == FAILED
    assert door.sign_in.diagnose_clock("ana", GOOD, "111111", "222222", source=HERE, now=NOW) == FAILED
    assert not door.sign_in.authenticate("ana", GOOD, pair[1], HERE, NOW + STEP).ok


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, "agree"), (1, "1 minute (the device is ahead)"), (-60, "60 minutes (the device is behind)")],
)
def test_a_difference_of_clocks_is_said_in_words(minutes, said):
    assert said in clock_sentence(minutes)


def test_the_trail_holds_no_password_no_code_no_address_and_no_mistyped_name(door):
    door.sign_in.authenticate("ana", GOOD, door.code(NOW), HERE, NOW)
    door.sign_in.authenticate(GOOD, "ana", door.code(NOW), HERE, NOW)
    door.sign_in.authenticate("ana", "my other secret", door.code(NOW), HERE, NOW)
    trail = "\n".join(event.to_json() for event in door.audit.events)
    for hidden in (GOOD, "my other secret", door.code(NOW), HERE, door.secret):
        assert hidden not in trail
    assert [event.actor for event in door.audit.events] == ["ana", "unknown", "ana"]
    assert len({event.details["source"] for event in door.audit.events}) == 1


def test_nobody_is_signed_in_without_a_trail(tmp_path):
    door = Door()
    door.sign_in.audit = AuditLog(tmp_path / "audit.jsonl", clock=lambda: NOW)
    door.sign_in.audit.path = tmp_path / "gone" / "audit.jsonl"
    with pytest.raises(UserError, match="audit log"):
        door.sign_in.authenticate("ana", GOOD, door.code(NOW), HERE, NOW)


def test_the_hook_of_a_provider_says_yes_or_no(door):
    hook = door.sign_in.hook(HERE)
    assert hook("ben", GOOD, "") is True
    assert hook("ben", "wrong", "") is False


def test_a_compromised_password_signs_in_and_must_be_changed(door):
    door.store.require_change("ben")
    assert door.sign_in.authenticate("ben", GOOD, "", HERE, NOW).must_change


def test_a_directory_that_does_not_answer_signs_nobody_in_and_stands_in_the_trail():
    class Silent:
        def verify(self, username, password):
            raise UserError("The directory does not answer.")

        def reserve_attempt(self, username, most=100):
            return True

        def clear_attempts(self, username):
            """Nothing to clear."""

    audit = AuditLog()
    door = SignIn(Silent(), throttle=SignInThrottle(cells=1 << 10), audit=audit)
    with pytest.raises(UserError, match="does not answer"):
        door.authenticate("ana", "seven silver spoons sing", "", "192.0.2.1")
    assert audit.events[-1].outcome == "error" and "ana" not in audit.events[-1].to_json()
