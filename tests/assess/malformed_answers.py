"""Tables of a model's probabilities that are damaged, mistaken or lies."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.assess.malformed import CANARY, Case

ROWS = 120
QUICK_EVERY = 4
MEMBERSHIP, FAIRNESS = ("model.membership",), ("model.fairness",)
BOTH = (*MEMBERSHIP, *FAIRNESS)
Make = Callable[[Path], dict[str, Any]]
Change = Callable[[pd.DataFrame], pd.DataFrame]


def good() -> pd.DataFrame:
    """Return answers without fault; ``note`` holds the canary in every row."""
    rng = np.random.default_rng(5)
    label, member = np.arange(ROWS) % 2, (np.arange(ROWS) // 2) % 2
    right = rng.uniform(0.2, 0.98, ROWS).round(3)
    second = np.where(label == 1, right, 1 - right).round(3)
    return pd.DataFrame(
        {
            "p_0": (1 - second).round(3),
            "p_1": second,
            "label": label,
            "member": member,
            "sex": np.where(np.arange(ROWS) // 4 % 2, "f", "m"),
            "note": [f"{CANARY}-{place}" for place in range(ROWS)],
        }
    )


def given(path: Path, **options: Any) -> dict[str, Any]:
    """Return parameters that name a table of probabilities."""
    return {"sector": "finance", "probabilities": str(path), "groups": ["sex"]} | options


def changed(change: Change, *, form: str = "csv", **options: Any) -> Make:
    """Return what writes the table after a change, under a name that nobody may see."""

    def make(folder: Path) -> dict[str, Any]:
        path, frame = folder / f"{CANARY}.{form}", change(good())
        if form == "csv":
            frame.to_csv(path, index=False)
        elif form == "parquet":
            frame.to_parquet(path)
        elif form == "xlsx":
            frame.to_excel(path, index=False)
        elif form == "json":
            frame.to_json(path, orient="records")
        return given(path, **options)

    return make


def written(form: str, content: Callable[[str], str | bytes], **options: Any) -> Make:
    """Return what writes a text that follows from the table as CSV."""

    def make(folder: Path) -> dict[str, Any]:
        path, made = folder / f"{CANARY}.{form}", content(good().to_csv(index=False))
        path.write_bytes(made if isinstance(made, bytes) else made.encode())
        return given(path, **options)

    return make


def damaged(form: str, damage: Callable[[bytes], bytes]) -> Make:
    """Return what writes the table in one format and then damages the file."""

    def make(folder: Path) -> dict[str, Any]:
        found = changed(lambda frame: frame, form=form)(folder)
        path = Path(found["probabilities"])
        path.write_bytes(damage(path.read_bytes()))
        return found

    return make


def put(column: str, value: Any, rows: slice | int = slice(None)) -> Change:
    """Return what writes a value into rows of a column."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].astype(object).tolist()
        places = range(ROWS)[rows] if isinstance(rows, slice) else [rows]
        for place in places:
            values[place] = value
        return frame.assign(**{column: pd.Series(values, dtype=object)})

    return change


def words(column: str, *known: Any) -> Change:
    """Return what spells 0 and 1 (and whatever follows) of a column in words."""
    return lambda frame: frame.assign(**{column: [known[int(one)] for one in frame[column]]})


def named(**names: str) -> Change:
    """Return what renames columns."""
    return lambda frame: frame.rename(columns=names)


def classes(first: str, second: str) -> Change:
    """Return what calls the two classes otherwise, in columns and labels."""
    return lambda frame: words("label", first, second)(frame).rename(
        columns={"p_0": f"p_{first}", "p_1": f"p_{second}"}
    )


def sampled(cases: Sequence[Case]) -> list[Any]:
    """Return the cases for a test: every fourth at once, the others in the long run."""
    return [
        pytest.param(case, id=case.id, marks=[pytest.mark.slow] if place % QUICK_EVERY else [])
        for place, case in enumerate(cases)
    ]


def answer_cases() -> list[Case]:
    """Return every case of a table of probabilities."""
    return [*_columns(), *_probabilities(), *_labels(), *_members(), *_sizes(), *_files()]


def _cases(kind: str, rows: list[tuple[str, Make, Any, tuple[str, ...]]]) -> list[Case]:
    return [Case(f"answers, {kind}", name, make, ends, parts) for name, make, ends, parts in rows]


