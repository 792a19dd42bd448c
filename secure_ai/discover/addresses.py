"""Patterns of street addresses, and how their lines become one span."""

from __future__ import annotations

from collections.abc import Iterable

import regex

from secure_ai.core.text import Span
from secure_ai.discover.pattern_recognizer import any_of
from secure_ai.discover.screen import Screen

_STATE_CODES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY "
    "NC ND OH OK OR PA PR RI SC SD TN TX UT VT VA WA WV WI WY VI GU AS MP"
)
_STATE_NAMES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|"
    "Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|"
    "Mississippi|Missouri|Montana|Nebraska|Nevada|New[ ]Hampshire|New[ ]Jersey|New[ ]Mexico|New[ ]York|"
    "North[ ]Carolina|North[ ]Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode[ ]Island|South[ ]Carolina|"
    "South[ ]Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West[ ]Virginia|Wisconsin|Wyoming"
)
STATES = any_of(_STATE_CODES.split())
_SUFFIXES = (
    "Alley Annex Arcade Avenue Ave Av Bayou Beach Bend Bluff Bluffs Bottom Boulevard Blvd Branch Bridge "
    "Brook Brooks Burg Burgs Bypass Camp Canyon Cape Causeway Center Centers Circle Circles Cir Cliff "
    "Cliffs Close Club Common Corner Corners Course Court Courts Ct Cove Coves Creek Crescent Crest "
    "Crossing Crossroad Curve Dale Dam Divide Drive Drives Dr Estate Estates Expressway Extension "
    "Extensions Fall Falls Ferry Field Fields Flat Flats Ford Fords Forest Forge Forges Fork Forks Fort "
    "Freeway Garden Gardens Gateway Glen Glens Green Greens Grove Groves Harbor Harbors Haven Heights "
    "Highway Hwy Hill Hills Hollow Inlet Island Islands Isle Junction Junctions Key Keys Knoll Knolls "
    "Lake Lakes Land Landing Lane Ln Light Lights Loaf Lock Locks Lodge Loop Mall Manor Manors Meadow "
    "Meadows Mews Mill Mills Mission Motorway Mountain Mountains Mount Neck Orchard Oval Overpass Park "
    "Parks Parkway Parkways Pkwy Pass Passage Path Pike Pine Pines Place Pl Plain Plains Plaza Point "
    "Points Port Ports Prairie Radial Ramp Ranch Rapid Rapids Rest Ridge Ridges River Road Roads Rd "
    "Route Row Rue Run Shoal Shoals Shore Shores Skyway Spring Springs Spur Spurs Square Squares Sq "
    "Station Stravenue Stream Street Streets St Summit Terrace Ter Throughway Trace Track Trafficway "
    "Trail Trl Tunnel Turnpike Underpass Union Unions Valley Valleys Via Viaduct View Views Village "
    "Villages Ville Vista Walk Walks Wall Way Ways Well Wells"
)
STREET_SUFFIXES = any_of(_SUFFIXES.split())

_HOUSE = r"(?<![\d.,/-])\b\d{1,6}(?:-?(?-i:[A-Za-z])(?![\p{L}\p{N}]))?(?:[-/]\d{1,4})?"
_HEADING = r"(?:(?-i:[NSEW]{1,2}|North|South|East|West)\.?[ ]+)?"
_STREET_NAME = r"(?:(?-i:\p{Lu})[\p{L}\p{M}'’.-]{0,40}[ ]{1,3}|\d{1,3}(?:st|nd|rd|th)[ ]+){1,3}"
_UNIT = (
    r"(?:,?[ ]+(?:Apt|Apartment|Suite|Ste|Unit|Room|Rm|Floor|Fl|Lot|Flat|Bldg|Building|#)"
    r"\.?[ ]*#?[\w-]{1,6}\b)?"
)
_DOT = r"(?:\.(?=,?[ ]+(?:Apt|Suite|Ste|Unit|#|(?-i:[A-Z])))(?=,|[ ]+(?:Apt|Suite|Ste|Unit|#)))?"
_STREET = (
    rf"{_HOUSE}[ ]+{_HEADING}{_STREET_NAME}(?-i:{STREET_SUFFIXES})\b{_DOT}(?:[ ]+(?-i:[NSEW]{{1,2}})"
    rf"\b\.?)?{_UNIT}"
)
PLACE = r"(?-i:(?:(?:St|Ft|Mt)\.[ ])?\p{Lu}[\p{L}\p{M}'’-]{1,40}(?:[ ]\p{Lu}[\p{L}\p{M}'’-]{1,40}){0,3})"
_BREAK = r"(?:,[ ]?|[ ]|,?\s*\n[ ]*)"
_IN_STREET = Screen(exact=_SUFFIXES, run=1)
_IN_STATE = Screen(exact=_STATE_CODES)

