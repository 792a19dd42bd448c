"""One call answers where a prediction comes from; what is wrong is told, what nobody knows is unassessed."""

import json
from contextlib import suppress
from datetime import date

import pandas as pd
import pytest

from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.public_keys import generate_signing_key
from secure_ai.govern.handover import HandoverRegister
from secure_ai.govern.traceability import (
    Approval,
    ModelRegister,
    code_version,
    plot_trail,
    trace_person,
    trace_prediction,
    withdraw_approval,
)
from tests.govern.traceability.conftest import APPROVED, MADE, MODEL, ROLES, TODAY, claims, requests


def answers(trail, state):
    return {fact.question for fact in trail.facts if fact.state == state}


def test_everything_that_was_recorded_is_known_and_compared(scene):
    trail = scene.trail()
    assert trail.complete, trail.to_frame().to_string()
    assert trail.fact("approval").answer == "victor approved it on 2026-03-05 until 2026-12-31."
    assert trail.fact("policy").answer == "It was approved under AI-7 version 2."
    # The model learned from the first twelve rows: eight people, of eight in the table.
    assert "12 rows of training table" in trail.fact("training data").answer
    assert "Everybody in the rows of claims (8)" in trail.fact("consent of training").answer
    assert "Everybody in the rows of requests (1)" in trail.fact("consent of prediction").answer


def test_nothing_given_is_a_gap_for_every_question_and_never_a_pass(bare):
    trail = trace_prediction(bare.prediction, bare.lineage, today=TODAY)
    assert answers(trail, "known") == {"prediction", "model", "training data", "lineage"}
    assert answers(trail, "unassessed") == {
        "model file", "code", "trained by", "approval", "duties", "policy", "card", "data versions",
        "consent of training", "consent of prediction", "register",
    }  # fmt: skip
    assert not trail.complete


@pytest.mark.parametrize(
    ("missing", "question"),
    [
        ({"artifact": None}, "model file"),
        ({"head": None}, "register"),
        ({"code": None}, "code"),
        ({"card": None}, "card"),
        ({"roles": None}, "duties"),
        ({"consent": None}, "consent of training"),
        ({"sources": {"requests": requests()}}, "data versions"),
        ({"sources": {"claims": claims()}}, "consent of prediction"),
    ],
)
def test_each_thing_that_is_not_given_is_a_gap_of_its_own(scene, missing, question):
    trail = scene.trail(**missing)
    assert question in answers(trail, "unassessed")
    assert not trail.problems


def test_model_that_nobody_approved_is_told(bare):
    bare.record()
    assert bare.trail().fact("approval").answer == f"Nobody approved {MODEL}."
    assert bare.trail().fact("approval").state == "problem"


def test_every_way_in_which_an_approval_does_not_count_is_told_with_its_own_reason(bare, tmp_path):
    bare.record()
    record = bare.register.entries()[0].entry
    stranger = generate_signing_key(tmp_path / "stranger.key")
    fields = {
        "model": MODEL, "day": APPROVED, "approved_by": "victor", "record": record.digest(), "policy": "AI-7",
        "until": date(2026, 12, 31),
    }  # fmt: skip
    other = pd.DataFrame({"staff_id": ["victor", "victor"], "role": ["model_developer", "model_validator"]})
    nurse = pd.DataFrame({"staff_id": ["victor"], "role": ["nurse"]})
    cases = {
        "forged": (fields, stranger, {}),
        "by the trainer": ({**fields, "approved_by": "dana"}, bare.dana, {}),
        "by nobody known": ({**fields, "approved_by": "erin"}, stranger, {}),
        "two names, one key": (
            fields,
            bare.dana,
            {"keys": {"dana": bare.dana.public, "victor": bare.dana.public}},
        ),
        "of another record": ({**fields, "record": "0" * 64}, bare.victor, {}),
        "after the prediction": ({**fields, "day": date(2026, 3, 20)}, bare.victor, {}),
        "ended before the prediction": ({**fields, "until": date(2026, 3, 6)}, bare.victor, {}),
        "ended by now": ({**fields, "until": date(2026, 3, 20)}, bare.victor, {}),
        "who also develops": (fields, bare.victor, {"roles": other}),
        "who is no validator": (fields, bare.victor, {"roles": nurse}),
    }
    said = {}
    content = bare.register.path.read_bytes()
    for name, (entry, key, given) in cases.items():
        bare.register.path.write_bytes(content)
        bare.register.append(Approval(**entry), key.private)
        fact = bare.trail(**given).fact("approval")
        assert fact.state == "problem", name
        assert bare.trail(**given).fact("policy").state == "unassessed"
        said[name] = fact.answer
    assert len(set(said.values())) == len(cases), said
    assert "forged" in said["forged"]


