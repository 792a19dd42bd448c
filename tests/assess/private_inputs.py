"""One of everything that an assessment can be given, with a marked value in every place that is not a result.

Marks are words that stand nowhere else. ``NAMES`` may stand on a report whose names are shown and on none
that is strict; ``WORDS`` are the assessor's own, written for the report; ``NEVER`` stand nowhere.
"""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
import yaml

ROWS = 240
FIRST_AMOUNT = 918_273.645
FIRST_DOSE = 73_551.25
PERSON_COLUMN = "maria_garcia"
PERSON_GROUP = "Dr. Maria Garcia"
FEATURES = [
    "zqcolage",
    "zqcoldose",
    PERSON_COLUMN,
    "zqcolward",
    "zqcolpain",
    "zqcoldx_zqonegout",
    "zqcoldx_zqoneflu",
]
IDENTITY = ["zqcolname", "zqcolssn", "zqcolmail", "zqcolbirth", "zqcolzip", "zqcolamount", "zqcolnote"]
GROUPS = ["zqcolsex", "zqcoldoctor", "zqcolward"]
TARGET = "zqcoloutcome"
CLASSES = ("zqclassgood", "zqclassbad")
SUBJECT = "zqwordsubject"

# Of columns, of groups that many share, of classes: shown, unless the report is strict.
NAMES = ("zqcol", "zqgroup", "zqclass")
# What the assessor, the plan's author or the owner of the loss scenarios wrote to be read.
WORDS = ("zqword",)
NEVER = (
    "zqval", "zqone", "zqfile", "zqfolder", "zqtable", "zqnote", "zqevidence", "zqissuer", "zqvendor",
    "zqservice",
    "zqactor", "zqlog", "zqtoken", "zqprompt", "zqsecret", "zqkey", "zqraised", "zqé",
    "maria", "garcia",
    # Parts of numbers, as they may be written.
    "918273", "918,273", "73551", "73,551", "9.18e+05", "7.36e+04",
)  # fmt: skip
MACHINE = ("traceback", "site-packages", "/work/", "/home/", "/tmp/", "/root", ".pyc", "ipykernel_")


def table(seed: int) -> pd.DataFrame:
    """Return records in which every value is marked or unusual, but those that only 0 and 1 can hold."""
    rng = np.random.default_rng(seed)
    n = np.arange(ROWS) + 1000 * seed
    letters = ["".join(chr(97 + int(d)) for d in f"{i:05d}") for i in n]
    sick = rng.integers(0, 2, ROWS)
    frame = pd.DataFrame(
        {
            "zqcolname": [f"Zqvalname{x} Zqvallast{x}" for x in letters],
            "zqcolssn": [f"9{i % 90 + 10:02d}-{i % 49 + 1:02d}-{4000 + i % 5000:04d}" for i in n],
            "zqcolmail": [f"zqvalmail{x}@example.org" for x in letters],
            "zqcolbirth": [f"19{31 + i % 60:02d}-0{i % 9 + 1}-{10 + i % 18}" for i in n],
            "zqcolzip": rng.choice(["90873", "90874", "10763"], ROWS),
            "zqcolamount": np.round(FIRST_AMOUNT + n * 0.001, 3),
            "zqcolnote": [f"Zqvalfree{x} called; =zqvalformula <b>zqvalé</b>" for x in letters],
            "zqcolage": rng.integers(18, 90, ROWS),
            "zqcoldose": np.round(FIRST_DOSE + rng.normal(0, 0.2, ROWS), 4),
            PERSON_COLUMN: rng.integers(0, 2, ROWS),
            "zqcolward": rng.choice(["zqgroupnorth", "zqgroupsouth"], ROWS),
            "zqcolpain": rng.integers(0, 11, ROWS),
            "zqcoldx_zqonegout": sick,
            "zqcoldx_zqoneflu": 1 - sick,
            "zqcolsex": rng.choice(["zqgroupf", "zqgroupm"], ROWS),
            "zqcoldoctor": rng.choice([PERSON_GROUP, "zqgroupother"], ROWS),
        }
    )
    # What few share is never a group's name; the model's own categories hold it.
    frame.loc[:3, ["zqcolward", "zqcolsex"]] = "zqvalrare"
    bad = (frame["zqcolage"] > 55) ^ (rng.random(ROWS) < 0.2)
    return frame.assign(**{TARGET: np.where(bad, CLASSES[1], CLASSES[0])})


