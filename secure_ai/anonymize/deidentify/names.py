"""Names of people: read a mention, tell its culture and gender, and choose made-up names like it."""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from secure_ai.encrypt.secret_keys import Mac

CULTURES = {
    "english": ("en_US", "en_GB", "en_IE", "en_NZ"),
    "spanish": ("es_ES", "es_MX", "es_CO", "es_AR", "es_CL"),
    "portuguese": ("pt_BR", "pt_PT"),
    "french": ("fr_FR", "fr_CA", "fr_BE"),
    "german": ("de_DE", "de_AT"),
    "italian": ("it_IT",),
    "dutch": ("nl_NL", "nl_BE"),
    "polish": ("pl_PL",),
    "czech": ("cs_CZ", "sk_SK"),
    "nordic": ("sv_SE", "no_NO", "da_DK", "fi_FI"),
    "turkish": ("tr_TR",),
    "vietnamese": ("vi_VN",),
    "indian": ("en_IN",),
    "nigerian": ("en_NG", "yo_NG", "ig_NG"),
    "kenyan": ("en_KE",),
    "indonesian": ("id_ID",),
    "croatian": ("hr_HR", "sl_SI"),
    "romanian": ("ro_RO",),
    "hungarian": ("hu_HU",),
    "japanese": ("ja_JP",),
    "chinese": ("zh_CN", "zh_TW"),
    "korean": ("ko_KR",),
    "russian": ("ru_RU",),
    "ukrainian": ("uk_UA",),
    "bulgarian": ("bg_BG",),
    "greek": ("el_GR",),
    "arabic": ("ar_SA", "ar_AA"),
    "hebrew": ("he_IL",),
    "hindi": ("hi_IN",),
    "thai": ("th_TH",),
}
"""Culture → Faker's locales whose names it lends."""

_SCRIPTS = {
    "CYRILLIC": "russian", "GREEK": "greek", "ARABIC": "arabic", "HEBREW": "hebrew", "CJK": "chinese",
    "HIRAGANA": "japanese", "KATAKANA": "japanese", "HANGUL": "korean", "DEVANAGARI": "hindi", "THAI": "thai",
}  # fmt: skip
TITLES = {
    "mr": "m", "mrs": "f", "ms": "f", "miss": "f", "mx": "", "dr": "", "prof": "", "professor": "",
    "doctor": "", "nurse": "", "rev": "", "sir": "m", "madam": "f", "judge": "", "sister": "f",
    "brother": "m", "father": "m", "capt": "", "sr.": "m", "sra": "f", "herr": "m", "frau": "f",
    "señor": "m", "señora": "f", "monsieur": "m", "madame": "f", "lady": "f", "lord": "m", "dame":
    "f", "hon": "", "atty": "",
}  # fmt: skip
"""Titles that may stand in a mention, with the gender that they tell."""