_ABROAD_BEFORE = (
    "rue avenue boulevard place chemin route quai impasse allée via viale piazza corso largo calle "
    "avenida paseo plaza carrera rua travessa praça strada ulica ul"
)
# A screen knows ASCII letters only: "all" of "allée".
_ABROAD_WORDS = " ".join(max(regex.findall("[a-z]+", word), key=len) for word in _ABROAD_BEFORE.split())
_PARTICLES = (
    r"(?:(?:de|du|des|del|della|dei|degli|delle|da|do|das|dos|la|le|les|los|las|el|l['’]|d['’])[ ]?){0,2}"
)

LOCATION = (
    (
        "street, city, state and ZIP",
        rf"{_STREET}\.?{_BREAK}{PLACE},?[ ]+(?-i:{STATES}|{_STATE_NAMES})\b(?:,?[ ]+\d{{5}}(?:-\d{{4}})?\b)?"
        r"(?:,[ ]+(?-i:USA|U\.S\.A\.|United[ ]States)(?!\w))?",
        0.92,
        _IN_STREET,
    ),
    ("street", _STREET, 0.87, _IN_STREET),
    (
        "street named before its number",
        r"(?<![\p{L}\p{N}])(?-i:\p{Lu}[\p{L}\p{M}.-]{0,40}(?:[ ](?:der|den|dem|des|am|im|zum|zur)|[ ]"
        r"\p{Lu}[\p{L}\p{M}-]{1,40}){0,2}?"
        r"(?:straße|strasse|str\.|weg|gasse|allee|platz|damm|ufer|straat|laan|gracht|plein|kade|gatan|gata|"
        r"veien|gade|vej|katu|utca)|\p{Lu}[\p{L}\p{M}-]{1,40}[ ](?:Straße|Strasse|Str\.|Weg|Platz|Allee|"
        r"utca))"
        r"[ ]\d{1,4}(?:/\d{1,3})?(?:[ ]?(?-i:[a-zA-Z])(?![\p{L}\p{N}]))?(?!\d|[.,:]\d)",
        0.87,
        Screen(
            endings="stra strasse str weg gasse allee platz damm ufer straat laan gracht plein kade gata"
            "n gata "
            "veien gade vej katu utca",
            run=1,
        ),
    ),
    (
        "number, kind and name of a street",
        rf"{_HOUSE},?[ ]+(?:bis,?[ ]|ter,?[ ])?(?:{_ABROAD_BEFORE.replace(' ', '|')})\.?[ ]{_PARTICLES}"
        r"(?-i:\p{Lu})[\p{L}\p{M}'’-]{0,40}(?:[ -](?:de[ ]|du[ ]|la[ ])?(?-i:\p{Lu})"
        r"[\p{L}\p{M}'’-]{1,40}){0,3}",
        0.87,
        Screen(words=_ABROAD_WORDS, run=1),
    ),
    (
        "kind, name and number of a street",
        rf"(?<![\p{{L}}\p{{N}}])(?-i:(?:{_ABROAD_BEFORE.title().replace(' ', '|')}))\.?[ ]{_PARTICLES}"
        r"(?-i:\p{Lu})[\p{L}\p{M}'’-]{0,40}(?:[ ](?:de[ ]|della[ ]|la[ ])?(?-i:\p{Lu})"
        r"[\p{L}\p{M}'’-]{1,40}){0,3},?[ ]\d{1,4}"
        r"(?:[ ]?(?-i:[a-zA-Z])(?![\p{L}\p{N}]))?(?!\d|[.,:]\d)",
        0.87,
        Screen(words=_ABROAD_WORDS, run=1),
    ),
    (
        "post-office box",
        r"\b(?:P\.?[ ]?O\.?[ ]?Box|Post[ ]Office[ ]Box|Postfach)[ ]+\d{1,7}\b",
        0.88,
        Screen(words="box postfach", run=1),
    ),
    ("city before state", rf"\b{PLACE}(?=,[ ]+(?-i:{STATES})\b)", 0.6, _IN_STATE),
    (
        "city after comma, before ZIP",
        rf",[ ]+\K{PLACE}(?=[ ]+\d{{5}}(?:-\d{{4}})?\b)",
        0.5,
        Screen(marks=(",",), run=5),
    ),
    (
        "place label",
        rf"\b(?:city|town|county|place\s+of\s+birth|birthplace)\s*[:=]\s*\K{PLACE}(?!\s*:)",
        0.6,
        Screen(
            words="city town county place birthplace",
            marks=(
                ":",
                "=",
            ),
        ),
    ),
    (
        "residence",
        r"\b(?:lives?|living|resid(?:es|ing|ent\s+of)|moved|relocated|travel(?:s|ed|ing)?)"
        rf"\s+(?:in|to|at|from)\s+\K{PLACE}(?!\s*:)",
        0.5,
        Screen(
            words=(
                "live lives living resides residing resident moved relocated travel travels traveled "
                "traveling"
            )
        ),
    ),
)
ZIP = (
    (
        "ZIP after state",
        rf"(?-i:\b(?:{STATES}))\.?,?[ ]+\K\d{{5}}(?:-\d{{4}})?\b",
        0.86,
        Screen(exact=_STATE_CODES, run=5),
    ),
    ("ZIP after city", rf",[ ]+{PLACE}[ ]+\K\d{{5}}(?:-\d{{4}})?\b", 0.5, Screen(marks=(",",), run=5)),
    ("ZIP+4", r"(?<![\p{L}\p{N}-])\d{5}-\d{4}\b(?!-)", 0.3, Screen(marks=("-",), run=5)),
    ("ZIP alone", r"(?<![\p{L}\p{N}.$-])\d{5}(?![\w-]|\.\d)", 0.1, Screen(run=5)),
    (
        "UK postcode",
        r"\b(?-i:(?:[A-Z]{1,2}\d[A-Z\d]?)[ ]\d[ABD-HJLNP-UW-Z]{2})\b",
        0.6,
        Screen(shape="letter beside digit"),
    ),
)

