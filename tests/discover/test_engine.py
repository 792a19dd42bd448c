"""Claims about the engine: which model finds names, how names and numbers combine, own recognizers."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import Span as SpacySpan

from secure_ai.core.errors import UserError
from secure_ai.core.text import Span
from secure_ai.discover import detect, known_entities
from secure_ai.discover.addresses import join_addresses, unite_addresses
from secure_ai.discover.detector import resolve
from secure_ai.discover.engine import NAME_SCORE, analyzer, chosen_model, name_score
from secure_ai.discover.registry import registry_configuration

PATTERNS = [
    {"label": "PERSON", "pattern": "Garcia"},
    {"label": "PERSON", "pattern": "Dr. Okafor"},
    {"label": "GPE", "pattern": "Boston"},
    {"label": "GPE", "pattern": "Paris"},
    {"label": "GPE", "pattern": "France"},
    {"label": "GPE", "pattern": "Köln"},
    {"label": "GPE", "pattern": "Germany"},
    {"label": "ORG", "pattern": "Mercy"},
    {"label": "ORG", "pattern": "XYZ123456789"},
    {"label": "PERSON", "pattern": "jane.roe@example.org"},
    {"label": "NORP", "pattern": "Quaker"},
    {"label": "AGE", "pattern": [{"TEXT": text} for text in ("79", "-", "year", "-", "old")]},
    {"label": "DATE", "pattern": "today"},
    {"label": "DATE", "pattern": "Friday"},
    {"label": "DATE", "pattern": "1997"},
    {"label": "DATE", "pattern": "Christmas March"},
    {"label": "MONEY", "pattern": "dollars"},
]  # fmt: skip


@pytest.fixture
def house_model(monkeypatch):
    """A pipeline with known entities in place of a trained model."""
    made = []

    def load(_name):
        nlp = spacy.blank("en")
        nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)
        made.append(nlp)
        return nlp

    monkeypatch.setattr("spacy.util.is_package", lambda name: name.startswith("house_model"))
    monkeypatch.setattr("spacy.load", load)
    # A name of its own, because engines are kept by name.
    monkeypatch.setenv("SECURE_AI_NLP", "house_model_combining")
    return made


def found(text: str, **options) -> list[tuple[str, str]]:
    return [(span.entity_type, text[span.start : span.end]) for span in detect([text], **options)[0]]


# ---------------------------------------------------------------- names and numbers together


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Garcia moved to Boston", [("PERSON", "Garcia"), ("LOCATION", "Boston")]),
        ("a Quaker at Mercy", [("NRP", "Quaker"), ("ORGANIZATION", "Mercy")]),
        ("Paris, France", [("LOCATION", "Paris"), ("LOCATION", "France")]),
        ("today, Friday, 1997 and dollars", []),
        ("on Christmas March", [("DATE_TIME", "Christmas March")]),
        ("a 79-year-old", [("AGE", "79")]),
        ("with Dr. Okafor", [("TITLE", "Dr."), ("PERSON", "Okafor")]),
        ("member ID: XYZ123456789", [("US_HEALTH_INSURANCE_MEMBER_ID", "XYZ123456789")]),
        ("jane.roe@example.org", [("EMAIL_ADDRESS", "jane.roe@example.org")]),
        ("Lindenstraße 14, 50674 Köln, Germany", [("LOCATION", "Lindenstraße 14, 50674 Köln, Germany")]),
        ("Lindenstraße 14\n50674 Köln\nGermany", [("LOCATION", "Lindenstraße 14\n50674 Köln\nGermany")]),
        ("7 Main St\nBoston, MA 02155", [("LOCATION", "7 Main St\nBoston, MA 02155")]),
        ("Boston. zip code 02155", [("LOCATION", "Boston"), ("ZIP_CODE", "02155")]),
    ],
)
def test_names_and_patterns_combine(house_model, text, expected):
    assert found(text) == expected


def test_both_paths_see_the_same_names(house_model):
    text = "Garcia moved to Boston with Dr. Okafor, a 79-year-old Quaker, on Friday"
    slow = {
        Span(r.start, r.end, r.entity_type, round(r.score, 4))
        for r in analyzer().analyze(text, "en", score_threshold=0.4)
    }
    assert set(detect([text])[0]) == set(resolve(slow))


def test_the_model_reads_equal_texts_once_and_texts_without_letters_never(house_model, monkeypatch):
    detect(["warm"])
    seen = []
    monkeypatch.setattr(
        type(analyzer().nlp_engine), "names", lambda _self, texts: seen.extend(texts) or [[]] * len(texts)
    )
    detect(["Garcia", "12 34", "Garcia", "Boston"])
    assert seen == ["Garcia", "Boston"]


def test_the_model_is_not_asked_for_numbers_alone(house_model, monkeypatch):
    detect(["warm"])
    monkeypatch.setattr(type(analyzer().nlp_engine), "names", lambda *_: pytest.fail("the model was asked"))
    assert found("Garcia, SSN 912-34-5678", entities=["US_SSN"]) == [("US_SSN", "912-34-5678")]


def test_a_score_of_the_model_is_kept_below_that_of_a_pattern(house_model):
    if not SpacySpan.has_extension("score"):
        SpacySpan.set_extension("score", default=None)
    assert detect(["Garcia"])[0][0].score == NAME_SCORE
    nlp = house_model[-1] if house_model else analyzer().nlp_engine.nlp["en"]

    @spacy.Language.component("test_scores")
    def scores(doc):
        for entity in doc.ents:
            entity._.score = 0.99 if entity.text == "Garcia" else 0.55
        return doc

    nlp.add_pipe("test_scores")
    try:
        assert [s.score for s in detect(["Garcia in Boston "])[0]] == [
            round(name_score(p), 4) for p in (0.99, 0.55)
        ]
        assert 0.4 <= name_score(0) < name_score(0.55) < name_score(1) == NAME_SCORE
    finally:
        nlp.remove_pipe("test_scores")


# ---------------------------------------------------------------- addresses


def test_an_address_is_joined_and_a_list_of_places_is_not():
    text = "7 Main St, Apt 3, Avon, MA 02155, USA and Rome, Paris 75001"
    spans = [Span(0, 16, "LOCATION", 0.9), Span(18, 22, "LOCATION", 0.6), Span(27, 32, "ZIP_CODE", 0.8),
             Span(34, 37, "LOCATION", 0.5), Span(42, 46, "LOCATION", 0.5), Span(48, 53, "LOCATION", 0.5),
             Span(54, 59, "ZIP_CODE", 0.5)]  # fmt: skip
    joined = join_addresses(text, spans)
    assert [text[s.start : s.end] for s in joined] == [
        "7 Main St, Apt 3, Avon, MA 02155, USA", "Rome", "Paris", "75001",
    ]  # fmt: skip


def test_a_street_and_the_longer_address_of_a_model_are_one():
    assert unite_addresses([Span(3, 9, "LOCATIO"
                                       "N", 0.9), Span(3, 30, "LOCATION", 0.6), Span(5, 7, "AGE", 0.5)]) == [
        Span(5, 7, "AGE", 0.5), Span(3, 30, "LOCATION", 0.9),
    ]  # fmt: skip


def test_an_address_does_not_swallow_other_entities():
    text = "7 Main St, Ann Lee, Avon"
    spans = [Span(0, 9, "LOCATION", 0.9), Span(11, 18, "PERSON", 0.8), Span(20, 24, "LOCATION", 0.6)]
    assert join_addresses(text, spans) == spans


# ---------------------------------------------------------------- which model


def test_blank_asks_for_patterns_only(monkeypatch):
    monkeypatch.setenv("SECURE_AI_NLP", "blank")
    assert analyzer().nlp_engine.nlp["en"].pipe_names == []


def test_the_names_model_is_chosen_where_nothing_is_said(monkeypatch):
    monkeypatch.delenv("SECURE_AI_NLP", raising=False)
    assert chosen_model() == "secure_ai_names"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("en_core_web_absent", "'en_core_web_absent', which is not installed"),
        ("transformers:/nowhere/model", "package 'transformers' is not installed|does not exist"),
    ],
)
def test_a_model_that_is_not_there_is_named_and_never_fetched(monkeypatch, name, says):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    monkeypatch.setenv("SECURE_AI_NLP", name)
    with pytest.raises(UserError, match=says):
        detect(["x y"])


def test_a_transformers_directory_that_is_missing_is_named(monkeypatch):
    from secure_ai.discover import engine

    monkeypatch.setattr(engine.SecureAiTransformersEngine, "is_available", True)
    with pytest.raises(UserError, match="which does not exist: models are never downloaded"):
        analyzer("transformers:/nowhere/model")


# ---------------------------------------------------------------- recognizers of the house

OWN = """
recognizers:
  - name: EmployeeNumber
    type: custom
    supported_entity: EMPLOYEE_NUMBER
    patterns: [{name: E and six digits, regex: '\\bE\\d{6}\\b', score: 0.3}]
    context: [employee, badge]
  - {name: UsNpiRecognizer, type: predefined}
  - {name: NpiRecognizer, type: predefined, enabled: false}
  - name: AnyUuidRecognizer
    type: custom
    supported_entity: UUID
    patterns: [{name: none, regex: 'no-such-form', score: 0.5}]
