"""The vocabulary of purposes, and how it may change."""

from __future__ import annotations

import pytest
import yaml

from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.core import frameworks
from secure_ai.core.errors import UserError
from secure_ai.govern.consent import ConsentLedger, ConsentText, Purposes

SECTORS = ("healthcare", "finance")


@pytest.mark.parametrize("sector", SECTORS)
def test_each_purpose_that_the_access_policy_knows_is_the_same_word_here(sector):
    assert Purposes.load(sector).unknown_to(AccessPolicy.load(sector).vocabulary.purposes) == {}


@pytest.mark.parametrize("sector", SECTORS)
def test_each_basis_and_each_pair_cites_an_entry_of_a_framework(sector):
    purposes = Purposes.load(sector)
    cited = {purpose.citation for purpose in purposes.purposes if purpose.basis != "none"}
    cited |= {pair.citation for pair in purposes.compatible}
    cited |= {purpose.objection_anyway for purpose in purposes.purposes} - {""}
    assert "" not in cited
    for identifier in sorted(cited):
        frameworks.entry(identifier)


@pytest.mark.parametrize("sector", SECTORS)
def test_what_rests_on_consent_is_never_merely_compatible(sector):
    purposes = Purposes.load(sector)
    decided = {purpose.word for purpose in purposes.of_the_person}
    assert decided
    for pair in purposes.compatible:
        assert not (pair.purpose in decided and pair.answer == "compatible")
    for first in purposes.words:
        for second in purposes.words:
            judged = purposes.compatibility(first, second)
            assert judged.reason
            assert judged.allowed == (judged.answer != "incompatible")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "YAML"),
        ("[]", "name: value"),
        ("sector: x\npurposes: []", "at least 1"),
        ("sector: x\npurposes: [{word: a, means: m, basis: because}]", "input should be"),
        ("sector: x\npurposes: [{word: a, means: m, basis: none}, {word: a, means: m, basis: none}]", "two"),
        ("sector: x\npurposes: [{word: a, means: m, basis: none, former_names: [a]}]", "two"),
        ("sector: x\npurposes: [{word: a, means: m, basis: none, extra: 1}]", "not known, purposes.0.extra"),
    ],
)
def test_a_vocabulary_that_says_nothing_consistent_is_refused(tmp_path, content, message):
    path = tmp_path / "purposes.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        Purposes.load(path)
    with pytest.raises(UserError, match="cannot be read"):
        Purposes.load(tmp_path / "absent.yaml")


def words(*purposes):
    listed = [
        {"word": name, "means": "-", "basis": basis, "former_names": former}
        for name, basis, *former in purposes
    ]
    return Purposes.model_validate(yaml.safe_load(yaml.safe_dump({"sector": "own", "purposes": listed})))


FIRST = (("study", "consent"), ("offers", "consent"), ("appeals", "opt_out"), ("care", "contract"))


@pytest.fixture
def own(tmp_path):
    options = {"key": bytes(32), "witness": tmp_path / "w.jsonl"}
    path = tmp_path / "own.db"

    def adopt(*purposes):
        return ConsentLedger.adopt(path, actor="dpo", purposes=words(*purposes), **options)

    ledger = ConsentLedger.create(path, actor="dpo", purposes=words(*FIRST), **options)
    for name in ("study", "offers"):
        ledger.give("P1", name, text=ConsentText("t", "1", "x", (name,)), actor="desk")
    ledger.give("P2", "study", text=ConsentText("t", "1", "x", ("study",)), actor="desk")
    ledger.withdraw("P1", ["study", "appeals"], actor="desk")
    return adopt


def test_a_renamed_purpose_keeps_its_consents_and_withdrawals(own):
    ledger = own(("science", "consent", "study"), *FIRST[1:])
    assert ledger.allowed(["P1", "P2"], "science").tolist() == [False, True]
    assert ledger.allowed(["P1", "P2"], "study").tolist() == [False, True]
    ledger.withdraw("P2", "study", actor="desk")
    ledger = own(("discovery", "consent", "study", "science"), *FIRST[1:])
    assert ledger.allowed(["P1", "P2"], "discovery").tolist() == [False, False]


def test_a_purpose_that_is_new_has_no_consents(own):
    assert own(*FIRST, ("science", "consent")).allowed(["P1", "P2"], "science").tolist() == [False, False]


@pytest.mark.parametrize(
    "steps",
    [
        [(("study", "contract"), *FIRST[1:])],
        [(("science", "contract", "study"), *FIRST[1:])],
        [(("study", "consent"), ("offers", "consent"), ("appeals", "contract"), FIRST[3])],
        [(("both", "consent", "study", "offers"), *FIRST[2:])],
        [(("offers", "consent", "study"), *FIRST[2:])],
        [FIRST[1:], (("study", "contract"), *FIRST[1:])],
        [FIRST[1:], (("science", "consent", "study"), *FIRST[1:])],
        [(("science", "consent", "study"), *FIRST[1:]), FIRST],
        [(("science", "consent", "study"), *FIRST[1:]), (("science", "consent"), *FIRST[1:])],
        [
            (("science", "consent", "study"), *FIRST[1:]),
            (("science", "consent"), ("new", "consent", "study")),
        ],
        [(("pleas", "opt_out", "appeals"), *FIRST[:2]), FIRST[:2], (("pleas", "opt_out"), *FIRST[:2])],
    ],
)
def test_no_change_of_words_is_a_way_around_a_withdrawal(own, steps):
    for step in steps[:-1]:
        own(*step)
    with pytest.raises(UserError, match=r"word|former|renamed"):
        own(*steps[-1])


def test_a_process_with_the_words_of_before_is_refused(own, tmp_path):
    before = ConsentLedger(
        tmp_path / "own.db", key=bytes(32), witness=tmp_path / "w.jsonl", purposes=words(*FIRST)
    )
    own(("science", "consent", "study"), *FIRST[1:])
    with pytest.raises(UserError, match="vocabulary"):
        before.allowed(["P2"], "study")
    with pytest.raises(UserError, match="vocabulary"):
        before.withdraw("P2", "study", actor="desk")


def test_danger_to_somebody_is_the_rule_on_serious_threats_and_emergency_care_is_treatment():
    purposes = Purposes.load("healthcare")
    emergency = purposes["emergency"]
    # 164.510 is about the directory and relatives; it says nothing of a danger to others.
    assert emergency.citation == "164.512(j)"
    assert "164.506" in emergency.means
    assert purposes.compatibility("treatment", "emergency").citation == "164.512(j)"
