"""Patterns of names that a title, label, salutation or signature announces, and of the titles themselves."""

from __future__ import annotations

from secure_ai.discover.pattern_recognizer import any_of
from secure_ai.discover.screen import Screen

# Written for the `regex` module that Presidio uses: \K drops the cue from the span, (?-i:...) turns
# case on again under Presidio's global IGNORECASE.

_NOT_A_NAME = (
    "DOB|MRN|SSN|NPI|DEA|MBI|ID|Date|Phone|Fax|Email|Address|Account|Acct|Card|Member|Insurance|Policy|Gender|Sex|Age|"
    "There|Team|Yeah|Yep|Well|Sure|Okay|OK|Oh|Ah|Certainly|Congratulations|Absolutely|Great|Sorry|"
    "All|Everyone|Sir|Madam|Doctor|Nurse|Support|Customer|Patient|Client|Again|You|For|Your|We|The|This|"
    "That|My|Our|Please|Just|Yes|No|Not|And|But|If|When|What|How|Thanks|Thank|Hello|Hi|Dear|Subject|Re|I|I'm|In|On|"
    "At|It|Is|As|To|From|Unknown|None|Colleague|Colleagues|Billing|Desk|Department|Office|Hospital|Clinic|Bank|Center|"
    "Mr|Mrs|Ms|Dr|Prof|ED|ICU|NOTE|Note|Notes|REPORT|SUMMARY|VIEWS|"
    "January|February|March|April|May|June|July|August|September|October|November|December|"
    "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
)
_CAPITALIZED = r"(?-i:(?>\p{Lu}[\p{L}\p{M}'’]{0,40}(?:-\p{Lu}[\p{L}\p{M}'’]{0,40}){0,3}))"
_WORD = rf"(?-i:(?=\p{{Lu}}))(?!{any_of(_NOT_A_NAME.split('|'))}\b){_CAPITALIZED}(?![\w@])(?!\s*[:#=])"
_INITIAL = r"(?-i:\p{Lu})\.(?=[ ]+(?-i:\p{Lu}))"
_PARTICLES = r"(?-i:(?:de|van|von|der|den|la|del|da|di|dos|du|le|bin|al|el|ter)[ ]+){0,2}"
_PART = rf"(?:{_INITIAL}|{_WORD})"
ONE_NAME = rf"{_PARTICLES}{_PART}(?:[ ]+{_PARTICLES}{_PART}){{0,3}}"
FULL_NAME = rf"{_PART}(?:[ ]+{_PARTICLES}{_PART}){{1,3}}"
LAST_FIRST = rf"{_WORD}(?:[ ]+{_WORD})?,[ ]+{_PART}(?:[ ]+{_PART})?"
_SUFFIX = r"(?:,?[ ]+(?-i:Jr|Sr|II|III|IV)\b\.?)?"

TITLES = "Mr Mrs Ms Miss Mx Dr Prof Professor Doctor Nurse Rev Judge Sister Capt"
_ROLES = (
    "patient client customer member beneficiary account accountholder card cardholder borrower co "
    "cosigner guarantor from to cc attn attention attending provider physician surgeon nurse referred "
    "signed dictated reviewed spouse wife husband mother father daughter son emergency next contact "
    "caller agent pt insured subscriber author"
)
_RELATIVES = (
    "spouse wife husband partner mother father sister brother son daughter child grandchild aunt uncle "
    "cousin friend neighbor roommate caregiver guardian"
)

