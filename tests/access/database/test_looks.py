"""Several people ask the database for one record: what each gets, and that no value travels."""

import pytest

from secure_ai.access.database import in_charge_of, who_sees
from secure_ai.core.errors import UserError


def test_who_sees_a_record_depends_on_person_and_purpose(hospital):
    protected = hospital.protected
    nurses = hospital.staff("nurse")["staff_id"]
    charges = {person: in_charge_of(protected, person, "treatment") for person in nurses}
    near = next(person for person in nurses if charges[person])
    record = min(charges[near])
    far = next(person for person in nurses if record not in charges[person])
    biller = hospital.staff("billing_specialist")["staff_id"].iloc[0]
    service = protected.declaration.service
    askers = {
        "nurse": (near, "treatment"),
        "nurse elsewhere": (far, "treatment"),
        "office": (biller, "payment"),
        "model": (service, protected.declaration.model_purpose().name),
    }
    before = len(protected.audit.events)
    table = who_sees(protected, record, askers, ["phone", "health_plan_number"]).set_index("who")
    assert table["phone"].tolist() == ["shown", "no such row", "refused", "refused"]
    assert table["health_plan_number"].tolist() == ["refused", "refused", "shown", "refused"]
    denied = [event for event in protected.audit.events[before:] if event.outcome == "denied"]
    assert len(denied) == 5
    assert record not in table.to_string()


def test_whoever_may_not_act_for_the_purpose_is_told_and_a_strange_column_is_an_error(hospital):
    nurse = hospital.staff("nurse")["staff_id"].iloc[0]
    with pytest.raises(UserError, match="may act for this purpose"):
        who_sees(hospital.protected, "P000000001", {"nurse": (nurse, "payment")}, ["phone"])
    with pytest.raises(UserError):
        who_sees(hospital.protected, "P000000001", {"nurse": (nurse, "treatment")}, ['phone" FROM x --'])
