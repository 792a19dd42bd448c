"""Malformed parameters: each field of another type, near names, places that are traps, contradictions.

A case's ``make`` returns parameters, with a table without fault and a sector underneath. Values of fields in
which somebody writes freely carry the canary, so that a sentence that quotes one is found out; a number, a
choice and the last name of a path are told back to whoever typed them.
"""

from __future__ import annotations

import datetime
import random
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from secure_ai.assess.parameters import BELONGS_TO, PLACES, AssessmentParameters
from tests.assess.malformed.case import CANARY, Case, Ends, good

KIND = "parameters"
SEED = 20260331
FIELDS = AssessmentParameters.model_fields
NONE = float("nan")
LONG = CANARY * 80_000  # a megabyte
# Values that no field of the kind takes.
WRONG: dict[str, list[Any]] = {
    "number": ["many", True, NONE, float("inf"), -1, 10**30, 16**5000, [7], {"a": 7}],
    "flag": ["perhaps", 2, 0.5, [True], {"yes": True}],
    "choice": ["other", 1, True, ["names"], {"a": 1}, "NAMES ", "x" * 1_000_000],
    "words": [7, True, [CANARY], {CANARY: CANARY}, LONG],
    "day": [7, True, ["2026-03-31"], "x" * 1_000_000, "31 March"],
    "sign": [7, True, ["x"], "x" * 1_000_000, "::"],
    "text": [7, 0.5, True, [CANARY], {CANARY: CANARY}, b"\xff", LONG, "\ud800"],
    "columns": [7, True, {CANARY: 1}, [7], [None], [[CANARY]], [LONG], ["\ud800"]],
    "class": [True, 0.5, [CANARY], {CANARY: 1}, LONG],
    "figures": [7, CANARY, [CANARY], {CANARY: 0.3}, {"model.evasion": CANARY}, {"model.evasion": True},
                {"model.evasion": NONE}, {"model.evasion": float("-inf")}, {7: 0.3}, {"model.evasion": None}],
}  # fmt: skip
KINDS = {
    "sector": "choice", "engine": "choice", "redact": "choice", "classes": "columns", "favorable": "class",
    "goal": "class", "thresholds": "figures", "subject": "words", "date": "day", "delimiter": "sign",
}  # fmt: skip


def kind_of(name: str) -> str:
    """Return which values are wrong for a parameter."""
    if name in KINDS:
        return KINDS[name]
    types = _types(FIELDS[name].annotation)
    for kind, one in (("flag", bool), ("number", int), ("number", float), ("columns", tuple)):
        if one in types:
            return kind
    return "text"


def parameter_cases() -> list[Case]:
    """Return every case."""
    return [*_types_of_fields(), *_empty(), *_names(), *_places(), *_together(), *_strange(), *_damaged()]


def case(name: str, values: dict[Any, Any], ends: Ends = "sentence", kind: str = KIND) -> Case:
    """Return a case of values beside a table without fault."""

    def make(folder: Path) -> dict[Any, Any]:
        (folder / "good.csv").write_bytes(good("csv"))
        return {"data": str(folder / "good.csv")} | _in(folder, values)

    return Case(kind, name, make, ends)


def _in(folder: Path, values: dict[Any, Any]) -> dict[Any, Any]:
    def place(value: Any) -> Any:
        return value.replace("FOLDER", str(folder)) if isinstance(value, str) else value

    return {name: place(value) for name, value in values.items()}


def _types(annotation: Any) -> set[Any]:
    inside = get_args(annotation)
    found = {get_origin(annotation) or annotation}
    if isinstance(annotation, UnionType) or inside:
        for one in inside:
            found |= _types(one)
    return found


def _types_of_fields() -> list[Case]:
    """Return each field with one wrong value drawn by the seed, and each value for one field of its kind."""
    chosen, rest = random.Random(SEED), {kind: list(values) for kind, values in WRONG.items()}
    cases = []
    for name in FIELDS:
        values = rest[kind_of(name)] or WRONG[kind_of(name)]
        value = chosen.choice(values)
        if values is rest[kind_of(name)]:
            values.remove(value)
        cases.append(case(f"{name}, wrong type", {name: value}, kind="parameters, types"))
    return cases


def _empty() -> list[Case]:
    """An empty field is one that was not given; where one is needed, or a number, it is missing."""
    cases = []
    for name in FIELDS:
        needed = kind_of(name) in {"number", "flag", "choice"} or name == "data"
        for what, value in (("empty", ""), ("none", None)):
            cases.append(
                case(
                    f"{name}, {what}", {name: value}, "sentence" if needed else "report", "parameters, empty"
                )
            )
    return cases


def _names() -> list[Case]:
    near = [
        "Data",
        "quasi-identifiers",
        "quasi_identifer",
        "senstive",
        "mitigated",
        "seeds",
        " seed",
        "tresholds",
    ]
    odd = [
        "",
        "a\nb",
        "\x1b[31m",
        "\u202eatad",
        "__class__",
        "self",
        "<script>",
        "../../etc",
        CANARY[:6] * 100_000,
    ]
    odd += ["In[0]", "model_config", "model_fields", "read", "ｄａｔａ", CANARY[:6] * 100_000]
    cases = [
        case(f"near miss {number}", {name: 1}, kind="parameters, names") for number, name in enumerate(near)
    ]
    cases += [
        case(f"odd name {number}", {name: 1}, kind="parameters, names") for number, name in enumerate(odd)
    ]
    return [*cases, *(case(f"no text {one!r}", {one: 1}, kind="parameters, names") for one in (7, None, 0.5))]