PERSON = (
    (
        "title",
        rf"\b(?-i:{TITLES.replace(' ', '|')})\b\.?[ ]+\K{ONE_NAME}{_SUFFIX}",
        0.8,
        Screen(exact=TITLES),
    ),
    (
        "name label",
        r"\b(?:(?:full|first|last|middle|maiden|given|family|legal|patient|customer|client|"
        r"member|card\s?holder|"
        r"account\s?holder|borrower|applicant|beneficiary|employee|cardholder's|contact|"
        r"provider|subscriber|payee|payer|"
        r"sender|recipient)(?:'s)?\s+)?name(?:\s+on\s+(?:the\s+)?(?:card|"
        r"account))?(?:\s+is\s+|\s*[:=]\s*)"
        rf"\K(?:{LAST_FIRST}|{ONE_NAME}){_SUFFIX}",
        0.75,
        Screen(words="name"),
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
        Screen(
            words=_ROLES,
            marks=(
                ":",
                "=",
            ),
        ),
    ),
    (
        "salutation",
        rf"(?:^|[\n.!?]\s*)(?:dear|hi|hello|hey|good\s+(?:morning|afternoon|"
        rf"evening))\s*,?[ ]+\K(?:{LAST_FIRST}|{ONE_NAME})(?=[ ]*[,.!:;\n-]|$)",
        0.65,
        Screen(words="dear hi hello hey good"),
    ),
    (
        "signature",
        r"\b(?:(?:kind|best|warm|many)\s+)?(?:regards|sincerely|cheers|best\s+wishes|"
        r"respectfully|yours(?:\s+(?:truly|sincerely))?|warmly|thanks|thank\s+you)(?!\p{L})"
        rf"\s*[,.!]?\s*[-–]?\s*\K(?:{LAST_FIRST}|{ONE_NAME}){_SUFFIX}(?=\s*(?:$|[\n,.(]))",
        0.6,
        Screen(words="regards sincerely cheers best respectfully yours warmly thanks thank"),
    ),
    (
        "last line",
        rf"(?:\n[ ]*\K(?:{LAST_FIRST}|{FULL_NAME})|(?:\n[ ]*[-–]|\s--|\s–)[ ]*\K(?:{LAST_FIRST}|{ONE_NAME}))"
        rf"{_SUFFIX}(?=\s*\Z)",
        0.5,
        Screen(marks=("\n", "--", "–"), capital_end=True),
    ),
    (
        "introduction",
        rf"\b(?:my\s+name\s+is|i\s+am|i'm|this\s+is|on\s+behalf\s+of|"
        rf"spoke\s+(?:with|to)|seen\s+by|accompanied\s+by)[ ]+\K{FULL_NAME}{_SUFFIX}",
        0.6,
        Screen(words="name am m this behalf spoke seen accompanied"),
    ),
    (
        "first-name introduction",
        rf"\b(?:my\s+name\s+is|(?:hello|hi)[,!]?\s+this\s+is)[ ]+\K{ONE_NAME}",
        0.6,
        Screen(words="name hello hi"),
    ),
    (
        "relative",
        r"\b(?:spouse|wife|husband|partner|mother|father|sister|brother|son|daughter|(?:grand)?child|aunt|uncle|cousin|"
        rf"friend|neighbor|roommate|caregiver|guardian)[ ]*[,(]?[ ]+\K{ONE_NAME}",
        0.6,
        Screen(words=_RELATIVES),
    ),
    (
        "before an identifier",
        rf"\b(?:{LAST_FIRST}|{FULL_NAME})(?=\s*[,(|;-]?\s*(?:(?:MRN|DOB|SSN|bday|born|aged?)(?!\p{{L}})|b\.|date\s+of\s+birth|"
        r"\d{1,3}[ -]?(?:y/?o\b|y\.o\.|years?[ -]old)))",
        0.6,
        Screen(words="mrn dob ssn born b bday age aged date y yo year years"),
    ),
    (
        "role in a sentence",
        rf"\b(?:PCP|attending|physician|surgeon|doctor|advisor|contact|name)[ ]+(?:is|was)[ ]+\K{FULL_NAME}",
        0.6,
        Screen(words="pcp attending physician surgeon doctor advisor contact name"),
    ),
    (
        "end of a message",
        rf"[.!?][ ]+\K(?:{FULL_NAME})(?=\s*\Z)",
        0.5,
        Screen(marks=(". ", "! ", "? "), capital_end=True),
    ),
    (
        "credential",
        rf"\b{FULL_NAME}(?=,?[ ]+(?-i:MD|M\.D\.|DO|RN|BSN|NP|PA-C|PA|PhD|DDS|DPT|LCSW|CFA|CPA|Esq)\b)",
        0.75,
        Screen(exact="MD M DO RN BSN NP PA PhD DDS DPT LCSW CFA CPA Esq"),
    ),
)

TITLE = (
    (
        "title before a name",
        r"(?<![\p{L}\p{N}.])(?-i:Mr|Mrs|Ms|Miss|Mx|Dr|Prof)\b\.?(?=[ ]+(?-i:\p{Lu}))",
        0.7,
        Screen(exact="Mr Mrs Ms Miss Mx Dr Prof"),
    ),
)
