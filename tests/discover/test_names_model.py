"""The names model: its tokens and offsets, its file, and what it was trained and judged on."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.discover.model import NamesModel, load, names_model
from secure_ai.discover.model.lexicon import PHRASE_CODE, Lexicon, compile_phrases
from secure_ai.discover.model.store import FILE, read
from secure_ai.discover.model.tokens import tokenize
from secure_ai.discover.model.training.corpus import (
    ENTITY_OF,
    as_document,
    parse,
    read_held_out,
    read_templates,
)

TEXTS = [
    "Dr. Amina Okafor of Northwind Bank flew from Lagos to Geneva on 3 March 2024.",
    "Please send it to Wojciech Nowak, 12 Harbour Road, Leeds.",
    "The committee adjourned without a decision.",
    "",
    "MARIA GARCIA\nDOB: 04/11/1961\nSpringfield Clinic",
]

anything = st.text(max_size=200)


@given(anything)
def test_tokens_cover_every_character_but_blanks(text):
    tokens = tokenize(text)
    covered = set()
    for start, end in zip(tokens.starts, tokens.ends, strict=True):
        assert text[start:end].strip() == text[start:end] != ""
        covered.update(range(start, end))
    assert all(character.isspace() for i, character in enumerate(text) if i not in covered)
    assert tokens.starts == sorted(tokens.starts)


@given(anything)
@settings(max_examples=60, deadline=None)
def test_spans_lie_in_the_text_in_order_and_apart(text):
    (spans,) = names_model().spans([text])
    assert all(0 <= span.start < span.end <= len(text) and 0 < span.score <= 1 for span in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))


def test_a_text_gets_the_same_spans_in_any_company():
    alone = [names_model().spans([text])[0] for text in TEXTS]
    together = names_model().spans([*TEXTS, "x " * 500, *TEXTS])
    shapes = [[(s.start, s.end, s.entity_type) for s in spans] for spans in alone]
    assert [[(s.start, s.end, s.entity_type) for s in spans] for spans in together[: len(TEXTS)]] == shapes
    assert [[(s.start, s.end, s.entity_type) for s in spans] for spans in together[-len(TEXTS) :]] == shapes


def test_it_finds_people_places_and_organizations_in_prose():
    text = TEXTS[0]
    found = {(text[s.start : s.end], s.entity_type) for s in names_model().spans([text])[0]}
    assert {("Amina Okafor", "PERSON"), ("Lagos", "LOCATION"), ("Geneva", "LOCATION")} <= found


def test_the_spacy_pipeline_gives_the_models_own_spans_and_scores():
    nlp = load()
    for text, doc, spans in zip(TEXTS, nlp.pipe(TEXTS), names_model().spans(TEXTS), strict=True):
        assert doc.text == text
        assert [(e.start_char, e.end_char, e.label_, e._.score) for e in doc.ents] == [
            (s.start, s.end, s.entity_type, s.score) for s in spans
        ]


@pytest.fixture(scope="module")
def vocabulary():
    return load().vocab


@given(text=anything)
@settings(max_examples=60, deadline=None)
def test_the_spacy_tokenizer_makes_up_the_text_exactly(vocabulary, text):
    from secure_ai.discover.model.spacy_parts import ModelTokenizer

    assert ModelTokenizer(vocabulary)(text).text == text


def test_the_word_store_gives_way_without_a_change_of_result(monkeypatch):
    expected = names_model().spans(TEXTS)
    monkeypatch.setattr("secure_ai.discover.model.network.CACHE_ROWS", 10)
    assert NamesModel().spans(TEXTS) == expected


def test_the_model_is_at_most_15_megabytes():
    assert FILE.stat().st_size <= 15_000_000


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04broken"])
def test_a_damaged_model_is_named_in_a_sentence(tmp_path, content):
    path = tmp_path / "names.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"names\.npz cannot be read"):
        read(path)


def test_a_missing_model_is_named_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "absent.npz")


def test_the_longest_phrase_wins_and_small_letters_start_none():
    lexicon = Lexicon(
        {}, compile_phrases([(("new", "york"), "city"), (("new", "york", "times"), "organization")])
    )
    city, paper = PHRASE_CODE["city"], PHRASE_CODE["organization"]
    assert lexicon.phrase_codes(["New", "York", "Times"]) == [paper, paper + 1, paper + 1]
    assert lexicon.phrase_codes(["in", "New", "York", "."]) == [0, city, city + 1, 0]
    assert lexicon.phrase_codes(["new", "york"]) == [0, 0]


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("Patient Williams, Kathleen, 53 years", ["Williams, Kathleen"]),
        ("Dear Mcguire, Clinton,\n\nyour new card", ["Mcguire, Clinton"]),
        ("We invited Okafor, Amina and Bob.", ["Okafor", "Amina", "Bob"]),
        ("my name is tyler riggs. Ok?", ["tyler riggs"]),
        ("The Tinetti score was low.", []),
    ],
)
def test_names_are_read_as_a_person_reads_them(text, people):
    (spans,) = names_model().spans([text])
    assert [text[s.start : s.end] for s in spans if s.entity_type == "PERSON"] == people


def test_a_name_ends_with_its_line():
    text = "Harborlight General Hospital\nTel. (617) 555-0134"
    (spans,) = names_model().spans([text])
    assert all("\n" not in text[s.start : s.end] for s in spans if s.entity_type == "ORGANIZATION")


def test_ten_digits_are_no_postal_code():
    (spans,) = names_model().spans(["Forward all calls to 6114980364 until I return."])
    assert "ZIP_CODE" not in {span.entity_type for span in spans}


# ---------------------------------------------------------------- the corpus


def test_at_least_300_templates_and_none_of_them_is_held_out():
    training = {as_document(template).text for template in read_templates()}
    held_out = {
        as_document(template).text for templates in read_held_out().values() for template in templates
    }
    assert len(training) >= 300 and len(held_out) >= 300
    assert not training & held_out


def test_held_out_sentences_share_no_frame_with_training():
    def frame(template):
        return "".join(
            f"<{ENTITY_OF[piece.type]}>" if piece.type else piece.text.lower() for piece in template
        )

    training = {frame(template) for template in read_templates()}
    shared = [
        frame(template)
        for templates in read_held_out().values()
        for template in templates
        if frame(template) in training
        and any(piece.type is None and any(map(str.isalpha, piece.text)) for piece in template)
    ]
    assert shared == []


def test_markup_gives_text_and_spans():
    document = as_document(parse("Hello [title:Ms.] [last:Roy],⏎[city:Pune]"))
    assert document.text == "Hello Ms. Roy,\nPune"
    assert [(document.text[s.start : s.end], s.entity_type) for s in document.spans] == [
        ("Ms.", "TITLE"),
        ("Roy", "PERSON"),
        ("Pune", "LOCATION"),
    ]


@pytest.mark.parametrize("line", ["[planet:Mars]", "stray [ bracket", "a ] b"])
def test_wrong_markup_is_refused(line):
    with pytest.raises(UserError):
        parse(line)


def test_numpy_computes_what_torch_trained():
    torch = pytest.importorskip("torch", reason="torch is only in the training environment")
    from secure_ai.discover.model.training.examples import label
    from secure_ai.discover.model.training.torch_network import Network
    from secure_ai.discover.model.training.train import tensors

    model = names_model()
    twin = Network(
        model.labels, len(model.network.vocabulary) + 2, model.network.width, model.network.dilations, 0
    )
    state = twin.state_dict()
    twin.load_state_dict(
        {
            k: torch.from_numpy(model.network.weights[k]) if k in model.network.weights else v
            for k, v in state.items()
        }
    )
    example = label(as_document(parse(TEXTS[1])))
    rng = np.random.default_rng(0)
    with torch.no_grad():
        inputs = tensors([example], model.network.lexicon, model.network.vocabulary, rng, hide=False)
        expected = twin.eval()(inputs)[0].numpy()
    emissions, places = model.network._emissions([example.tokens])
    assert np.allclose(emissions[places[0] : places[0] + len(expected)], expected, atol=1e-3)


def test_the_card_gives_the_scores_that_the_model_has():
    from secure_ai.discover.model.training.card import CARD, held_out_scores

    card = CARD.read_text("utf-8")
    for genre, frame in held_out_scores().items():
        section = card.split(f"### {genre.replace('_', ' ').capitalize()}\n")[1].split("###")[0]
        (overall,) = [line for line in section.splitlines() if line.startswith("| all |")]
        # Other processors round otherwise, and a span more or less moves the second decimal.
        assert float(overall.split("|")[5]) == pytest.approx(frame.loc["all", "f1"], abs=0.02)
