# ruff: noqa: E501 - one code a line reads as the table that it is
"""Code systems of the invented hospital: ICD-10-CM, LOINC, RxNorm, ICD-10-PCS and its own lists.

ICD-10-CM and ICD-10-PCS codes and titles are those of CMS and CDC (public domain), LOINC codes and names
those of Regenstrief (https://loinc.org, free under the LOINC license), RxNorm numbers those of ingredients
at the US National Library of Medicine. CPT is copyrighted and does not occur.
"""

from __future__ import annotations

from typing import NamedTuple


class Condition(NamedTuple):
    """A lasting condition: its code and how likely a patient has it.

    `base` is the log-odds at age 50, `per_decade` the change for ten years more, `female` the change for women.
    `sensitivity` names why the law treats it with more care ("" for none).
    """

    key: str
    code: str
    description: str
    chapter: str
    base: float
    per_decade: float
    female: float
    sensitivity: str = ""


_CIRC = "IX Diseases of the circulatory system"
_ENDO = "IV Endocrine, nutritional and metabolic diseases"
_RESP = "X Diseases of the respiratory system"
_MENT = "V Mental, behavioral and neurodevelopmental disorders"
_NEOP = "II Neoplasms"
_INFE = "I Certain infectious and parasitic diseases"
_NERV = "VI Diseases of the nervous system"
_MUSC = "XIII Diseases of the musculoskeletal system and connective tissue"
_GENI = "XIV Diseases of the genitourinary system"
_DIGE = "XI Diseases of the digestive system"
_SYMP = "XVIII Symptoms, signs and abnormal clinical and laboratory findings, not elsewhere classified"
_INJU = "XIX Injury, poisoning and certain other consequences of external causes"
_SKIN = "XII Diseases of the skin and subcutaneous tissue"
_PREG = "XV Pregnancy, childbirth and the puerperium"
_FACT = "XXI Factors influencing health status and contact with health services"
_SPEC = "XXII Codes for special purposes"

CONDITIONS: tuple[Condition, ...] = (
    Condition("hypertension", "I10", "Essential (primary) hypertension", _CIRC, -0.7, 0.65, -0.1),
    Condition("diabetes", "E11.9", "Type 2 diabetes mellitus without complications", _ENDO, -1.7, 0.40, -0.1),
    Condition("heart_failure", "I50.9", "Heart failure, unspecified", _CIRC, -3.4, 0.75, -0.2),
    Condition("copd", "J44.9", "Chronic obstructive pulmonary disease, unspecified", _RESP, -2.9, 0.45, 0.0),
    Condition(
        "kidney_disease", "N18.30", "Chronic kidney disease, stage 3 unspecified", _GENI, -2.9, 0.60, 0.1
    ),
    Condition(
        "coronary_disease",
        "I25.10",
        "Atherosclerotic heart disease of native coronary artery without angina pectoris",
        _CIRC,
        -2.5,
        0.70,
        -0.6,
    ),
    Condition("atrial_fibrillation", "I48.91", "Unspecified atrial fibrillation", _CIRC, -3.5, 0.85, -0.2),
    Condition("depression", "F32.A", "Depression, unspecified", _MENT, -1.9, -0.05, 0.6, "mental_health"),
    Condition("anxiety", "F41.1", "Generalized anxiety disorder", _MENT, -2.2, -0.15, 0.6, "mental_health"),
    Condition(
        "alcohol", "F10.20", "Alcohol dependence, uncomplicated", _MENT, -3.1, -0.05, -0.7, "substance_use"
    ),
    Condition(
        "opioid", "F11.20", "Opioid dependence, uncomplicated", _MENT, -3.9, -0.25, -0.4, "substance_use"
    ),
    Condition("hiv", "B20", "Human immunodeficiency virus [HIV] disease", _INFE, -4.6, -0.10, -1.0, "hiv"),
    Condition("cancer", "C80.1", "Malignant (primary) neoplasm, unspecified", _NEOP, -3.0, 0.50, 0.1),
    Condition("asthma", "J45.909", "Unspecified asthma, uncomplicated", _RESP, -2.4, -0.15, 0.3),
    Condition("lipids", "E78.5", "Hyperlipidemia, unspecified", _ENDO, -0.9, 0.50, -0.1),
    Condition("obesity", "E66.9", "Obesity, unspecified", _ENDO, -1.0, 0.05, 0.1),
    Condition("arthritis", "M17.9", "Osteoarthritis of knee, unspecified", _MUSC, -2.2, 0.55, 0.4),
    Condition(
        "dementia", "G30.9", "Alzheimer's disease, unspecified", _NERV, -6.2, 1.30, 0.2, "mental_health"
    ),
    Condition("thyroid", "E03.9", "Hypothyroidism, unspecified", _ENDO, -2.7, 0.25, 1.1),
)
CONDITION_AT = {condition.key: index for index, condition in enumerate(CONDITIONS)}


