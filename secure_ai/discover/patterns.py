"""Regular expressions too long for the YAML registry: street suffixes, states, names after a cue."""

from __future__ import annotations

# Written for the `regex` module that Presidio uses: \K drops the cue from the span, (?-i:...) turns
# case on again under Presidio's global IGNORECASE.

STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|"
    "NC|ND|OH|OK|OR|PA|PR|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|VI|GU|AS|MP"
)
STREET_SUFFIXES = (
    "Alley|Annex|Arcade|Avenue|Ave|Bayou|Beach|Bend|Bluffs?|Bottom|Boulevard|Blvd|Branch|Bridge|Brooks?|Burgs?|"
    "Bypass|Camp|Canyon|Cape|Causeway|Centers?|Circles?|Cir|Cliffs?|Club|Common|Corners?|Course|Courts?|Ct|Coves?|"
    "Creek|Crescent|Crest|Crossing|Crossroad|Curve|Dale|Dam|Divide|Drives?|Dr|Estates?|Expressway|Extensions?|"
    "Falls?|Ferry|Fields?|Flats?|Fords?|Forest|Forges?|Forks?|Fort|Freeway|Gardens?|Gateway|Glens?|Greens?|Groves?|"
    "Harbors?|Haven|Heights|Highway|Hwy|Hills?|Hollow|Inlet|Islands?|Isle|Junctions?|Keys?|Knolls?|Lakes?|Land|"
    "Landing|Lane|Ln|Lights?|Loaf|Locks?|Lodge|Loop|Mall|Manors?|Meadows?|Mews|Mills?|Mission|Motorway|Mountains?|"
    "Mount|Neck|Orchard|Oval|Overpass|Parks?|Parkways?|Pkwy|Pass|Passage|Path|Pike|Pines?|Place|Pl|Plains?|Plaza|"
    "Points?|Ports?|Prairie|Radial|Ramp|Ranch|Rapids?|Rest|Ridges?|River|Roads?|Rd|Route|Row|Rue|Run|Shoals?|"
    "Shores?|Skyway|Springs?|Spurs?|Squares?|Sq|Station|Stravenue|Stream|Streets?|St|Summit|Terrace|Ter|Throughway|"
    "Trace|Track|Trafficway|Trail|Trl|Tunnel|Turnpike|Underpass|Unions?|Valleys?|Via|Viaduct|Views?|Villages?|"
    "Ville|Vista|Walks?|Wall|Ways?|Wells?"
)
_NOT_A_NAME = (
    "DOB|MRN|SSN|NPI|DEA|MBI|ID|Date|Phone|Fax|Email|Address|Account|Acct|Card|Member|Insurance|Policy|Gender|Sex|Age|"
    "There|Team|Yeah|Yep|Well|Sure|Okay|OK|Oh|Ah|Certainly|Congratulations|Absolutely|Great|Sorry|"
    "All|Everyone|Sir|Madam|Doctor|Nurse|Support|Customer|Patient|Client|Again|You|For|Your|We|The|This|"
    "That|My|Our|Please|Just|Yes|No|Not|And|But|If|When|What|How|Thanks|Thank|Hello|Hi|Dear|Subject|Re|I|I'm|In|On|"
    "At|It|Is|As|To|From|Unknown|None|Colleagues?|Billing|Desk|Department|Office|Hospital|Clinic|Bank|Center|"
    "Mr|Mrs|Ms|Dr|Prof|"
    "January|February|March|April|May|June|July|August|September|October|November|December|"
    "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
)
_CAPITALIZED = r"(?-i:\p{Lu}[\p{L}\p{M}'’]*(?:-\p{Lu}[\p{L}\p{M}'’]*)*)"
_WORD = rf"(?!(?:{_NOT_A_NAME})\b){_CAPITALIZED}(?![\w@])(?!\s*[:#=])"
_INITIAL = r"(?-i:\p{Lu})\.(?=[ ]+(?-i:\p{Lu}))"
_PARTICLES = r"(?-i:(?:de|van|von|der|den|la|del|da|di|dos|du|le|bin|al|el|ter)[ ]+){0,2}"
_PART = rf"(?:{_INITIAL}|{_WORD})"
ONE_NAME = rf"{_PARTICLES}{_PART}(?:[ ]+{_PARTICLES}{_PART}){{0,3}}"
FULL_NAME = rf"{_PART}(?:[ ]+{_PARTICLES}{_PART}){{1,3}}"
LAST_FIRST = rf"{_WORD}(?:[ ]+{_WORD})?,[ ]+{_PART}(?:[ ]+{_PART})?"
_SUFFIX = r"(?:,?[ ]+(?-i:Jr|Sr|II|III|IV)\b\.?)?"

