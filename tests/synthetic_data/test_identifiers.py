"""Identifiers look right, are unique where they must be, and can belong to nobody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_data import identifiers as ids

N = 400
FAMILIES = (
    "phone",
    "ipv4",
    "ipv6",
    "ssn",
    "drivers_license",
    "card_number",
    "iban",
    "bic",
    "account_number",
    "routing_aba",
    "npi",
    "mbi",
    "mrn",
    "health_plan_number",
    "device_id",
)
UNIQUE = (
    "ssn",
    "drivers_license",
    "iban",
    "account_number",
    "npi",
    "mbi",
    "mrn",
    "health_plan_number",
    "device_id",
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_value_of_every_family_can_belong_to_nobody(family, seed):
    values = getattr(ids, family)(rng(seed), N)
    assert len(values) == N
    assert all(ids.can_belong_to_nobody(family, value) for value in values)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_generator_state_gives_the_same_values_and_another_gives_others(family):
    make = getattr(ids, family)
    assert list(make(rng(3), N)) == list(make(rng(3), N))
    assert list(make(rng(3), N)) != list(make(rng(4), N))


@pytest.mark.parametrize("family", UNIQUE)
def test_values_with_a_start_are_unique_and_do_not_depend_on_how_they_are_cut(family):
    make = getattr(ids, family)
    whole = list(make(rng(), 3000, start=0, key=7))
    assert len(set(whole)) == 3000
    if family in {"ssn", "account_number", "npi", "mrn", "health_plan_number", "device_id"}:
        assert list(make(rng(), 1000, start=2000, key=7)) == whole[2000:]
    assert list(make(rng(), 3000, start=0, key=8)) != whole


@pytest.mark.parametrize("country", ["DE", "GB", "NL", "FR", "ES"])
def test_ibans_pass_the_check_and_name_a_bank_that_does_not_exist(country):
    values = ids.iban(rng(), N, country)
    assert all(value.startswith(country) and ids.iban_ok(value) for value in values)
    assert all(ids.can_belong_to_nobody("iban", value) for value in values)


@pytest.mark.parametrize("brand", list(ids.CARD_TEST_PREFIXES))
def test_cards_of_a_brand_pass_luhn_in_its_test_range(brand):
    values = ids.card_number(rng(), N, brand)
    assert all(ids.luhn_ok(value) and value.startswith(ids.CARD_TEST_PREFIXES[brand]) for value in values)


def test_cards_keep_the_order_of_the_brands_given():
    brands = np.array(["amex", "visa", "discover", "mastercard"] * 5, dtype=object)
    values = ids.card_number(rng(), 20, brands)
    assert all(v.startswith(ids.CARD_TEST_PREFIXES[b]) for v, b in zip(values, brands, strict=True))


def test_dea_numbers_carry_the_initial_and_pass_their_check():
    names = ["Nguyễn", "Łapiński", "O'Brien", "de la Cruz"]
    values = list(ids.dea(rng(), 4, names))
    assert [value[1] for value in values] == ["N", "L", "O", "D"]
    assert all(ids.dea_ok(value) and ids.can_belong_to_nobody("dea", value) for value in values)


def test_emails_are_ascii_unique_and_at_a_reserved_domain():
    values = list(ids.email(rng(), ["José", "Łukasz", "José"], ["Müller", "Đặng", "Müller"], start=40))
    assert len(set(values)) == 3
    assert values[1].startswith("lukasz.dang")
    assert all(value.isascii() and ids.can_belong_to_nobody("email", value) for value in values)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (ids.luhn_ok, "4242 4242 4242 4242", "4242424242424241"),
        (ids.iban_ok, "GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926818"),
        (ids.aba_ok, "011000015", "011000016"),
        (ids.npi_ok, "1234567893", "1234567894"),
        (ids.dea_ok, "AB1234563", "AB1234564"),
    ],
)
def test_validators_agree_with_published_examples(check, good, bad):
    assert check(good)
    assert not check(bad)
    assert not check("")


@pytest.mark.parametrize(
    ("family", "value"),
    [
        ("ssn", "078-05-1120"),  # issued, and printed in wallets
        ("ssn", "912-70-1234"),  # a taxpayer number
        ("ssn", "666-12-3456"),
        ("phone", "(617) 555-0200"),
        ("phone", "(617) 253-0142"),
        ("email", "somebody@gmail.com"),
        ("email", "somebody@example.org.evil.com"),
        ("ipv4", "8.8.8.8"),
        ("ipv4", "192.0.2.256"),
        ("ipv6", "2001:4860:4860::8888"),
        ("url", "https://portal.hospital.com/r/1"),
        ("iban", "DE89370400440532013000"),
        ("iban", "DE00999990000000000000"),
        ("bic", "DEUTDEFF"),
        ("routing_aba", "011000015"),
        ("npi", "1234567893"),
        ("dea", "AB1234563"),
        ("mbi", "1EG4TE5MK73"),
        ("card_number", "4111111111111111"),
        ("drivers_license", "S530460590820"),
    ],
)
def test_values_that_may_be_somebodys_are_told_apart(family, value):
    assert not ids.can_belong_to_nobody(family, value)


@pytest.mark.parametrize("value", ["+1 617 555 0142", "617.555.0142", "617-555-0142", "(617) 555-0142"])
def test_fictional_numbers_are_known_in_every_spelling(value):
    assert ids.can_belong_to_nobody("phone", value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ids.can_belong_to_nobody("shoe_size", "42"), "Unknown family of identifiers 'shoe_size'"),
        (lambda: ids.iban(rng(), 1, "XX"), "No IBAN layout for country 'XX'"),
        (lambda: ids.card_number(rng(), 1, "diners"), "Unknown card brand 'diners'"),
    ],
)
def test_unknown_names_are_answered_in_a_sentence_with_the_choices(call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "choose" in str(caught.value)


@given(st.text(alphabet="0123456789", min_size=1, max_size=18))
def test_luhn_catches_every_single_digit_error(body):
    digit = next(d for d in "0123456789" if ids.luhn_ok(body + d))
    whole = body + digit
    for place, character in enumerate(whole):
        wrong = whole[:place] + str((int(character) + 1) % 10) + whole[place + 1 :]
        assert not ids.luhn_ok(wrong)


@given(st.integers(0, 10**6), st.integers(0, 2**32), st.integers(2, 5000))
def test_positions_are_a_permutation_of_any_range(start, key, capacity):
    drawn = ids.positions(rng(), capacity, capacity, start, key, "test")
    assert sorted(drawn.tolist()) == list(range(capacity))


def test_no_value_is_made_from_no_rows():
    for family in FAMILIES:
        assert len(getattr(ids, family)(rng(), 0)) == 0