class Reason(NamedTuple):
    """A reason for a visit: where it is seen and by whom.

    `setting` is "inpatient", "emergency" or "ambulatory"; `weight` its share there; `ages` the completed years it
    is seen at; `sex` "any" or "female"; `severity` adds days of stay and risk of return; `procedure` is an
    ICD-10-PCS code and title, or None.
    """

    code: str
    description: str
    chapter: str
    setting: str
    weight: float
    department: str
    ages: tuple[int, int] = (0, 120)
    sex: str = "any"
    severity: float = 0.0
    procedure: tuple[str, str] | None = None


_VENT = ("5A1935Z", "Respiratory Ventilation, Less than 24 Consecutive Hours")
_PCI = ("02703ZZ", "Dilation of Coronary Artery, One Artery, Percutaneous Approach")
_HIP = ("0QS604Z", "Reposition Right Upper Femur with Internal Fixation Device, Open Approach")
_APPENDIX = ("0DTJ4ZZ", "Resection of Appendix, Percutaneous Endoscopic Approach")
_GALL = ("0FT44ZZ", "Resection of Gallbladder, Percutaneous Endoscopic Approach")
_BIRTH = ("10E0XZZ", "Delivery of Products of Conception, External Approach")
_LYSIS = ("3E03317", "Introduction of Other Thrombolytic into Peripheral Vein, Percutaneous Approach")
_HFX = "Fracture of unspecified part of neck of right femur, initial encounter for closed fracture"
_CHILD = "Encounter for routine child health examination without abnormal findings"
_ADULT = "Encounter for general adult medical examination without abnormal findings"

REASONS: tuple[Reason, ...] = (
    Reason("J18.9", "Pneumonia, unspecified organism", _RESP, "inpatient", 14, "Internal Medicine", severity=0.6),
    Reason("A41.9", "Sepsis, unspecified organism", _INFE, "inpatient", 9, "Intensive Care", (18, 120), "any", 1.2, _VENT),
    Reason("I50.23", "Acute on chronic systolic (congestive) heart failure", _CIRC, "inpatient", 12, "Cardiology", (40, 120), "any", 1.0),
    Reason("I21.4", "Non-ST elevation (NSTEMI) myocardial infarction", _CIRC, "inpatient", 7, "Cardiology", (35, 120), "any", 0.6, _PCI),
    Reason("I63.9", "Cerebral infarction, unspecified", _CIRC, "inpatient", 6, "Neurology", (35, 120), "any", 0.8, _LYSIS),
    Reason("J44.1", "Chronic obstructive pulmonary disease with (acute) exacerbation", _RESP, "inpatient", 8, "Pulmonology", (40, 120), "any", 0.8),
    Reason("N17.9", "Acute kidney failure, unspecified", _GENI, "inpatient", 6, "Internal Medicine", (18, 120), "any", 0.9),
    Reason("S72.001A", _HFX, _INJU, "inpatient", 5, "Orthopedics", (60, 120), "any", 0.7, _HIP),
    Reason("K35.80", "Unspecified acute appendicitis", _DIGE, "inpatient", 6, "Surgery", (5, 70), "any", -0.5, _APPENDIX),
    Reason("K80.20", "Calculus of gallbladder without cholecystitis without obstruction", _DIGE, "inpatient", 6, "Surgery", (20, 90), "any", -0.5, _GALL),
    Reason("O80", "Encounter for full-term uncomplicated delivery", _PREG, "inpatient", 24, "Obstetrics", (18, 44), "female", -0.9, _BIRTH),
    Reason("F32.2", "Major depressive disorder, single episode, severe without psychotic features", _MENT, "inpatient", 5, "Psychiatry", (14, 90), "any", 0.4),
    Reason("R07.9", "Chest pain, unspecified", _SYMP, "emergency", 14, "Emergency", (18, 120)),
    Reason("R10.9", "Unspecified abdominal pain", _SYMP, "emergency", 14, "Emergency"),
    Reason("S93.401A", "Sprain of unspecified ligament of right ankle, initial encounter", _INJU, "emergency", 10, "Emergency"),
    Reason("R51.9", "Headache, unspecified", _SYMP, "emergency", 9, "Emergency"),
    Reason("U07.1", "COVID-19", _SPEC, "emergency", 8, "Emergency"),
    Reason("L03.90", "Cellulitis, unspecified", _SKIN, "emergency", 7, "Emergency"),
    Reason("T40.2X1A", "Poisoning by other opioids, accidental (unintentional), initial encounter", _INJU, "emergency", 2, "Emergency", (16, 80)),
    Reason("Z00.00", _ADULT, _FACT, "ambulatory", 20, "Primary Care", (18, 120)),
    Reason("Z00.129", _CHILD, _FACT, "ambulatory", 90, "Pediatrics", (0, 17)),
    Reason("Z23", "Encounter for immunization", _FACT, "ambulatory", 8, "Primary Care"),
    Reason("J06.9", "Acute upper respiratory infection, unspecified", _RESP, "ambulatory", 16, "Primary Care"),
    Reason("M54.50", "Low back pain, unspecified", _MUSC, "ambulatory", 12, "Orthopedics", (18, 120)),
    Reason("N39.0", "Urinary tract infection, site not specified", _GENI, "ambulatory", 8, "Primary Care", (2, 120)),
    Reason("K21.9", "Gastro-esophageal reflux disease without esophagitis", _DIGE, "ambulatory", 8, "Internal Medicine", (18, 120)),
    Reason("H66.90", "Otitis media, unspecified, unspecified ear", "VIII Diseases of the ear and mastoid process", "ambulatory", 40, "Pediatrics", (0, 12)),
    Reason("Z79.899", "Other long term (current) drug therapy", _FACT, "ambulatory", 14, "Cardiology", (40, 120)),
    Reason("Z51.11", "Encounter for antineoplastic chemotherapy", _FACT, "ambulatory", 3, "Oncology", (18, 120)),
)  # fmt: skip
SENSITIVE_VISITS = {"F32.2": "mental_health", "T40.2X1A": "substance_use", "O80": "reproductive"}
SETTINGS = ("ambulatory", "emergency", "inpatient")
DEPARTMENTS = tuple(dict.fromkeys([reason.department for reason in REASONS]))


