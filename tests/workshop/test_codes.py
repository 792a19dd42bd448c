"""Codes: what was issued is redeemed once, by one; guesses are slowed; nothing that can be read is a code."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.workshop.hub import codes as module
from secure_ai.workshop.hub.codes import ALPHABET, Codes, TooManyGuesses, normal, who


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash at a thousandth of the cost: what is tested is who gets a seat, not how long a guess takes."""
    monkeypatch.setattr(module, "SCRYPT", {"n": 16, "r": 8, "p": 1, "dklen": 32})


class Clock:
    """A clock that goes when it is told to."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def codes(tmp_path: Path, clock: Clock) -> Codes:
    return Codes(tmp_path / "private" / "codes.sqlite", clock)


def test_a_code_gives_its_seat_once(codes: Codes) -> None:
    first, second = codes.issue("seat-01"), codes.issue("seat-02")
    assert codes.redeem(second) == "seat-02"
    assert codes.redeem(first) == "seat-01"
    assert codes.redeem(first) is None
    assert codes.redeem(second) is None


def test_a_new_code_makes_the_old_one_void(codes: Codes) -> None:
    old = codes.issue("seat-01")
    new = codes.reissue("seat-01")
    assert codes.redeem(old) is None
    assert codes.redeem(new) == "seat-01"


def test_a_seat_that_was_taken_can_have_another_code(codes: Codes) -> None:
    assert codes.redeem(codes.issue("seat-01")) == "seat-01"
    assert codes.taken()["seat-01"] is not None
    again = codes.reissue("seat-01")
    assert codes.taken() == {"seat-01": None}
    assert codes.redeem(again) == "seat-01"


def test_the_instructors_code_works_again_and_again_until_there_is_another(codes: Codes) -> None:
    code = codes.issue_instructor()
    assert [codes.redeem(code) for _ in range(3)] == ["instructor"] * 3
    codes.issue_instructor()
    assert codes.redeem(code) is None
    assert codes.taken() == {}


def test_a_forgotten_seat_has_no_code(codes: Codes) -> None:
    code = codes.issue("seat-01")
    codes.forget("seat-01")
    assert codes.redeem(code) is None


def test_codes_are_what_people_can_read_to_each_other(codes: Codes) -> None:
    for number in range(30):
        code = codes.issue(f"seat-{number}")
        assert len(code) == 9
        assert code[4] == "-"
        assert set(code.replace("-", "")) <= set(ALPHABET)
    assert not set("01ilo") & set(ALPHABET)


def test_typed_with_capitals_spaces_and_other_dashes_it_is_the_same_code(codes: Codes) -> None:
    code = codes.issue("seat-01")
    assert codes.redeem(f"  {code[:4].upper()} \u2013 {code[5:]}\n") == "seat-01"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "abcd",
        "abcd-efghj",
        "abc0-efgh",
        "' OR 1=1 --",
        "a" * 100_000,
        "\x00" * 8,
        "ａｂｃｄｅｆｇｈ",
    ],
)
def test_what_cannot_be_a_code_is_a_wrong_one(codes: Codes, typed: str) -> None:
    codes.issue("seat-01")
    assert normal(typed) == ""
    assert codes.redeem(typed) is None


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.text(max_size=60))
def test_no_text_raises_or_opens_a_seat(tmp_path: Path, typed: str) -> None:
    codes = Codes(tmp_path / "any.sqlite")
    issued = codes.issue("seat-01")
    if normal(typed) != issued:
        try:
            assert codes.redeem(typed) is None
        except TooManyGuesses as wait:
            assert wait.seconds > 0


def test_the_file_holds_no_code_and_is_the_instructors(codes: Codes) -> None:
    issued = [codes.issue(f"seat-{number:02}") for number in range(5)]
    content = codes.path.read_bytes()
    for code in issued:
        assert code.encode() not in content
        assert code.replace("-", "").encode() not in content
    assert stat.S_IMODE(codes.path.stat().st_mode) == 0o600


def test_the_same_code_has_another_hash_in_another_room(tmp_path: Path) -> None:
    one, other = Codes(tmp_path / "one.sqlite"), Codes(tmp_path / "other.sqlite")
    assert one._hash("abcd-efgh") != other._hash("abcd-efgh")


def test_guesses_from_one_address_wait_longer_and_longer(codes: Codes, clock: Clock) -> None:
    codes.issue("seat-01")
    for _ in range(module.FREE_GUESSES):
        assert codes.redeem("zzzz-zzzz", "192.0.2.7") is None
    with pytest.raises(TooManyGuesses) as first:
        codes.redeem("zzzz-zzzz", "192.0.2.7")
    clock.now += first.value.seconds
    assert codes.redeem("zzzz-zzzz", "192.0.2.7") is None
    with pytest.raises(TooManyGuesses) as second:
        codes.redeem("zzzz-zzzz", "192.0.2.7")
    assert second.value.seconds == 2 * first.value.seconds
    assert str(second.value) == "Too many wrong codes: wait 4 seconds."


def test_a_right_code_is_not_looked_at_while_its_address_waits_and_is_not_lost(
    codes: Codes, clock: Clock
) -> None:
    code = codes.issue("seat-01")
    for _ in range(module.FREE_GUESSES):
        codes.redeem("zzzz-zzzz", "192.0.2.7")
    with pytest.raises(TooManyGuesses):
        codes.redeem(code, "192.0.2.7")
    clock.now += module.LONGEST_WAIT
    assert codes.redeem(code, "192.0.2.7") == "seat-01"
    assert codes.wait("192.0.2.7") == 0


def test_many_wrong_codes_do_not_keep_others_out(codes: Codes) -> None:
    code = codes.issue("seat-01")
    with codes._writing() as base:
        rows = [(f"192.0.2.{number % 250}", codes.clock()) for number in range(module.MOST_OF_ALL)]
        base.executemany("INSERT INTO guesses VALUES (?, ?)", rows)
    with pytest.raises(TooManyGuesses):
        codes.redeem("zzzz-zzzz", "192.0.2.9")
    assert codes.redeem(code, "198.51.100.1") == "seat-01"


def test_old_guesses_are_forgotten(codes: Codes, clock: Clock) -> None:
    for _ in range(module.FREE_GUESSES):
        codes.redeem("zzzz-zzzz", "192.0.2.7")
    clock.now += module.GUESS_WINDOW + 1
    assert codes.redeem("zzzz-zzzz", "192.0.2.7") is None
    with sqlite3.connect(codes.path) as base:
        assert base.execute("SELECT count(*) FROM guesses").fetchone() == (1,)


def test_one_line_has_one_count_however_many_addresses_it_has() -> None:
    assert who("2001:db8:1:2::3") == who("2001:db8:1:2:ffff::9")
    assert who("2001:db8:1:2::3") != who("2001:db8:1:3::3")
    assert who("::ffff:192.0.2.7") == who("192.0.2.7") == "192.0.2.7"
    assert who("") == who("<script>") == "unknown"


def test_of_many_who_redeem_a_code_at_once_one_gets_the_seat(codes: Codes) -> None:
    for turn in range(10):
        code = codes.issue("seat-01")
        with ThreadPoolExecutor(8) as pool:
            got = list(
                pool.map(
                    lambda number, code=code, turn=turn: codes.redeem(code, f"10.0.{turn}.{number}"), range(8)
                )
            )
        assert sorted(got, key=str) == [None] * 7 + ["seat-01"], turn


def redeem(path: Path, code: str, address: str) -> str | None:
    """Redeem in a process of its own, with a hash at the room's full cost."""
    return Codes(path).redeem(code, address)


def test_two_processes_never_both_get_a_seat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    path = tmp_path / "codes.sqlite"
    issued = [Codes(path).issue(f"seat-{number}") for number in range(3)]
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        tries = [
            (code, number, pool.submit(redeem, path, code, f"192.0.2.{number}"))
            for code in issued
            for number in range(3)
        ]
        got = [one.result() for _, _, one in tries]
    assert sorted(one for one in got if one) == ["seat-0", "seat-1", "seat-2"]