def test_approval_by_the_trainer_is_refused_and_logged_when_it_is_tried(bare):
    bare.record()
    tries = [
        {"approved_by": "dana", "signing_key": bare.dana.private},
        {
            "approved_by": "DANA",
            "signing_key": bare.dana.private,
            "keys": {**bare.keys, "DANA": bare.dana.public},
        },
        {"keys": {"dana": bare.dana.public, "victor": bare.dana.public}},
        {"roles": ROLES.assign(staff_id="victor"), "sector": "healthcare"},
        {"until": date(2020, 1, 1)},
        {"keys": {}},
    ]
    for changed in tries:
        with pytest.raises(UserError):
            bare.approve(**changed)
        assert bare.audit.events[-1].outcome == "denied"
    assert not bare.register.of(MODEL, Approval)


def test_model_file_code_card_and_data_that_changed_since_are_told(scene):
    scene.artifact.write_bytes(b"weights of another")
    scene.card.write_text("# Another\n")
    (scene.code / "train.py").write_text("fit(harder=True)\n")
    trail = scene.trail(sources={"claims": claims().assign(billed=1.0), "requests": requests()})
    assert answers(trail, "problem") == {"model file", "card", "code", "data versions"}
    # Whose rows they were cannot be read from another table.
    assert trail.fact("consent of training").state == "unassessed"


def test_withdrawn_consent_of_a_person_in_the_training_rows_is_told_and_of_others_is_not(scene):
    def without(gone):
        return lambda people, purpose: [person != gone and purpose == "denials" for person in people]

    trail = scene.trail(consent=without("P003"))
    assert trail.fact("consent of training").answer == (
        "Of the rows that were used, in claims 1 of 8 people do not allow 'denials' today."
    )
    assert trail.fact("consent of prediction").state == "known"
    assert scene.trail(consent=without("P001")).fact("consent of prediction").state == "problem"
    assert scene.trail(consent=without("P900")).complete
    assert "P003" not in trail.to_frame().to_string()


def test_withdrawn_approval_is_told_with_who_and_when(scene):
    withdraw_approval(
        scene.register,
        MODEL,
        withdrawn_by="victor",
        reason="drift",
        signing_key=scene.victor.private,
        today=date(2026, 3, 8),
    )
    assert (
        "withdrew it on 2026-03-08, before the prediction was made" in scene.trail().fact("approval").answer
    )


def test_entry_that_was_altered_or_taken_out_is_noticed(scene):
    lines = scene.register.path.read_text().splitlines()
    cases = {
        "record altered": [lines[0].replace("denials", "sellers"), lines[1]],
        "record taken out": [lines[1]],
        "approval altered": [lines[0], lines[1].replace("2026-12-31", "2036-12-31")],
    }
    for name, content in cases.items():
        scene.register.path.write_text("\n".join(content) + "\n")
        assert scene.trail().fact("approval").state in {"problem", "unassessed"}, name
        assert not scene.trail().complete
    for broken in ("{", "[]", json.dumps({"entry": {"kind": "gift"}, "signature": {}}), "\x00"):
        scene.register.path.write_text(lines[0] + "\n" + broken + "\n")
        with pytest.raises(UserError, match="Line 2 of the register"):
            scene.trail()


