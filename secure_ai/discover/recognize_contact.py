"""Recognizers for ways to reach people and machines: telephone, e-mail, web, network addresses."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

import tldextract

from secure_ai.discover.pattern_recognizer import LABELED, OwnRecognizer, any_of, labeled
from secure_ai.discover.screen import Screen

# The bundled snapshot of the public-suffix list, no cache on disk: tldextract would otherwise fetch it.
offline_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

_EXTENSION = r"(?:,?[ ]*(?:x|ext|extension)\.?[ ]*\d{1,6})?"
_EDGE = r"(?<![\p{L}\p{N}.,/+-])(?<!\d[ ()])"
_AFTER = r"(?![\p{L}\p{N}]|[-/.,]\d)"


class TelephoneRecognizer(OwnRecognizer):
    """Telephone and fax numbers of many countries as people write them.

    Forms that are hardly anything else (a plus, North American groups, an area code in brackets,
    French pairs) stand alone; other digits in groups need a word such as "call" near them.
    """

    ENTITY = "PHONE_NUMBER"
    CONTEXT = (
        "phone",
        "telephone",
        "tel",
        "cell",
        "cellphone",
        "mobile",
        "call",
        "fax",
        "ext",
        "pager",
        "text",
        "ring",
        "dial",
        "reach",
        "whatsapp",
        "sms",
        "hotline",
        "helpline",
        "contact",
        "voicemail",
        "landline",
        "called",
        "calling",
        "texted",
        "number is",
        "old number",
        "new number",
        "my number",
        "the number",
        "ph",
    )
    PATTERNS = (
        (
            "international",
            rf"(?<![\p{{L}}\p{{N}}+])\(?\+[ ]?\(?[1-9]\d{{0,2}}\)?(?:[ .-]?\(0?\d{{0,5}}\)"
            rf")?(?>(?:[ ./-]{{0,2}}\d){{5,13}}){_EXTENSION}{_AFTER}",
            LABELED,
            Screen(marks=("+",), number=7),
        ),
        (
            "ten digits in groups",
            rf"{_EDGE}(?:(?:00)?1[-. ]?)?(?:\(\d{{3}}\)[ -]?|\d{{3}}[-. /])\d{{3}}[-. ]"
            rf"\d{{4}}{_EXTENSION}{_AFTER}",
            0.88,
            Screen(number=10, run=4),
        ),
        (
            "area code in brackets",
            rf"(?<![\p{{L}}\p{{N}}])\(0\d{{0,5}}\)[ ]?(?>\d(?:[ /-]?\d){{4,9}}){_AFTER}",
            0.86,
            Screen(marks=("(",), number=6),
        ),
        ("pairs", rf"{_EDGE}0[1-9](?:([ .])\d\d)(?:\1\d\d){{3}}{_AFTER}", 0.86, Screen(number=10)),
        (
            "access code",
            rf"{_EDGE}00[1-9]\d{{0,2}}[ -](?>\d(?:[ -]?\d){{6,11}}){_AFTER}",
            0.75,
            Screen(number=10),
        ),
        (
            "trunk zero in three groups",
            rf"{_EDGE}0[1-9]\d{{0,3}}([ -])\d{{2,4}}(?:[ -]\d{{2,4}}){{1,3}}{_AFTER}",
            0.5,
            Screen(number=8),
        ),
        (
            "labeled",
            labeled(
                r"phone|tel|telephone|cell|mobile|fax|call|pager|contact",
                rf"(?=(?:\D{{0,2}}\d){{7}})\(?\d(?>(?:[ ().-]{{0,2}}\d){{5,13}}){_EXTENSION}{_AFTER}",
                r"(?:[\s_]*(?:number|no|nr)\b)?\.?\s*(?:is|at|on|me\s+(?:at|on))?(?!\p{L})",
            ),
            0.87,
            Screen(
                words="phone tel telephone cell mobile fax call pager contact",
                number=6,
            ),
        ),
        ("five and six", rf"{_EDGE}0[1-9]\d{{3}}[ ]\d{{6}}{_AFTER}", 0.5, Screen(number=11)),
        (
            "trunk zero and slash",
            rf"{_EDGE}0[1-9]\d{{1,4}}[ ]?/[ ]?\d{{3,8}}(?:[ -]\d{{2,4}}){{0,3}}{_AFTER}",
            0.55,
            Screen(number=7, marks=("/",)),
        ),
        ("trunk zero", rf"{_EDGE}0\d{{1,4}}[ /-]?\d{{5,8}}{_AFTER}", 0.2, Screen(number=7)),
        (
            "groups",
            rf"{_EDGE}\(?\d{{2,5}}\)?[ ./-]\d{{2,5}}(?:[ .-]\d{{2,5}}){{0,3}}{_EXTENSION}{_AFTER}",
            0.1,
            Screen(number=6),
        ),
        ("bare", rf"{_EDGE}\d{{7,12}}{_AFTER}", 0.06, Screen(run=7)),
        ("seven digits", rf"{_EDGE}[2-9]\d{{2}}[-.]\d{{4}}{_AFTER}", 0.45, Screen(number=7)),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject what has fewer than 6 or more than 15 digits before an extension (ITU-T E.164)."""
        head = pattern_text.lower().partition("x")[0].partition("e")[0]
        return not 6 <= sum(character.isdigit() for character in head) <= 16


