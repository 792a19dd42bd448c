# ruff: noqa: E501 - a line of a template is a line of the text
"""Templates of clinical notes. Fields in braces are filled by `notes.py`; eponyms and numbers that are no
identifiers stand beside them on purpose, so that a detector can be wrong in both directions."""

from __future__ import annotations

NOTE_TEMPLATES: tuple[tuple[str, str], ...] = (
    (
        "discharge_summary",
        """{hospital}
DISCHARGE SUMMARY
Patient: {last_comma_first}     MRN: {mrn}
DOB: {dob}     Sex: {sex}
Admitted: {date}     Discharged: {end_date}
Attending: {doctor}, MD (NPI {npi})

{full} is {a} {age} {person_word} admitted with {reason}. Past history of {condition} and {condition2}. {exam}
Hemoglobin on discharge {hemoglobin} g/dL, sodium {sodium} mmol/L, creatinine {creatinine} mg/dL.
{course}
Medications on discharge: {drug} {dose} {frequency}.
Follow-up with {doctor2} on {follow_date}. {relation_cap} ({relative}, {relative_phone}) was present for teaching.""",
    ),
    (
        "admission_note",
        """ADMISSION H&P
Name: {full}
Medical record number: {mrn}
Date of admission: {date}
CC: {reason}
HPI: {title} {last} is {a} {age} {person_word} from {city_state} who presents with {complaint} for three days. Lives with {his} {relation} {relative}. Employer on file: {employer}.
PMH: {condition}; {condition2}.
Meds: {drug} {dose} {frequency}. NKDA.
Exam: {exam}
Labs: Hb {hemoglobin}, Na {sodium}, Cr {creatinine}.
A/P: {plan}""",
    ),
    (
        "progress_note",
        """{date} - {department} progress note
S: Pt {last} slept well, {complaint} improving. Asked that we phone {relation} {relative_first} at {relative_phone}.
O: {vitals} {exam}
A: {age_short}, hospital day 3, {reason}.
P: {plan} Discussed with Dr. {doctor_last}.""",
    ),
    (
        "progress_note",
        """Seen and examined with the team this morning. {first} reports less {complaint}. {vitals} {exam} Labs reviewed: Cr {creatinine}, K 4.1, Hb {hemoglobin}. {plan} Anticipate discharge {follow_date}. -- {doctor_last}""",
    ),
    (
        "emergency_note",
        """ED NOTE  MRN {mrn}  arr. by ambulance
{age_short} {sex_letter} c/o {complaint} since yesterday. EMS picked pt up at {address}. No ID on scene; driver's license {license} found in wallet, matches {last_comma_first}, DOB {dob}. {vitals} GCS 15, Babinski negative, no Kernig sign. {exam} Dx: {reason}. {plan} NOK: {relative} ({relation}), tel {relative_phone}.""",
    ),
    (
        "emergency_note",
        """TRIAGE {date}
Pt states name is {full}, born {dob}. Presents with {complaint}. ESI level 3. {vitals} Came with {relation}, {relative}. PCP is {doctor}. Insurance ID {plan_number}.""",
    ),
    (
        "consult_note",
        """Dear Dr. {doctor_last},

Thank you for referring {title} {last} ({dob}), whom I saw in {department} clinic on {date}. As you know, {he} is {a} {age} {person_word} with {condition} and, more recently, {reason}. {exam}

{plan} I will see {him} again on {follow_date}.

With kind regards,
{doctor2}
{hospital}
Tel. {clinic_phone}""",
    ),
    (
        "phone_note",
        """Phone call {date}: {relation} of pt ({relative}) called from {relative_phone} re {first}'s {complaint}. Advised to take {drug} {dose} and come in if worse. Identity checked with DOB {dob} and last four of SSN; full number on file {ssn}. Call back at {phone} after work.""",
    ),
    (
        "nursing_note",
        """RN note. {full}, room {room}. Alert and oriented x3. Foley catheter removed, voiding well. {vitals} {relative} at bedside, asks to speak with {doctor}. Fall precautions in place. Pt upset that {his} employer, {employer}, was told about the stay.""",
    ),
    (
        "nursing_note",
        """Handoff: {last_initial} / {age_short} / {reason} / HD 2. Braden 18. IV left forearm. {drug} given. Daughter-in-law may visit; password for phone updates on chart. Family contact: {relative} {relative_phone}. Dr {doctor_last} aware.""",
    ),
    (
        "social_work_note",
        """Social work assessment, {date}
{full} lives at {address} with {his} {relation}, {relative}. {he_cap} formerly worked at {employer} and is worried about the cost. Plan member number {plan_number}. {he_cap} gave permission to e-mail {email} and to leave messages at {phone}. Referred to the Alzheimer's support group and to meal delivery in {city}.""",
    ),
    (
        "procedure_note",
        """PROCEDURE NOTE
Date: {date}
Operator: {doctor}
Assistant: {doctor2}
Patient: {upper_comma}  ({mrn})
Indication: {reason}.
Time-out performed, two identifiers (name and {dob}). Seldinger technique, no complications. Device implanted: serial {device}. EBL minimal. {plan}""",
    ),
    (
        "radiology_report",
        """CHEST, TWO VIEWS
Patient {last_comma_first}, {age_num} years, MRN {mrn}
Exam date {date}. Comparison: {date2}.
History: {complaint}.
Findings: Heart size upper normal. No Kerley B lines. Mild bibasilar atelectasis. No effusion.
Impression: No acute process. Results phoned to Dr. {doctor_last} at {clinic_phone}.
Electronically signed by {doctor2}""",
    ),
    (
        "pathology_report",
        """SURGICAL PATHOLOGY  Case no. 4471-B
{upper_plain}   DOB {dob}   Collected {date}   Reported {follow_date}
Submitting physician: {doctor} (DEA {dea})
Specimen: skin, left forearm. Gross: 1.2 x 0.8 x 0.3 cm ellipse.
Diagnosis: Benign. No Paget cells seen. Gleason grading not applicable.""",
    ),
    (
        "geriatrics_note",
        """{title} {last}, who is {age_words}, came with {his} {relation} {relative_first}. Despite {his} years {he} still drives from {city} and plays cards every week. Mini-Mental State 27/30. Parkinson's disease was considered and rejected. {exam} {plan}""",
    ),
    (
        "geriatrics_note",
        """Home visit on {date_long} to {full}, aged {age_num}, at {address}. {he_cap} remembers {his} wedding in 1957 in great detail but not what {he} had for breakfast. {relative} ({relation}) holds power of attorney and can be reached on {relative_phone}. {plan}""",
    ),
    (
        "pediatrics_note",
        """Well visit, {date}. {first} is here with {his} {relation}, {relative}. Growth along the 60th percentile, Denver screen passed, Apgar at birth 9. Attends school in {city}. {exam} Next visit {follow_date}. Vaccine record sent to {email}.""",
    ),
    (
        "psychiatry_note",
        """CONFIDENTIAL - behavioral health. {full} (MRN {mrn}) seen on {date_long}. {he_cap} speaks of conflict with {his} {relation} {relative_first} and with a supervisor at {employer}. Denies intent to harm self. Beck Depression Inventory 19. Continue {drug}. Next session {follow_date} with {doctor}.""",
    ),
    (
        "oncology_note",
        """Oncology clinic, {date_short}. Ms/Mr {last} tolerated cycle 2. Karnofsky 80. Hb {hemoglobin}. Prior imaging from {hospital2} of {date2} received on disc. {he_cap} asks about a second opinion in {city2}. Billing account {account}. {plan}""",
    ),
    (
        "cardiology_note",
        """Cardiology f/u {date}: {last_first}, {age_short}; EF 45%, NYHA II, Killip I at presentation. Pacemaker interrogated, s/n {device}, battery good; remote monitor sends from {ip}. {exam} Continue {drug} {dose} {frequency}. RTC {follow_date}. cc: {doctor2}""",
    ),
    (
        "discharge_instructions",
        """Discharge instructions for {first}
You were in hospital from {date_long} to {end_date_long} because of {reason_plain}. Take {drug} {dose} {frequency}. Call {clinic_phone} if you have fever or new or worse {complaint}. Your results are at {url}. Your appointment with Dr. {doctor_last} is on {follow_date_long}.""",
    ),
    (
        "transfer_note",
        """TRANSFER from {hospital2} ({city2}) to {hospital}
Pt: {last_comma_first} | {dob} | SSN {ssn} | {plan_number}
Accepting: {doctor}   Sending: Dr. {doctor2_last}, {clinic_phone}
Reason: {reason}. Last set: {vitals} {exam}
Family notified: {relative}, {relation}, on {date}.""",
    ),
    (
        "care_plan",
        """Goals discussed with {full} on {date_long}: walk to the mailbox, cook for the family again. {relative}, {his} {relation}, will help with {drug}. Home health will call {phone}; the house is at {address}. Norton scale 16. Wilson's disease ruled out in the past.""",
    ),
    (
        "utilization_review",
        """UR call to payer {date_short}. Ref no. 88213. Member {plan_number}, {upper_plain}, DOB {dob_iso}. Facility NPI {npi}. Clinicals given: {reason}, {vitals} Approved through {follow_date_iso}. Reviewer will fax; no call needed.""",
    ),
    (
        "telehealth_note",
        """Video visit on {date_iso}. Patient {full} joined from {city_state}, IP {ip}, consent given. Confirmed call-back number {phone} and e-mail {email}. C/o {complaint}. {plan} Link for the next visit: {url}""",
    ),
    (
        "family_worksheet",
        """WORKSHEET, NOT FOR RELEASE
Relative {relative} ({relation}) interviewed by {doctor2} on {date}. Patient {full}, SSN {ssn}, resident of {city}, last employer {employer}. Underlying condition: {condition}. Age {age_num}.""",
    ),
    (
        "pharmacy_note",
        """Pharm reconciliation for {upper_tight} ({mrn}): {drug} {dose} {frequency} verified with outside pharmacy at {clinic_phone}; last fill {date2}. Prescriber {doctor}, DEA {dea}. Cockcroft-Gault 58 mL/min. No interaction. Pt prefers refills mailed to {address}.""",
    ),
    (
        "therapy_note",
        """PT eval. {initial_last}, {age_short} s/p fall on {date_us}. Berg balance 41/56, Tinetti 22. {relation_cap} {relative_first} will install rails. Wants to be back at {employer} by {follow_date}. {plan}""",
    ),
    (
        "addendum",
        """Addendum {date_us}: the note above names the wrong relative. It was {relative}, not the neighbor, who called from {relative_phone}. {doctor_last}, {department}.""",
    ),
    (
        "quick_note",
        """pt {full_lower} called, wants results from {date_short}, says nobody called back. told {him} dr {doctor_last_lower} out til {follow_date_short}. cb {phone_dots}""",
    ),
)  # fmt: skip
