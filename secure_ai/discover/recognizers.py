"""Presidio recognizers of our own: identifiers with check digits, names after a cue, dates, addresses."""

from __future__ import annotations

import phonenumbers
import regex
import tldextract
from presidio_analyzer import Pattern, PatternRecognizer
from presidio_analyzer.predefined_recognizers import PhoneRecognizer

from secure_ai.discover import checkdigits, patterns

# The bundled snapshot of the public-suffix list, no cache on disk: tldextract would otherwise fetch it.
offline_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


class _Ours(PatternRecognizer):
    """A pattern recognizer that carries its entity, patterns and context words in its class."""

    ENTITY = ""
    PATTERNS: tuple[tuple[str, str, float], ...] = ()
    CONTEXT: tuple[str, ...] = ()

    def __init__(
        self,
        context: list[str] | None = None,
        supported_language: str = "en",
        supported_entity: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            supported_entity=supported_entity or self.ENTITY,
            patterns=[Pattern(*pattern) for pattern in self.PATTERNS],
            context=context or list(self.CONTEXT),
            supported_language=supported_language,
            name=name or type(self).__name__,
        )


class CuedPersonRecognizer(_Ours):
    """Names that a title, label, salutation or signature announces; never a name in plain prose."""

    ENTITY, PATTERNS = "PERSON", patterns.PERSON


class ClinicalDateRecognizer(_Ours):
    """Dates as notes and messages write them, beside the numeric ones that Presidio knows."""

    ENTITY, PATTERNS, CONTEXT = (
        "DATE_TIME",
        patterns.DATE,
        ("date", "dob", "born", "birthday", "admitted", "seen"),
    )


class StreetAddressRecognizer(_Ours):
    """Street lines, post-office boxes, and cities before a state code."""

    ENTITY, PATTERNS, CONTEXT = "LOCATION", patterns.LOCATION, ("address", "street", "lives", "residence")


class ZipCodeRecognizer(_Ours):
    """US ZIP codes: after a state code, or with a word that says so."""

    ENTITY, PATTERNS, CONTEXT = "ZIP_CODE", patterns.ZIP, ("zip", "zipcode", "postal", "postcode", "address")


