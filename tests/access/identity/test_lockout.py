"""Slowing attackers down without locking others out, in bounded memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.access.identity.lockout import FailureSketch, SignInThrottle, SlowDown, place
from secure_ai.access.identity.lockout_simulation import LOCKED, SLOW_DOWN, compare_lockout_policies
from secure_ai.core.errors import UserError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def throttle(cells=1 << 12):
    return SignInThrottle(cells=cells, key=bytes(32))


def attack(guard, account="ana", attempts=500, sources=100, now=NOW):
    """Fail from many addresses at one moment; how many attempts were admitted."""
    return sum(guard.admit(account, f"198.51.100.{i % sources}", now).allowed for i in range(attempts))


def test_a_wait_doubles_up_to_its_bound():
    waits = SlowDown(3, 2, 60, 3600).wait(np.array([0, 3, 4, 5, 6, 9, 500]))
    assert waits.tolist() == [0, 0, 2, 4, 8, 60, 60]


def test_an_attack_from_many_places_is_slowed_down_and_the_known_device_is_not():
    guard = throttle()
    device = guard.device_token("ana")
    assert attack(guard) <= 12
    refused = guard.admit("ana", "192.0.2.7", NOW)
    assert (refused.allowed, refused.rule) == (False, "account")
    assert guard.admit("ana", "192.0.2.7", NOW, device=device).allowed
    assert guard.admit("ana", "192.0.2.7", NOW, second_factor=True).allowed
    assert guard.admit("ben", "192.0.2.7", NOW).allowed


def test_the_owners_sign_in_gives_an_attacker_no_new_attempts():
    guard = throttle()
    device = guard.device_token("ana")
    attack(guard)
    for minute in range(10):
        now = NOW + timedelta(minutes=minute)
        assert guard.admit("ana", "192.0.2.7", now, device=device).allowed
        guard.succeeded("ana", "192.0.2.7", now, device=device)
    assert attack(guard, now=NOW + timedelta(minutes=10)) <= 1


def test_a_few_passwords_on_many_names_from_one_place_are_slowed_down():
    guard = throttle()
    admitted = [guard.admit(f"user{i}", "198.51.100.9", NOW).allowed for i in range(200)]
    assert sum(admitted) <= 31
    assert guard.admit("user0", "198.51.100.9", NOW).rule == "source"
    assert guard.admit("another", "192.0.2.7", NOW).allowed


def test_attempts_count_before_they_are_checked():
    guard = throttle()
    admitted = [guard.admit("ana", "192.0.2.7", NOW).allowed for _ in range(50)]
    assert sum(admitted) == 6


def test_a_success_forgets_the_mistakes_of_the_same_place():
    guard = throttle()
    for _ in range(5):
        assert guard.admit("ana", "192.0.2.7", NOW).allowed
    guard.succeeded("ana", "192.0.2.7", NOW)
    assert all(guard.admit("ana", "192.0.2.7", NOW).allowed for _ in range(5))


def test_failures_are_forgotten_in_time():
    guard = throttle()
    attack(guard)
    assert not guard.look("ana", "192.0.2.7", NOW + timedelta(seconds=30)).allowed
    assert guard.look("ana", "192.0.2.7", NOW + timedelta(days=3)).allowed


@pytest.mark.parametrize("token", ["", ".", "x", "x.y", "x" * 5000, "é.é", None, 7])
def test_a_forged_device_is_not_known(token):
    assert not throttle().knows("ana", token)


def test_a_device_is_known_to_its_account_only():
    guard = throttle()
    token = guard.device_token("ana")
    assert guard.knows("ana", token)
    assert not guard.knows("ben", token)
    assert not guard.knows("ana", token[:-1] + ("0" if token[-1] != "0" else "1"))
    assert not SignInThrottle(cells=64).knows("ana", token)


def test_a_million_names_take_no_more_memory_and_do_not_wash_out_an_account():
    sketch = FailureSketch(SlowDown(10, 60, 3600, 12 * 3600), 1 << 10, bytes(16))
    for _ in range(30):
        sketch.add("ana", 0.0)
    size, wait = sketch.size_bytes, sketch.wait("ana", 1.0)
    for number in range(20_000):
        sketch.add(f"name {number}", 1.0)
    assert sketch.size_bytes == size
    assert sketch.wait("ana", 2.0) >= wait - 2
    assert SignInThrottle().size_bytes < 40_000_000


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 600)), max_size=60))
def test_the_sketch_never_counts_too_little(events):
    slow_down = SlowDown(2, 5, 600, 1e12)
    sketch, moment = FailureSketch(slow_down, 16, bytes(16)), 0.0
    count, last = dict.fromkeys("abcdef", 0), dict.fromkeys("abcdef", 0.0)
    for name, pause in events:
        moment += pause
        sketch.add(name, moment)
        count[name] += 1
        last[name] = moment
        for other in count:
            wanted = last[other] + float(slow_down.wait(np.array(float(count[other])))) - moment
            assert sketch.wait(other, moment) >= wanted - 0.01


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("", "''"),
        ("not an address", "'not an address'"),
    ],
)
def test_a_place_is_an_address_or_the_network_of_one_customer(source, expected):
    assert place(source) == expected


def test_an_address_is_never_written_in_the_clear():
    assert "192.0.2.1" not in throttle().tag("192.0.2.1")
    assert throttle().tag("192.0.2.1") == throttle().tag("192.0.2.1") != throttle().tag("192.0.2.2")


def test_in_the_simulation_the_owner_is_shut_out_by_a_hard_lockout_and_not_by_the_slow_down():
    found = compare_lockout_policies(2, attempts_per_minute=2)
    rows = found.table.set_index("policy")
    assert rows.loc["no rule", "guesses_per_day"] == 2 * 24 * 60
    assert (rows.loc[list(LOCKED.values()), "known_device"] > 20).all()
    ours = rows.loc[SLOW_DOWN]
    assert ours["known_device"] == ours["second_factor"] == 0
    assert ours["guesses_per_day"] < rows.loc[LOCKED[5], "guesses_per_day"] / 3
    assert ours["guesses_per_day"] < 50
    assert f"{ours['guesses_per_day']:.0f}" in found.sentence()
    assert list(found.to_frame()["rule"]) == list(rows.index)


@pytest.fixture(scope="module")
def simulated():
    return compare_lockout_policies(1, attempts_per_minute=1)


def test_the_simulation_gives_the_same_result_for_the_same_seed(simulated):
    assert simulated.table.equals(compare_lockout_policies(1, attempts_per_minute=1).table)


@pytest.mark.parametrize("options", [{"days": 0}, {"days": 31}, {"attempts_per_minute": 0}, {"sources": 0}])
def test_a_simulation_out_of_range_is_refused(options):
    with pytest.raises(UserError, match="Simulate"):
        compare_lockout_policies(**options)


def test_the_picture_says_that_it_is_a_simulation(simulated):
    from secure_ai.access.identity.charts import plot_lockout

    hours = simulated.table.set_index("policy").loc[LOCKED[5], "known_device"]
    assert (
        f"Simulated: a hard lock-out shuts the owner out for {hours:.1f} hours"
        in plot_lockout(simulated).get_suptitle()
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [("192.0.2.1:50123", "192.0.2.1"), ("[2001:db8::7]:443", "2001:db8::/64"),
     ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8::9%eth0", "2001:db8::/64")],
)  # fmt: skip
def test_a_port_makes_no_new_place(source, expected):
    assert place(source) == expected
