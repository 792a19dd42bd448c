"""The kit's consent ledger fits hand-over and trail as it is: what is withdrawn neither leaves nor passes."""

from datetime import UTC, date, datetime

import pytest

from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.public_keys import generate_recipient_key, generate_signing_key
from secure_ai.govern.consent import ConsentLedger, ConsentText
from secure_ai.govern.handover import (
    HandoverRegister,
    declare_contract,
    declare_purpose,
    prepare_handover,
    recipients_of,
    send_handover,
)
from secure_ai.govern.traceability import trace_person
from tests.govern.traceability.conftest import TODAY, claims

TEXT = ConsentText("model leaflet", "1", "We train a model with your records.", ("model development",))


@pytest.fixture
def ledger(tmp_path):
    ledger = ConsentLedger.create(
        tmp_path / "consent.db", key=b"c" * 32, witness=tmp_path / "witness", purposes="finance", actor="dpo",
        clock=lambda: datetime(2026, 3, 1, tzinfo=UTC),
    )  # fmt: skip
    for number in range(8):
        ledger.give(
            f"P{number:03d}", "model development", text=TEXT, actor="desk", birth_date=date(1980, 1, 1)
        )
    return ledger


def test_withdrawal_in_the_ledger_is_told_by_the_trail(scene, ledger):
    given = {"consent": ledger.allowed, "purpose": "model development", "scoring_purpose": "model scoring"}
    assert scene.trail(**given).fact("consent of training").state == "known"
    ledger.withdraw("P003", "model development", actor="desk")
    assert "1 of 8 people" in scene.trail(**given).fact("consent of training").answer
    with pytest.raises(UserError):
        scene.trail(consent=ledger.allowed, purpose="selling it")


def test_who_withdrew_is_not_in_the_next_package_and_the_vendor_of_the_last_is_named(scene, ledger):
    purpose = declare_purpose(
        name="default model", description="A vendor trains a model.",
        columns={"billed": "amount"},
        person_column="patient_id", consent_purpose="model development", deidentify="safe_harbor",
        legal_basis=["GDPR Art. 6(1)(a)"],
    )  # fmt: skip
    contract = declare_contract(
        id="C-1", vendor="Acme", purposes=["default model"], signed=date(2026, 1, 1), ends=date(2027, 1, 1),
        contact="privacy office",
    )  # fmt: skip
    signing, receiving = generate_signing_key(scene.folder / "s"), generate_recipient_key(scene.folder / "r")
    register = HandoverRegister(scene.folder / "handovers.db")
    options = {
        "sender": "Bank", "contract": contract, "retention_until": date(2026, 9, 1), "register": register,
        "today": TODAY, "consent": ledger.allowed,
    }  # fmt: skip
    first = prepare_handover(
        claims(), purpose, receiving.public, signing.private, scene.folder / "a.tar", **options
    )
    send_handover(
        first.path, register=register, handover=first.package, today=TODAY, to=scene.folder / "sent.tar"
    )
    ledger.withdraw("P003", "model development", actor="desk")
    second = prepare_handover(
        claims(), purpose, receiving.public, signing.private, scene.folder / "b.tar", **options
    )
    assert (first.details.rows, second.details.rows) == (24, 21)
    assert recipients_of(register, "P003")["package"].tolist() == [first.package]
    touched = trace_person("P003", scene.lineage, identifier="patient_id", today=TODAY, handovers=register)
    assert touched.vendors["vendor"].tolist() == ["Acme"]