SUFFIXES = frozenset(
    {"jr", "sr", "ii", "iii", "iv", "md", "m.d", "phd", "rn", "esq", "do", "np", "pa", "dds", "cfa", "cpa"}
)
PARTICLES = frozenset(
    {
        "de",
        "van",
        "von",
        "der",
        "den",
        "la",
        "las",
        "los",
        "del",
        "da",
        "di",
        "dos",
        "das",
        "du",
        "le",
        "bin",
        "ibn",
        "al",
        "el",
        "ter",
        "ten",
        "y",
        "e",
        "zu",
        "af",
        "st",
    }
)
_TOKEN = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f]|['’.-](?=[^\W\d_]))*\.?")
_GENDERED = ("first_names_male", "first_names_female")


def fold(text: str) -> str:
    """Return ``text`` without case and accents, for comparing names."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@dataclass(frozen=True, slots=True)
class Piece:
    """A word of a mention and what it is: given, middle, family, initial, title, suffix or particle."""

    start: int
    end: int
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A name as it was written, taken apart.

    Attributes:
        pieces: its words.
        given: folded given name, an initial ("m"), or empty.
        middle: folded middle names or initials, joined by blanks.
        family: folded family name with its particles, or empty.
        gender: m, f or empty, as a title tells it.
    """

    pieces: tuple[Piece, ...]
    given: str
    middle: str
    family: str
    gender: str

    @property
    def single(self) -> bool:
        """Whether it is one name alone, so that a longer mention must tell whose it is."""
        return not (self.given and self.family)


def parse_name(text: str, role: str = "") -> Mention:
    """Take a written name apart: "Ms. Garcia", "GARCIA, MARIA T.", "Maria de la Cruz Jr.".

    Args:
        text: the mention.
        role: ``given`` or ``family`` where a column says what a single name is.
    """
    words = [(match.start(), match.end(), match.group()) for match in _TOKEN.finditer(text)]
    kinds = [""] * len(words)
    gender = ""
    for i, (_, _, word) in enumerate(words):
        bare = word.rstrip(".").lower()
        if bare in TITLES and (i == 0 or kinds[i - 1] == "title") and len(words) > 1:
            kinds[i], gender = "title", TITLES[bare] or gender
        elif bare in SUFFIXES and i > 0:
            kinds[i] = "suffix"
    titled = "title" in kinds
    core = [i for i, kind in enumerate(kinds) if not kind]
    comma = text.find(",")
    before = [i for i in core if words[i][1] <= comma] if comma >= 0 else []
    after = [i for i in core if words[i][0] > comma] if comma >= 0 else []
    if before and after:
        family, given = before, after
    elif role == "given" or (role == "family" and core):
        family, given = (core, []) if role == "family" else ([], core)
    elif len(core) == 1:
        family, given = (core, []) if titled and gender else ([], core)
    else:
        last = len(core) - 1
        while last > 1 and words[core[last - 1]][2].lower() in PARTICLES:
            last -= 1
        if last == 1 and words[core[0]][2].lower() in PARTICLES:
            last = 0
        family, given = core[last:], core[:last]
    for i in family:
        kinds[i] = "particle" if words[i][2].lower() in PARTICLES and len(family) > 1 else "family"
    for position, i in enumerate(given):
        kinds[i] = "middle" if position else "given"
    return Mention(
        tuple(Piece(start, end, word, kind) for (start, end, word), kind in zip(words, kinds, strict=True)),
        _joined(words, given[:1]),
        _joined(words, given[1:]),
        _joined(words, family),
        gender,
    )


def _joined(words: list[tuple[int, int, str]], chosen: list[int]) -> str:
    return " ".join(fold(words[i][2]).rstrip(".") for i in chosen)


# ---------------------------------------------------------------- pools


@cache
def _provider(locale: str) -> type:
    return importlib.import_module(f"faker.providers.person.{locale}").Provider


@cache
def _pool(locale: str, attribute: str) -> tuple[str, ...]:
    names = getattr(_provider(locale), attribute, ()) or ()
    # One word each, so that a name taken apart again has as many parts.
    return tuple(sorted({name for name in names if re.fullmatch(r"[^\W\d_]{2,}", name)}))


@cache
def pool(culture: str, part: str, gender: str = "") -> tuple[str, ...]:
    """Return names of a culture: ``part`` is given or family, ``gender`` m, f or empty."""
    if part == "family":
        attributes = (
            ("last_names", "last_names_female") if gender == "f" else ("last_names", "last_names_male")
        )
    elif gender:
        attributes = ("first_names_male",) if gender == "m" else ("first_names_female",)
    else:
        attributes = _GENDERED
    names = {name for locale in CULTURES[culture] for a in attributes for name in _pool(locale, a)}
    if part == "given" and gender:
        names = {name for name in names if gender_of(fold(name)) == gender}
    if not names and part == "given":
        names = {name for locale in CULTURES[culture] for name in _pool(locale, "first_names")}
    return tuple(sorted(names)) if len(names) >= 12 or culture == "english" else pool("english", part, gender)


@cache
def _index() -> dict[str, dict[str, dict[str, float]]]:
    """Folded name → culture → weights as given name of a man, of a woman, and as family name."""
    index: dict[str, dict[str, dict[str, float]]] = {}
    for culture, locales in CULTURES.items():
        for locale in locales:
            for attribute, part in (
                ("first_names_male", "m"), ("first_names_female", "f"), ("last_names", "family"),
                ("last_names_male", "family"), ("last_names_female", "family"),
            ):  # fmt: skip
                for name in set(getattr(_provider(locale), attribute, ()) or ()):
                    parts = index.setdefault(fold(name), {}).setdefault(culture, {})
                    parts[part] = parts.get(part, 0.0) + 1 / len(locales)
    return index


@cache
def _known(word: str) -> dict[str, dict[str, float]]:
    return _index().get(word, {})


@lru_cache(maxsize=100_000)
def gender_of(given: str) -> str:
    """Return m or f where the name lists agree on a folded given name, else an empty text."""
    m = sum(parts.get("m", 0) for parts in _known(given).values())
    f = sum(parts.get("f", 0) for parts in _known(given).values())
    return "m" if m >= 2 * f and m else "f" if f >= 2 * m and f else ""


@lru_cache(maxsize=100_000)
def culture_of(name: str, part: str) -> str:
    """Return the culture whose name lists hold a folded name most firmly; English if none does."""
    script = next((_script(c) for c in name if ord(c) > 0x2AF), "")
    votes: dict[str, float] = {}
    for word in name.split():
        for culture, parts in _known(word).items():
            weight = parts.get("family", 0) if part == "family" else max(parts.get("m", 0), parts.get("f", 0))
            votes[culture] = max(votes.get(culture, 0), min(weight, 1.0))
    votes = {culture: weight for culture, weight in votes.items() if weight}
    if votes:
        return max(votes, key=lambda c: (votes[c], c == "english", -list(CULTURES).index(c)))
    return script or "english"


def _script(character: str) -> str:
    name = unicodedata.name(character, "")
    return next((culture for script, culture in _SCRIPTS.items() if name.startswith(script)), "")


def is_name(word: str) -> bool:
    """Whether a folded word stands in a list of given or family names."""
    return bool(_known(word))


# ---------------------------------------------------------------- made-up names


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A made-up person: given, middle and family name."""

    given: str
    middle: str
    family: str


def make_up(mac: Mac, person: str, like: Mention, avoid: Iterable[str] = (), attempt: int = 0) -> MadeUp:
    """Choose the made-up name of ``person``: a function of key and person, of the same culture and gender.

    Args:
        mac: the keyed function.
        person: who it is (any text that is the same for the same person).
        like: a mention with as many parts of the true name as are known.
        avoid: folded names that must not come out (the true ones).
        attempt: another number gives another name, where two people got the same.
    """
    gender = like.gender or gender_of(like.given)
    family_culture = culture_of(like.family or like.given, "family" if like.family else "given")
    given_culture = culture_of(like.given, "given") if len(like.given) > 1 else family_culture
    if given_culture == "english" and family_culture != "english" and gender_of(like.given) == "":
        given_culture = family_culture
    avoided = {word for name in avoid for word in name.split()}

    def choose(culture: str, part: str) -> str:
        names = pool(culture, "family" if part == "family" else "given", gender)
        for step in range(20):
            name = names[mac.number(len(names), part, person, str(attempt), str(step))]
            if fold(name) not in avoided:
                return name
        return names[0]

    return MadeUp(
        choose(given_culture, "given"), choose(given_culture, "middle"), choose(family_culture, "family")
    )


def render(text: str, mention: Mention, made: MadeUp) -> str:
    """Write the made-up person as ``mention`` was written: order, titles, initials, case, accents."""
    pieces, at = [], 0
    ascii_only = text.isascii()
    families = [piece for piece in mention.pieces if piece.kind == "family"]
    middles = [piece for piece in mention.pieces if piece.kind == "middle"]
    for piece in mention.pieces:
        pieces.append(re.sub(r"\d", "", text[at : piece.start]))
        at = piece.end
        if piece.kind in {"title", "suffix"}:
            pieces.append(piece.text)
            continue
        if (
            piece.kind == "particle"
            or (piece.kind == "family" and piece is not families[-1])
            or (piece.kind == "middle" and piece is not middles[0])
        ):
            new = ""
        else:
            new = {"given": made.given, "middle": made.middle, "family": made.family}[piece.kind]
        pieces.append(_cased(new, piece.text, ascii_only))
    joined = "".join(pieces) + re.sub(r"\d", "", text[at:])
    return re.sub(r"(?<=\S)[ \t-]{2,}(?=\S)|(?<=^)[ -]+(?=\w)", " ", joined).strip() or made.family


def _cased(new: str, old: str, ascii_only: bool) -> str:
    if not new:
        return ""
    if ascii_only:
        new = unicodedata.normalize("NFKD", new).encode("ascii", "ignore").decode() or new
    letters = old.rstrip(".")
    if len(letters) == 1:
        new = new[0] + ("." if old.endswith(".") else "")
    elif old.isupper():
        return new.upper()
    return new.lower() if old.islower() else new
