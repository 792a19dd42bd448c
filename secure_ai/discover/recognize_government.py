"""Recognizers for numbers that authorities issue: SSN, ITIN, passports, licenses, plates, vehicles."""

from __future__ import annotations

from secure_ai.discover import checkdigits
from secure_ai.discover.pattern_recognizer import END, LABELED, NUMBER_WORD, OwnRecognizer, labeled
from secure_ai.discover.screen import Screen


class SsnRecognizer(OwnRecognizer):
    """US Social Security numbers, and what stands for one in test data.

    Presidio's own rejects the numbers of published examples; a learner who types 123-45-6789 should
    see it found.
    """

    ENTITY, CONTEXT = "US_SSN", ("social", "security", "ssn", "ssns", "ssid", "ss")
    PATTERNS = (
        (
            "labeled",
            labeled(r"SSN|social\s+security|soc\s+sec", r"\d{3}([ .-]?)\d{2}\1\d{4}(?!\d)"),
            0.95,
            Screen(words="ssn social soc", run=2),
        ),
        (
            "hyphens",
            r"(?<![\p{L}\p{N}.-])\d{3}-\d{2}-\d{4}(?![\p{L}\p{N}]|-\d)",
            0.88,
            Screen(shape="three, two, four"),
        ),
        (
            "blanks or points",
            r"(?<![\p{L}\p{N}.-])(?<!\d[ ])\d{3}([ .])\d{2}\1\d{4}(?![\p{L}\p{N}]|[ .-]\d)",
            0.5,
            Screen(shape="three, two, four"),
        ),
        ("bare", r"(?<![\p{L}\p{N}.-])\d{9}(?![\p{L}\p{N}-])", 0.05, Screen(run=9)),
        (
            "last four",
            labeled(
                r"SSN|social\s+security",
                r"\d{4}(?![\d-])",
                rf"{NUMBER_WORD}?(?:\s*\(?(?:last\s+(?:4|four)|ending(?:\s+in)?)\)?)(?:\s+digits)?",
            ),
            0.6,
            Screen(words="ssn social", run=4),
        ),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject numbers that were never issued and never stand for one."""
        return len(pattern_text) > 4 and not checkdigits.ssn_is_plausible(pattern_text)


class ItinRecognizer(OwnRecognizer):
    """US individual taxpayer numbers: a 9 in front and a group from 50 on that the IRS uses."""

    ENTITY, CONTEXT = "US_ITIN", ("itin", "taxpayer", "tax", "tin", "individual")
    _GROUP = r"(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])"
    PATTERNS = (
        (
            "hyphens or blanks",
            rf"(?<![\p{{L}}\p{{N}}.-])9\d\d([ -]){_GROUP}\1\d{{4}}(?![\p{{L}}\p{{N}}]|-\d)",
            LABELED,
            Screen(run=4),
        ),
        ("bare", rf"(?<![\p{{L}}\p{{N}}.-])9\d\d{_GROUP}\d{{4}}(?![\p{{L}}\p{{N}}-])", 0.3, Screen(run=9)),
    )


class PassportRecognizer(OwnRecognizer):
    """Passport numbers, near the word."""

    ENTITY, CONTEXT = "US_PASSPORT", ("passport", "travel")
    PATTERNS = (
        (
            "labeled passport",
            labeled(
                "passport",
                rf"(?-i:[A-Z]{{0,2}})\d{{6,9}}(?-i:[A-Z])?{END}",
                rf"(?:[\s_]+(?:book|card))?{NUMBER_WORD}?",
            ),
            LABELED,
            Screen(words="passport", run=6),
        ),
        ("letter and eight digits", r"(?<![\p{L}\p{N}-])(?-i:[A-Z])\d{8}\b", 0.15, Screen(run=8)),
    )


class DriverLicenseRecognizer(OwnRecognizer):
    """Driver licenses, whose formats differ by state: a label must say so, or a context word."""

    ENTITY = "US_DRIVER_LICENSE"
    CONTEXT = ("driver", "drivers", "driver's", "license", "licence", "driving", "dl", "dmv")
    PATTERNS = (
        (
            "labeled license",
            labeled(
                r"driver(?:['’]?s?['’]?)\s+licen[sc]e|driving\s+licen[sc]e|"
                r"operator(?:['’]?s)?\s+licen[sc]e|licen[sc]e|DL|CDL",
                r"(?=(?:[A-Z-]*\d){5})(?-i:[A-Z0-9](?>[A-Z0-9]*(?:-[A-Z0-9]+){0,3})(?<=[A-Z0-9-]{6}))"
                r"(?![\p{L}\p{N}-])",
            ),
            LABELED,
            Screen(words="driver drivers driving operator license licence dl cdl", run=1),
        ),
        ("letter and digits", r"(?<![\p{L}\p{N}-])(?-i:[A-Z]{1,2})\d{6,12}\b", 0.2, Screen(run=6)),
        (
            "British license",
            r"\b(?-i:[A-Z9]{5})[ ]?\d{6}[ ]?(?-i:[A-Z9]{2}\d[A-Z]{2})\b",
            0.9,
            Screen(run=6),
        ),
        (
            "letter and groups",
            r"(?<![\p{L}\p{N}-])(?-i:[A-Z])\d{3,4}(?:[ -]\d{3,5}){2,3}\b",
            0.3,
            Screen(run=3),
        ),
    )


class LicenseNumberRecognizer(OwnRecognizer):
    """Certificate and license numbers other than a driver's, after their label."""

    ENTITY = "LICENSE_NUMBER"
    PATTERNS = (
        (
            "labeled certificate",
            labeled(
                r"(?:medical|nursing|nurse|physician|pharmacy|pharmacist|state|professional|pilot|"
                r"teaching|dental|"
                r"veterinary|broker|contractor|notary|bar|board|RN|real\s+estate)['’]?s?\s+"
                r"(?:licen[sc]e|certificate|certification|registration)|"
                r"(?:birth\s+|death\s+|marriage\s+)?certificate|certification|(?:bar|NMLS)(?=\s*(?:no|"
                r"number|id|\#))",
                r"(?=[A-Z0-9./-]*\d)(?-i:[A-Z0-9](?>[A-Z0-9/-]{3,19})(?<![/-]))(?![\p{L}\p{N}])",
            ),
            0.96,
            Screen(
                words="license licence certificate certification registration bar nmls",
                run=1,
            ),
        ),
    )


class VehicleRecognizer(OwnRecognizer):
    """Vehicle identification numbers with a valid check digit, and license plates near their label."""

    ENTITY, CONTEXT = "VEHICLE_ID", ("vin", "vehicle", "car")
    PATTERNS = (
        ("VIN", r"\b(?-i:[A-HJ-NPR-Z0-9]{17})\b", LABELED, Screen(run=1, solid=17)),
        (
            "labeled plate",
            labeled(
                r"(?:licen[sc]e|number|registration|vehicle|car)\s+(?:plate|tag)|plate|plates|"
                r"(?:vehicle|car)\s+(?:registration|reg)",
                r"(?=[A-Z]*[ -]?\d|\d+[ -]?[A-Z])(?=[A-Z0-9 -]*[A-Z])"
                r"(?-i:[A-Z0-9]{1,4}(?:[ -]?[A-Z0-9]{1,5}){0,2}(?<=[A-Z0-9 -]{4}))(?![\p{L}\p{N}-])",
            ),
            0.85,
            Screen(words="plate plates tag registration reg", run=1),
        ),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit of a vehicle identification number."""
        return len(pattern_text) == 17 and not checkdigits.vin_is_valid(pattern_text)
