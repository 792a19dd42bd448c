"""Short numbers are found by trying them all, unless a key stands before the hash."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.anonymize.deidentify.hash_reversal import (
    card_candidates,
    plain_hash,
    reverse_hashes,
    ssn_candidates,
)
from secure_ai.core import UserError
from secure_ai.discover.checkdigits import luhn_is_valid

CARD = "4242424242424242"  # a number that the card networks publish for tests
SSN = "900-12-3456"


def test_a_plain_hash_of_a_social_security_number_is_reversed():
    found = reverse_hashes([plain_hash(SSN)], [ssn_candidates("3456")])
    assert found.values == (SSN,) and found.found == 1 and 1 <= found.tried <= 100_000


def test_a_plain_hash_of_a_card_number_is_reversed():
    found = reverse_hashes([plain_hash(CARD)], [card_candidates("424242", "4242")])
    assert found.values == (CARD,)


def test_a_keyed_hash_is_not_reversed_without_the_key():
    keyed = hmac.new(b"k" * 32, SSN.encode(), "sha256").hexdigest()
    found = reverse_hashes([keyed], [ssn_candidates("3456")])
    assert found.found == 0 and found.tried == 100_000
    with_key = reverse_hashes(
        [keyed],
        [ssn_candidates("3456")],
        lambda value: hmac.new(b"k" * 32, value.encode(), "sha256").hexdigest(),
    )
    assert with_key.values == (SSN,)


def test_there_are_a_hundred_thousand_numbers_behind_the_visible_digits():
    assert len(set(ssn_candidates("0001"))) == 100_000
    assert len(set(card_candidates("424242", "4242"))) == 100_000


@given(
    first=st.from_regex(r"[0-9]{6}", fullmatch=True),
    last=st.from_regex(r"[0-9]{4}", fullmatch=True),
    length=st.integers(13, 14),
)
def test_every_candidate_is_a_card_number_with_these_ends(first, last, length):
    for number in card_candidates(first, last, length):
        assert len(number) == length and number.startswith(first) and number.endswith(last)
        assert luhn_is_valid(number)


def test_the_plain_hash_is_sha256():
    assert plain_hash("abc") == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    "call",
    [
        lambda: ssn_candidates("12"),
        lambda: ssn_candidates("12ab"),
        lambda: card_candidates("4242", "4242"),
        lambda: card_candidates("424242", "4242", 19),
        lambda: reverse_hashes(["a"], []),
    ],
)
def test_bad_input_gets_one_sentence(call):
    with pytest.raises(UserError):
        call()