PERSON = (
    (
        "title",
        rf"\b(?-i:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Doctor|Nurse|Rev|Judge|Sister|"
        rf"Capt)\b\.?[ ]+\K{ONE_NAME}{_SUFFIX}",
        0.85,
    ),
    (
        "name label",
        r"\b(?:(?:full|first|last|middle|maiden|given|family|legal|patient|customer|client|"
        r"member|card\s?holder|"
        r"account\s?holder|borrower|applicant|beneficiary|employee|cardholder's|contact|"
        r"provider|subscriber|payee|payer|"
        r"sender|recipient)(?:'s)?\s+)?name(?:\s+is|\s+on\s+(?:the\s+)?(?:card|"
        r"account)(?:\s+is)?)?\s*[:=]?\s+"
        rf"\K(?:{LAST_FIRST}|{ONE_NAME}){_SUFFIX}",
        0.75,
    ),
    (
        "role label",
        r"\b(?:patient|client|customer|member|beneficiary|account\s?holder|card\s?holder|"
        r"borrower|co-?signer|guarantor|"
        r"from|to|cc|attn|attention|attending|provider|physician|surgeon|nurse|referred\s+by|"
        r"signed(?:\s+by)?|"
        r"dictated\s+by|reviewed\s+by|spouse|wife|husband|mother|father|daughter|son|emergency\s+contact|"
        r"next\s+of\s+kin|contact|caller|agent|pt|insured|subscriber|author)"
        rf"\s*[:=]\s*\K(?:{LAST_FIRST}|{FULL_NAME}){_SUFFIX}",
        0.7,
    ),
    (
        "salutation",
        rf"(?:^|[\n.!?]\s*)(?:dear|hi|hello|hey|good\s+(?:morning|afternoon|"
        rf"evening))\s*,?[ ]+\K(?:{LAST_FIRST}|{ONE_NAME})(?=[ ]*[,.!:;\n-]|$)",
        0.65,
    ),
    (
        "signature",
        r"\b(?:(?:kind|best|warm|many)\s+)?(?:regards|sincerely|cheers|best\s+wishes|"
        r"respectfully|yours(?:\s+(?:truly|sincerely))?|warmly|thanks|thank\s+you)"
        rf"\s*[,.!]?\s*[-–]?\s*\K(?:{LAST_FIRST}|{ONE_NAME}){_SUFFIX}(?=\s*(?:$|[\n,.(]))",
        0.6,
    ),
    (
        "last line",
        rf"(?:\n[ ]*\K(?:{LAST_FIRST}|{FULL_NAME})|(?:\n[ ]*[-–]|\s--|\s–)[ ]*\K(?:{LAST_FIRST}|{ONE_NAME}))"
        rf"{_SUFFIX}(?=\s*\Z)",
        0.5,
    ),
    (
        "introduction",
        rf"\b(?:my\s+name\s+is|i\s+am|i'm|this\s+is|named|called|on\s+behalf\s+of|"
        rf"spoke\s+(?:with|to)|seen\s+by|accompanied\s+by)[ ]+\K{FULL_NAME}{_SUFFIX}",
        0.6,
    ),
    ("first-name introduction", rf"\b(?:my\s+name\s+is|(?:hello|hi)[,!]?\s+this\s+is)[ ]+\K{ONE_NAME}", 0.6),
    (
        "relative",
        r"\b(?:spouse|wife|husband|partner|mother|father|sister|brother|son|daughter|(?:grand)?child|aunt|uncle|cousin|"
        rf"friend|neighbor|roommate|caregiver|guardian)[ ]*[,(]?[ ]+\K{ONE_NAME}",
        0.6,
    ),
    (
        "before an identifier",
        rf"\b(?:{LAST_FIRST}|{FULL_NAME})(?=\s*[,(|;-]?\s*(?:MRN|DOB|SSN|born\b|b\.|bday|aged?\b|date\s+of\s+birth|"
        r"\d{1,3}[ -]?(?:y/?o\b|y\.o\.|years?[ -]old)))",
        0.6,
    ),
    (
        "role in a sentence",
        rf"\b(?:PCP|attending|physician|surgeon|doctor|advisor|contact|name)[ ]+(?:is|was)[ ]+\K{FULL_NAME}",
        0.6,
    ),
    (
        "end of a message",
        rf"[.!?][ ]+\K(?:{FULL_NAME})(?=\s*\Z)",
        0.5,
    ),
    (
        "credential",
        rf"\b{FULL_NAME}(?=,?[ ]+(?-i:MD|M\.D\.|DO|RN|BSN|NP|PA-C|PA|PhD|DDS|DPT|LCSW|CFA|CPA|Esq)\b)",
        0.75,
    ),
)