class AgeRecognizer(_Ours):
    """Ages in words of a note; those over 89, which Safe Harbor removes, score above the others."""

    ENTITY, CONTEXT = "AGE", ("age", "aged", "old")
    PATTERNS = (
        ("n years old", r"\b\d{1,3}(?=[ -]?(?:(?:years?|yrs?|y)[ -]?(?:old|of\s+age|o)\b|y\.[ ]?o\.))", 0.5),
        ("n y/o", r"\b\d{1,3}(?=[ -]?y/?o\b)", 0.5),
        ("age label", r"\b(?:age|aged)\s*[:=]?\s+(?:of\s+)?\K\d{1,3}\b(?![.,]?\d|[ ]*%)", 0.5),
        ("n-year-old", r"\b\d{1,3}(?=-year-old\b)", 0.5),
        ("turning n", r"\b(?:turn(?:s|ed|ing)?|birthday\s+at)\s+\K\d{2,3}\b", 0.3),
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Give ages of 90 to 120 full confidence; leave younger ones as they are."""
        age = int(pattern_text)
        if 90 <= age <= 120:
            return True
        return None if age < 90 else False


class MedicalRecordNumberRecognizer(_Ours):
    """Medical record numbers, which have no common format: a label or a prefix must say so."""

    ENTITY, CONTEXT = "MEDICAL_RECORD_NUMBER", ("mrn", "chart", "record")
    PATTERNS = (
        (
            "labeled MRN",
            r"\b(?:MRN|MR|medical\s+record(?:\s+(?:number|no|num))?|(?:patient|hospital|chart)\s+(?:id|number|no)|chart)"
            r"\.?\s*(?:is\s+)?[#:=]*\s*\K(?:MRN[- ]?)?(?-i:[A-Z]{0,4})-?\d(?:[ -]?\d){4,11}\b",
            0.9,
        ),
        ("MRN prefix", r"\bMRN-?\d{5,12}\b", 0.9),
        ("number", r"\b\d{6,10}\b", 0.02),
    )


class NpiRecognizer(_Ours):
    """National Provider Identifiers whose check digit is right and whose surroundings say so."""

    ENTITY, CONTEXT = "US_NPI", ("npi", "provider", "prescriber", "physician", "attending")
    PATTERNS = (
        ("labeled NPI", r"\bNPI\s*(?:number|no)?\.?\s*(?:is\s+)?[#:=]*\s*\K[12]\d{9}\b", 0.95),
        ("NPI", r"\b[12]\d{9}\b", 0.3),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit; a right one alone proves little (one number in ten passes)."""
        return not checkdigits.npi_is_valid(pattern_text)


class DeaRecognizer(_Ours):
    """DEA registration numbers with a valid check digit (Presidio's name: MEDICAL_LICENSE)."""

    ENTITY, CONTEXT = "MEDICAL_LICENSE", ("dea", "license", "licence", "registration", "prescriber")
    PATTERNS = (
        (
            "labeled DEA number",
            r"\bDEA\s*(?:number|no|num)?\.?\s*(?:is\s+)?[#:=]*\s*\K[A-Z][A-Z9]\d{7}\b",
            0.95,
        ),
        ("DEA number", r"\b[ABCDEFGHJKLMPRSTUX][A-Z9]\d{7}\b", 0.7),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit."""
        return not checkdigits.dea_check_digit_is_valid(pattern_text)


class MbiRecognizer(_Ours):
    """Medicare Beneficiary Identifiers, with or without hyphens; CMS's synthetic ones too."""

    ENTITY, CONTEXT = "US_MBI", ("mbi", "medicare", "beneficiary", "member", "subscriber", "policy", "plan")
    _L, _SECOND = "[AC-HJKMNP-RT-Y]", "[AC-HJKMNP-Y]"
    PATTERNS = (
        (
            "MBI",
            rf"\b(?-i:[1-9]{_SECOND}[AC-HJKMNP-RT-Y0-9]\d-?{_L}[AC-HJKMNP-RT-Y0-9]\d-?{_L}{{2}}\d\d)\b",
            0.7,
        ),
    )


class HealthPlanRecognizer(_Ours):
    """Member, subscriber, group and policy numbers of a health plan, after their label."""

    ENTITY, CONTEXT = "US_HEALTH_INSURANCE_MEMBER_ID", ("member", "subscriber", "insurance", "policy", "plan")
    PATTERNS = (
        (
            "labeled member number",
            r"\b(?:member|subscriber|beneficiary|insurance|policy|health\s+plan|plan|group|hpid|payer)"
            r"(?:\s+(?:member|policy|plan|beneficiary))?\s*(?:id|number|no|num|#)\.?\s*(?:is\s+)?[#:=]*\s*"
            r"\K(?=[A-Z0-9-]*\d)(?-i:[A-Z0-9])(?-i:[A-Z0-9-]{4,19})\b",
            0.6,  # less sure than the exact form of an MBI, which stands after the same labels
        ),
        ("letters and digits", r"\b(?-i:[A-Z]{2,5})-?\d{5,14}\b", 0.15),
    )


class AccountNumberRecognizer(_Ours):
    """Bank account and loan numbers, which have no common format: a label must say so."""

    ENTITY, CONTEXT = "US_BANK_NUMBER", ("account", "acct", "checking", "savings", "loan", "iban", "deposit")
    PATTERNS = (
        (
            "labeled account",
            r"\b(?:(?:bank|checking|savings|loan|deposit|current|card)\s+)?(?:account|acct|a/c|loan)\.?"
            r"\s*(?:id|number|no|num|ending(?:\s+in)?)?\.?\s*(?:is\s+)?[#:=]*\s*"
            r"\K(?-i:[A-Z]{0,4})-?\d(?:[ -]?\d){5,16}\b",
            0.7,
        ),
        ("digits", r"\b\d{8,17}\b", 0.05),
    )


class RoutingNumberRecognizer(_Ours):
    """ABA routing numbers with a valid check digit, near a word that says so."""

    ENTITY, CONTEXT = "ABA_ROUTING_NUMBER", ("aba", "routing", "rtn", "transit", "wire")
    PATTERNS = (
        (
            "labeled routing number",
            r"\b(?:ABA|routing|RTN)\s*(?:transit\s+)?(?:number|no|num)?\.?\s*(?:is\s+)?[#:=]*\s*\K\d{9}\b",
            0.95,
        ),
        ("routing number", r"\b\d{9}\b", 0.1),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit."""
        return not checkdigits.aba_is_valid(pattern_text)


class SwiftCodeRecognizer(_Ours):
    """Bank identifier codes (ISO 9362) after a word that says so: the bare shape is that of a word."""

    ENTITY = "SWIFT_CODE"
    PATTERNS = (
        (
            "labeled BIC",
            r"\b(?:BIC|SWIFT)(?:\s+code)?\s*(?:is\s+)?[:=#]*\s*\K(?-i:[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)\b",
            0.8,
        ),
    )


class DriverLicenseRecognizer(_Ours):
    """US driver licences, whose formats differ by state: a label must say so, or a context word."""

    ENTITY, CONTEXT = (
        "US_DRIVER_LICENSE",
        ("driver", "drivers", "driver's", "license", "licence", "driving", "dl"),
    )
    PATTERNS = (
        (
            "labeled licence",
            r"\b(?:driver(?:'?s)?\s+licen[sc]e|driving\s+licen[sc]e|licen[sc]e|DL)\s*(?:id|number|no|num)?\.?\s*(?:is\s+)?[#:=]*\s*"
            r"\K(?-i:[A-Z]{0,2})\d(?:-?\d){4,13}\b",
            0.75,
        ),
        ("letter and digits", r"\b(?-i:[A-Z]{1,2})\d{6,12}\b", 0.2),
    )


class PassportRecognizer(_Ours):
    """US passport numbers, near the word."""

    ENTITY, CONTEXT = "US_PASSPORT", ("passport", "travel")
    PATTERNS = (
        (
            "labeled passport",
            r"\bpassport\s*(?:id|number|no|num)?\.?\s*(?:is\s+)?[#:=]*\s*\K(?-i:[A-Z]{0,2})\d{6,9}(?-i:[A-Z])?\b",
            0.85,
        ),
        ("letter and eight digits", r"\b(?-i:[A-Z])\d{8}\b", 0.15),
    )


class VehicleRecognizer(_Ours):
    """Vehicle identification numbers with a valid check digit."""

    ENTITY, CONTEXT = "VEHICLE_ID", ("vin", "vehicle", "car")
    PATTERNS = (("VIN", r"\b(?-i:[A-HJ-NPR-Z0-9]{17})\b", 0.7),)

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit."""
        return not checkdigits.vin_is_valid(pattern_text)


class DeviceRecognizer(_Ours):
    """Device serial numbers after their label."""

    ENTITY = "DEVICE_ID"
    PATTERNS = (
        (
            "labeled serial number",
            r"\b(?:s/n|sn|serial|udi|device\s+id|(?:device|pacemaker|implant|pump|glucometer)\s+(?:id|serial|number))"
            r"\s*(?:number|no|num)?\.?\s*(?:is\s+)?[#:=]*\s*"
            r"\K(?=[A-Z0-9-]*\d)(?-i:[A-Z0-9][A-Z0-9-]{5,19})\b",
            0.7,
        ),
    )


class SafeEmailRecognizer(_Ours):
    """E-mail addresses, checked against the bundled suffix list and never against the network."""

    ENTITY, CONTEXT = "EMAIL_ADDRESS", ("email", "mail")
    PATTERNS = (
        # Bounded, because an unbounded local part takes quadratic time on a long run without blanks.
        ("email", r"(?<![\w.+%-])[\w!#$%&'*+/=?^`{|}~.-]{1,64}@(?:\w+(?:-+\w+)*\.){1,8}\w{2,24}\b", 0.5),
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Give full confidence where the domain ends in a public suffix or a reserved test domain."""
        domain = pattern_text.rpartition("@")[2]
        return True if offline_suffixes(domain).fqdn else None


class UrlOrDomainRecognizer(_Ours):
    """Web addresses; a bare domain only in lower case and with a right-hand boundary."""

    ENTITY, CONTEXT = "URL", ("url", "website", "link", "portal", "site")
    PATTERNS = (
        ("scheme", r"\b(?:https?|ftp)://[^\s<>\"'(){}|\\^`\[\]]{1,2000}(?<![.,;:!?])", 0.85),
        ("www", r"\bwww\d?\.[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}(?:/[^\s<>\"'()]{0,500})?(?<![.,;:!?])", 0.8),
        (
            "bare domain",
            r"(?<![\w@.-])(?-i:[a-z0-9][a-z0-9-]{0,62}(?:\.[a-z0-9][a-z0-9-]{0,62}){0,4}"
            r"\.(?:com|org|net|edu|gov|mil|info|health|bank|io|us|uk|de|fr|example|test))(?![\w@-])(?:/[^\s<>\"'()]{0,500}(?<![.,;:!?]))?",
            0.5,
        ),
    )


class UsPhoneRecognizer(_Ours):
    """US telephone and fax numbers as people write them."""

    ENTITY, CONTEXT = (
        "PHONE_NUMBER",
        ("phone", "telephone", "tel", "cell", "mobile", "call", "fax", "ext", "pager", "number", "text"),
    )
    PATTERNS = (
        (
            "ten digits",
            r"(?<![\w.-])(?:\+?1[-. ]?)?(?:\([2-9]\d{2}\)[ -]?|[2-9]\d{2}[-. /])[2-9]\d{2}[-. ]\d{4}"
            r"(?:[ ]*(?:x|ext\.?|extension)[ ]*\d{1,6})?(?![\w]|-\d)",
            0.75,
        ),
        (
            "labeled digits",
            r"\b(?:phone|tel|telephone|cell|mobile|fax|call)\s*(?:number|no)?\.?\s*(?:is|at|me\s+at)?\s*[:=#]*\s*\K\+?1?[2-9]\d{9}\b",
            0.75,
        ),
        ("seven digits", r"(?<![\w.-])[2-9]\d{2}[-.]\d{4}(?![\w]|-\d)", 0.35),
    )


class InternationalPhoneRecognizer(PhoneRecognizer):
    """Numbers in international form, by the phonenumbers library; skipped at once where no + occurs."""

    SCORE = 0.6
    _DIALED = regex.compile(r"\+[ (]?[1-9][\d ().-]{6,20}")

    def __init__(self, supported_language: str = "en", name: str | None = None) -> None:
        super().__init__(supported_language=supported_language, supported_regions=(None,), name=name)

    def analyze(self, text, entities, nlp_artifacts=None):
        """Run the library only on texts that hold a + with digits."""
        if not self._DIALED.search(text):
            return []
        return [
            self._get_recognizer_result(
                match, text, phonenumbers.region_code_for_number(match.number), nlp_artifacts
            )
            for match in phonenumbers.PhoneNumberMatcher(text, None, leniency=self.leniency)
        ]