def fitted(frame: pd.DataFrame, leaf: int) -> Any:
    """Return a pipeline whose encoder holds categories, trained on the frame."""
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    from sklearn.tree import DecisionTreeClassifier

    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    model = make_pipeline(
        make_column_transformer((encoder, ["zqcolward"]), remainder="passthrough"),
        DecisionTreeClassifier(min_samples_leaf=leaf, random_state=1),
    )
    return model.fit(frame[FEATURES], frame[TARGET])


def write_everything(base: Path) -> dict[str, Any]:
    """Write one of every input below ``base`` and return the parameters of the assessment of all of it."""
    from secure_ai.defend.model_files import save_skops

    place = base / "zqfolder Maria Garcia"
    place.mkdir()
    known, other = table(1), table(2)
    for name, frame in (
        ("data", known),
        ("training", known),
        ("held", other),
        ("population", pd.concat([known, other])),
    ):
        # A feature's name may hold a category; the data's own columns are listed by name.
        shown = frame.drop(columns=FEATURES[-2:]) if name in ("data", "population") else frame
        shown.to_csv(place / f"zqfile-{name}.csv", index=False)
    known.drop(columns=["zqcolname", "zqcolssn", *FEATURES[-2:]]).to_csv(
        place / "zqfile-after.csv", index=False
    )
    save_skops(fitted(known, 1), place / "zqfile-model.skops")
    save_skops(fitted(known, 30), place / "zqfile-after.skops")
    rules = {
        "immutable": ["zqcolage"],
        "integer": ["zqcolpain"],
        "ranges": {"zqcoldose": [73_551.0, 73_552.0]},
    }
    _yaml(rules, place / "zqfile-rules.yaml")
    for name, text in (
        ("token", "zqtoken-4711"),
        ("prompt", "You are kind.\nzqprompt line two."),
        ("secret", "zqsecret-0815"),
    ):
        (place / f"zqfile-{name}.txt").write_text(text, encoding="utf-8")
    _controls(place)
    _vendor(place)
    _plan_and_losses(place)
    _log(place / "zqfile-log.jsonl")

    def at(name: str) -> str:
        return str(place / f"zqfile-{name}")

    return {
        "sector": "healthcare", "subject": SUBJECT, "date": "2026-11-15",
        "data": at("data.csv"), "population": at("population.csv"), "table": None,
        "quasi_identifiers": ["zqcolbirth", "zqcolsex", "zqcolzip"], "sensitive": [PERSON_COLUMN,
        "zqcolpain"],
        "model": at("model.skops"), "target": TARGET, "training": at("training.csv"),
        "held_out": at("held.csv"),
        "groups": GROUPS, "favorable": CLASSES[0], "goal": CLASSES[0], "attributes": [PERSON_COLUMN,
        "zqcolward"],
        "drop": ["zqcolsex", "zqcoldoctor", *IDENTITY], "rules": at("rules.yaml"), "rows": 20, "queries": 300,
        "token_file": at("token.txt"), "prompt_file": at("prompt.txt"), "secret_file": at("secret.txt"),
        "assistant": "naive", "families": ["system_prompt_leak"], "guards": "none",
        "controls": at("controls.yaml"), "evidence": str(place / "zqfolder-evidence"), "log": at("log.jsonl"),
        "vendor": at("vendor.yaml"), "vendor_evidence": str(place / "zqfolder-vendor"),
        "plan": at("plan.yaml"), "losses": at("losses.yaml"),
        "mitigated_model": at("after.skops"), "mitigated_data": at("after.csv"),
    }  # fmt: skip