class SafeEmailRecognizer(OwnRecognizer):
    """E-mail addresses, checked against the bundled suffix list and never against the network."""

    ENTITY, CONTEXT = "EMAIL_ADDRESS", ("email", "mail")
    PATTERNS = (
        # Bounded, because an unbounded local part takes quadratic time on a long run without blanks.
        (
            "email",
            r"(?<![\p{L}\p{N}.+%-])[\p{L}\p{N}](?>[\w!#$%&'*+/=?^`{|}~.-]{0,63})@"
            r"(?:(?>[\p{L}\p{N}]{1,63}(?:-{1,9}[\p{L}\p{N}]{1,63}){0,20})"
            r"\.){1,8}\p{L}[\p{L}\p{N}-]{1,23}(?<!-)(?![\p{L}\p{N}])",
            LABELED,
            Screen(marks=("@",)),
        ),
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Give full confidence where the domain ends in a public suffix."""
        return True if _has_public_suffix(pattern_text.rpartition("@")[2].lower()) else None


@lru_cache(maxsize=10_000)
def _has_public_suffix(domain: str) -> bool:
    return bool(offline_suffixes(domain).fqdn)


_PATH = r"(?:[/?#][^\s<>\"'()\[\]]{0,500}(?<![.,;:!?*_]))?"
_GENERIC = "com|org|net|edu|gov|mil|info|biz|health|bank|io|ai|app|dev|tech|online|cloud|example|test"
_COUNTRIES = (
    "us|uk|de|fr|es|it|nl|be|ch|at|se|dk|fi|pl|cz|pt|gr|ie|ru|ua|br|mx|ar|cl|jp|cn|kr|in|au|nz|za|ca|eu|hu|"
    "ro|tr|il|sk|si|lt|lv|ee|hr|bg|rs|is|lu|no|hk|tw|sg|th|vn|id|ph|ng|ke|eg|pk|co|me|tv"
)


class UrlOrDomainRecognizer(OwnRecognizer):
    """Web addresses; a bare domain only where its ending is a common one and its case is a domain's."""

    ENTITY, CONTEXT = "URL", ("url", "website", "link", "portal", "site", "visit", "homepage", "web")
    PATTERNS = (
        (
            "scheme",
            r"\b(?:https?|ftps?|sftp|ssh|wss?)://[^\s<>\"'(){}|\\^`\[\]]{1,2000}(?<![.,;:!?*_])",
            0.92,
            Screen(words="http https ftp ftps sftp ssh ws wss", marks=("://",)),
        ),
        (
            "www",
            r"(?<![\w@.-])www\d?\.[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}"
            r"(?:[/?#][^\s<>\"'()\[\]]{0,500})?(?<![.,;:!?*_])",
            LABELED,
            Screen(words="www", shape="point inside"),
        ),
        (
            "domain of a common ending",
            r"(?<![\w@.-])(?-i:(?>[a-z0-9][a-z0-9-]{0,62})(?:\.(?>[a-z0-9][a-z0-9-]{0,62})){0,4}\."
            + any_of(_GENERIC.split("|"))
            + r")(?![\w@-]|\.\w)"
            + _PATH,
            0.6,
            Screen(words=_GENERIC.replace("|", " "), shape="point inside"),
        ),
        (
            "domain of a country",
            r"(?<![\w@.-])(?-i:(?>[a-z0-9][a-z0-9-]{0,62})(?:\.(?>[a-z0-9][a-z0-9-]{0,62})){0,4}\."
            + any_of(_COUNTRIES.split("|"))
            + r")(?![\w@-]|\.\w)"
            + _PATH,
            0.3,
            Screen(words=_COUNTRIES.replace("|", " "), shape="point inside"),
        ),
        (
            "second-level domain of a country",
            r"(?<![\w@.-])(?-i:(?>[a-z0-9][a-z0-9-]{0,62})(?:\.(?>[a-z0-9][a-z0-9-]{0,62})){0,3}\."
            r"(?:co|com|org|net|gov|ac|edu|gob|gouv|nhs|go|or|ne)\."
            + any_of(_COUNTRIES.split("|"))
            + r")(?![\w@-]|\.\w)"
            + _PATH,
            0.6,
            Screen(words=_COUNTRIES.replace("|", " "), shape="point inside"),
        ),
        (
            "domain with a capital",
            rf"(?<![\w@.-])(?-i:[A-Z][A-Za-z0-9-]{{1,62}})\.(?-i:com|org|net)(?![\w@-]|\.\w){_PATH}",
            0.5,
            Screen(words="com org net", shape="point inside"),
        ),
    )


class IpAddressRecognizer(OwnRecognizer):
    """IPv4 and IPv6 addresses and networks, as the standard library reads them."""

    ENTITY, CONTEXT = "IP_ADDRESS", ("ip", "ipv4", "ipv6", "address", "host", "server")
    PATTERNS = (
        (
            "IPv4",
            r"(?<![\p{L}\p{N}.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?:/\d{1,2})?(?![\p{L}\p{N}]|\.\d)",
            LABELED,
            Screen(shape="point inside", number=4),
        ),
        (
            "IPv6",
            r"(?<![\w:.])(?=[0-9a-f]{0,4}:[0-9a-f]{0,4}:)[0-9a-f:]{2,39}(?<![^:]:)"
            r"(?:(?<=:\d{1,3})(?:\.\d{1,3}){3})?(?:/\d{1,3})?(?![\w:])",
            LABELED,
            Screen(shape="two colons"),
        ),
    )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Reject what is no address: a part over 255, too many groups, "::" alone."""
        address, _, length = pattern_text.partition("/")
        try:
            number = ipaddress.ip_address(_plain(address))
        except ValueError:
            return True
        if number.version == 6 and int(number) == 0:
            return True
        # 12:30:45 and "::" between words have the form of no usual address.
        return (number.version == 6 and address.count(":") < 4 and "::" not in address) or int(
            length or 0
        ) > 128


def _plain(address: str) -> str:
    # ipaddress refuses leading zeros, which people write.
    return ".".join(part.lstrip("0") or "0" for part in address.split(".")) if ":" not in address else address