# ---------------------------------------------------------------- one address, one span

_STREET_START = regex.compile(
    rf"{_STREET}|P\.?[ ]?O\.?[ ]?Box[ ]\d|\p{{Lu}}[\p{{L}} .-]{{0,40}}[ ]\d{{1,4}}\b|\d{{1,6}}\w?,?[ ]"
    rf"\p{{L}}",
    regex.IGNORECASE,
)
_JOINT = regex.compile(r"(?:,|[ ]?[-–])?[ \t]*\n?[ \t]*(?:\d{4,5}[ ]|\p{Lu}{1,2}-?\d{4,5}[ ])?")
_TAIL = regex.compile(
    rf"(?:,?[ ]+|,?[ ]*\n[ ]*)(?:(?:{STATES})\b(?:[ ]+\d{{5}}(?:-\d{{4}})?\b)?|\d{{5}}(?:-\d{{4}})?\b(?!-)|"
    r"[A-Z]{1,2}\d[A-Z\d]?[ ]\d[A-Z]{2}\b)"
)
_LONGEST = 200
_PARTS = frozenset({"LOCATION", "ZIP_CODE"})


def unite_addresses(candidates: Iterable[Span]) -> list[Span]:
    """Return ``candidates`` with overlapping ``LOCATION`` ones as one, as wide as they are together.

    A pattern is sure of the street, a model knows how far the address goes: the wider of two is not
    to lose to the surer.
    """
    others: list[Span] = []
    places: list[Span] = []
    for span in sorted(candidates):
        if span.entity_type != "LOCATION":
            others.append(span)
        elif places and span.start < places[-1].end:
            last = places[-1]
            places[-1] = Span(last.start, max(last.end, span.end), "LOCATION", max(last.score, span.score))
        else:
            places.append(span)
    return others + places


def join_addresses(text: str, spans: Iterable[Span]) -> list[Span]:
    """Return ``spans`` with the parts of an address as one ``LOCATION``.

    An address starts with a street (or a box); the places and ZIP codes that follow it with nothing
    but a comma, a blank or a line break between belong to it, and so does a state code or postal code
    that no span holds. A place without a street stays for itself.

    Args:
        text: the text of the spans.
        spans: in order, without overlaps.
    """
    rest = list(spans)
    joined: list[Span] = []
    at = 0
    while at < len(rest):
        span = rest[at]
        at += 1
        if span.entity_type == "LOCATION" and _STREET_START.match(text, span.start, span.end):
            end, score = span.end, span.score
            while end - span.start <= _LONGEST:
                following = rest[at] if at < len(rest) else None
                if (
                    following is not None
                    and following.entity_type in _PARTS
                    and following.start - end <= 14
                    and _JOINT.fullmatch(text, end, following.start)
                ):
                    end, score = following.end, max(score, following.score)
                    at += 1
                    continue
                tail = _TAIL.match(text, end)
                if tail is None or (
                    following is not None
                    and following.start < tail.end()
                    and not (following.entity_type in _PARTS and following.end <= tail.end())
                ):
                    break
                end = tail.end()
                at += following is not None and following.start < end
            if end != span.end:
                span = Span(span.start, end, "LOCATION", score)
        joined.append(span)
    return joined
