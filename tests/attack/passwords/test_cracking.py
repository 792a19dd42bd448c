"""Weak ways to store passwords fall to a dictionary; what holds is a long password and a costly hash."""

from __future__ import annotations

import hashlib
from itertools import count

import pytest

from secure_ai.attack.passwords.charts import plot_equal_time, plot_share_by_guesses
from secure_ai.attack.passwords.comparison import (
    compare_equal_time,
    compare_equal_work,
    duration,
    share_by_guesses,
)
from secure_ai.attack.passwords.cracking import crack, crack_for, guess_list
from secure_ai.attack.passwords.guesses import base_words, guesses
from secure_ai.attack.passwords.schemes import password_schemes
from secure_ai.attack.passwords.staff_passwords import HABITS, StaffPassword, make_staff_passwords
from secure_ai.core.errors import UserError

CHEAP = password_schemes(pbkdf2_iterations=2, scrypt_n=2, argon2_memory_kib=8, argon2_passes=1)
SECTORS = ("healthcare", "finance")


@pytest.fixture(scope="module")
def staff():
    return make_staff_passwords(120, "healthcare", seed=3)


@pytest.fixture(scope="module")
def wordlist():
    return guess_list("healthcare", 60_000)


def test_the_same_seed_makes_the_same_passwords_and_another_makes_others():
    one, same, other = (make_staff_passwords(50, seed=seed) for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("sector", SECTORS)
def test_the_habits_come_in_their_stated_shares(sector):
    made = make_staff_passwords(200, sector)
    assert sum(habit.share for habit in HABITS.values()) == pytest.approx(1)
    for name, habit in HABITS.items():
        assert sum(one.habit == name for one in made) == pytest.approx(200 * habit.share, abs=1)


def test_no_guess_comes_twice_and_the_order_is_the_same(wordlist):
    assert len(set(wordlist)) == len(wordlist) == 60_000
    assert guess_list("healthcare", 60_000) == wordlist
    assert next(guesses()) == "123456"
    assert base_words(["Lakeside"], most=50)[0] == "lakeside"
    assert len(base_words(most=50)) == 50


def test_skipping_hashes_that_miss_changes_no_result(staff, wordlist):
    for name, scheme in CHEAP.items():
        for budget in (1, 119, 1_500, *([20_000] if name in ("md5", "sha256") else [])):
            full = crack(staff, scheme, wordlist, computations=budget)
            quick = crack(staff, scheme, wordlist, computations=budget, skip_misses=True)
            assert full == quick
            assert full.computations <= budget


def test_without_a_salt_one_hash_tries_a_guess_on_every_account(staff, wordlist):
    plain = crack(staff, CHEAP["md5"], wordlist, computations=50_000)
    salted = crack(staff, CHEAP["sha256"], wordlist, computations=50_000)
    assert plain.share > 5 * salted.share > 0
    assert plain.guesses == 50_000
    assert salted.guesses < 50_000 / 60


def test_equal_passwords_fall_together_without_a_salt():
    twins = [StaffPassword("common", "sunshine")] * 5 + [StaffPassword("manager", "x" * 20)]
    assert crack(twins, CHEAP["md5"], ["sunshine"], computations=1).fallen["common"] == 5
    assert crack(twins, CHEAP["argon2id"], ["sunshine"], computations=1).fallen["common"] == 1


def test_the_schemes_compute_what_they_say():
    md5 = password_schemes()["md5"].compute(b"password", b"")
    assert md5.hex() == "5f4dcc3b5aa765d61d8327deb882cf99"
    assert CHEAP["sha256"].compute(b"b", b"a") == hashlib.sha256(b"ab").digest()
    for name, scheme in CHEAP.items():
        same = scheme.compute(b"password", b"0" * 16) == scheme.compute(b"password", b"1" * 16)
        assert same == (name == "md5")
        assert scheme.compute(b"password", b"0" * 16) != scheme.compute(b"passwore", b"0" * 16)


def test_the_default_schemes_cost_what_owasp_asks_for():
    names = [scheme.name for scheme in password_schemes().values()]
    assert names == [
        "MD5, no salt", "SHA-256, salted", "PBKDF2, 600,000 iterations", "scrypt, 128 MiB",
        "argon2id, 19 MiB, 2 passes",
    ]  # fmt: skip


def test_equal_work_gives_equal_shares_to_all_salted_schemes_at_each_run(staff):
    first, second = (compare_equal_work(staff, computations=40_000, schemes=CHEAP) for _ in range(2))
    assert first.to_frame().equals(second.to_frame())
    assert first.sentence() == second.sentence()
    shares = first.to_frame()["share"]
    assert shares[1:].nunique() == 1
    assert shares[0] > shares[1]


def test_equal_time_is_measured_and_what_is_extrapolated_says_so(staff):
    found = compare_equal_time(staff, seconds=0.05, most_guesses=20_000, schemes=CHEAP)
    table = found.to_frame()
    assert (table["hashes per second (measured)"] > 0).all()
    assert any("extrapolated" in name for name in table.columns)
    assert "extrapolated" in found.sentence()
    for one in found.cracks.values():
        assert one.seconds < 5


def test_a_slow_hash_lets_fewer_guesses_through_in_equal_time(staff, wordlist):
    ticks = count()
    slow = crack_for(staff, CHEAP["argon2id"], wordlist, seconds=100, clock=lambda: float(next(ticks)))
    assert slow.computations == 100
    assert slow.seconds == 100


def test_passphrases_and_random_passwords_hold_and_common_ones_fall(staff):
    curve = share_by_guesses(staff, most_guesses=200_000)
    last = curve.table.iloc[-1]
    assert last["common"] == last["season_year"] == 1
    assert last["passphrase"] == last["manager"] == 0
    assert curve.table["all"].is_monotonic_increasing
    assert "five words drawn at random" in curve.sentence()
    assert list(curve.to_frame().columns) == ["habit", "passwords", "share found"]


def test_no_password_is_shown_anywhere(staff, wordlist):
    found = crack(staff, CHEAP["md5"], wordlist, computations=60_000)
    work = compare_equal_work(staff, computations=5000, schemes=CHEAP)
    timed = compare_equal_time(staff, seconds=0.02, most_guesses=5000, schemes=CHEAP)
    curve = share_by_guesses(staff, most_guesses=5000)
    shown = " ".join(
        [repr(staff), repr(found), repr(work), work.sentence(), work.to_frame().to_csv(), repr(timed),
         timed.sentence(), timed.to_frame().to_csv(), curve.sentence(), repr(curve)]
    )  # fmt: skip
    assert not [one for one in staff if len(one.password) > 4 and one.password in shown]


def test_the_pictures_say_what_was_found(staff):
    curve = share_by_guesses(staff, most_guesses=20_000)
    title = plot_share_by_guesses(curve).get_suptitle()
    assert title.endswith("of the passwords fall within 20,000 guesses")
    timed = compare_equal_time(staff, seconds=0.02, most_guesses=5000, schemes=CHEAP)
    assert "MD5, no salt" in plot_equal_time(timed).get_suptitle()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5 seconds"), (90, "1.5 minutes"), (7200, "2 hours"), (2e5, "2.3 days"), (1e9, "32 years")],
)
def test_a_time_is_shown_in_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: make_staff_passwords(7), "8 to 100,000"),
        (lambda: make_staff_passwords(50, "school"), "no sector"),
        (lambda: guess_list("school"), "no sector"),
        (lambda: guess_list("finance", 0), "1 guess"),
        (lambda: crack([], CHEAP["md5"], ["x"], computations=1), "at least one"),
        (lambda: crack(make_staff_passwords(8), CHEAP["md5"], [], computations=1), "at least one"),
        (lambda: crack(make_staff_passwords(8), CHEAP["md5"], ["x"], computations=0), "budget"),
        (lambda: crack_for(make_staff_passwords(8), CHEAP["md5"], ["x"], seconds=0), "seconds"),
    ],
)
def test_an_attack_on_nothing_is_refused_in_a_sentence(call, said):
    with pytest.raises(UserError, match=said):
        call()
