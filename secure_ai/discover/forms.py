"""The form that values of an entity have, by which a column's name is checked."""

from __future__ import annotations

from collections.abc import Callable

import regex

from secure_ai.discover import checkdigits


def matches(pattern: str) -> Callable[[str], bool]:
    """Return a check whether a whole value, without blanks around it, is of this pattern in any case."""
    compiled = regex.compile(pattern, regex.IGNORECASE)
    return lambda value: compiled.fullmatch(value.strip()) is not None


def _number_between(low: float, high: float) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            return low <= float(value) <= high
        except ValueError:
            return False

    return check


_CODE = matches(r"(?=.*\d)[\p{L}\d][\p{L}\d ./_-]{3,39}")
_DATE = matches(
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([T ].*)?|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}([T ].*)?|"
    r"(19|20)\d{6}|1\d{9}(\d{3})?|"
    r"\d{1,2}[ -][\p{L}]{3,9}\.?,?[ -]\d{2,4}|[\p{L}]{3,9}\.? \d{1,2},? \d{2,4}"
)
_MASKED = matches(r"[*xX#•.\s-]*[*xX#•]{2,}[*xX#•\s-]*\d{0,4}")
_PHONE = matches(r"(?=(?:\D*\d){7,15}\D*\d{0,6}$)[+(]?[\d ().\-/]+(\s*(x|ext\.?)\s*\d+)?")
_LETTERS = matches(r"(?=.*\p{L})[\p{L}\p{M} .,'’()\-]+\d{0,4}")

FORMS: dict[str, Callable[[str], bool]] = {
    "PERSON": _LETTERS,
    "CARDHOLDER_NAME": _LETTERS,
    "PHONE_NUMBER": lambda v: _PHONE(v) or _MASKED(v),
    "FAX_NUMBER": _PHONE,
    "EMAIL_ADDRESS": matches(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "US_SSN": lambda v: checkdigits.ssn_is_plausible(v) or _MASKED(v) or matches(r"\d{4}")(v),
    "US_ITIN": matches(r"9\d{2}-?\d{2}-?\d{4}|\d{2}-?\d{7}"),
    "MEDICAL_RECORD_NUMBER": _CODE,
    "US_HEALTH_INSURANCE_MEMBER_ID": _CODE,
    "US_MBI": checkdigits.mbi_is_valid,
    "US_BANK_NUMBER": lambda v: _CODE(v) or _MASKED(v),
    "IBAN_CODE": checkdigits.iban_is_valid,
    "CREDIT_CARD": lambda v: (
        matches(r"\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{0,7}|\d{4}[ -]?\d{6}[ -]?\d{5}")(v) or _MASKED(v)
    ),
    "CARD_EXPIRY": lambda v: _DATE(v) or matches(r"\d{1,2}[/-]?\d{2,4}")(v),
    "CARD_SECURITY_CODE": matches(r"\d{3,6}"),
    "US_DRIVER_LICENSE": _CODE,
    "US_PASSPORT": _CODE,
    "MEDICAL_LICENSE": matches(r"[A-Z][A-Z9]\d{7}"),
    "US_NPI": matches(r"[12]\d{9}"),
    "LICENSE_NUMBER": _CODE,
    "VEHICLE_ID": _CODE,
    "DEVICE_ID": _CODE,
    "MAC_ADDRESS": matches(r"([0-9a-f]{2}[:-]?){5}[0-9a-f]{2}"),
    "URL": matches(r"(?:\w+://\S+|[\w-]+(?:\.[\w-]+)+(?:/\S*)?)"),
    "IP_ADDRESS": matches(r"\d{1,3}(\.\d{1,3}){3}(/\d+)?|[0-9a-f:]*:[0-9a-f:]+"),
    "STREET_ADDRESS": matches(r"(?=.*\p{L}).{4,}"),
    "LOCATION": matches(r"(?=.*\p{L}).{2,}"),
    "ZIP_CODE": matches(
        r"\d{3,5}(-\d{4})?|\d{9}|\d{3}[*xX]{2}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d"
    ),
    "COORDINATES": lambda v: _number_between(-180, 180)(v) or matches(r"-?\d+\.\d+[, ]+-?\d+\.\d+")(v),
    "DATE_OF_BIRTH": _DATE,
    "DATE_TIME": _DATE,
    "YEAR": _number_between(1800, 2200),
    "AGE": lambda v: (
        _number_between(0, 130)(v) or matches(r"\d{1,3}\s*[-–+<>]\s*\d{0,3}|[<>]=?\s*\d{1,3}")(v)
    ),
    # Sixteen digits called a token stand for a card; they open nothing by themselves.
    "CREDENTIAL": lambda v: not v.isdigit() and len(v) >= 4,
    "UNIQUE_IDENTIFIER": matches(r"(?=.*\d)[\p{L}\d./_:#-]+"),
    "SWIFT_CODE": matches(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?"),
    "ABA_ROUTING_NUMBER": checkdigits.aba_is_valid,
}
"""Entity → whether one value has its form. Entities without a typical form are not listed."""

# What a number column can turn out to be by its check digits alone. One number in ten passes by
# chance, so nearly all of many distinct values must.
CHECKED_NUMBERS = {
    "CREDIT_CARD": checkdigits.card_is_valid,
    "US_NPI": checkdigits.npi_is_valid,
    "ABA_ROUTING_NUMBER": checkdigits.aba_is_valid,
}
IS_DATE = matches(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}([T ].*)?|"
    r"\d{1,2}[ -][\p{L}]{3,9}\.?,?[ -]\d{2,4}|[\p{L}]{3,9}\.? \d{1,2},? \d{2,4}"
)
CAN_BE_NAME = regex.compile(r"(?<![\p{L}\p{N}])[\p{Lu}\p{Lo}][\p{L}\p{M}]").search
IS_UUID = matches(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CLINICAL = regex.compile(
    r"\p{L}{3,}(?:itis|osis|emia|aemia|pathy|ectomy|oscopy|otomy|plasty|oma|uria|algia|plegia)\b|"
    r"\b(?:disorder|syndrome|disease|finding|fracture|infection|carcinoma|diabetes|hypertension|asthma|pregnancy|"
    r"injury|symptoms?|diagnos\w+|patient|surgery|biopsy|vaccin\w+|immuniz\w+|screening|dialysis|chemotherapy|"
    r"hemoglobin|hematocrit|cholesterol|glucose|creatinine|sodium|potassium|platelets?|leukocytes|erythrocytes|"
    r"blood|serum|plasma|urine|systolic|diastolic|respiratory|cardiac|coronary|pulmonary|renal|hepatic|"
    r"oral tablet|tablets?|injection|inhaler|mg|mcg|mmol|"
    r"metformin|insulin|lisinopril|atorvastatin|amoxicillin)\b",
    regex.IGNORECASE,
)


def is_clinical(value: str) -> bool:
    """Return whether a value holds a clinical term."""
    return _CLINICAL.search(value) is not None


IS_FULL_NAME = regex.compile(r"\p{Lu}[\p{L}\p{M}.'’-]*,?( \p{Lu}[\p{L}\p{M}.'’-]*){1,2}").fullmatch
IS_ICD10 = matches(r"[A-TV-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?")
IS_DOTTED_ICD10 = matches(r"[A-TV-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}")