MONTHS = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?)"
)
DATE = (
    (
        "month day, year",
        rf"\b(?-i:{MONTHS})\b\.?[ ]+(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?,?[ ]+(?:19|20)\d\d\b",
        0.8,
    ),
    (
        "day month year",
        rf"\b(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|"
        rf"th)?[ -](?:of[ ]+)?(?-i:{MONTHS})\b\.?,?[ -](?:19|20)?\d\d\b",
        0.8,
    ),
    (
        "month day",
        rf"\b(?-i:{MONTHS})\b\.?[ ]+(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?\b(?![ ]*(?:mg|ml|%|,?[ ]*\d))",
        0.6,
    ),
    ("day month", rf"\b(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?[ ]+(?:of[ ]+)?(?-i:{MONTHS})\b(?!\w)", 0.6),
    ("month year", rf"\b(?-i:{MONTHS})\b\.?,?[ ]+(?:of[ ]+)?(?:19|20)\d\d\b", 0.6),
    (
        "ISO timestamp",
        r"\b(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|"
        r"3[01])(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-][0-2]\d:?[0-5]\d)?)?\b",
        0.75,
    ),
    (
        "month/day after a cue",
        r"\b(?:on|since|until|from|by|dated?|dob|seen|admitted|"
        r"discharged)\s*[:]?\s+\K(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])\b(?!/)",
        0.5,
    ),
    (
        "compact date after a cue",
        r"\b(?:dob|date\s+of\s+birth|born)\s*[:]?\s*\K(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|"
        r"[12]\d|3[01])\b",
        0.7,
    ),
)

_HOUSE = r"(?<![\d.,/-])\b\d{1,6}(?-i:[A-Z])?"
_HEADING = r"(?:(?-i:[NSEW]{1,2}|North|South|East|West)\.?[ ]+)?"
_STREET_NAME = r"(?:(?-i:\p{Lu})[\p{L}\p{M}'’.-]*[ ]+|\d{1,3}(?:st|nd|rd|th)[ ]+){1,3}"
_UNIT = r"(?:,?[ ]+(?:Apt|Apartment|Suite|Ste|Unit|Room|Floor|Lot|#)\.?[ ]*#?[\w-]{1,6}\b)?"
_DOT = r"(?:\.(?=,?[ ]+(?:Apt|Suite|Ste|Unit)))?"
_STREET = rf"{_HOUSE}[ ]+{_HEADING}{_STREET_NAME}(?-i:{STREET_SUFFIXES})\b{_DOT}{_UNIT}"
_PLACE = r"(?-i:(?:(?:St|Ft|Mt)\.[ ])?\p{Lu}[\p{L}\p{M}'’-]+(?:[ ]\p{Lu}[\p{L}\p{M}'’-]+){0,3})"
LOCATION = (
    (
        "street, city, state and ZIP",
        rf"{_STREET}\.?(?:,[ ]?|[ ]|,?\s*\n[ ]*){_PLACE},?[ ]+(?-i:{STATES})\b"
        r"(?:,?[ ]+\d{5}(?:-\d{4})?\b)?",
        0.85,
    ),
    ("street", _STREET, 0.75),
    ("post-office box", r"\bP\.?[ ]?O\.?[ ]?Box[ ]+\d{1,7}\b", 0.75),
    ("city before state", rf"\b{_PLACE}(?=,[ ]+(?-i:{STATES})\b)", 0.6),
    ("city after comma, before ZIP", rf",[ ]+\K{_PLACE}(?=[ ]+\d{{5}}(?:-\d{{4}})?\b)", 0.5),
    (
        "place label",
        rf"\b(?:city|town|county|place\s+of\s+birth|birthplace)\s*[:=]\s*\K{_PLACE}(?!\s*:)",
        0.6,
    ),
    (
        "residence",
        r"\b(?:lives?|living|resid(?:es|ing|ent\s+of)|moved|relocated|travel(?:s|ed|ing)?)"
        rf"\s+(?:in|to|at|from)\s+\K{_PLACE}(?!\s*:)",
        0.5,
    ),
)
ZIP = (
    ("ZIP after state", rf"(?-i:\b(?:{STATES}))\.?,?[ ]+\K\d{{5}}(?:-\d{{4}})?\b", 0.75),
    ("ZIP after city", rf",[ ]+{_PLACE}[ ]+\K\d{{5}}(?:-\d{{4}})?\b", 0.5),
    ("ZIP+4", r"\b\d{5}-\d{4}\b", 0.3),
    ("ZIP alone", r"(?<![\w.$-])\d{5}(?![\w-]|\.\d)", 0.05),
)
