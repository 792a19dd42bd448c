"""Recognizers for what stands around people in text: cued names, titles, ages, dates, places."""

from __future__ import annotations

from secure_ai.discover import addresses, dates, patterns
from secure_ai.discover.pattern_recognizer import LABELED, OwnRecognizer
from secure_ai.discover.screen import Screen


class CuedPersonRecognizer(OwnRecognizer):
    """Names that a title, label, salutation or signature announces; never a name in plain prose."""

    ENTITY, PATTERNS = "PERSON", patterns.PERSON


class TitleRecognizer(OwnRecognizer):
    """Titles before a name ("Dr.", "Ms"), which are no part of it."""

    ENTITY, PATTERNS = "TITLE", patterns.TITLE


class ClinicalDateRecognizer(OwnRecognizer):
    """Dates in the many forms of notes, messages and forms."""

    ENTITY, PATTERNS = "DATE_TIME", dates.DATE
    CONTEXT = ("date", "dob", "born", "birthday", "birthdate", "admitted", "seen", "expires", "expiry")


class StreetAddressRecognizer(OwnRecognizer):
    """Street lines, post-office boxes, and cities before a state code."""

    ENTITY, PATTERNS = "LOCATION", addresses.LOCATION
    CONTEXT = ("address", "street", "lives", "residence")


class ZipCodeRecognizer(OwnRecognizer):
    """Postal codes: US ones after a state code or with a word that says so, and British ones."""

    ENTITY, PATTERNS = "ZIP_CODE", addresses.ZIP
    CONTEXT = ("zip", "zipcode", "postal", "postcode", "address")


class CoordinatesRecognizer(OwnRecognizer):
    """Latitude and longitude in decimal degrees, or in degrees, minutes and seconds."""

    ENTITY, CONTEXT = "COORDINATES", ("coordinates", "latitude", "longitude", "lat", "lon", "gps")
    _ARC = r"\d{1,3}°[ ]?\d{1,2}['′’](?:[ ]?\d{1,2}(?:\.\d{1,4})?(?:\"|″|”|''))?[ ]?"
    PATTERNS = (
        (
            "decimal degrees",
            r"(?<![\p{L}\p{N}.])[-+]?\d{1,2}\.\d{4,}°?(?:[ ]?[NS])?\s*[,;/]"
            r"\s*[-+]?\d{1,3}\.\d{4,}°?(?:[ ]?[EW]\b)?(?![\w.]\d)",
            LABELED,
            Screen(shape="long fraction"),
        ),
        (
            "degrees, minutes, seconds",
            rf"{_ARC}[NS],?[ ]*{_ARC}[EW]\b",
            LABELED,
            Screen(
                marks=(
                    "'",
                    '"',
                ),
                run=1,
            ),
        ),
        (
            "labeled decimals",
            r"(?<!\p{L})(?:lat|latitude|lon|lng|long|longitude)(?!\p{L})\W{0,4}\K[-+]?\d{1,3}\.\d{3,}",
            LABELED,
            Screen(words="lat latitude lon lng long longitude", marks=(".",), run=3),
        ),
    )


class AgeRecognizer(OwnRecognizer):
    """Ages in words of a note; those over 89, which Safe Harbor removes, score above the others."""

    ENTITY, CONTEXT = "AGE", ("age", "aged", "old")
    PATTERNS = (
        (
            "n years old",
            r"(?<![\w.,/-])\d{1,3}(?=[ -]?(?:(?:years?|yrs?|yr|y)[ .-]{0,2}(?:old|of\s+age|o)\b|"
            r"y\.[ ]?o\.|y/?o\b))",
            0.6,
            Screen(words="year years yr yrs y yo", run=1),
        ),
        (
            "n years between commas",
            r"\p{L},[ ]\K\d{2,3}(?=[ ]years?,)",
            0.5,
            Screen(words="year years", marks=(",",), run=2),
        ),
        (
            "number after a name",
            r"(?-i:\p{Lu})[\p{L}\p{M}'’-]{1,30},[ ]\K[1-9]\d?(?=,[ ]|\)|;)",
            0.45,
            Screen(marks=(", ",), run=1),
        ),
        (
            "age label",
            r"(?<![\p{L}])(?:age|aged|ages)(?!\p{L})\s*[:=]?\s*(?:of\s+|is\s+|"
            r"was\s+)?\K\d{1,3}\b(?![.,]?\d|[ ]*%|[ ]*(?:weeks|days|hours))",
            0.6,
            Screen(words="age aged ages", run=1),
        ),
        (
            "age and sex",
            r"(?<![\w.,/-])\d{2,3}(?=[ ]?(?-i:[MF]|YOM|YOF|yom|yof)\b(?![.'’-]))",
            0.45,
            Screen(exact="M F YOM YOF yom yof", run=2),
        ),
        (
            "turning n",
            r"\b(?:turn(?:s|ed|ing)?|birthday\s+at)\s+\K\d{2,3}\b(?![.,]?\d|[ ]*%)",
            0.3,
            Screen(words="turn turns turned turning birthday", run=2),
        ),
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Give ages of 90 to 120 full confidence; leave younger ones as they are."""
        age = int(pattern_text)
        if 90 <= age <= 120:
            return True
        return None if age < 90 else False
