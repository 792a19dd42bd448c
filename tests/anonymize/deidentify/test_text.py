"""Texts come out without what the policy removes, and say the same of the same person everywhere."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize import Deidentifier, Key, detokenize, reidentify
from secure_ai.anonymize.deidentify.actions import Actions, age, mask
from secure_ai.anonymize.deidentify.geography import SMALL_ZIP3, is_state_or_country, keep_state, zip3
from secure_ai.anonymize.deidentify.names import gender_of, parse_name
from secure_ai.anonymize.deidentify.policy import load_policy, read_policy
from secure_ai.anonymize.deidentify.surrogates import zip_code
from secure_ai.anonymize.deidentify.text import Cleaned, outside, substitute
from secure_ai.core import UserError
from secure_ai.discover import detect
from synthetic_data import load

KEY = Key(bytes(range(64)))
NOTE = """Patient: Maria Garcia, MRN: 00123456, DOB 03/12/1931. Ms. Garcia, a 93-year-old, was admitted on
2024-02-03 and discharged on 2024-02-10. Garcia lives at 12 Oak Street, Boston, MA 02139.
Phone (617) 555-0123, maria@example.com, SSN 219-09-9999. GARCIA, MARIA was seen by Dr. John Smith.
Card 4111 1111 1111 1111. Chart 00123456."""
TRUE_VALUES = ["Maria", "Garcia", "GARCIA", "00123456", "12 Oak", "Smith", "555-0123", "219-09", "4111 1111"]


def deidentifier(policy, **options):
    return Deidentifier(policy, None if policy == "safe_harbor" else KEY, seed=1, as_of=2026, **options)


@pytest.mark.parametrize(
    "policy", ["safe_harbor", "limited_data_set", "expert_determination", "pseudonymize"]
)
def test_no_direct_identifier_is_left(policy):
    (text,) = deidentifier(policy).text([NOTE])
    for value in TRUE_VALUES:
        assert value not in text


def test_safe_harbor_leaves_of_dates_the_year_and_of_old_age_nothing():
    (text,) = deidentifier("safe_harbor").text([NOTE])
    assert "02-03" not in text and "2024" in text
    assert "1931" not in text and "93" not in text and "90+" in text
    assert "Boston" not in text and "MA" in text


def test_a_limited_data_set_keeps_dates_and_towns():
    (text,) = deidentifier("limited_data_set").text([NOTE])
    for kept in ("2024-02-03", "03/12/1931", "Boston, MA 02139"):
        assert kept in text


def names_in(text):
    found = re.search(r"Patient: (\w+) (\w+), .* Ms\. (\w+), .*\n.*\. (\w+) lives at", text, re.DOTALL)
    return found.groups()


def test_every_mention_of_a_person_in_a_document_gets_the_same_pseudonym():
    (text,) = deidentifier("pseudonymize").text([NOTE])
    _, family, titled, alone = names_in(text)
    assert family == titled == alone
    assert family.upper() in text


def test_the_same_person_gets_the_same_pseudonym_in_every_document_and_run():
    other = "Dear Maria Garcia, your results are in."
    first = deidentifier("pseudonymize").text([NOTE, other])
    second = deidentifier("pseudonymize").text([other])
    assert first[1] == second[0]
    assert " ".join(names_in(first[0])[:2]) in second[0]


def test_another_key_gives_other_names():
    other = Deidentifier("pseudonymize", Key(bytes(64)), seed=1)
    assert other.text([NOTE]) != deidentifier("pseudonymize").text([NOTE])


@pytest.mark.parametrize(
    ("name", "gender"), [("Maria Garcia", "f"), ("John Smith", "m"), ("Priya Patel", "f")]
)
def test_a_pseudonym_has_the_gender_of_the_name(name, gender):
    (text,) = deidentifier("pseudonymize").text([f"Patient: {name}"])
    made_up = text.removeprefix("Patient: ")
    assert made_up != name
    assert gender_of(parse_name(made_up).given) == gender


def test_distinct_people_get_distinct_pseudonyms():
    cast = Actions(load_policy("pseudonymize"), KEY).cast
    people = [(f"given{i}", f"family{i}") for i in range(3000)]
    made = {cast.made_up(" ".join(p), parse_name(" ".join(p))) for p in people}
    assert len({(m.given, m.family) for m in made}) == len(people)


FORMS = [
    ("Maria Garcia", "maria", "garcia"),
    ("GARCIA, MARIA", "maria", "garcia"),
    ("Ms. Garcia", "", "garcia"),
    ("Dr. Maria Garcia, MD", "maria", "garcia"),
    ("García, María", "maria", "garcia"),
    ("Maria de la Cruz", "maria", "de la cruz"),
    ("M. Garcia", "m", "garcia"),
    ("John T. Smith Jr.", "john", "smith"),
]


@pytest.mark.parametrize(("written", "given_name", "family"), FORMS)
def test_names_are_taken_apart_as_people_write_them(written, given_name, family):
    mention = parse_name(written)
    assert (mention.given, mention.family) == (given_name, family)


def test_shifted_dates_keep_intervals_within_a_person():
    texts = ["Seen on 2024-02-03.", "Seen on 2024-02-10.", "Seen on 2024-02-10."]
    moved = deidentifier("expert_determination").text(texts, person_ids=["a", "a", "b"])
    first, second, third = (date.fromisoformat(re.search(r"\d{4}-\d\d-\d\d", text)[0]) for text in moved)
    assert (second - first).days == 7
    assert first != date(2024, 2, 3) and third != second


def test_a_token_gives_its_value_back_and_another_key_does_not():
    (text,) = deidentifier("pseudonymize").text(["SSN 219-09-9999 on file"])
    token = re.search(r"tok\.\S+", text)[0]
    assert detokenize(token, KEY) == "219-09-9999"
    assert reidentify(text, KEY) == "SSN 219-09-9999 on file"
    for wrong in (token[:-3] + "AAA", token.replace("US_SSN", "US_ITIN"), token[:40], "tok.US_SSN."):
        with pytest.raises(UserError):
            detokenize(wrong, KEY)
    with pytest.raises(UserError, match="another key"):
        reidentify(text, Key(bytes(64)))


@given(st.text(), st.sampled_from(["US_SSN", "PERSON"]))
def test_every_value_survives_its_token(value, entity):
    from secure_ai.anonymize.deidentify.tokens import tokenize

    token = tokenize(value, entity, KEY)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", token)
    assert detokenize(token, KEY) == value


def test_a_policy_that_needs_a_key_says_so_before_any_work():
    with pytest.raises(UserError, match="secure-ai key"):
        Deidentifier("pseudonymize")


def leaks(policy, texts):
    """What a second look finds in the output, beside what was put there."""
    worker = deidentifier(policy)
    cleaned = worker._cleaner.clean(texts)
    allowed = worker.policy.allow
    again = detect([c.text for c in cleaned], threshold=worker.policy.threshold, allow=allowed)
    return [leak for c, spans in zip(cleaned, again, strict=True) for leak in worker._cleaner.leaks(c, spans)]


@pytest.mark.parametrize("policy", ["safe_harbor", "limited_data_set", "pseudonymize"])
@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_a_second_look_at_the_output_finds_nothing_that_the_policy_removed(policy, sector):
    data = load(sector, rows=300, seed=5)
    texts = [item.text for kind in data.documents.values() for item in kind[:80]]
    assert len(texts) >= 80
    assert leaks(policy, texts) == []


def test_a_found_number_is_removed_wherever_it_stands_again():
    (text,) = deidentifier("safe_harbor").text(["MRN: 00123456 was merged. See also 00123456 for labs."])
    assert "00123456" not in text


@pytest.mark.parametrize(
    "wrapped",
    [
        "<b>maria@example.com</b>",
        "**maria@example.com**",
        "\u200fmaria@example.com\u200f",
        "`maria@example.com`",
    ],
)
def test_markup_around_an_identifier_stays_and_the_identifier_goes(wrapped):
    (text,) = deidentifier("safe_harbor").text([f"Mail {wrapped} now"])
    assert text == f"Mail {wrapped} now".replace("maria@example.com", "[EMAIL_ADDRESS]")


def test_no_texts_give_no_texts_and_one_string_is_refused():
    assert deidentifier("safe_harbor").text([]) == []
    assert deidentifier("safe_harbor").text(["", None]) == ["", ""]
    with pytest.raises(UserError, match="list of texts"):
        deidentifier("safe_harbor").text("note")
    with pytest.raises(UserError, match="one id for each text"):
        deidentifier("pseudonymize").text(["a"], person_ids=["a", "b"])


def test_the_receipt_counts_and_never_shows_a_value():
    worker = deidentifier("pseudonymize")
    worker.text([NOTE])
    receipt = worker.receipt()
    assert receipt.clean and receipt.counts["US_SSN"] == {"token": 1}
    shown = receipt.to_markdown() + str(receipt.to_dict())
    for value in TRUE_VALUES:
        assert value not in shown


@settings(max_examples=50)
@given(
    st.text(min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5), st.text(max_size=6)), max_size=5),
)
def test_what_was_put_in_stands_where_it_is_noted(text, drafts):
    pieces, at = [], 0
    for start, length, new in sorted(drafts):
        if start >= at and start + length <= len(text):
            pieces.append((start, start + length, new))
            at = start + length
    document = Cleaned(text)
    substitute(document, pieces)
    assert [document.text[a:b] for a, b in document.made] == [new for *_, new in pieces]


def test_outside_is_what_no_replacement_covers():
    assert outside(0, 10, [(2, 4), (6, 8)]) == [(0, 2), (4, 6), (8, 10)]
    assert outside(3, 4, [(2, 5)]) == []


ZIPS = [
    ("02139", "021"),
    ("02139-1234", "021"),
    ("2139", "021"),
    ("03601", "000"),
    ("89301", "000"),
    ("2139.0", "021"),
    ("021394455", "021"),
    ("SW1A 1AA", "000"),
    ("", "000"),
    ("021xx", "021"),
]


@pytest.mark.parametrize(("written", "kept"), ZIPS)
def test_three_digits_of_a_zip_code_stay_where_many_people_live(written, kept):
    assert zip3(written) == kept


def test_the_list_of_small_areas_has_the_seventeen_of_hhs():
    assert len(SMALL_ZIP3) == 17


PLACES = [
    ("Ohio", True),
    ("MA", True),
    ("Germany", True),
    ("Boston", False),
    ("New York", False),
    ("Georgia", True),
    ("Paris, France", False),
    ("12 Oak St", False),
]


@pytest.mark.parametrize(("place", "stays"), PLACES)
def test_only_states_and_countries_stay(place, stays):
    assert is_state_or_country(place) is stays


def test_an_address_leaves_its_state():
    assert keep_state("12 Oak St, Boston, MA 02139") == "MA"
    assert keep_state("Boston") == ""


AGES = [
    ("79", "79"),
    ("89", "89"),
    ("90", "90+"),
    ("104", "90+"),
    ("95 months", "95 months"),
    ("old", "[AGE]"),
]


@pytest.mark.parametrize(("written", "kept"), AGES)
def test_ages_over_89_are_one_class(written, kept):
    assert age(written) == kept


def test_a_mask_never_shows_most_of_a_short_value():
    assert mask("12345", keep_last=4) == "*****"
    assert mask("4000-1234-5678-9017", keep_last=4) == "****-****-****-9017"


def test_a_users_policy_rules_the_text():
    policy = read_policy(
        "name: ours\nstandard: expert_determination\n"
        "entities: {PERSON: {action: mask}, US_SSN: {action: hash, length: 20}}"
    )
    (text,) = Deidentifier(policy, KEY).text(["Patient: Maria Garcia, SSN 219-09-9999"])
    assert (
        text.startswith("Patient: ***** ******, SSN h-")
        and len(text) == len("Patient: ***** ******, SSN h-") + 20
    )


def test_a_zip_code_without_its_leading_zero_gets_the_same_pseudonym():
    mac = KEY.mac("surrogate")
    assert len({zip_code(mac, written) for written in ("02139", "2139", "2139.0", "02139-4301"[:5])}) == 1
    assert zip_code(mac, "02139-4301").startswith(zip_code(mac, "02139"))