class Drug(NamedTuple):
    """A drug: RxNorm ingredient number, how it is given, and the condition or visit code that it is given for."""

    name: str
    rxnorm: str
    dose: str
    route: str
    frequency: str
    indication: str
    share: float


DRUGS: tuple[Drug, ...] = (
    Drug("lisinopril", "29046", "10 mg", "oral", "once daily", "hypertension", 0.55),
    Drug("amlodipine", "17767", "5 mg", "oral", "once daily", "hypertension", 0.35),
    Drug("metformin", "6809", "500 mg", "oral", "twice daily", "diabetes", 0.75),
    Drug("insulin glargine", "274783", "20 units", "subcutaneous", "at bedtime", "diabetes", 0.25),
    Drug("furosemide", "4603", "40 mg", "oral", "once daily", "heart_failure", 0.75),
    Drug("metoprolol", "6918", "50 mg", "oral", "twice daily", "coronary_disease", 0.65),
    Drug("aspirin", "1191", "81 mg", "oral", "once daily", "coronary_disease", 0.70),
    Drug("tiotropium", "69120", "18 mcg", "inhaled", "once daily", "copd", 0.60),
    Drug("albuterol", "435", "90 mcg", "inhaled", "as needed", "asthma", 0.80),
    Drug("apixaban", "1364430", "5 mg", "oral", "twice daily", "atrial_fibrillation", 0.65),
    Drug("warfarin", "11289", "5 mg", "oral", "once daily", "atrial_fibrillation", 0.20),
    Drug("sertraline", "36437", "50 mg", "oral", "once daily", "depression", 0.60),
    Drug("buprenorphine", "1819", "8 mg", "sublingual", "once daily", "opioid", 0.60),
    Drug("atorvastatin", "83367", "20 mg", "oral", "at bedtime", "lipids", 0.65),
    Drug("donepezil", "135447", "5 mg", "oral", "at bedtime", "dementia", 0.55),
    Drug("levothyroxine", "10582", "75 mcg", "oral", "once daily", "thyroid", 0.90),
    Drug("ceftriaxone", "2193", "1 g", "intravenous", "once daily", "J18.9", 0.70),
    Drug("prednisone", "8640", "40 mg", "oral", "once daily", "J44.1", 0.80),
    Drug("morphine", "7052", "2 mg", "intravenous", "every 4 hours as needed", "S72.001A", 0.60),
    Drug("oxycodone", "7804", "5 mg", "oral", "every 6 hours as needed", "K35.80", 0.40),
    Drug("amoxicillin", "723", "500 mg", "oral", "three times daily", "H66.90", 0.70),
    Drug("ibuprofen", "5640", "400 mg", "oral", "every 8 hours as needed", "S93.401A", 0.60),
    Drug("acetaminophen", "161", "500 mg", "oral", "every 6 hours as needed", "J06.9", 0.40),
    Drug("omeprazole", "7646", "20 mg", "oral", "once daily", "K21.9", 0.80),
)


