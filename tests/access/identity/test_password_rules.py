"""Which passwords are accepted, and what a refusal says (NIST SP 800-63B-4)."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.access.identity.password_rules import (
    PasswordRefused,
    PasswordRules,
    compare_rules,
    normalize_password,
    read_blocklist,
)
from secure_ai.core.errors import UserError

ALONE = PasswordRules(context=("St. Mary Hospital", "Cardinal Bank"))
BESIDE = PasswordRules.with_second_factor(("St. Mary Hospital", "Cardinal Bank"))

ACCEPTED = [
    "correct horse battery staple",
    "all lower case and no digits",
    "xK9#mQ2$vL7@pN4!",
    "ein langer Satz mit Ümläuten",
    "пять слов для одного входа",
    "  spaces count, also outer ones  ",
    "🐎🔋🐎🔋 staple and horse 🐎",
    "x7 " * 5 + "y" * 49,
]
REFUSED = [
    ("fourteen char.", "length"),
    ("a" * 300, "length"),
    ("a" * 100_000, "length"),
    ("password1234567", "blocklist"),
    ("P@ssw0rdP@ssw0rd", "blocklist"),
    ("Summer2026!!!!!!", "blocklist"),
    ("internationalization2026", "blocklist"),
    ("StMaryHospital2026!", "context"),
    ("mwilliams20251234", "context"),
    ("mwilliamsmwilliams", "context"),
    ("smailliwm123456", "context"),
    ("aaaaaaaaaaaaaaaaaaa", "predictable"),
    ("abcabcabcabcabcabc", "predictable"),
    ("1234567890123456", "predictable"),
    ("qwertyuiopasdfghjkl", "predictable"),
    ("with a NUL \0 inside it", "characters"),
    ("with a line end inside\n", "characters"),
    ("a lone surrogate \ud800 inside", "characters"),
    ("a code point of nobody \U000e0fff", "characters"),
    (None, "characters"),
]


@pytest.mark.parametrize("password", ACCEPTED, ids=range(len(ACCEPTED)))
def test_a_long_password_of_any_characters_is_accepted(password):
    assert ALONE.refusals(password, "mwilliams") == []


@pytest.mark.parametrize(("password", "rule"), REFUSED, ids=range(len(REFUSED)))
def test_a_weak_password_is_refused_for_its_reason_and_not_repeated(password, rule):
    refusals = ALONE.refusals(password, "mwilliams")
    assert rule in [refusal.rule for refusal in refusals]
    with pytest.raises(PasswordRefused) as error:
        ALONE.check(password, "mwilliams")
    assert password is None or password not in str(error.value)
    assert len(str(error.value)) < 400


def test_the_old_rule_likes_what_the_new_one_refuses_and_the_other_way_round():
    table = compare_rules(["Password1!", "seven tall ships turn home", "K7#pw!"], ALONE)
    assert table["old rule"].tolist() == ["accepted", "refused", "refused"]
    assert [bool(why) for why in table.iloc[:, 2]] == [True, False, True]


def test_eight_characters_suffice_only_beside_a_second_factor():
    assert BESIDE.refusals("h7 Rk;2w") == []
    assert [refusal.rule for refusal in ALONE.refusals("h7 Rk;2w")] == ["length"]


def test_a_maximum_of_64_characters_can_be_kept_and_not_undercut():
    assert PasswordRules(maximum=64).refusals("wo rd " + "Qx7 m" * 11) == []
    for wrong in ({"minimum": 7}, {"maximum": 63}, {"minimum": 65}, {"maximum": 10_000}):
        with pytest.raises(UserError, match="SP 800-63B"):
            PasswordRules(**wrong)


def test_random_passwords_of_a_manager_are_not_refused():
    rng = random.Random(3)
    alphabet = string.ascii_letters + string.digits + "!#$%&*+-"
    made = ["".join(rng.choices(alphabet, k=16)) for _ in range(1000)]
    assert not [password for password in made if ALONE.refusals(password, "mwilliams")]


def test_the_same_password_typed_on_two_keyboards_is_the_same():
    assert normalize_password("u\u0308ber allem") == normalize_password("\u00fcber allem")


def test_a_list_of_ones_own_is_compared_without_case(tmp_path):
    (tmp_path / "own.txt").write_text(
        "\ufeffLakeside Forever Young\n\nblue bicycle garden\n", encoding="utf-8"
    )
    rules = PasswordRules(blocklist=read_blocklist(tmp_path / "own.txt"))
    assert [r.rule for r in rules.refusals("lakeside forever YOUNG")] == ["blocklist"]
    assert [r.rule for r in rules.refusals("Blue bicycle garden1")] == ["blocklist"]
    assert rules.refusals("green bicycle garden") == []


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), (b"\n \n", "empty"), (b"\xff\xfe\xd8", "UTF-8")]
)
def test_a_bad_list_of_passwords_is_an_error_in_a_sentence(tmp_path, content, said):
    file = tmp_path / "list.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_blocklist(file)


@given(st.text(max_size=80), st.text(max_size=20))
def test_every_text_is_accepted_or_refused_in_words(password, username):
    for refusal in ALONE.refusals(password, username):
        assert refusal.sentence.endswith(".")


@given(st.text(min_size=1, max_size=60))
def test_normalizing_twice_changes_nothing(password):
    try:
        once = normalize_password(password)
    except PasswordRefused:
        return
    assert normalize_password(once) == once