def found_in(content: bytes, marks: tuple[str, ...]) -> set[str]:
    """Return which marks stand in a file, however they are written."""
    shapes = set()
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        shapes.add(content.decode(encoding, "replace").casefold())
    text = content.decode("utf-8", "replace")
    shapes |= {html.unescape(text).casefold(), unquote(text).casefold(), _json(text).casefold()}
    shapes.add(re.sub(r"[\s\u00a0\u202f_'’-]+", "", text).casefold())
    for run in re.findall(r"[A-Za-z0-9+/_-]{16,}", text):
        plain = run.replace("-", "+").replace("_", "/")
        for start in range(4):
            whole = plain[start : start + (len(plain) - start) // 4 * 4]
            shapes.add(base64.b64decode(whole).decode("utf-8", "replace").casefold())
    wanted = {mark: {mark.casefold(), quote(mark).casefold(), html.escape(mark).casefold()} for mark in marks}
    return {mark for mark, ways in wanted.items() if any(way in shape for way in ways for shape in shapes)}


def _json(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)


def _controls(place: Path) -> None:
    from secure_ai.assess.controls import write_example

    folder = place / "zqfolder-evidence"
    write_example("healthcare", place / "zqfile-controls.yaml", folder)
    form = yaml.safe_load((place / "zqfile-controls.yaml").read_text(encoding="utf-8"))
    renamed: dict[str, str] = {}
    for answer in form["answers"].values():
        answer |= {
            name: f"zqnote of Maria Garcia, {name}"
            for name in ("note", "reason", "alternative")
            if name in answer
        }
        for one in answer["evidence"] or ():
            one["document"] = f"zqevidence of Maria Garcia, {one['document']}" if one["document"] else ""
            if one.get("file"):
                one["file"] = renamed.setdefault(one["file"], f"zqfile-{len(renamed)}.txt")
    for old, new in renamed.items():
        if (folder / old).is_file():
            (folder / old).rename(folder / new)
    _yaml(form, place / "zqfile-controls.yaml")


def _vendor(place: Path) -> None:
    import shutil

    from secure_ai.govern.vendors import example_vendors, write_answers, write_example_evidence

    mixed = example_vendors("healthcare")[-1]
    write_answers(place / "zqfile-vendor.yaml", mixed)
    documents = write_example_evidence("healthcare", place / "documents")
    shutil.move(documents[mixed.vendor], place / "zqfolder-vendor")
    shutil.rmtree(place / "documents")
    form = yaml.safe_load((place / "zqfile-vendor.yaml").read_text(encoding="utf-8"))
    form["form"] |= {"vendor": "Zqvendor Maria Garcia Ltd", "service": "Zqservice"}
    for answer in form["answers"]:
        answer["comment"] = "zqnote of Maria Garcia"
        for one in answer["evidence"]:
            one |= {
                "document": f"zqevidence {one['document']}",
                "issuer": f"Zqissuer {one['issuer']}",
                "place": "zqnote p. 4",
            }
            one["scope"] = "Zqservice"
    _yaml(form, place / "zqfile-vendor.yaml")


def _plan_and_losses(place: Path) -> None:
    from importlib import resources

    _yaml(
        {
            "model.membership_inference": {
                "owner": "Maria Garcia", "due": "2027-01-31", "decision": "mitigate",
                "reason": "zqwordreason, as Maria Garcia asked.",
            },
            "data.safe_harbor_identifiers": {
                "owner": "zqwordowner", "due": "2026-12-15", "decision": "accept",
                "reason": "zqwordaccept", "approved_by": "Maria Garcia",
            },
        },
        place / "zqfile-plan.yaml",
    )  # fmt: skip
    text = resources.files("secure_ai.govern").joinpath("data/loss_healthcare.yaml").read_text("utf-8")
    losses = yaml.safe_load(text)
    losses["source"] = "zqwordsource, asked of Maria Garcia"
    losses["scenarios"][0]["story"] = "zqwordstory: Maria Garcia pastes records into a chatbot."
    _yaml(losses, place / "zqfile-losses.yaml")


def _log(path: Path) -> None:
    rows = [
        {
            "time": f"2026-03-{1 + i // 12:02d}T0{i % 9}:10:00+00:00",
            "actor": f"zqactor{i % 4} maria.garcia",
            "action": "view" if i % 7 else "export", "target": f"zqlogtarget{i}",
            "outcome": "allowed" if i % 5 else "denied",
            "purpose": "zqlogpurpose", "event_id": f"ev-{i:08d}", "model": "zqlogmodel", "data": "zqlogdata",
            "reason": "zqlogreason", "alert": i % 50 == 0,
            "details": {"role": "physician", "unit": "zqlogunit", "record_count": 700 if i % 7 == 0 else 1,
                        "break_glass": i % 11 == 0, "destination": "zqlogplace", "source": "zqlogsource"},
        }
        for i in range(200)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"zqlogbroken": \n', encoding="utf-8")


def _yaml(content: Any, path: Path) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
