"""Invented vendors to practice with: one solid, one good on paper without evidence, one mixed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_directory
from secure_ai.core.sources import shown
from secure_ai.govern.vendors.answers import Answer, Answers, Evidence
from secure_ai.govern.vendors.assessment import slug
from secure_ai.govern.vendors.questionnaire import Engagement, load_questionnaire


def example_day() -> date:
    """Return the day for which the examples are made; later their documents grow too old."""
    return _data()["day"]


def example_engagement(sector: str) -> Engagement:
    """Return what the hospital or the bank wants to buy from the example vendors.

    Raises:
        UserError: if the sector is unknown.
    """
    return Engagement(service=_sector(sector)["service"])


def example_vendors(sector: str) -> tuple[Answers, ...]:
    """Return the filled forms of three invented vendors: solid, good on paper only, mixed.

    Raises:
        UserError: if the sector is unknown.
    """
    return tuple(_answers(sector, kind) for kind in _sector(sector)["vendors"])


def write_example_evidence(sector: str, folder: str | Path) -> dict[str, Path]:
    """Write the example vendors' documents as small text files, and return vendor → its folder.

    One file of the mixed vendor is not the one whose SHA-256 its form states.

    Raises:
        UserError: if the sector is unknown or the folder cannot be written.
    """
    found = {}
    with atomic_directory(Path(folder)) as draft:
        for kind, vendor in _sector(sector)["vendors"].items():
            place = draft / slug(vendor)
            place.mkdir()
            found[vendor] = Path(folder) / slug(vendor)
            for key, fields in _data()["kinds"][kind]["documents"].items():
                content = _content(sector, kind, key)
                if fields.get("changed"):
                    content += b"This line was added after the form was signed.\n"
                (place / _file(vendor, key)).write_bytes(content)
    return found


def _answers(sector: str, kind: str) -> Answers:
    vendor, service = _sector(sector)["vendors"][kind], _sector(sector)["service"]
    asked = load_questionnaire(sector)
    given = []
    answers: Mapping[str, list[Any]] = _data()["kinds"][kind]["answers"]
    for question in asked.questions:
        if question.id not in answers:
            continue
        value, *named = answers[question.id]
        evidence = tuple(
            _evidence(sector, kind, key, place) for key, place in zip(named[::2], named[1::2], strict=True)
        )
        given.append(Answer(question=question.id, answer=value, evidence=evidence))
    return Answers(
        vendor=vendor,
        sector=sector,
        release=asked.release,
        answers=tuple(given),
        service=service,
        completed_on=_data()["completed_on"],
    )


def _evidence(sector: str, kind: str, key: str, place: str) -> Evidence:
    vendor = _sector(sector)["vendors"][kind]
    return Evidence(
        **_fields(sector, kind, key),
        place=place,
        file=_file(vendor, key),
        sha256=hashlib.sha256(_content(sector, kind, key)).hexdigest(),
    )


def _fields(sector: str, kind: str, key: str) -> dict[str, Any]:
    fields = {
        name: value for name, value in _data()["kinds"][kind]["documents"][key].items() if name != "changed"
    }
    vendor = _sector(sector)["vendors"][kind]
    fields["issuer"] = fields["issuer"].format(vendor=vendor)
    return {**fields, "scope": _sector(sector)["service"]}


def _content(sector: str, kind: str, key: str) -> bytes:
    lines = ["Invented for training; not the document of any company."]
    lines += [f"{name}: {value}" for name, value in _fields(sector, kind, key).items()]
    return ("\n".join(lines) + "\n").encode()


def _file(vendor: str, key: str) -> str:
    return f"{slug(vendor)}-{key}.txt"


def _sector(sector: str) -> dict[str, Any]:
    sectors = _data()["sectors"]
    if sector not in sectors:
        raise UserError(f"There is no sector '{shown(str(sector))}': choose from {', '.join(sectors)}.")
    return sectors[sector]


@cache
def _data() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("data/examples.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)
