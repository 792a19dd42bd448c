"""Recognizers for finance: cards, accounts, bank codes and securities."""

from __future__ import annotations

from secure_ai.discover import checkdigits
from secure_ai.discover.pattern_recognizer import (
    DIGITS,
    END,
    LABELED,
    NUMBER_WORD,
    OwnRecognizer,
    any_of,
    labeled,
)
from secure_ai.discover.screen import Screen

_CARD_EDGE = r"(?<![\p{L}\p{N}.-])(?<!\d,)"
_CARD_END = r"(?![\p{L}\p{N}]|[.,-]\d)"


class CardNumberRecognizer(OwnRecognizer):
    """Payment card numbers of 12 to 19 digits, bare or in the groups printed on cards."""

    ENTITY = "CREDIT_CARD"
    CONTEXT = (
        "credit",
        "debit",
        "card",
        "visa",
        "mastercard",
        "amex",
        "discover",
        "pan",
        "cc",
        "maestro",
        "jcb",
        "diners",
    )
    PATTERNS = (
        ("bare", rf"{_CARD_EDGE}\d{{12,19}}{_CARD_END}", 0.3, Screen(run=12)),
        (
            "fours",
            rf"{_CARD_EDGE}(?<!\d[ ])\d{{4}}([ -])\d{{4}}\1\d{{4}}\1\d{{1,4}}{_CARD_END}",
            0.3,
            Screen(number=13),
        ),
        (
            "fours and three",
            rf"{_CARD_EDGE}(?<!\d[ ])\d{{4}}([ -])\d{{4}}\1\d{{4}}\1\d{{4}}\1\d{{3}}{_CARD_END}",
            0.3,
            Screen(number=19),
        ),
        (
            "four, six and the rest",
            rf"{_CARD_EDGE}(?<!\d[ ])\d{{4}}([ -])\d{{6}}\1\d{{4,5}}{_CARD_END}",
            0.3,
            Screen(number=14),
        ),
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Be sure of a right check digit in a known range; leave unknown ranges to the context."""
        if checkdigits.card_is_valid(pattern_text):
            return True
        return None if checkdigits.luhn_is_valid(pattern_text) and len(set(pattern_text)) > 2 else False


class IbanNumberRecognizer(OwnRecognizer):
    """IBANs of every country's length, bare or in groups, with the mod-97 check (ISO 13616)."""

    ENTITY, CONTEXT = "IBAN_CODE", ("iban", "bank", "transaction")
    PATTERNS = (
        (
            "IBAN",
            r"(?<![\p{L}\p{N}])(?:"
            + "|".join(
                rf"(?-i:{any_of(countries)})\d\d(?:[ -]?[A-Z0-9]){{{length - 4}}}"
                for length, countries in checkdigits.iban_countries().items()
            )
            + r")(?![\p{L}\p{N}])",
            0.5,
            Screen(exact=" ".join(sorted(checkdigits.IBAN_LENGTHS)), shape="letters and two digits"),
        ),
    )

    def validate_result(self, pattern_text: str) -> bool:
        """Accept what passes the check, and nothing else."""
        return checkdigits.iban_is_valid(pattern_text)


class AccountNumberRecognizer(OwnRecognizer):
    """Bank account, loan and customer numbers, which have no common format: a label must say so."""

    ENTITY = "US_BANK_NUMBER"
    CONTEXT = ("account", "acct", "checking", "savings", "loan", "deposit", "mortgage")
    PATTERNS = (
        (
            "labeled account",
            labeled(
                r"(?:(?:bank|checking|savings|loan|deposit|current|card|customer|client|mortgage|brokerage)[\s_]+)?"
                r"(?:account|accounts|acct|a/c|loan|mortgage)|(?:customer|client)[\s_]+(?:id|number|nr|no)|"
                r"sort\s+code\s+[\d-]{6,8}\s+account",
                rf"(?>(?-i:[A-Z]{{1,4}}-?)?){DIGITS}{END}",
                rf"{NUMBER_WORD}?(?:\s+ending(?:\s+in)?)?",
            ),
            LABELED,
            Screen(
                words=(
                    "account accounts acct a loan mortgage customer client bank checking savings "
                    "deposit current card brokerage sort"
                ),
                number=5,
            ),
        ),
        ("digits", r"(?<![\p{L}\p{N}.-])\d{8,17}(?![\p{L}\p{N}-])", 0.05, Screen(run=8)),
    )


class RoutingNumberRecognizer(OwnRecognizer):
    """ABA routing numbers with a valid check digit, near a word that says so."""

    ENTITY, CONTEXT = "ABA_ROUTING_NUMBER", ("aba", "routing", "rtn", "transit", "wire")
    PATTERNS = (
        (
            "labeled routing number",
            labeled("ABA|routing|RTN", r"\d{9}\b", rf"(?:[\s_]+transit|[\s/]+RTN)?{NUMBER_WORD}?"),
            0.95,
            Screen(words="aba routing rtn", run=9),
        ),
        ("routing number", r"(?<![\p{L}\p{N}.-])\d{9}(?![\p{L}\p{N}-])", 0.1, Screen(run=9)),
        ("with hyphens", r"\b[0123678]\d{3}-\d{4}-\d\b", 0.3, Screen(number=9, marks=("-",))),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit."""
        return not checkdigits.aba_is_valid(pattern_text)


class SwiftCodeRecognizer(OwnRecognizer):
    """Bank identifier codes (ISO 9362) with a country's code inside, behind their label or near one."""

    ENTITY, CONTEXT = "SWIFT_CODE", ("swift", "bic", "iban")
    _CODE = r"(?-i:[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)(?![\p{L}\p{N}])"
    PATTERNS = (
        (
            "labeled BIC",
            labeled(r"BIC|SWIFT", _CODE, r"(?:\s*/\s*(?:BIC|SWIFT))?(?:[\s_]*code)?"),
            LABELED,
            Screen(words="bic swift"),
        ),
        ("BIC", rf"(?<![\p{{L}}\p{{N}}]){_CODE}", 0.1, None),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject what has no country in its fifth and sixth place."""
        return not checkdigits.bic_is_valid(pattern_text)


class SecurityIdRecognizer(OwnRecognizer):
    """International Securities Identification Numbers with a valid check digit (ISO 6166)."""

    ENTITY, CONTEXT = "ISIN", ("isin", "security", "securities", "bond", "share", "fund")
    PATTERNS = (
        ("ISIN", r"\b(?-i:[A-Z]{2}[A-Z0-9]{9})\d\b", 0.85, Screen(shape="letter beside digit", solid=12)),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit or an unknown country."""
        return not checkdigits.isin_is_valid(pattern_text)


class CusipRecognizer(OwnRecognizer):
    """CUSIP numbers with a valid check digit, near the word."""

    ENTITY, CONTEXT = "CUSIP", ("cusip",)
    PATTERNS = (
        (
            "labeled CUSIP",
            labeled("CUSIP", r"(?-i:[A-Z0-9*@#]{8})\d(?!\w)"),
            0.95,
            Screen(words="cusip", run=1),
        ),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit."""
        return not checkdigits.cusip_is_valid(pattern_text)


class SedolRecognizer(OwnRecognizer):
    """SEDOL numbers with a valid check digit, near the word."""

    ENTITY, CONTEXT = "SEDOL", ("sedol",)
    PATTERNS = (
        (
            "labeled SEDOL",
            labeled("SEDOL", r"(?-i:[B-DF-HJ-NP-TV-Z0-9]{6})\d(?!\w)"),
            0.95,
            Screen(words="sedol", run=1),
        ),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject a wrong check digit."""
        return not checkdigits.sedol_is_valid(pattern_text)