def _columns() -> list[Case]:
    drop = lambda *names: changed(lambda frame: frame.drop(columns=list(names)))  # noqa: E731
    return _cases(
        "columns",
        [
            ("no label", drop("label"), "sentence", MEMBERSHIP),
            ("no member", drop("member"), "sentence", MEMBERSHIP),
            ("no probabilities", drop("p_0", "p_1"), "sentence", BOTH),
            ("one class", drop("p_1"), "sentence", BOTH),
            ("one column", drop("p_1", "label", "member", "sex", "note"), "sentence", BOTH),
            ("names in capitals", changed(lambda f: f.rename(columns=str.upper)), "sentence", BOTH),
            ("names with blanks", changed(named(p_0=" p_0", p_1=" p_1")), "either", BOTH),
            ("a class of no name", changed(named(p_0="p_")), "sentence", BOTH),
            ("the same class twice", written("csv", lambda t: t.replace("p_1", "p_0", 1)), "sentence", BOTH),
            ("label twice", written("csv", lambda t: t.replace("sex", "label", 1)), "report", MEMBERSHIP),
            ("no header", written("csv", lambda t: t.split("\n", 1)[1]), "sentence", BOTH),
            ("a third class of nothing", changed(lambda f: f.assign(p_2=0.0)), "report", BOTH),
            ("a third class too much", changed(lambda f: f.assign(p_2=0.5)), "open", BOTH),
            ("a third class of text", changed(lambda f: f.assign(p_2=CANARY)), "sentence", MEMBERSHIP),
            ("a thousand classes", changed(_thousand), "report", MEMBERSHIP),
            ("markup as class", changed(classes("<script>alert(1)</script>", "no")), "report", BOTH),
            ("a formula as class", changed(classes("=cmd|'/c calc'!A1", "+1")), "report", BOTH),
            ("a quotation mark as class", changed(classes("O'Brien", "'")), "report", BOTH),
            ("a canary as class", changed(classes(CANARY, "no")), "report", MEMBERSHIP),
            (
                "a canary as class, and a gap in it",
                changed(lambda f: classes(CANARY, "no")(put("p_0", None, 3)(f))),
                "sentence",
                MEMBERSHIP,
            ),
            ("a favorable class of none", changed(lambda f: f, favorable=CANARY), "sentence", FAIRNESS),
            ("a group of none", changed(lambda f: f, groups=["nowhere"]), "sentence", FAIRNESS),
            ("references without theirs", changed(_half_told), "sentence", MEMBERSHIP),
            ("a reference of text", changed(lambda f: f.assign(ref_a=CANARY)), "sentence", MEMBERSHIP),
        ],
    )  # fmt: skip


