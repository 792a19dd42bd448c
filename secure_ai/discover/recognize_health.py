"""Recognizers for healthcare: record, provider, beneficiary, plan and device numbers."""

from __future__ import annotations

from secure_ai.discover import checkdigits
from secure_ai.discover.pattern_recognizer import DIGITS, END, LABELED, NUMBER_WORD, OwnRecognizer, labeled
from secure_ai.discover.screen import Screen


class MedicalRecordNumberRecognizer(OwnRecognizer):
    """Medical record numbers, which have no common format: a label or a prefix must say so."""

    ENTITY, CONTEXT = "MEDICAL_RECORD_NUMBER", ("mrn", "chart", "record", "urn")
    PATTERNS = (
        (
            "labeled MRN",
            labeled(
                r"MRN|MR|URN|MPI|medical\s+record|hospital\s+record|health\s+record|unit\s+record|chart|"
                r"(?:patient|hospital|case|encounter|visit|admission|accession|specimen)[\s_]+(?:id|identifier|number|nr|no)",
                rf"(?>(?:MRN[- ]?)?(?:(?-i:[A-Z]{{1,4}})-?)?){DIGITS}{END}",
            ),
            LABELED,
            Screen(
                words=(
                    "mrn mr urn mpi medical hospital health unit chart patient case encounter visit "
                    "admission accession specimen"
                ),
                number=5,
            ),
        ),
        (
            "behind a name in capitals",
            r"(?-i:\p{Lu}[\p{Lu}'’-]+,[ ]?\p{Lu}[\p{Lu}'’-]+)[ ]{1,3}\(\K(?-i:[A-Z]{0,3})\d{6,10}(?=\))",
            0.75,
            Screen(marks=("(",), run=6),
        ),
        ("MRN prefix", r"(?<![\p{L}\p{N}])MRN-?\d{5,12}\b", LABELED, Screen(words="mrn", run=5)),
        ("number", r"(?<![\p{L}\p{N}.-])\d{6,10}(?![\p{L}\p{N}-])", 0.05, Screen(run=6)),
    )


class NpiRecognizer(OwnRecognizer):
    """National Provider Identifiers whose check digit is right and whose surroundings say so."""

    ENTITY, CONTEXT = "US_NPI", ("npi", "provider", "prescriber", "physician", "attending", "taxonomy")
    PATTERNS = (
        (
            "labeled NPI",
            labeled(r"NPI|national\s+provider(?:\s+identifier)?", r"[12]\d{9}\b"),
            0.95,
            Screen(words="npi national", run=10),
        ),
        ("NPI", r"\b[12]\d{9}\b", 0.3, Screen(run=10)),
        ("NPI in groups", r"\b[12]\d{3}([ -])\d{3}\1\d{3}\b", 0.3, Screen(number=10)),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit; a right one alone proves little (one number in ten passes)."""
        return not checkdigits.npi_is_valid(pattern_text)


class DeaRecognizer(OwnRecognizer):
    """DEA registration numbers with a valid check digit (Presidio's name: MEDICAL_LICENSE)."""

    ENTITY, CONTEXT = "MEDICAL_LICENSE", ("dea", "license", "licence", "registration", "prescriber")
    PATTERNS = (
        (
            "labeled DEA number",
            labeled("DEA", r"[A-Z][A-Z9]\d{7}\b", rf"(?:[\s_]*registration)?{NUMBER_WORD}?"),
            0.95,
            Screen(words="dea", run=7),
        ),
        ("DEA number", r"\b[ABCDEFGHJKLMPRSTUX][A-Z9]\d{7}\b", 0.7, Screen(run=7)),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit."""
        return not checkdigits.dea_check_digit_is_valid(pattern_text)


class MbiRecognizer(OwnRecognizer):
    """Medicare Beneficiary Identifiers, with or without hyphens; CMS's synthetic ones too."""

    ENTITY, CONTEXT = "US_MBI", ("mbi", "medicare", "beneficiary", "member", "subscriber", "policy", "plan")
    _L, _N, _SECOND = "[AC-HJKMNP-RT-Y]", "[AC-HJKMNP-RT-Y0-9]", "[AC-HJKMNP-Y]"
    PATTERNS = (
        (
            "MBI",
            rf"\b(?-i:[1-9]{_SECOND}{_N}\d([ -]?){_L}{_N}\d\1{_L}{{2}}\d\d)\b",
            0.97,
            Screen(shape="letter beside digit"),
        ),
    )


class HealthPlanRecognizer(OwnRecognizer):
    """Member, subscriber, group and policy numbers of a health plan, after their label."""

    ENTITY, CONTEXT = "US_HEALTH_INSURANCE_MEMBER_ID", ("member", "subscriber", "insurance", "policy", "plan")
    PATTERNS = (
        (
            "labeled member number",
            labeled(
                r"member|subscriber|beneficiary|insurance|policy|health\s+plan|plan|group|hpid|payer|medicaid|medicare",
                r"(?=[A-Z0-9-]*\d)(?-i:[A-Z0-9](?>[A-Z0-9-]{4,19})(?<!-))(?![\p{L}\p{N}])",
                rf"(?:[\s_]+(?:member|policy|plan|beneficiary|holder))?(?:{NUMBER_WORD}|\s*\#)",
            ),
            LABELED,
            Screen(
                words=(
                    "member subscriber beneficiary insurance policy health plan group hpid payer medicaid "
                    "medicare"
                ),
                run=1,
            ),
        ),
        ("letters and digits", r"\b(?-i:[A-Z]{2,5})-?\d{5,14}\b", 0.15, Screen(run=5)),
    )


class DeviceRecognizer(OwnRecognizer):
    """Device serial numbers and unique device identifiers after their label."""

    ENTITY = "DEVICE_ID"
    PATTERNS = (
        (
            "labeled serial number",
            labeled(
                r"s/n|sn|serial|udi|imei|imsi|"
                r"(?:device|pacemaker|implant|pump|glucometer|meter|sensor|monitor|ventilator|asset)[\s_]+(?:id|serial|number|tag)",
                r"(?=[A-Z0-9()-]*\d)(?-i:[A-Z0-9(](?>[A-Z0-9()-]{5,39})(?<!-))(?![\p{L}\p{N}])",
            ),
            LABELED,
            Screen(
                words=(
                    "s sn serial udi imei imsi device pacemaker implant pump glucometer meter sensor "
                    "monitor ventilator asset"
                ),
                run=1,
            ),
        ),
    )


class NhsNumberRecognizer(OwnRecognizer):
    """UK NHS numbers with a valid check digit and the letters NHS near."""

    ENTITY, CONTEXT = "UK_NHS", ("nhs",)
    PATTERNS = (
        ("labeled NHS number", labeled("NHS", r"\d{3}([ -]?)\d{3}\1\d{4}\b"), 0.95, Screen(words="nhs")),
        (
            "NHS number",
            r"(?<![\p{L}\p{N}.-])\d{3}([ -]?)\d{3}\1\d{4}(?![\p{L}\p{N}-])",
            0.1,
            Screen(number=10),
        ),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit."""
        return not checkdigits.nhs_is_valid(pattern_text)
