"""Claims about the detector: what it finds, what it leaves, and that it never asks the network."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core import Span, UserError
from secure_ai.discover import as_documents, detect, known_entities, score_spans
from secure_ai.discover.detector import OVERLAP, PIECE, resolve


@pytest.fixture(autouse=True)
def patterns_only(monkeypatch):
    """Patterns alone, so that a claim here is about them; the names model has tests of its own."""
    monkeypatch.setenv("SECURE_AI_NLP", "blank")


def found(text: str, **options) -> list[tuple[str, str]]:
    return [(span.entity_type, text[span.start : span.end]) for span in detect([text], **options)[0]]


# ---------------------------------------------------------------- what it finds

FINDS = [
    ("Seen by Dr. Maria O'Brien today", "PERSON", "Maria O'Brien"),
    ("Patient: John Q. Smith DOB: 03/14/1931", "PERSON", "John Q. Smith"),
    ("Name: Nguyễn Thị Hoa", "PERSON", "Nguyễn Thị Hoa"),
    ("Patient name: Garcia Lopez, Ana", "PERSON", "Garcia Lopez, Ana"),
    ("Dear Mr. van der Berg,", "PERSON", "van der Berg"),
    ("Please call back.\n\nThanks,\nJane Doe", "PERSON", "Jane Doe"),
    ("my name is Priya Natarajan and", "PERSON", "Priya Natarajan"),
    ("reviewed with Susan Calvin, MD on rounds", "PERSON", "Susan Calvin"),
    ("Patient: John Q. Smith DOB: 03/14/1931", "DATE_TIME", "03/14/1931"),
    ("admitted 2024-01-05T14:30:00Z", "DATE_TIME", "2024-01-05T14:30:00Z"),
    ("on January 5th, 2024 she", "DATE_TIME", "January 5th, 2024"),
    ("seen 5 May 1950", "DATE_TIME", "5 May 1950"),
    ("follow-up on 3/14 please", "DATE_TIME", "3/14"),
    ("DOB 19310314", "DATE_TIME", "19310314"),
    ("a 92-year-old woman", "AGE", "92"),
    ("age: 104", "AGE", "104"),
    ("MRN: 00482913", "MEDICAL_RECORD_NUMBER", "00482913"),
    ("MRN#482913", "MEDICAL_RECORD_NUMBER", "482913"),
    ("NPI 1234567893", "US_NPI", "1234567893"),
    ("DEA AB1234563", "MEDICAL_LICENSE", "AB1234563"),
    ("Medicare 1EG4-TE5-MK73", "US_MBI", "1EG4-TE5-MK73"),
    ("Medicare 1EG4TE5MK73", "US_MBI", "1EG4TE5MK73"),
    ("Member ID: XYZ123456789", "US_HEALTH_INSURANCE_MEMBER_ID", "XYZ123456789"),
    ("SSN 912-34-5678", "US_SSN", "912-34-5678"),
    ("driver's license S99921234", "US_DRIVER_LICENSE", "S99921234"),
    ("passport no. X12345678", "US_PASSPORT", "X12345678"),
    ("VIN 1HGCM82633A004352", "VEHICLE_ID", "1HGCM82633A004352"),
    ("pacemaker serial number: PM-883412", "DEVICE_ID", "PM-883412"),
    ("card 4111 1111 1111 1111", "CREDIT_CARD", "4111 1111 1111 1111"),
    ("IBAN GB82 WEST 1234 5698 7654 32", "IBAN_CODE", "GB82 WEST 1234 5698 7654 32"),
    ("account number 123456789012", "US_BANK_NUMBER", "123456789012"),
    ("routing number 021000021", "ABA_ROUTING_NUMBER", "021000021"),
    ("SWIFT: DEUTDEFF500", "SWIFT_CODE", "DEUTDEFF500"),
    ("(212) 555-0142", "PHONE_NUMBER", "(212) 555-0142"),
    ("call 212.555.0142 ext. 12", "PHONE_NUMBER", "212.555.0142 ext. 12"),
    ("reach me on +44 20 7946 0958", "PHONE_NUMBER", "+44 20 7946 0958"),
    ("j.smith+x@example.org", "EMAIL_ADDRESS", "j.smith+x@example.org"),
    ("https://portal.example.org/x?id=5.", "URL", "https://portal.example.org/x?id=5"),
    ("from 192.0.2.14", "IP_ADDRESS", "192.0.2.14"),
    ("2001:db8:85a3::8a2e:370:7334", "IP_ADDRESS", "2001:db8:85a3::8a2e:370:7334"),
    ("at 7 Stamm Lock Unit 46, Avon, MA 02155 since", "LOCATION", "7 Stamm Lock Unit 46, Avon, MA 02155"),
    ("PO Box 1234", "LOCATION", "PO Box 1234"),
    ("zip code 02155", "ZIP_CODE", "02155"),
    ("3edac2e3-d223-6fae-d515-daf96ef6bc76", "UUID", "3edac2e3-d223-6fae-d515-daf96ef6bc76"),
    ("42.36877, -71.15168", "COORDINATES", "42.36877, -71.15168"),
    ("40°26'46\"N 79°58'56\"W", "COORDINATES", "40°26'46\"N 79°58'56\"W"),
    # dates
    ("born 14.09.1988", "DATE_TIME", "14.09.1988"),
    ("seen 1/5/24", "DATE_TIME", "1/5/24"),
    ("on 5-JAN-2024", "DATE_TIME", "5-JAN-2024"),
    ("the 3rd of March 2024", "DATE_TIME", "3rd of March 2024"),
    ("March 5", "DATE_TIME", "March 5"),
    ("since Aug. 2019", "DATE_TIME", "Aug. 2019"),
    ("2024/01/05 14:30", "DATE_TIME", "2024/01/05 14:30"),
    ("at 05/01/2024 2:30 PM", "DATE_TIME", "05/01/2024 2:30 PM"),
    # telephones of other countries
    ("ring +49 (0)341 1234567", "PHONE_NUMBER", "+49 (0)341 1234567"),
    ("Tel. 0341 1234567", "PHONE_NUMBER", "0341 1234567"),
    ("(02) 9876 5432", "PHONE_NUMBER", "(02) 9876 5432"),
    ("01 23 45 67 89", "PHONE_NUMBER", "01 23 45 67 89"),
    ("mobile 070-1152-4493", "PHONE_NUMBER", "070-1152-4493"),
    ("+55 31 1152-4493", "PHONE_NUMBER", "+55 31 1152-4493"),
    ("(868)458-7840x05756", "PHONE_NUMBER", "(868)458-7840x05756"),
    ("001-829-647-4488x889", "PHONE_NUMBER", "001-829-647-4488x889"),
    ("call me on 668 233 025", "PHONE_NUMBER", "668 233 025"),
    ("fax: 2128675309", "PHONE_NUMBER", "2128675309"),
    # mail and web
    ("write to m.o'neil@mail.example.co.uk.", "EMAIL_ADDRESS", "m.o'neil@mail.example.co.uk"),
    ("see example.com/path", "URL", "example.com/path"),
    ("at clinic.nhs.uk", "URL", "clinic.nhs.uk"),
    ("from 2001:db8::1", "IP_ADDRESS", "2001:db8::1"),
    ("00:1A:2B:3C:4D:5E", "MAC_ADDRESS", "00:1A:2B:3C:4D:5E"),
    # cards of other schemes and lengths
    ("paid with 3782 822463 10005", "CREDIT_CARD", "3782 822463 10005"),
    ("6011-1111-1111-1117", "CREDIT_CARD", "6011-1111-1111-1117"),
    ("3530111333300000", "CREDIT_CARD", "3530111333300000"),
    ("36227206271667", "CREDIT_CARD", "36227206271667"),
    ("2223003122003222", "CREDIT_CARD", "2223003122003222"),
    ("IBAN DE89370400440532013000 2 days ago", "IBAN_CODE", "DE89370400440532013000"),
    # securities
    ("ISIN US0378331005", "ISIN", "US0378331005"),
    ("CUSIP 037833100", "CUSIP", "037833100"),
    ("SEDOL 0263494", "SEDOL", "0263494"),
    # numbers of authorities
    ("ITIN 912-72-3456", "US_ITIN", "912-72-3456"),
    ("ssn 912345678", "US_SSN", "912345678"),
    ("license plate ABC 1234", "VEHICLE_ID", "ABC 1234"),
    ("nursing license no. RN-448291", "LICENSE_NUMBER", "RN-448291"),
    ("NHS number 943 476 5919", "UK_NHS", "943 476 5919"),
    ("claim number 123456789", "US_CLAIM_NUMBER", "123456789"),
    ("Rx# 7654321", "US_PRESCRIPTION_NUMBER", "7654321"),
    ("prior authorization number 99887766", "US_PRIOR_AUTHORIZATION_NUMBER", "99887766"),
    ("referral number 123456", "US_REFERRAL_NUMBER", "123456"),
    # labels in markup and data
    ('{"mrn": "00482913"}', "MEDICAL_RECORD_NUMBER", "00482913"),
    ("**MRN:** 00482913", "MEDICAL_RECORD_NUMBER", "00482913"),
    ("| Account | 123456789012 |", "US_BANK_NUMBER", "123456789012"),
    ("<td>Member ID</td><td>XYZ123456</td>", "US_HEALTH_INSURANCE_MEMBER_ID", "XYZ123456"),
    # titles and ages
    ("Dear Ms. Lee,", "TITLE", "Ms."),
    ("a 79-year-old", "AGE", "79"),
    ("aged 34,", "AGE", "34"),
    ("64 y/o male", "AGE", "64"),
    # addresses of other countries
    ("in der Lindenstraße 14", "LOCATION", "Lindenstraße 14"),
    ("au 12 rue de la Paix", "LOCATION", "12 rue de la Paix"),
    ("vive en Calle Mayor 5", "LOCATION", "Calle Mayor 5"),
    ("London EC1A 1BB", "ZIP_CODE", "EC1A 1BB"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "entity", "value"), FINDS)
def test_an_identifier_is_found_whole_under_its_name(text, entity, value):
    assert (entity, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "BP 120/80, HR 72, pain 2/10, SpO2 98 %, metformin 500 mg twice daily, E11.9, HbA1c 7.2",
        "The parser reads 1234567890123456 rows", # no card: the check digit is wrong
        "NPI 1234567890",  # the check digit is wrong
        "DEA AB1234560",
        "IBAN GB83 WEST 1234 5698 7654 32",
        "status 123456789 ok",
        "visit.Normal findings. No.of visits. See fig.2",
        "Patient: Yeah, it hurts\nDoctor: When did it start?",
        "SSN 000-12-3456",
        "version 1.2.3 of 2024",
        "The patient improved and was sent home in good condition.",
        "card 4111 1111 1111 1112",
        "ISIN US0378331006, CUSIP 037833101, SEDOL 0263495",
        "NHS number 9434765918",
        "BIC: AAAAXXFF",  # no country XX
        "In 1999, today, next Friday, two weeks, the 19th century",
        "We may 5 times march 3 miles",
        "IPv4 256.1.1.1, version 1.2.3.4.5, 12:30:45",
        "main.rs and script.py at e.g. node.js, see fig.a",
        "ratio 3/4 of 1,234,567 rows, 12-34 %, 2.5-3.5",
        "",
        " ",
        "\0\0",
    ],
)  # fmt: skip
def test_ordinary_text_and_wrong_check_digits_are_left_alone(text):
    strong = [hit for hit in found(text) if hit[0] != "AGE"]
    assert strong == []


def test_names_in_plain_prose_are_missed_as_the_docstring_says():
    assert found("Garcia came back today and Smith drove her home.") == []
    assert "missed" in sys.modules["secure_ai.discover.detector"].__doc__


def test_context_words_work_without_a_lemmatizer():
    # The same digits: nothing without the word, an account with it, also in the plural and with
    # the word behind.
    assert found("reference 123456789012") == []
    assert found("his account has 123456789012") == [("US_BANK_NUMBER", "123456789012")]
    assert found("accounts 99 and 123456789012") == [("US_BANK_NUMBER", "123456789012")]
    assert found("02155 is the zip") == [("ZIP_CODE", "02155")]


def test_context_is_whole_words():
    # Presidio's substring matching finds the passport's context word "us" in "status".
    assert found("status report duplicate 912345678") == []


def test_lemmas_are_filled_for_pipelines_that_have_none():
    from secure_ai.discover.engine import analyzer

    artifacts = analyzer().nlp_engine.process_text("Account Numbers", "en")
    assert artifacts.lemmas == ["account", "numbers"]


# ---------------------------------------------------------------- options


def test_only_the_entities_asked_for_are_found():
    text = "SSN 912-34-5678, card 4111 1111 1111 1111"
    assert [entity for entity, _ in found(text, entities=["US_SSN"])] == ["US_SSN"]
    assert found(text, entities=[]) == []


def test_a_higher_threshold_never_adds_a_finding():
    text = "Dr. Ann Lee, account 123456789012, zip 02155, age 44, 912-34-5678"
    counts = [len(detect([text], threshold=t)[0]) for t in (0.0, 0.4, 0.7, 0.95, 1.0)]
    assert counts[1:] == sorted(counts[1:], reverse=True)
    assert counts[1] > counts[-1]


def test_allowed_strings_are_no_findings():
    text = "Call Mercy at (212) 555-0100 or (212) 555-0142"
    assert found(text, allow=["(212) 555-0100"]) == [("PHONE_NUMBER", "(212) 555-0142")]


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        ("one string", {}, r"write detect\(\[text\]\)"),
        (["x"], {"entities": ["SSN"]}, "entity 'SSN' is not known: choose from"),
        (["x"], {"threshold": 1.5}, "threshold is 1.5"),
        (["x"], {"threshold": "high"}, "threshold is 'high'"),
        (["x"], {"threshold": float("nan")}, "threshold is nan"),
    ],
)
def test_a_bad_argument_is_named(arguments, options, says):
    with pytest.raises(UserError, match=says):
        detect(arguments, **options)


def test_missing_values_are_empty_and_numbers_are_read_as_text():
    assert detect([None, float("nan"), np.nan, ""]) == [[], [], [], []]
    assert detect([4111111111111111])[0][0].entity_type == "CREDIT_CARD"
    assert detect([]) == []


def test_a_model_that_is_not_installed_is_an_error_not_a_download(monkeypatch):
    from secure_ai.discover.engine import analyzer

    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was asked"))
    with pytest.raises(UserError, match="en_core_web_absent', which is not installed"):
        analyzer("en_core_web_absent")


def test_an_installed_model_named_by_the_environment_finds_names_in_prose(monkeypatch):
    import spacy

    def model(_name):
        nlp = spacy.blank("en")
        ruler = nlp.add_pipe("entity_ruler")
        ruler.add_patterns([{"label": "PERSON", "pattern": "Garcia"}, {"label": "GPE", "pattern": "Boston"}])
        return nlp

    monkeypatch.setattr("spacy.util.is_package", lambda name: name == "house_model")
    monkeypatch.setattr("spacy.load", model)
    monkeypatch.setenv("SECURE_AI_NLP", "house_model")
    text = "Garcia came back to Boston, account 99 and 123456789012"
    assert found(text) == [("PERSON", "Garcia"), ("LOCATION", "Boston"), ("US_BANK_NUMBER", "123456789012")]
    monkeypatch.setenv("SECURE_AI_NLP", "blank")
    assert found(text) == [("US_BANK_NUMBER", "123456789012")]


# ---------------------------------------------------------------- offsets


def test_overlaps_go_to_the_higher_score_then_the_longer():
    spans = [Span(0, 5, "A", 0.5), Span(3, 9, "B", 0.9), Span(9, 12, "C", 0.4), Span(9, 20, "D", 0.4)]
    assert resolve(spans) == [Span(3, 9, "B", 0.9), Span(9, 20, "D", 0.4)]


STRANGE = st.text(
    st.one_of(
        st.characters(),  # everything, lone surrogates and nulls among it
        st.sampled_from("é́אب\u202e\u200d\ufeff👩🏽‍⚕️\0\t\n<>&\"'@.-: 0123456789MRNDr"),
    ),
    max_size=80,
)


@settings(max_examples=120, deadline=None)
@given(STRANGE, STRANGE)
def test_spans_lie_in_the_text_without_overlap_whatever_the_text(before, after):
    text = before + " SSN 912-34-5678 " + after
    spans = detect([text])[0]
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))


@settings(max_examples=80, deadline=None)
@given(st.text(st.sampled_from("é\u0301\u05d0\u0628\u202e👩🏽‍⚕️日本 \0\n\ud800"), max_size=60))
def test_offsets_are_python_characters_of_the_original(noise):
    value = "jane.roe@example.org"
    text = f"{noise} {value} {noise}"
    hits = [text[s.start : s.end] for s in detect([text], entities=["EMAIL_ADDRESS"])[0]]
    assert hits == [value]


def test_markup_around_an_identifier_stays_outside():
    assert ("US_SSN", "912-34-5678") in found("<td>SSN</td><td><b>912-34-5678</b></td>")
    assert ("PHONE_NUMBER", "212-555-0142") in found("**phone**: _212-555-0142_".replace("_", "*"))
    assert ("EMAIL_ADDRESS", "a.b@example.org") in found('<a href="mailto:a.b@example.org">write</a>')


def test_an_identifier_at_a_cut_of_a_long_text_is_found_once():
    for shift in (0, 5, OVERLAP // 2):
        text = "x " * ((PIECE - shift) // 2) + "SSN 912-34-5678 " + "y " * PIECE
        assert [text[s.start : s.end] for s in detect([text])[0]] == ["912-34-5678"]


@pytest.mark.parametrize("run", ["a", "a.", "a-", "1", "A ", "a@", "Aa "])
def test_a_long_run_of_one_character_does_not_stall(run):
    detect([run * (60_000 // len(run))])


def test_equal_texts_are_analyzed_once(monkeypatch):
    from secure_ai.discover import workers

    seen = []
    monkeypatch.setattr(
        workers,
        "analyze",
        lambda _settings, pieces: seen.extend(pieces) or [[(0, 1, "X", 1.0)]] * len(pieces),
    )
    results = detect(["a b", "c d", "a b"])
    assert seen == ["a b", "c d"]
    results[0].clear()  # a caller's list is its own
    assert results[2] == [Span(0, 1, "X")]


# ---------------------------------------------------------------- the network and the clock


def test_nothing_asks_the_network_in_a_fresh_process():
    # The suffix list of tldextract and spaCy's download are the two that would.
    code = """
        import socket
        def refuse(*_args, **_options):
            raise AssertionError("the network was asked")
        socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
        from secure_ai.discover import detect
        spans = detect(["write to jane@example.org or joe@nhs.example.co.uk, +44 20 7946 0958"])[0]
        names = [span.entity_type for span in spans]
        assert names == ["EMAIL_ADDRESS", "EMAIL_ADDRESS", "PHONE_NUMBER"], spans
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=120)


