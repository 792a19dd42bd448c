"""The estate of the hospital."""

from secure_ai.govern.estate.layout import Layout, Place

HOSPITAL = Layout(
    name="hospital",
    key="patient_id",
    places=(
        Place("patients", "medical_record", mentions=("emergency_contact_name", "emergency_contact_phone")),
        Place("encounters", "medical_record", date_column="start", record_column="encounter_id"),
        Place("diagnoses", "medical_record", date_column="recorded_date", record_column="diagnosis_id"),
        Place("medications", "medical_record", date_column="start_date", record_column="medication_id"),
        Place("labs", "medical_record", date_column="collected_at", record_column="lab_id"),
        Place(
            "notes",
            "medical_record",
            date_column="written_at",
            record_column="note_id",
            mentions=("text",),
            kind="notes",
        ),
        Place(
            "claims",
            "claim",
            date_column="submitted_date",
            record_column="claim_id",
            identify={"account_number": "account_number"},
            engine="duckdb",
        ),
        Place("staff", "", column="staff_id"),
    ),
    identities={
        "patients": {
            "first_name": "name",
            "last_name": "name",
            "birth_date": "birth_date",
            "ssn": "ssn",
            "mrn": "mrn",
            "phone": "phone",
            "email": "email",
            "street": "address",
            "health_plan_number": "health_plan_number",
            "drivers_license": "drivers_license",
            "implant_serial": "device",
        }
    },
    bystanders=(
        ("staff", "staff_id", {"first_name": "name", "last_name": "name", "phone": "phone"}),
        ("patients", "patient_id", {"emergency_contact_name": "name", "emergency_contact_phone": "phone"}),
    ),
    texts=("notes", "note_id", "patient_id", "text"),
    messages=("messages", "message_id", "text", "sent_at"),
    extract=("readmissions", "patient_id", "key", (), "discharged"),
    training=(
        "readmissions",
        "readmitted_30d",
        (
            "age", "sex", "payer", "admission_type", "department", "length_of_stay", "prior_admissions",
            "comorbidity_count", "heart_failure", "diabetes", "discharge_to",
        ),
        {"age": (18, 40, 60, 75), "length_of_stay": (2, 4, 7, 14)},
        "discharged",
    ),
    statistics=(
        ("encounters by department and class", "encounters", ("department", "class"), ""),
        ("patients by payer and state", "patients", ("payer", "state"), "body_mass_index"),
        ("diagnoses by code", "diagnoses", ("icd10_code",), ""),
        ("laboratory values by test", "labs", ("test",), "value"),
    ),
    log=("access_log", "timestamp", ("staff_id", "action", "resource", "purpose")),
    dated={"readmissions": ("encounters", "encounter_id", "end", "discharged")},
)  # fmt: skip