"""


@pytest.fixture
def own_file(tmp_path, monkeypatch):
    """A file of own recognizers that the environment names."""

    def write(content):
        path = tmp_path / "house.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.setenv("SECURE_AI_RECOGNIZERS", str(path))
        monkeypatch.setenv("SECURE_AI_NLP", "blank")
        return path

    return write


def test_a_house_adds_replaces_and_switches_off_recognizers(own_file):
    own_file(OWN)
    assert "EMPLOYEE_NUMBER" in known_entities()
    assert found("badge E123456") == [("EMPLOYEE_NUMBER", "E123456")]
    assert found("about E123456") == []
    assert found("3edac2e3-d223-6fae-d515-daf96ef6bc76") == []
    names = {recognizer.name for recognizer in analyzer().registry.recognizers}
    assert "UsNpiRecognizer" in names and "NpiRecognizer" not in names


def test_without_the_variable_nothing_of_the_house_is_left(own_file, monkeypatch):
    own_file(OWN)
    detect(["x y"])
    monkeypatch.delenv("SECURE_AI_RECOGNIZERS")
    assert "EMPLOYEE_NUMBER" not in known_entities()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("recognizers: [", "house.yaml are no YAML at line"),
        (b"\xff\xfe\x00", "house.yaml are no YAML"),
        ("just text", "house.yaml has no list 'recognizers'"),
        ("recognizers: {a: 1}", "no list 'recognizers'"),
        ("recognizers: [{type: custom}]", "Entry 1 of house.yaml has no name"),
        ("recognizers: [{name: A, type: magic}]", "recognizer 'A' of house.yaml has the type 'magic'"),
        ("recognizers: [{name: Nobody, type: predefined}]", "'Nobody' of house.yaml is no recognizer"),
        (
            "recognizers: [{name: A, patterns: [{name: p, regex: x, score: 0.5}]}]",
            "'A' .* lacks 'supported_entity'",
        ),
        ("recognizers: [{name: A, supported_entity: B}]", "'A' .* neither 'patterns' nor a 'deny_list'"),
        (
            "recognizers: [{name: A, supported_entity: B, patterns: [{name: p, regex: x}]}]",
            "'A' .* pattern that lacks",
        ),
        (
            "recognizers: [{name: A, supported_entity: B, patterns: [{name: p, regex: '(', score: 0.5}]}]",
            "'A' .*: the pattern 'p' is no regular expression",
        ),
        (
            "recognizers: [{name: A, supported_entity: B, patterns: [{name: p, regex: x, score: 5}]}]",
            "'A' .*: the score of 'p' is not a number from 0 to 1",
        ),
    ],
)
def test_a_wrong_file_is_an_error_that_names_the_entry(own_file, content, says):
    own_file(content)
    with pytest.raises(UserError, match=says) as caught:
        detect(["x y"])
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_is_named(own_file):
    own_file("").unlink()
    with pytest.raises(UserError, match=r"house\.yaml, which cannot be read \(FileNotFoundError\)"):
        detect(["x y"])


def test_names_in_the_registry_are_unique():
    names = [entry["name"] for entry in registry_configuration()["recognizers"]]
    assert len(names) == len(set(names))
