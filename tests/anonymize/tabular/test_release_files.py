"""A released file gives nothing away beside its values, and holds what was required for who reads it."""

from __future__ import annotations

import re

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.tabular import command
from secure_ai.anonymize.tabular.anonymizer import anonymize
from secure_ai.anonymize.tabular.command import anonymize_file
from secure_ai.anonymize.tabular.measures import privacy_measures
from secure_ai.anonymize.tabular.report import render_report
from secure_ai.core import UserError

ROWS = 300
HARD_TEXTS = [
    "",
    " ",
    "*",
    "NA",
    "1",
    "1.0",
    "01",
    "a",
    "A",
    "a ",
    "x, y",
    "it's",
    'say "so"',
    "missing",
    "{a, b}",
    None,
]


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "age": rng.integers(20, 70, ROWS),
            "place": rng.choice(np.array(HARD_TEXTS, dtype=object), ROWS),
            "seen": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, ROWS), unit="D"),
            "ill": rng.choice(["flu", "cold", "none"], ROWS),
            "paid": rng.choice([1.0, 2.5, np.nan], ROWS),
            "score": rng.normal(size=ROWS).round(2),
        },
        index=[f"Person {i}" for i in range(ROWS)],
    )


@pytest.mark.parametrize("method", ["mondrian", "full_domain"])
@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_who_reads_the_text_file_counts_classes_of_k_or_more(people, tmp_path, method, ending):
    people.to_parquet(tmp_path / "in.parquet", index=False)
    keys = ["age", "place", "seen"]
    out = tmp_path / f"out.{ending}"
    done = anonymize(
        tmp_path / "in.parquet",
        keys,
        sensitive=["ill", "paid"],
        keep=["score"],
        k=6,
        l=2,
        method=method,
        out=out,
    )
    # Nothing of the kit: another reader, text for text, an empty field as missing.
    table = pd.read_csv(out, sep="\t" if ending == "tsv" else ",", dtype=str, keep_default_na=False)
    assert len(table) == ROWS
    with duckdb.connect() as connection:
        connection.register("made", table)
        least, ill, paid = connection.execute(
            "SELECT min(n), min(ill), min(paid) FROM (SELECT count(*) AS n, count(DISTINCT ill) AS ill, "
            "count(DISTINCT paid) AS paid FROM made GROUP BY age, place, seen)"
        ).fetchone()
    assert least == done.risk_after.k >= 6 and ill >= 2 and paid >= 2


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_the_order_of_the_original_cannot_be_told_from_the_file(people, tmp_path, ending):
    files = []
    for name, table in (("a", people), ("b", people.sample(frac=1, random_state=3))):
        table.to_parquet(tmp_path / f"{name}.parquet")
        out = tmp_path / f"{name}_out.{ending}"
        anonymize(tmp_path / f"{name}.parquet", ["age", "seen"], keep="score", k=5, out=out)
        files.append(out.read_bytes())
    assert files[0] == files[1]
    assert b"Person" not in files[0] and b"pandas" not in files[0]


def test_a_frame_is_sorted_and_says_nothing_of_its_original(people):
    table = people.assign(ill=pd.Categorical(people["ill"], categories=["cold", "flu", "none", "Ann Smith"]))
    table.attrs["owner"] = "Ann Smith"
    made = anonymize(table, ["age"], sensitive=["ill"], k=5).frame
    again = anonymize(table.iloc[::-1], ["age"], sensitive=["ill"], k=5).frame
    pd.testing.assert_frame_equal(made, again)
    assert made.index.tolist() == list(range(ROWS)) and made.attrs == {}
    assert list(made["ill"].cat.categories) == ["cold", "flu", "none"]


def test_the_order_can_be_kept_and_is_then_a_warning(people, tmp_path):
    done = anonymize(people, ["age"], sensitive=["ill"], k=5, keep_order=True)
    assert done.frame["ill"].tolist() == people["ill"].tolist() and done.frame.index.equals(people.index)
    assert "in their old order" in done.warnings[-1]
    for ending in ("csv", "parquet"):
        people.to_parquet(tmp_path / "in.parquet", index=False)
        out = tmp_path / f"out.{ending}"
        anonymize(tmp_path / "in.parquet", ["age"], sensitive=["ill"], k=5, keep_order=True, out=out)
        made = pd.read_csv(out) if ending == "csv" else pd.read_parquet(out)
        assert made["ill"].tolist() == people["ill"].tolist()