class Test(NamedTuple):
    """A laboratory test: LOINC code and name, unit, reference range, spread, and shifts.

    Values are normal (or log-normal where `log`) around the middle; `shift` adds to the mean for a condition key or
    a visit code (on the log scale where `log`).
    """

    key: str
    loinc: str
    name: str
    unit: str
    low: float
    high: float
    mean: float
    spread: float
    shift: dict[str, float]
    log: bool = False
    decimals: int = 1


TESTS: tuple[Test, ...] = (
    Test("creatinine", "2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.6, 1.3, -0.10, 0.18, {"kidney_disease": 0.62, "N17.9": 0.75}, True, 2),
    Test("glucose", "2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", 70, 99, 4.53, 0.10, {"diabetes": 0.40, "A41.9": 0.15}, True, 0),
    Test("hba1c", "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 4.0, 5.6, 5.3, 0.35, {"diabetes": 2.1}, False, 1),
    Test("hemoglobin", "718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 12.0, 17.5, 13.9, 1.2, {"kidney_disease": -1.4, "cancer": -1.6, "S72.001A": -2.0, "A41.9": -1.2}, False, 1),
    Test("sodium", "2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 136, 145, 140.0, 2.2, {"heart_failure": -3.0, "A41.9": -2.0}, False, 0),
    Test("potassium", "2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 3.5, 5.1, 4.2, 0.35, {"kidney_disease": 0.35}, False, 1),
    Test("leukocytes", "6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", 4.5, 11.0, 1.93, 0.22, {"A41.9": 0.75, "J18.9": 0.55, "K35.80": 0.55}, True, 1),
    Test("platelets", "777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL", 150, 400, 5.50, 0.20, {"alcohol": -0.25}, True, 0),
    Test("nt_probnp", "33762-6", "Natriuretic peptide.B prohormone N-Terminal [Mass/volume] in Serum or Plasma", "pg/mL", 0, 125, 4.30, 0.60, {"heart_failure": 2.4, "I50.23": 1.0}, True, 0),
    Test("albumin", "1751-7", "Albumin [Mass/volume] in Serum or Plasma", "g/dL", 3.5, 5.0, 4.2, 0.30, {"cancer": -0.4, "A41.9": -0.7}, False, 1),
    Test("urea", "3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "mg/dL", 7, 20, 2.60, 0.22, {"kidney_disease": 0.55, "heart_failure": 0.25}, True, 0),
)  # fmt: skip
TEST_AT = {test.key: index for index, test in enumerate(TESTS)}

# Invented payers, beside the two public programs.
PAYERS = (
    "Medicare",
    "Medicaid",
    "Zenith Mutual Health (invented)",
    "Harbor Commercial Plan (invented)",
    "Self-pay",
)
DISCHARGE_TO = (
    "home",
    "home_health",
    "skilled_nursing",
    "rehabilitation",
    "against_advice",
    "hospice",
    "expired",
)
# UB-04 revenue codes by setting, as bare numbers (their official titles are copyrighted).
REVENUE_CODES = {"ambulatory": "0510", "emergency": "0450", "inpatient": "0120"}

# role -> (head count, share of care departments or a fixed department, has an NPI, has a DEA number)
ROLES: dict[str, tuple[int, str, bool, bool]] = {
    "physician": (96, "care", True, True),
    "resident": (36, "care", True, False),
    "nurse_practitioner": (28, "care", True, True),
    "nurse": (132, "care", False, False),
    "pharmacist": (14, "Pharmacy", True, False),
    "laboratory_technician": (18, "Laboratory", False, False),
    "registrar": (24, "Registration", False, False),
    "billing_specialist": (20, "Billing", False, False),
    "social_worker": (12, "Social Work", False, False),
    "researcher": (10, "Research", False, False),
    "it_administrator": (6, "Information Technology", False, False),
    "privacy_officer": (4, "Compliance", False, False),
}