def _places() -> list[Case]:
    """Places that are traps; where a file may be none of these, the sentence says so and not where it is."""
    traps = {
        "nothing": f"FOLDER/{CANARY}/x.csv", "upwards": f"FOLDER/../../{CANARY}/x", "null": "FOLDER/\0x",
        "home": f"~{CANARY}/x", "device": "/dev/zero", "loop": "FOLDER/loop", "long": f"FOLDER/{'x' * 4000}",
        "line": f"FOLDER/{CANARY}/\nx", "address": f"gopher://{CANARY}/x", "escape": "\x1b[31mx",
        "turned": "FOLDER/\u202exsc.csv", "bracket": "FOLDER/[x", "half": "http://[x",
    }  # fmt: skip
    chosen, cases = random.Random(SEED), []
    for name in PLACES:
        given = {needed: "FOLDER/good.csv" for needed in (BELONGS_TO.get(name),) if needed}
        for trap in chosen.sample(sorted(traps), 2):
            # Where only a run asks for it, check_inputs leaves it to its section.
            late = name in {"assistant", "mitigated_assistant", "mitigated_model", "model"}
            values = (
                given | {name: traps[trap]} | ({"log_key": "FOLDER/key"} if name == "log_witness" else {})
            )
            cases.append(_trap(f"{name}: {trap}", values, "either" if late else "sentence"))
    return cases


def _trap(name: str, values: dict[str, Any], ends: Ends) -> Case:
    plain = case(name, values, ends, "parameters, places")

    def make(folder: Path) -> dict[Any, Any]:
        (folder / "loop").symlink_to(folder / "loop")
        (folder / "key").write_text("ed25519:AAAA", encoding="utf-8")
        return plain.make(folder)

    return Case(plain.kind, name, make, ends)


def _together() -> list[Case]:
    """Parameters that do not go together."""
    cases = [
        case(f"{name} without {needed}", {needed: None, name: "good.csv", "probabilities": "FOLDER/good.csv"})
        for name, needed in BELONGS_TO.items()
    ]
    both = {
        "member without data": {"data": None, "member": "age", "probabilities": "FOLDER/good.csv"},
        "member is the target": {"member": "sex", "target": "sex", "model": "FOLDER/good.csv"},
        "a witness without a key": {"log": "FOLDER/good.csv", "log_witness": "FOLDER/good.csv"},
        "identifier and sensitive": {"quasi_identifiers": "age", "sensitive": "age"},
        "identifier that is none": {"quasi_identifiers": ["age", "height"]},
        "a delimiter that is not there": {"delimiter": ";", "quasi_identifiers": "age"},
        "an encoding that is none": {"encoding": "klingon"},
        "a table of a file": {"table": CANARY, "data": "FOLDER/good.csv"},
        "nothing to assess": {"data": None},
        "only what belongs to something": {"data": None, "plan": "plan.yaml", "target": "age"},
        "population without the identifier": {"population": "FOLDER/good.csv", "quasi_identifiers": "height"},
    }
    ends: dict[str, Ends] = {"a table of a file": "either", "a delimiter that is not there": "sentence"}
    cases += [case(name, values, ends.get(name, "sentence")) for name, values in both.items()]
    same = {
        "an identifier twice": {"quasi_identifiers": "age, age,age"},
        "blanks and commas alone": {"quasi_identifiers": " , ,, "},
        "the data as their own population": {"population": "FOLDER/good.csv"},
        "the data as their mitigated version": {"mitigated_data": "FOLDER/good.csv"},
        "target equal to an identifier": {"target": "age", "quasi_identifiers": "age,sex"},
        "a subject of two lines, turned around": {"subject": "two\nlines\u202e\x00 <b>&amp;"},
        "a date with a time": {"date": datetime.datetime(2026, 3, 31, 10)},
        "a date without lines": {"date": " 20260331 "},
    }
    return [*cases, *(case(name, values, "report") for name, values in same.items())]


def _strange() -> list[Case]:
    days = [
        "2026-02-30",
        "31.03.2026",
        "0000-00-00",
        "2026-13-01",
        "tomorrow",
        "9" * 5000,
        "2026-03-31T10:00",
    ]
    cases = [
        case(f"date {number}", {"date": day}, kind="parameters, dates") for number, day in enumerate(days)
    ]
    many = {f"{CANARY}{number}"[7:]: number for number in range(10_000)}
    cases.append(case("ten thousand names", many))
    cases.append(case("ten thousand columns", {"quasi_identifiers": [f"c{one}" for one in range(10_000)]}))
    cases.append(case("a threshold of no risk", {"thresholds": {"model.evason\n": 0.3}}))
    cases.append(case("a formula as subject", {"subject": '=HYPERLINK("http://x")'}, "report"))
    cases.append(case("markup as a column", {"sensitive": "<img src=x onerror=alert(1)>"}))
    return cases


def _damaged() -> list[Case]:
    """Several fields wrong at once, drawn by the seed: the first of them is said."""
    chosen, cases = random.Random(SEED + 1), []
    for number in range(12):
        names = chosen.sample(sorted(FIELDS), 5)
        values = {name: chosen.choice(WRONG[kind_of(name)]) for name in names}
        cases.append(case(f"five wrong at once, {number}", values, kind="parameters, damaged"))
    return cases
