"""The commands of records, fairness, loss, traceability and the crosswalk."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from secure_ai.cli import invoke

NAME, SSN = "Maria Lopez", "219-09-9999"


def run(command: str, *more: str) -> int:
    return invoke([*command.split(), *more])


@pytest.fixture
def house(tmp_path, monkeypatch, capsys):
    """A folder with forms, decisions about 1,500 invented people, and a table with identifiers."""
    monkeypatch.chdir(tmp_path)
    for form in ("processing", "dpia", "model_card", "data_card"):
        assert run(f"records example {form} {form}.yaml") == 0
    for card in ("model_card", "data_card"):
        text = (tmp_path / f"{card}.yaml").read_text()
        (tmp_path / f"{card}.yaml").write_text(text.replace("name: \n", "name: readmission\n", 1))
    rng = np.random.default_rng(1)
    group = rng.choice(["north", "south", "far"], 1_500, p=[0.5, 0.49, 0.01])
    score = np.clip(rng.beta(2, 2, 1_500) - np.where(group == "south", 0.15, 0), 0, 1)
    pd.DataFrame(
        {
            "name": [NAME] * 1_500,
            "approved": np.where(score > 0.5, "granted", "denied"),
            "decision": (score > 0.5).astype(int),
            "outcome": (rng.random(1_500) < score).astype(int),
            "region": group,
            "coin": rng.integers(0, 2, 1_500),
            "score": score,
        }
    ).to_csv("loans.csv", index=False)
    people = {"patient_id": ["P1", "P2"], "name": [NAME, "John Smith"], "ssn": [SSN, "219-09-9998"]}
    pd.DataFrame({**people, "religion": ["catholic", "none"]}).to_csv("patients.csv", index=False)
    capsys.readouterr()
    return tmp_path


def documents(folder) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()))


def test_decisions_of_groups_are_compared_and_nobody_is_named(house, capsys):
    compared = (
        "fairness loans.csv --decision decision --outcome outcome --group region --score score --out report"
    )
    assert run(compared) == 1
    said = capsys.readouterr().out
    assert "violated" in said and "one threshold for all" in said and "unassessed" in said  # the far region
    assert sorted(path.name for path in (house / "report").iterdir()) == [
        "fairness.html", "fairness.json", "fairness.md",
    ]  # fmt: skip
    first = documents(house / "report")
    assert NAME not in said + first
    assert run(compared) == 1
    assert documents(house / "report") == first


def test_decisions_by_a_coin_violate_nothing(house):
    assert run("fairness loans.csv --decision coin --group region --tolerance 0.15") == 0


def test_a_decision_in_words_is_taken_by_its_word(house, capsys):
    by_number = "fairness loans.csv --decision decision --group region"
    by_word = "fairness loans.csv --decision approved --decision-yes granted --group region"
    assert run(by_number) == 1
    expected = capsys.readouterr().out
    assert run(by_word) == 1
    assert capsys.readouterr().out == expected
    assert run(by_word.replace("granted", "Granted")) == 2
    assert run("fairness loans.csv --decision approved --group region") == 2


def test_groups_too_small_to_judge_are_unassessed(house, capsys):
    pd.read_csv("loans.csv").head(12).to_csv("few.csv", index=False)
    assert run("fairness few.csv --decision decision --outcome outcome --group region --out report") == 3
    assert "unassessed" in capsys.readouterr().out
    assert (
        "reason" in json.loads((house / "report" / "fairness.json").read_text())["largest_gaps"]["base_rate"]
    )


def test_a_loss_model_is_simulated_the_same_each_time(house, capsys):
    assert run("loss finance --years 2000 --out losses --today 2026-03-01") == 0
    said, written = capsys.readouterr().out, documents(house / "losses")
    assert "an average year costs" in said and "What others have published" in written
    assert run("loss finance --years 2000 --out losses --today 2026-03-01") == 0
    assert documents(house / "losses") == written
    assert run("loss finance --years 2000 --seed 1 --out losses --today 2026-03-01") == 0
    assert documents(house / "losses") != written


def test_what_a_table_holds_and_nobody_declared_is_told(house, capsys):
    assert run("records processing processing.yaml --data readmission_model=patients.csv --out rop") == 1
    said = capsys.readouterr().out
    assert "patients.csv.ssn" in said and "special category" in said
    assert (house / "rop" / "register.csv").is_file()
    assert NAME not in said + documents(house / "rop") and SSN not in said + documents(house / "rop")
    assert run("records processing processing.yaml --data nothing=patients.csv --out rop") == 2
    assert run("records processing processing.yaml --out rop2") == 0


def test_an_impact_assessment_without_measured_risks_is_no_pass(house, capsys):
    assert run("records dpia dpia.yaml --data patients.csv --out dpia") == 3
    assert "Not yet" in capsys.readouterr().out
    assert NAME not in documents(house / "dpia")


def test_measured_risks_stand_in_the_impact_assessment(house, capsys):
    run("vendor example healthcare --out vendors")
    form = sorted((house / "vendors").glob("*.csv"))[0]
    run(f"vendor assess {form} --sector healthcare --out vendor --today 2026-11-02")
    assert run("records dpia dpia.yaml --findings vendor/findings.json --out dpia") == 1
    assert "residual risk is critical" in capsys.readouterr().out
    assert "questions not shown" in (house / "dpia" / "dpia.md").read_text()


def test_findings_of_an_assessment_are_read_with_what_was_measured_again(house, capsys):
    from secure_ai.core import Finding, Level, Measurement, Outcome

    def rate(value: float) -> Measurement:
        return Measurement("rate", value, "probability", 200, 0.0, (value, value), "an attack", "own")

    made = Finding(
        id="model.evasion", title="A model that gives way", threat="t", asset="a", attacker_knowledge="k",
        measurement=rate(0.9), threshold=0.1, outcome=Outcome.EXCEEDS_THRESHOLD, likelihood=Level.CRITICAL,
        severity=Level.HIGH, level=Level.CRITICAL, after=rate(0.01), residual_level=Level.MEDIUM,
    )  # fmt: skip
    for number, code in ((1, 1), (2, 1), (3, 2)):
        content = {"format": f"secure-ai findings {number}", "findings": [made.model_dump(mode="json")]}
        (house / "findings.json").write_text(json.dumps(content))
        assert run(f"records dpia dpia.yaml --findings findings.json --out dpia{number}") == code
    assert "newer kit" in capsys.readouterr().err
    assert "reduced from critical to medium, measured again" in documents(house / "dpia2")
    assert not (house / "dpia3").exists()


def test_a_card_shows_the_figures_given_and_no_others(house, capsys):
    run("fairness loans.csv --decision decision --group region --out report")
    gap = json.loads((house / "report" / "fairness.json").read_text())["largest_gaps"]["selection_rate"]
    figures = {"performance": {"gap": gap, "accuracy": {"reason": "no outcomes yet"}}}
    (house / "figures.json").write_text(json.dumps(figures))
    assert run("records model-card model_card.yaml --figures figures.json --out card") == 0
    card = documents(house / "card")
    assert "no outcomes yet" in card and f"{100 * gap['value']:.0f}"[:2] in card
    assert run("records data-card data_card.yaml patients.csv --out data") == 0
    assert NAME not in documents(house / "data") and SSN not in documents(house / "data")


def test_clauses_that_a_contract_lacks_are_listed(house, capsys):
    (house / "baa.md").write_text(
        "# Agreement\n\n1. The business associate shall report any security incident that it hears of.\n"
        "2. The parties agree on a monthly fee and on the courts of this state for all disputes.\n"
    )
    assert run("records clauses baa.md --sector healthcare --organization Lakeside --out clauses") == 1
    said = capsys.readouterr().out
    assert "Missing: " in said and "compliant" not in said
    assert "Lakeside" in documents(house / "clauses")


def test_policies_and_responsibilities_are_filled_with_our_names(house, capsys):
    policy = "records policy vendors --organization Lakeside --sector healthcare --out policies --field"
    assert run(policy, "policy_owner=privacy office") == 0
    assert "privacy office" in documents(house / "policies")
    assert run("records policies") == 0 and run("records policies vendors") == 0
    (house / "people.yaml").write_text("executive: A\ndata protection officer: A\n")
    assert run("records responsibilities --organization Lakeside --people people.yaml --out chart") == 1
    assert "data protection officer" in capsys.readouterr().out


@pytest.mark.parametrize("side", ["framework", "threat", "control", "chapter", "finding"])
def test_the_crosswalk_turns_to_each_side(side, house, capsys):
    assert run(f"crosswalk --by {side} --framework GDPR") == 0
    assert "GDPR Art. " in capsys.readouterr().out


def test_what_touches_an_article_is_said_in_one_call(house, capsys):
    assert run("crosswalk", "GDPR Art. 17") == 0
    assert "unlearning" in capsys.readouterr().out
    assert run("crosswalk --framework GDPR --out crosswalk --today 2026-03-01") == 0
    assert (house / "crosswalk" / "crosswalk_by_framework.html").is_file()


@pytest.fixture
def traced(house):
    """A prediction with its lineage, a register of models, and the keys of who trained and who approved."""
    from secure_ai.defend.lineage import Lineage
    from secure_ai.encrypt.transport.public_keys import generate_signing_key
    from secure_ai.govern.traceability import ModelRegister, approve_model, code_version, record_model

    claims = pd.DataFrame({"patient_id": [f"P{n % 8:03d}" for n in range(24)], "billed": np.arange(24.0)})
    (house / "model.skops").write_bytes(b"weights")
    (house / "code").mkdir()
    (house / "code" / "train.py").write_text("fit()\n")
    lineage = Lineage(house / "lineage")
    with lineage.job("collect") as job:
        table = job.write("training", job.read("claims", claims, identifier="patient_id"))
    with lineage.job("train") as job:
        model = job.train("triage", table, version="v1", artifact=house / "model.skops")
    with lineage.job("score") as job:
        asked = job.read("requests", claims.head(2), identifier="patient_id")
        scored = job.predict("scores", asked.assign(score=[0.2, 0.8]), model=model)
    keys = {who: generate_signing_key(house / f"{who}.key") for who in ("dana", "victor")}
    (house / "keys.yaml").write_text("".join(f"{who}: {key.public}\n" for who, key in keys.items()))
    register, public = ModelRegister(house / "models.jsonl"), {who: key.public for who, key in keys.items()}
    day = date.today()
    record_model(
        register, "triage@v1", lineage=lineage, artifact=house / "model.skops",
        code=code_version(house / "code"), purpose="denials", trained_by="dana",
        signing_key=keys["dana"].private, today=day,
    )  # fmt: skip
    approve_model(
        register, "triage@v1", approved_by="victor", policy="AI-7", until=date(2199, 1, 1), keys=public,
        signing_key=keys["victor"].private, today=day,
    )  # fmt: skip
    return scored["row_of:scores"].iloc[0]


GIVEN = "--lineage lineage --register models.jsonl --keys keys.yaml --artifact model.skops --code code"


def test_a_prediction_is_traced_to_who_approved_its_model(house, traced, capsys):
    assert run("trace prediction", traced, *GIVEN.split(), "--out", "trail", "--audit", "a.jsonl") == 3
    said = capsys.readouterr().out
    assert "victor" in said and "dana" in said and "unassessed  consent of training" in said
    assert sorted(path.suffix for path in (house / "trail").iterdir()) == [".html", ".md"]


def test_a_model_file_that_was_exchanged_is_a_problem(house, traced, capsys):
    (house / "model.skops").write_bytes(b"other weights")
    assert run("trace prediction", traced, *GIVEN.split()) == 1
    assert "problem" in capsys.readouterr().out


def test_a_person_is_traced_forward_without_being_named(house, traced, capsys):
    known = "--register models.jsonl --keys keys.yaml"
    assert run(f"trace person P001 --lineage lineage --identifier patient_id {known}") == 3
    said = capsys.readouterr().out
    assert (
        "triage@v1" in said and "victor" in said and "vendors are unassessed" in said and "P001" not in said
    )


def test_a_register_that_is_not_there_is_not_made(house, traced, capsys):
    assert run("trace person P001 --lineage lineage --identifier patient_id --handovers none.sqlite") == 2
    assert run("trace prediction", traced, "--lineage", "lineage", "--register", "none.jsonl") == 2
    assert run("trace prediction nothing --lineage lineage") == 2
    assert capsys.readouterr().err.count("\n") == 3
    assert not (house / "none.sqlite").exists() and not (house / "none.jsonl").exists()