def test_withdrawal_that_was_taken_out_or_cut_off_is_noticed(scene):
    withdraw_approval(
        scene.register,
        MODEL,
        withdrawn_by="victor",
        reason="drift",
        signing_key=scene.victor.private,
        today=MADE,
    )
    head = scene.register.head()
    lines = scene.register.path.read_text().splitlines()
    scene.register.path.write_text("\n".join(lines[:2]) + "\n")
    assert scene.trail().complete
    assert "cut off" in scene.trail(head=head).fact("register").answer
    scene.register.path.write_text("\n".join(lines) + "\n")
    scene.approve(today=date(2026, 3, 9))
    lines = scene.register.path.read_text().splitlines()
    scene.register.path.write_text("\n".join([*lines[:2], lines[3]]) + "\n")
    assert "Before entry 3" in scene.trail().fact("register").answer


def test_lineage_whose_row_files_were_changed_is_a_problem_or_refused(scene):
    for path in (scene.folder / "lineage" / "rows").iterdir():
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with suppress(UserError):
            assert scene.trail().fact("lineage").state == "problem"
        path.write_bytes(content)
    assert scene.trail().complete


def test_forward_names_models_predictions_and_who_approved_them(scene):
    touched = trace_person(
        "P001", scene.lineage, identifier="patient_id", today=TODAY, register=scene.register, keys=scene.keys
    )
    assert touched.models.to_dict("records") == [{"model": MODEL, "approved": "victor", "in_use": True}]
    # P001 is behind both: the model learned from P001, and one of the requests is P001's.
    assert touched.predictions["rows"].tolist() == [2]
    assert "vendors are unassessed" in touched.sentence()
    register = HandoverRegister(scene.folder / "handovers.db")
    with_vendors = trace_person(
        "P001", scene.lineage, identifier="patient_id", today=TODAY, handovers=register, audit=scene.audit
    )
    assert with_vendors.sentence().endswith("and to 0 vendor(s).")
    assert not any("P001" in event.to_json() for event in scene.audit.events)
    only_asked = trace_person("P900", scene.lineage, identifier="patient_id", today=TODAY)
    assert (len(only_asked.models), only_asked.predictions["rows"].tolist()) == (0, [1])
    nobody = trace_person("P777", scene.lineage, identifier="patient_id", today=TODAY)
    assert nobody.models.empty
    assert nobody.predictions.empty


def test_approval_with_a_forged_signature_is_no_approval_on_the_way_forward(scene):
    touched = trace_person(
        "P001", scene.lineage, identifier="patient_id", today=TODAY, register=scene.register, keys={}
    )
    assert touched.models[["approved", "in_use"]].values.tolist() == [["", False]]


def test_bad_questions_are_refused_with_different_sentences(scene):
    said = []
    for bad in (
        "scores",
        "scores@nothing#0",
        f"{scene.prediction}9",
        "claims@x#1",
        "",
        7,
        "training table@1#0",
    ):
        with pytest.raises(UserError) as refused:
            trace_prediction(bad, scene.lineage, today=TODAY)
        said.append(str(refused.value))
    source = next(one for one in scene.lineage.graph().datasets if one.startswith("claims@"))
    with pytest.raises(UserError, match="holds no predictions"):
        trace_prediction(f"{source}#0", scene.lineage, today=TODAY)
    with pytest.raises(UserError, match="answer True or False"):
        scene.trail(consent=lambda people, purpose: [True])
    with pytest.raises(UserError):
        scene.trail(artifact=scene.folder / "nothing")
    with pytest.raises(UserError):
        scene.trail(code=scene.folder / "lineage" / "rows")
    with pytest.raises(UserError, match="not the model that the lineage recorded"):
        scene.record(artifact=scene.card)