def _half_told(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(ref_a=0.5, ref_b=0.5, in_a=1)


def _thousand(frame: pd.DataFrame) -> pd.DataFrame:
    more = pd.DataFrame(0.0, index=frame.index, columns=[f"p_{place}" for place in range(2, 1002)])
    return pd.concat([frame, more], axis=1)


def _probabilities() -> list[Case]:
    wrong = {
        "a gap": None, "NaN": "NaN", "infinity": "inf", "text": CANARY, "markup": "<b>0.5</b>",
        "a formula": "=1/2", "below 0": -0.2, "above 1": 1.2, "percent": "50%", "a decimal comma": "0,5",
        "a date": "2026-01-01", "a list": "[0.5]", "huge": "1e400",
    }  # fmt: skip
    rows: list[tuple[str, Make, Any, tuple[str, ...]]] = [
        (f"{name} in one row", changed(put("p_1", value, 4)), "sentence", MEMBERSHIP)
        for name, value in wrong.items()
    ]
    rows += [
        (f"{name} in one row, fairness", changed(put("p_1", value, 4)), "open", FAIRNESS)
        for name, value in wrong.items()
    ]
    rows += [
        ("sums below 1", changed(both(lambda one: 0.9 * one)), "open", BOTH),
        ("percent everywhere", changed(both(lambda one: 100 * one)), "sentence", MEMBERSHIP),
        ("sums above 1", changed(both(lambda _: 0.9)), "open", BOTH),
        ("nothing for anybody", changed(both(lambda _: 0.0)), "open", BOTH),
        ("the same for everybody", changed(both(lambda _: 0.5)), "open", MEMBERSHIP),
        ("log-odds", changed(both(lambda one: 6 * one - 3)), "sentence", MEMBERSHIP),
        ("sure of all", changed(both(round)), "report", MEMBERSHIP),
        ("decimal commas everywhere", changed(both(_comma)), "sentence", MEMBERSHIP),
        ("numbers in quotes", changed(both(str), form="parquet"), "report", BOTH),
    ]
    return _cases("probabilities", rows)


def both(change: Callable[[float], Any]) -> Change:
    """Return what changes the probabilities of both classes."""
    return lambda frame: frame.assign(p_0=frame["p_0"].map(change), p_1=frame["p_1"].map(change))


def _comma(number: float) -> str:
    return str(number).replace(".", ",")


def _labels() -> list[Case]:
    return _cases(
        "labels",
        [
            ("a class unknown", changed(put("label", CANARY, 3)), "sentence", BOTH),
            ("all unknown", changed(put("label", CANARY)), "sentence", BOTH),
            ("a gap", changed(put("label", None, 3)), "sentence", MEMBERSHIP),
            ("all gaps", changed(put("label", None)), "sentence", MEMBERSHIP),
            ("one class only", changed(put("label", 1)), "report", MEMBERSHIP),
            ("0.0 and 1.0", changed(words("label", 0.0, 1.0), form="parquet"), "report", BOTH),
            ("with blanks", changed(words("label", " 0", "1 ")), "report", BOTH),
            ("yes and no", changed(classes("no", "yes")), "report", BOTH),
            ("t and f", changed(classes("f", "t")), "report", BOTH),
            ("true and false", changed(classes("false", "true")), "report", BOTH),
            ("True and False", changed(classes("False", "True")), "report", BOTH),
            ("yes and no where classes are 0 and 1", changed(words("label", "no", "yes")), "sentence", BOTH),
            ("dates", changed(words("label", "2026-01-01", "2026-01-02")), "sentence", BOTH),
        ],
    )


def _members() -> list[Case]:
    rows: list[tuple[str, Make, Any, tuple[str, ...]]] = [
        (f"{no} and {yes}", changed(words("member", no, yes)), "report", BOTH)
        for no, yes in (("no", "yes"), (" NO ", "Yes"), ("FALSE", "TRUE"), ("0.0", "1.0"), ("False", "true"))
    ]
    rows += [
        ("in and out", changed(words("member", "out", "in")), "sentence", MEMBERSHIP),
        ("2 for members", changed(words("member", 0, 2)), "sentence", MEMBERSHIP),
        ("a gap", changed(put("member", None, 3)), "sentence", MEMBERSHIP),
        ("all gaps", changed(put("member", None)), "sentence", MEMBERSHIP),
        ("a canary", changed(put("member", CANARY, 3)), "sentence", MEMBERSHIP),
        ("members alone", changed(put("member", 1)), "open", MEMBERSHIP),
        ("no members", changed(put("member", 0)), "open", MEMBERSHIP),
        ("19 members", changed(put("member", 0, slice(38, None))), "open", MEMBERSHIP),
        ("half a member", changed(words("member", 0.5, 1)), "sentence", MEMBERSHIP),
    ]  # fmt: skip
    return _cases("members", rows)


def _sizes() -> list[Case]:
    head = lambda rows: changed(lambda f: f.head(rows))  # noqa: E731
    twice = changed(lambda f: pd.concat([f, f]))
    return _cases(
        "sizes",
        [
            ("no row", head(0), "sentence", BOTH),
            ("one row", head(1), "open", BOTH),
            ("three rows", head(3), "open", BOTH),
            ("every row twice", twice, "report", BOTH),
            ("one row sixty times", changed(lambda f: pd.concat([f.head(1)] * ROWS)), "open", MEMBERSHIP),
        ],
    )


def _noise(content: bytes) -> bytes:
    return np.random.default_rng(3).bytes(len(content))


def _files() -> list[Case]:
    nested = json.dumps([{"p_0": {"x": CANARY}, "p_1": [1], "label": 0, "member": 1}] * ROWS)
    bundle = json.dumps({"answers": [{"p_0": 0.5, "p_1": 0.5, "label": 0, "member": 1}]})
    rows: list[tuple[str, Make, Any, tuple[str, ...]]] = [
        (f"good, {form}", changed(lambda f: f, form=form), "report", BOTH)
        for form in ("csv", "parquet", "xlsx", "json")
    ]
    for form in ("parquet", "xlsx", "json"):
        rows.append((f"{form} cut in half", damaged(form, lambda b: b[: len(b) // 2]), "sentence", BOTH))
        rows.append((f"{form} without its end", damaged(form, lambda b: b[:-40]), "sentence", BOTH))
        rows.append(
            (
                f"{form} of noise",
                damaged(form, lambda b: np.random.default_rng(3).bytes(len(b))),
                "sentence",
                BOTH,
            )
        )
        rows.append((f"CSV as {form}", written(form, lambda t: t), "sentence", BOTH))
    rows += [
        ("CSV cut in half", damaged("csv", lambda b: b[: len(b) // 2]), "either", MEMBERSHIP),
        ("CSV with NULs", damaged("csv", lambda b: b.replace(b"0.5", b"\0\0\0")), "either", MEMBERSHIP),
        ("CSV of bytes", written("csv", lambda t: t.encode() + b"\xff\xfe,\n"), "sentence", BOTH),
        ("CSV in UTF-16", written("csv", lambda t: t.encode("utf-16"), encoding="utf-16"), "report", BOTH),
        ("CSV in UTF-16, not said", written("csv", lambda t: t.encode("utf-16")), "report", BOTH),
        ("CSV with semicolons", written("csv", lambda t: t.replace(",", ";"), delimiter=";"), "report", BOTH),
        ("CSV, ragged", written("csv", lambda t: t + "0.5,0.5\n" + "0.5," * 20 + "\n"), "either", MEMBERSHIP),
        ("empty", written("csv", lambda _: ""), "sentence", BOTH),
        ("header alone", written("csv", lambda t: t.split("\n", 1)[0] + "\n"), "sentence", BOTH),
        ("JSON, nested", written("json", lambda _: nested), "sentence", MEMBERSHIP),
        ("JSON, one object", written("json", lambda _: bundle), "sentence", BOTH),
        ("no file", lambda folder: given(folder / f"{CANARY}.csv"), "sentence", BOTH),
        ("a folder", given, "sentence", BOTH),
        ("no such worksheet", changed(lambda f: f, form="xlsx", table="no"), "sentence", BOTH),
    ]  # fmt: skip
    return _cases("files", rows)