def test_empty_text_and_missing_value_are_one_to_who_reads_a_text_file(tmp_path):
    table = pd.DataFrame({"age": [1, 2] * 10, "s": ["", None] * 10})
    table.to_parquet(tmp_path / "in.parquet")
    with pytest.raises(UserError, match="an empty text looks like a missing value"):
        anonymize(tmp_path / "in.parquet", ["age"], sensitive=["s"], k=4, l=2, out=tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    done = anonymize(
        tmp_path / "in.parquet", ["age"], sensitive=["s"], k=4, l=2, out=tmp_path / "out.parquet"
    )
    assert done.privacy_after["s"].worst["distinct_l"].value == 2


def test_no_header_is_a_formula(people, tmp_path):
    people.rename(columns={"ill": "=cmd()"}).to_parquet(tmp_path / "in.parquet", index=False)
    anonymize(tmp_path / "in.parquet", ["age"], sensitive=["=cmd()"], k=5, out=tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv").columns.tolist() == ["age", "'=cmd()"]


NAMES = [
    ("b$x_{$", "a<script>alert(1)</script>"), ("v1", "v0"), ("q1", "q0"), ("s0", "r"), ("code", "weight"),
    ("北京", "ж\n"), ('c"d', "e'f"), ("group", "order"), (0, 1),
]  # fmt: skip


@pytest.mark.parametrize("names", NAMES, ids=range(len(NAMES)))
@pytest.mark.filterwarnings("error")
def test_columns_may_have_any_name(people, names):
    plain = people[["age", "place", "ill"]].reset_index(drop=True)
    named = plain.set_axis([*names, "v2"], axis=1)
    made = anonymize(named, names, sensitive=["v2"], k=5, l=2)
    assert made.privacy_before.k == privacy_measures(plain, ["age", "place"], ["ill"]).k
    assert made.to_frame()["after"].equals(
        anonymize(plain, ["age", "place"], sensitive=["ill"], k=5, l=2).to_frame()["after"]
    )
    page = render_report(made)
    assert "<script" not in page


@pytest.mark.parametrize("method", ["mondrian", "full_domain"])
def test_times_with_a_zone_are_released_in_utc(method):
    times = pd.date_range("2024-01-01 00:30", periods=60, freq="D", tz="Europe/Berlin")
    made = anonymize(
        pd.DataFrame({"t": times, "s": ["a", "b"] * 30}), ["t"], sensitive=["s"], k=5, method=method
    )
    assert made.risk_after.k >= 5
    if method == "mondrian":
        assert made.frame["t"].min().startswith("[2023-12-31 23:30:00")


@pytest.mark.parametrize("failure", [UserError("later"), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
def test_a_report_that_fails_leaves_no_table_either(people, tmp_path, monkeypatch, failure):
    def fails(*arguments, **options):
        raise failure

    people.to_parquet(tmp_path / "in.parquet", index=False)
    monkeypatch.setattr(command, "frontier", fails)
    with pytest.raises(type(failure)):
        anonymize_file(
            str(tmp_path / "in.parquet"),
            tmp_path / "out.csv",
            quasi_identifiers=["age"],
            k=5,
            report=tmp_path / "report",
        )
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_a_target_that_folds_cannot_serve_is_said_in_words(people):
    with pytest.raises(UserError, match="a model of 'ill' is trained on: name no target, or require less"):
        anonymize(people, ["age"], sensitive=["ill"], k=ROWS, target="ill")


def test_many_columns_need_no_minutes(tmp_path):
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.integers(0, 5, (40, 200)), columns=[f"c{i}" for i in range(200)])
    wide.to_parquet(tmp_path / "in.parquet")
    done = anonymize(tmp_path / "in.parquet", list(wide), k=4, out=tmp_path / "out.csv")
    assert done.risk_after.k >= 4


def test_a_class_that_gives_its_value_away_is_a_warning(people):
    table = people.assign(ill=np.where(people["age"] < 40, "flu", "cold"))
    assert any(
        "everybody has the same 'ill'" in w
        for w in anonymize(table, ["age"], sensitive=["ill"], k=5).warnings
    )
    done = anonymize(table, ["age"], sensitive=["ill"], k=5, l=2)
    assert not done.warnings


def test_k_of_one_is_not_called_anonymous(people):
    assert "the table is not anonymized" in render_report(anonymize(people, ["age", "seen"], k=1))


numbers = st.one_of(st.none(), st.integers(-20, 20).map(lambda n: n / 2))
words = st.one_of(st.none(), st.sampled_from(["a", "b", "ü", "北", "a b"]))


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(numbers, words), min_size=4, max_size=60), k=st.integers(2, 4))
def test_the_loss_is_what_the_released_text_says(rows, k):
    table = pd.DataFrame(rows, columns=["n", "w"]).astype({"n": float, "w": object})
    done = anonymize(table, ["n", "w"], k=k)
    known = table["n"].dropna()
    span = known.max() - known.min() if len(known) else 0
    values = table["w"].nunique(dropna=False)

    def lost(number: str, word: str) -> float:
        parts = re.findall(r"-?[0-9.]+", number)
        width = float(parts[-1]) - float(parts[0]) if parts else 0.0
        share = 1.0 if " or missing" in number else width / span if span else 0.0
        members = values if word == "*" else word.count(", ") + 1
        return (share + (members - 1) / max(values - 1, 1)) / 2

    naive = np.mean([lost(*row) for row in done.frame.itertuples(index=False)])
    assert done.loss.ncp == pytest.approx(naive, abs=1e-9)
    sizes = done.frame.groupby(["n", "w"]).size()
    assert sizes.min() == done.risk_after.k >= k
    assert done.loss.discernibility <= (sizes**2).sum()