def test_code_version_depends_on_names_and_contents_alone(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / ".git").mkdir(parents=True)
        (tmp_path / name / "train.py").write_text("x = 1\n")
        (tmp_path / name / ".git" / "hook.py").write_text(name)
    assert code_version(tmp_path / "a") == code_version(tmp_path / "b")
    (tmp_path / "b" / "train.py").rename(tmp_path / "b" / "fit.py")
    assert code_version(tmp_path / "a") != code_version(tmp_path / "b")


def test_picture_says_every_state_in_words(scene):
    trail = scene.trail(consent=lambda people, purpose: [False] * len(people), card=None)
    figure = plot_trail(trail)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert "consent of training: WRONG" in words
    assert "card: unassessed" in words
    assert "model: holds" in words
    assert "2 are wrong and 1 is unassessed" in figure.axes[0].get_title(loc="left")


def test_register_says_who_signed_what_and_its_head_changes_with_every_entry(scene):
    head = scene.register.head()
    assert scene.register.to_frame()["signer"].tolist() == ["dana", "victor"]
    scene.record(today=MADE)
    assert scene.register.head() != head
    assert "recorded anew" in scene.trail().fact("approval").answer
    assert ModelRegister(scene.folder / "none.jsonl").head() == ""


def test_trail_of_a_prediction_is_logged_by_the_row_and_not_the_person(scene):
    scene.trail(audit=scene.audit)
    event = scene.audit.events[-1]
    assert (event.action, event.records) == ("trace prediction", (scene.prediction,))
    assert "P001" not in event.to_json()


def test_who_holds_another_persons_key_cannot_sign_in_that_persons_name(bare):
    bare.record()
    tries = [
        lambda: bare.approve(signing_key=bare.dana.private, roles=ROLES, sector="healthcare"),
        lambda: bare.approve(approved_by="erin"),
        lambda: bare.record(signing_key=bare.victor.private, keys=bare.keys, audit=bare.audit),
    ]
    before = bare.register.path.read_bytes()
    for sign in tries:
        with pytest.raises(UserError, match="key"):
            sign()
        assert [event.outcome for event in bare.audit.events[-1:]] == ["denied"]
        assert bare.register.path.read_bytes() == before
    assert all(event.outcome == "denied" for event in bare.audit.events)
    bare.approve()
    with pytest.raises(UserError, match="key"):
        withdraw_approval(
            bare.register, MODEL, withdrawn_by="victor", reason="drift", signing_key=bare.dana.private,
            keys=bare.keys, today=TODAY, audit=bare.audit,
        )  # fmt: skip
    assert bare.audit.events[-1].outcome == "denied"


def test_a_day_before_the_prediction_is_told(scene):
    trail = scene.trail(today=date(2020, 1, 1))
    assert "2020-01-01" in trail.fact("prediction").answer
    assert [fact.question for fact in trail.problems] == ["prediction"]


def _failing(people, purpose):
    raise ZeroDivisionError(people[0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"today": None}, "date"),
        ({"today": "2026-04-01"}, "date"),
        ({"sources": {"claims": 5}}, "claims"),
        ({"sources": 5}, "source"),
        ({"consent": _failing}, "ZeroDivisionError"),
        ({"consent": lambda people, purpose: None}, "callback"),
        ({"consent": lambda people, purpose: ["no"] * len(people)}, "True or False"),
        ({"roles": 5}, "staff_id"),
        ({"sector": "zz"}, "sector"),
    ],
)
def test_bad_evidence_is_refused_in_a_sentence_and_recorded(scene, given, message):
    with pytest.raises(UserError, match=message) as refused:
        scene.trail(**given, audit=scene.audit)
    assert "P00" not in str(refused.value)
    assert (scene.audit.events[-1].action, scene.audit.events[-1].outcome) == ("trace prediction", "denied")
