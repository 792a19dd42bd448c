"""Malformed forms in YAML and earlier reports: a form without fault, changed in one place drawn by a seed."""

from __future__ import annotations

import copy
import json
import random
from functools import cache
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from secure_ai.assess.controls import example_form
from secure_ai.assess.risks import leave_open
from secure_ai.govern.vendors import example_vendors, write_answers
from tests.assess.malformed.case import CANARY, Case, Ends, good

SEED = 20260415
PARTS = {"controls": "controls.questionnaire", "mitigated_controls": "controls.questionnaire",
         "vendor": "vendor.due_diligence"}  # fmt: skip
PER_FORM = 14
# What stands in the place of a value; where a name is taken as text, the report or sentence must not show it.
INSTEAD: list[Any] = [
    None, True, -1, 10**400, float("nan"), float("inf"), "", [], {}, [CANARY], {CANARY: CANARY}, [[[]]],
    CANARY * 90_000, f"=HYPERLINK(\"{CANARY}\")", f"<script>{CANARY}</script>", f"../../{CANARY}.txt",
    f"/etc/{CANARY}", f"{CANARY}\x00", "\u202e" + CANARY, "9999-12-31", "0000-00-00", "2026-02-31",
]  # fmt: skip


@cache
def forms() -> dict[str, Any]:
    """Return a form without fault for each parameter that takes one."""
    answers = next(iter(example_vendors("healthcare")))
    with TemporaryDirectory() as folder:
        vendor = write_answers(Path(folder) / "form.yaml", answers).read_text(encoding="utf-8")
    losses = (resources.files("secure_ai.govern") / "data/loss_healthcare.yaml").read_text(encoding="utf-8")
    return {
        "controls": json.loads(example_form("healthcare").model_dump_json()),
        "vendor": yaml.safe_load(vendor),
        "losses": yaml.safe_load(losses),
        "plan": {
            "model.evasion": {"owner": "fraud owner", "due": "2026-06-30", "decision": "mitigate"},
            "data.payment_cards": {"decision": "accept", "reason": "few", "approved_by": "chief of risk"},
            "controls": {"owner": "head of security"},
        },
        "rules": {"immutable": ["age"], "integer": ["zip"]},
    }


def form_cases() -> list[Case]:
    """Return every case."""
    return [*_changed(), *_whole(), *_earlier()]


def case(parameter: str, name: str, content: bytes, ends: Ends) -> Case:
    """Return a case of a form with this content."""

    def make(folder: Path) -> dict[str, Any]:
        (folder / "good.csv").write_bytes(good("csv"))
        (folder / "form.yaml").write_bytes(content)
        return {"data": str(folder / "good.csv"), parameter: str(folder / "form.yaml"), "date": "2026-11-15"}

    part = PARTS.get(parameter)
    return Case(f"form, {parameter}", name, make, ends, parts=(part,) if part else ())


def _places(content: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = content.items() if isinstance(content, dict) else enumerate(content)
    found = []
    for name, value in inside if isinstance(content, dict | list) else ():
        found += [(*at, name), *(_places(value, (*at, name)) if isinstance(value, dict | list) else ())]
    return found


def _change(content: Any, chosen: random.Random) -> tuple[str, Any]:
    """Return a copy with one place deleted, renamed, doubled, put deeper or of another type."""
    changed = copy.deepcopy(content)
    *above, name = chosen.choice(_places(changed))
    inside = changed
    for step in above:
        inside = inside[step]
    what = chosen.choice(["deleted", "renamed", "nested", "retyped", "retyped", "retyped"])
    if what == "deleted":
        del inside[name]
    elif what == "renamed" and isinstance(inside, dict):
        inside[f"{name} "] = inside.pop(name)
    elif what == "nested":
        inside[name] = {"value": inside[name]}
    else:
        inside[name] = chosen.choice(INSTEAD)
    return f"{what} at level {len(above)}", changed


def _changed() -> list[Case]:
    cases = []
    for parameter, content in forms().items():
        chosen = random.Random(f"{SEED} {parameter}")
        for number in range(PER_FORM):
            what, changed = _change(content, chosen)
            text = yaml.safe_dump(changed, allow_unicode=True).encode()
            cases.append(case(parameter, f"{what}, {number}", text, "either"))
    return cases


def _whole() -> list[Case]:
    """Files that are no form at all: always a sentence."""
    wrong = {
        "empty": b"", "a list": b"- a\n- b\n", "a word": CANARY.encode(), "binary": bytes(range(256)) * 9,
        "references": b"a: &a [1]\nb: *a\n", "a tag": f"a: !{CANARY} 1\n".encode(), "nested": b"[" * 20_000,
        "ten thousand entries": b"".join(f"k{one}: 1\n".encode() for one in range(10_000)),
        "two documents": b"a: 1\n---\nb: 2\n", "a name twice": b"a: 1\na: 2\n",
        "a key that is none": b"? [a]\n: 1\n",
    }  # fmt: skip
    return [
        case(parameter, name, content, "sentence") for parameter in forms() for name, content in wrong.items()
    ]


def _earlier() -> list[Case]:
    one = leave_open("model.evasion", "No model was given.", sector="finance").model_dump(mode="json")
    report = {"format": "secure-ai findings 2", "subject": "other", "sector": "finance", "findings": [one]}
    wrong: dict[str, Any] = {
        "a list": [report], "no format": {}, "newer": report | {"format": "secure-ai findings 9"},
        "another format": report | {"format": CANARY}, "no findings": {"format": report["format"]},
        "findings as a mapping": report | {"findings": {}},
        "a finding twice": report | {"findings": [one, one]},
        "a level that is none": report | {"findings": [one | {"level": CANARY}]},
        "an id that is none": report | {"findings": [one | {"id": f"../{CANARY}"}]},
        "an unknown field": report | {"findings": [one | {CANARY: 1}]}, "a number": 7, "null": None,
        "a finding that is none": report | {"findings": [None]},
    }  # fmt: skip
    cases = [_folder(name, json.dumps(content).encode(), "sentence") for name, content in wrong.items()]
    for name, content in {
        "cut": json.dumps(report).encode()[:90],
        "binary": b"\xff\x00",
        "empty": b"",
    }.items():
        cases.append(_folder(name, content, "sentence"))
    cases.append(_folder("of another subject", json.dumps(report).encode(), "either"))
    return cases


def _folder(name: str, content: bytes, ends: Ends) -> Case:
    def make(folder: Path) -> dict[str, Any]:
        (folder / "good.csv").write_bytes(good("csv"))
        (folder / "earlier").mkdir()
        (folder / "earlier" / "findings.json").write_bytes(content)
        return {"data": str(folder / "good.csv"), "previous": str(folder / "earlier")}

    return Case("form, previous", name, make, ends, parts=())
