"""Made-up names of organizations, by kind, from names of people and places."""

from __future__ import annotations

import string
from collections.abc import Mapping

import numpy as np

_WORDS = {
    "business": "Inc,Inc.,Ltd,Group,Holdings,Bank,Industries,Systems,Energy,Motors,Airlines,Capital,Partners,"
    "Logistics,Foods,Pharma,Technologies,Insurance,Steel,Telecom,GmbH,AG,PLC,Corp.,LLC,S.A.,Oil,Records",
    "sons": "Sons,Co,Partners,Company",
    "school": "College,High School,Academy,Institute",
    "ward": "Hospital,Medical Center",
    "clinic": "Clinic,Medical Center,Memorial Hospital",
    "club": "United,City,Rovers,Athletic,FC,Wanderers,Tigers,Bears,Eagles,Giants,Lions,Bulls,Kings,Rangers,"
    "Warriors,Town,County,Sharks,Stars",
    "before_club": "FC,AC,Real,Sporting,Dynamo",
    "paper": "Times,Gazette,Herald,Post,Tribune,Radio",
    "label": "Records,Press,Books,Media",
    "field": "Health,Defence,Finance,Justice,Foreign Affairs,Education,Transport,Energy,Agriculture,Labour,"
    "the Interior,Trade,Culture,Housing,Public Works,Commerce,Fisheries",
    "office": "City Council,Police Department,District Court",
    "force": "Army,Navy,Parliament,Senate",
    "politics": "Democratic,Liberal,National,Progressive,Socialist,Conservative,People's,Green,"
    "Christian Democratic,Workers',Freedom,Republican,Labour,Communist",
    "movement": "Party,Alliance,Union,Front",
    "society": "Foundation,Association,Society,Trust",
    "council": "Council,Federation,Institute,Union",
}
_CHOICES = {name: tuple(words.split(",")) for name, words in _WORDS.items()}

_FORMS = {
    "company": ("{last} {business}", "{last} & {sons}", "{city} {business}", "{last} {last2} {business}"),
    "university": (
        "University of {city}",
        "{city} University",
        "{last} {school}",
        "{state} State University",
    ),
    "hospital": ("{city} General Hospital", "St. {first}'s {ward}", "{last} {clinic}"),
    "team": ("{city} {club}", "{before_club} {city}", "{city}"),
    "media": ("{city} {paper}", "{last} {label}", "The {city} {paper}"),
    "agency": ("Ministry of {field}", "Department of {field}", "{city} {office}", "{group} {force}"),
    "party": ("{politics} {movement}", "{politics} {movement} of {country}"),
    "band": ("The {last}s", "{city} Symphony Orchestra"),
    "org": ("{city} {society}", "{field} {council}", "{last} {society}"),
}
ORGANIZATION_KINDS = frozenset(_FORMS)


def make_organization(kind: str, parts: Mapping[str, str], rng: np.random.Generator) -> str:
    """Return a name of the kind.

    Args:
        kind: one of :data:`ORGANIZATION_KINDS`.
        parts: last, first, city, state, country and group to build it from.
        rng: chooses the form and its words.
    """
    form = _FORMS[kind][int(rng.integers(len(_FORMS[kind])))]
    values = {"last2": parts["city"], **parts}
    for _, field, _, _ in string.Formatter().parse(form):
        if field in _CHOICES:
            values[field] = _CHOICES[field][int(rng.integers(len(_CHOICES[field])))]
    return form.format(**values)
