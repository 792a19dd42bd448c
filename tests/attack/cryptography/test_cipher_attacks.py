"""Attacks on ciphers that are used wrongly: each recovers or changes something, and fails where it should."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.cryptography import (
    alter_message,
    authentication_keys,
    drag_crib,
    draw_bank_mark,
    draw_chest_film,
    encrypt_picture,
    forge_message,
    read_other_message,
    repeated_blocks,
    reused_nonces,
    seal_with_one_nonce,
)
from secure_ai.attack.cryptography.charts import plot_crib, plot_pictures
from secure_ai.attack.cryptography.forgery import ghash
from secure_ai.attack.cryptography.gf128 import block, element, inverse, multiply, roots
from secure_ai.core.errors import UserError

LETTER = "Dear patient, your appointment is confirmed. Please bring your insurance card. Yours, the clinic."
RESULT = "Patient Z. Example, HIV test positive, viral load 41,000; start therapy at once, call back today."
PAYMENT = "PAY EUR 00000100.00 FROM ZZ00 0001 TO ZZ00 0002 REFERENCE rent of May; thank you and goodbye."
elements = st.integers(0, 2**128 - 1)


def test_a_known_letter_reads_the_other_message_exactly():
    known, other = seal_with_one_nonce([LETTER, RESULT], os.urandom(32), os.urandom(12))
    found = read_other_message(known, LETTER, other)
    assert found.text.decode() == RESULT[: len(LETTER)]
    assert found.share == min(len(LETTER), len(RESULT)) / len(RESULT)
    assert "Example" not in repr(found) + found.sentence()


def test_with_two_nonces_there_is_nothing_to_read():
    key = os.urandom(32)
    known, other = (seal_with_one_nonce([t], key, os.urandom(12))[0] for t in (LETTER, RESULT))
    for attack in (
        lambda: read_other_message(known, LETTER, other),
        lambda: drag_crib(known, other, "patient"),
        lambda: authentication_keys(known, other),
    ):
        with pytest.raises(UserError, match="different nonces"):
            attack()
    assert reused_nonces([known, other]).empty
    assert reused_nonces([known, other, known])["messages"].tolist() == [[0, 2]]


def test_a_guessed_phrase_is_found_where_it_stands():
    first, second = seal_with_one_nonce([LETTER, RESULT], os.urandom(32), os.urandom(12))
    crib = "your appointment is confirmed."
    found = drag_crib(first, second, crib)
    place = LETTER.index(crib)
    assert found.table.iloc[0]["offset"] == place
    assert found.table.iloc[0]["reading"] == RESULT[place : place + len(crib)]
    assert f"byte {place}" in plot_crib(found).axes[0].get_title(loc="left")
    for wrong in ("", "x" * 1000):
        with pytest.raises(UserError, match="guessed phrase"):
            drag_crib(first, second, wrong)


@given(elements, elements, elements)
def test_gf128_is_a_field(a, b, c):
    assert multiply(a, b) == multiply(b, a)
    assert multiply(a, multiply(b, c)) == multiply(multiply(a, b), c)
    assert multiply(a, b ^ c) == multiply(a, b) ^ multiply(a, c)
    assert multiply(a, 1) == a and element(block(a)) == a


@settings(max_examples=5, deadline=None)
@given(elements.filter(bool))
def test_every_element_but_zero_has_an_inverse(a):
    assert multiply(a, inverse(a)) == 1


@settings(max_examples=5, deadline=None)
@given(st.lists(elements, min_size=1, max_size=3, unique=True), elements.filter(bool))
def test_roots_are_found_and_only_they(chosen, leading):
    polynomial = [leading]
    for root in chosen:
        low = [multiply(c, root) for c in polynomial] + [0]
        polynomial = [a ^ b for a, b in zip(low, [0, *polynomial], strict=True)]
    assert roots(polynomial) == sorted(chosen)


def test_ghash_agrees_with_nist_test_case_2():
    # McGrew and Viega, "The Galois/Counter Mode of Operation", test case 2.
    key = element(bytes.fromhex("66e94bd4ef8a2c3b884cfa59ca342b2e"))
    value = ghash(key, b"", bytes.fromhex("0388dace60b6a392f328c2b971b2fe78"))
    assert block(value).hex() == "f38cbb1ad69223dcc3457ae5b6b0f885"


@pytest.mark.parametrize(
    ("known", "wanted"),
    [(LETTER, "Dear patient, take 100 mg."), (PAYMENT, PAYMENT.replace("100.00", "999.99"))],
    ids=["hospital", "bank"],
)
def test_a_forged_message_is_accepted_by_the_real_cipher(known, wanted):
    key, nonce, header = os.urandom(32), os.urandom(12), b"ward 3"
    first, second = seal_with_one_nonce([known, RESULT], key, nonce, header)

    def accepts(message):
        try:
            AESGCM(key).decrypt(message.nonce, message.ciphertext + message.tag, message.associated)
        except InvalidTag:
            return False
        return True

    found = forge_message(first, known, second, wanted, accepts)
    sent = found.message
    assert AESGCM(key).decrypt(nonce, sent.ciphertext + sent.tag, header).decode() == wanted
    assert "accepted" in found.sentence()
    assert found.tried <= found.candidates
    with pytest.raises(UserError, match="No forged"):
        forge_message(first, known, second, wanted, lambda message: False)


@pytest.mark.parametrize("draw", [draw_chest_film, draw_bank_mark])
def test_ecb_shows_the_picture_and_the_others_do_not(draw):
    found = encrypt_picture(draw(128))
    assert found.repeated["ECB"] == found.repeated["original"] > 0.3
    nearly = replace(found, repeated={"original": 0.9996, "ECB": 0.9996, "CTR": 0.0, "GCM": 0.0})
    assert "over 99.9%" in nearly.sentence() and "100%" not in nearly.sentence()
    assert found.repeated["CTR"] == found.repeated["GCM"] == 0
    title = plot_pictures(found).get_suptitle()
    assert "ECB" in title and "0%" in title
    assert np.array_equal(encrypt_picture(draw(128)).encrypted["ECB"], found.encrypted["ECB"])


def test_noise_hides_the_picture_even_from_ecb():
    assert encrypt_picture(draw_chest_film(128, noise=8, seed=1)).repeated["ECB"] < 0.02


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [(PAYMENT, "00000100.00", "00099900.00"), ("Rx morphine 010.0 mg at 08:00 by mouth", "010.0", "100.0")],
)
def test_amount_and_dose_are_changed_unnoticed_without_authentication(text, old, new):
    found = {result.mode: result for result in alter_message(text, old, new).results}
    assert found["CTR"].read == text.replace(old, new)
    assert not found["CTR"].noticed and not found["CBC"].noticed
    assert found["GCM"].noticed and found["GCM"].read == ""


def test_under_cbc_the_first_block_changes_cleanly_and_a_later_one_garbles_the_block_before():
    first = alter_message("DOSE 010.0 mg; give at eight, by mouth, with water", "010.0", "100.0").results[1]
    assert first.as_wanted and first.garbled_bytes == 0
    later = alter_message("At eight, by mouth, with water: 010.0 mg, then rest", "010.0", "100.0").results[1]
    assert later.as_wanted and 8 < later.garbled_bytes <= 16


def test_the_table_of_alterations_says_it_in_words():
    found = alter_message(PAYMENT, "100.00", "999.99")
    assert found.to_frame()["mode"].tolist() == ["CTR", "CBC", "GCM"]
    assert "refused under GCM" in found.sentence()
    assert found.to_frame().equals(alter_message(PAYMENT, "100.00", "999.99").to_frame())


@pytest.mark.parametrize(
    "call",
    [
        lambda: alter_message(PAYMENT, "100.00", "1000.00"),
        lambda: alter_message(PAYMENT, "ZZ00", "ZZ11"),
        lambda: alter_message(PAYMENT, "", ""),
        lambda: alter_message(PAYMENT, "100.00", "999.99", key=b"short"),
        lambda: encrypt_picture(np.zeros((3, 3), np.uint8)),
        lambda: encrypt_picture(np.zeros((16, 16))),
        lambda: encrypt_picture(np.zeros((16, 16), np.uint8), key=b"x"),
        lambda: draw_chest_film(100),
        lambda: repeated_blocks(b"short"),
        lambda: seal_with_one_nonce([""], bytes(32), bytes(12)),
        lambda: seal_with_one_nonce(["x"], bytes(5), bytes(12)),
        lambda: authentication_keys(*seal_with_one_nonce(["same", "same"], bytes(32), bytes(12))),
        lambda: authentication_keys(*seal_with_one_nonce(["x" * 2000, "y"], bytes(32), bytes(12))),
        lambda: read_other_message(*_pair()),
    ],
)
def test_bad_input_is_a_sentence(call):
    with pytest.raises(UserError):
        call()


def _pair():
    first, second = seal_with_one_nonce([LETTER, RESULT], bytes(32), bytes(12))
    return first, "too short", second