def test_importing_the_room_does_not_import_presidio():
    code = "import secure_ai.discover, sys; assert not {'presidio_analyzer', 'spacy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# ---------------------------------------------------------------- measured on texts with known spans

# Entities with a form of their own; a record number is found only behind a label or prefix.
PATTERNED = {
    "US_SSN", "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_MBI",
    "IP_ADDRESS", "US_NPI", "ABA_ROUTING_NUMBER", "US_BANK_NUMBER",
}  # fmt: skip


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_numbers_of_synthetic_texts_are_found_and_names_are_where_recall_is_lost(sector):
    from synthetic_data import load

    data = load(sector, seed=11, rows=2000 if sector == "finance" else 300)
    documents = [document for texts in data.documents.values() for document in as_documents(texts)]
    scores = score_spans([d.spans for d in documents], detect([d.text for d in documents]))
    numbers = scores[scores.index.isin(PATTERNED) & (scores["n"] >= 5)]
    assert len(numbers) >= 4
    assert (numbers["recall"] >= 0.9).all(), numbers
    assert (numbers["precision"] >= 0.9).all(), numbers
    assert scores.loc["DATE_TIME", "recall"] >= 0.9
    assert scores.loc["PERSON", "recall"] < numbers["recall"].min(), "a blank pipeline knows no names"
    assert scores.loc["PERSON", "precision"] >= 0.8


def test_every_entity_of_the_detector_is_classified():
    from secure_ai.discover import ENTITY_CLASSES

    assert set(known_entities()) <= set(ENTITY_CLASSES)


def test_a_record_number_stands_in_brackets_behind_a_name_in_capitals():
    text = "Reconciliation for SOTO,ROSALIA (ZZ74565409): atorvastatin"
    (spans,) = detect([text])
    assert ("ZZ74565409", "MEDICAL_RECORD_NUMBER") in {(text[s.start : s.end], s.entity_type) for s in spans}
