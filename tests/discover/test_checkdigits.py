"""Claims about check digits, on published examples and by altering every digit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.discover import checkdigits

PUBLISHED = [
    (checkdigits.luhn_is_valid, "79927398713"),  # the example of the Luhn patent's descriptions
    (checkdigits.card_is_valid, "4111 1111 1111 1111"),  # test number of the card schemes
    (checkdigits.card_is_valid, "378282246310005"),
    (checkdigits.npi_is_valid, "1234567893"),  # CMS, Requirements for NPI check digit
    (checkdigits.dea_is_valid, "AB1234563"),
    (checkdigits.aba_is_valid, "021000021"),
    (checkdigits.iban_is_valid, "GB82 WEST 1234 5698 7654 32"),  # ISO 13616 registry
    (checkdigits.iban_is_valid, "DE89370400440532013000"),
    (checkdigits.mbi_is_valid, "1EG4-TE5-MK73"),  # CMS, Understanding the MBI format
    (checkdigits.vin_is_valid, "1HGCM82633A004352"),
    (checkdigits.vin_is_valid, "11111111111111111"),
    (checkdigits.ssn_is_plausible, "912-34-5678"),
]


@pytest.mark.parametrize(("check", "number"), PUBLISHED)
def test_a_published_example_passes(check, number):
    assert check(number)


@pytest.mark.parametrize(
    ("check", "number"),
    [case for case in PUBLISHED if "mbi" not in case[0].__name__ and "ssn" not in case[0].__name__],
)
def test_any_single_wrong_digit_is_caught(check, number):
    for position, digit in enumerate(number):
        # In a VIN two letters can share a value, so only digits are altered; ABA's weights of 1, 3
        # and 7 and Luhn's doubling catch every single digit.
        if digit.isdigit():
            wrong = number[:position] + str((int(digit) + 1) % 10) + number[position + 1 :]
            assert not check(wrong), wrong


@pytest.mark.parametrize(
    ("check", "number"),
    [
        (checkdigits.card_is_valid, "0000000000000000"),
        (checkdigits.card_is_valid, "1234567812345670"),  # Luhn holds, but no card starts with 1
        (checkdigits.npi_is_valid, "3234567890"),
        (checkdigits.aba_is_valid, "000000000"),
        (checkdigits.mbi_is_valid, "1EG4-TS5-MK73"),  # S occurs in second place only
        (checkdigits.mbi_is_valid, "0EG4-TE5-MK73"),
        (checkdigits.ssn_is_plausible, "000-12-3456"),
        (checkdigits.ssn_is_plausible, "666-12-3456"),
        (checkdigits.ssn_is_plausible, "912-00-3456"),
        (checkdigits.ssn_is_plausible, "912-34-0000"),
    ],
)
def test_numbers_that_are_never_issued_fail(check, number):
    assert not check(number)


@given(st.text(max_size=40))
def test_no_text_makes_a_check_raise(text):
    for check in {check for check, _ in PUBLISHED}:
        assert check(text) in {True, False}


def test_digits_of_other_scripts_are_not_taken_for_numbers():
    assert not checkdigits.luhn_is_valid("٤١١١١١١١١١١١١١١١")
    assert not checkdigits.card_is_valid("４１１１１１１１１１１１１１１１")
