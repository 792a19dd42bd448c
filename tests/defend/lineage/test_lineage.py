"""Lineage: rows are followed through pandas, training and prediction, and damage is told in a sentence."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.defend.lineage import Lineage, plain, plot_trace, row_digests

KEY = bytes(range(32))
CLAIMS = pd.DataFrame(
    {
        "claim": [f"C-{i}" for i in range(60)],
        "member": [f"M-{i % 20}" for i in range(60)],
        "amount": [100 + 7 * i for i in range(60)],
    }
)
MEMBERS = pd.DataFrame({"member": [f"M-{i}" for i in range(20)], "age": [30 + i for i in range(20)]})
NEW = pd.DataFrame({"member": ["M-3", "M-4"], "amount": [250, 900]})


def lineage_in(folder, key=KEY):
    return Lineage(folder, key=key, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def lineage(tmp_path):
    return lineage_in(tmp_path / "lineage")


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Two versions of claims, two models (large claims only in the second), predictions of both."""
    folder = tmp_path_factory.mktemp("history")
    lineage = lineage_in(folder / "lineage")
    for version, claims, least in (("v1", CLAIMS.head(40), 0), ("v2", CLAIMS, 300)):
        with lineage.job("collect") as job:
            rows = job.read("claims", claims, identifier="claim")
            people = job.read("members", MEMBERS, identifier="member")
            table = job.write("training rows", rows[rows["amount"] >= least].merge(people, on="member"))
        weights = folder / f"{version}.bin"
        weights.write_bytes(version.encode())
        with lineage.job("train") as job:
            model = job.train("triage", table, version=version, artifact=weights)
        with lineage.job("score") as job:
            asked = job.read("requests", NEW)
            job.predict("scores", asked.assign(score=[0.2, 0.7]), model=model, identifier="member")
    return lineage, folder


def versions_of(trace, name):
    return trace.table.loc[trace.table["dataset"] == name, "version"].tolist()


def test_a_prediction_is_traced_to_its_model_its_training_rows_their_sources_and_its_own_input(history):
    lineage, _ = history
    first = lineage.find("member", "M-3")
    prediction = next(one for one in first if one.startswith("scores@"))
    trace = lineage.back(prediction)
    (model,) = trace.models
    least = 0 if model == "triage@v1" else 300
    used = CLAIMS.head(40) if model == "triage@v1" else CLAIMS
    expected = np.flatnonzero((used["amount"] >= least).to_numpy())
    assert [int(row.partition("#")[2]) for row in trace.rows_of("claims")] == expected.tolist()
    assert len(trace.rows_of("requests")) == 1
    assert trace.exact
    assert f"{len(expected)} rows of claims" in trace.sentence()


def test_a_bad_row_is_traced_forward_through_every_version_that_holds_it(history):
    lineage, _ = history
    # The same claim stands in both versions of the source; it is small, so only v1 was trained on it.
    small = lineage.find("claim", "C-2")
    assert len(small) == 2
    trace = lineage.forward(small[0])
    assert trace.models == ["triage@v1"]
    assert len(versions_of(trace, "claims")) == 2
    assert "1 of 2 versions of the model triage and touched 2 of 4 predictions" in trace.sentence()
    assert lineage.forward(lineage.find("claim", "C-35")[0]).models == ["triage@v1", "triage@v2"]
    assert lineage.forward(lineage.find("claim", "C-50")[0]).models == ["triage@v2"]


def test_without_the_same_record_only_the_named_version_is_followed(history):
    lineage, _ = history
    row, _ = lineage.find("claim", "C-35")
    assert lineage.forward(row, same_record=False).models == ["triage@v1"]


def test_a_row_that_no_model_saw_reaches_none(lineage):
    with lineage.job("collect") as job:
        rows = job.read("claims", CLAIMS, identifier="claim")
        table = job.write("training rows", rows[rows["amount"] > 200])
        job.train("triage", table, version="v1")
    trace = lineage.forward(lineage.find("claim", "C-0"))
    assert trace.models == []
    assert trace.sentence() == "1 row of claims went into no model and no prediction."


def test_a_model_file_is_known_again_by_its_content_whatever_its_name(history, tmp_path):
    lineage, folder = history
    copy = tmp_path / "best_model_final.bin"
    copy.write_bytes((folder / "v2.bin").read_bytes())
    assert lineage.version_of(copy) == "triage@v2"
    copy.write_bytes(b"v2 ")
    with pytest.raises(UserError, match="no recorded version"):
        lineage.version_of(copy)


def test_links_survive_filter_sort_concatenate_merge_and_group(lineage):
    with lineage.job("prepare") as job:
        rows = job.read("claims", CLAIMS, identifier="claim")
        people = job.read("members", MEMBERS, identifier="member")
        both = pd.concat([rows.tail(5), rows.head(5)]).sort_values("amount", ascending=False)
        merged = both.merge(people, on="member", how="left")
        sums = merged.groupby("member", as_index=False).agg(
            {"amount": "sum", "row_of:claims": list, "row_of:members": "first"}
        )
        table = job.write("sums", sums, identifier="member")
    for member in table["member"]:
        trace = lineage.back(lineage.find("member", member)[-1])
        kept = pd.concat([CLAIMS.tail(5), CLAIMS.head(5)])
        expected = sorted(kept.index[kept["member"] == member])
        assert sorted(int(row.partition("#")[2]) for row in trace.rows_of("claims")) == expected
        assert len(trace.rows_of("members")) == 1


def test_a_total_over_all_rows_comes_from_all_of_them(lineage):
    with lineage.job("prepare") as job:
        rows = job.read("claims", CLAIMS)
        job.write("totals", pd.DataFrame({"total": [rows["amount"].sum()]}), whole=[rows.head(7)])
    (totals,) = [one for one in lineage.graph().datasets if one.startswith("totals@")]
    assert len(lineage.back(f"{totals}#0").rows_of("claims")) == 7


def test_the_events_are_openlineage_with_a_start_and_an_end_for_each_run(history):
    lineage, _ = history
    events = [json.loads(line) for line in lineage.events_file.read_text().splitlines()]
    for run in {event["run"]["runId"] for event in events}:
        kinds = [event["eventType"] for event in events if event["run"]["runId"] == run]
        assert kinds == ["START", "COMPLETE"]
    assert len({event["run"]["runId"] for event in events}) == len(events) / 2
    for event in events:
        assert event["schemaURL"].startswith("https://openlineage.io/spec/")
        for one in (*event["inputs"], *event["outputs"]):
            for facet in one["facets"].values():
                assert facet["_producer"] and facet["_schemaURL"]


def test_no_value_of_a_record_is_kept_in_the_folder(history):
    lineage, _ = history
    for file in lineage.events_file.parent.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"C-35" not in content and b"M-3" not in content


def test_the_same_work_leaves_the_same_folder(tmp_path):
    for name in ("one", "two"):
        lineage = lineage_in(tmp_path / name)
        with lineage.job("collect") as job:
            job.train("m", job.read("claims", CLAIMS), version="1")
    files = [
        {file.relative_to(tmp_path / name): file.read_bytes() for file in (tmp_path / name).rglob("*.*")
         if file.is_file() and file.name != ".lock"}
        for name in ("one", "two")
    ]  # fmt: skip
    assert files[0] == files[1]


def test_the_own_key_is_private_and_used_again(tmp_path):
    first = Lineage(tmp_path / "lineage")
    with first.job("collect") as job:
        job.read("claims", CLAIMS, identifier="claim")
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "lineage" / "row.key").stat().st_mode) == 0o600
    assert len(Lineage(tmp_path / "lineage").find("claim", "C-7")) == 1
    assert lineage_in(tmp_path / "lineage").find("claim", "C-7") == []


def test_a_failed_job_counts_for_nothing_and_its_message_is_not_kept(lineage):
    with pytest.raises(ValueError), lineage.job("collect") as job:
        rows = job.read("claims", CLAIMS)
        job.write("training rows", rows)
        raise ValueError("patient Mustermann has no age")
    text = lineage.events_file.read_text()
    assert "Mustermann" not in text and '"FAIL"' in text and "ValueError" in text
    assert not any(one.startswith("training rows@") for one in lineage.graph().datasets)


def test_a_version_of_a_model_is_never_given_twice(lineage):
    with lineage.job("train") as job:
        job.train("triage", job.read("claims", CLAIMS), version="v1")
    with pytest.raises(UserError, match="taken by another model"), lineage.job("train again") as job:
        job.train("triage", job.read("claims", CLAIMS.head(9)), version="v1")
    # The very same model again is no other one.
    with lineage.job("train") as job:
        job.train("triage", job.read("claims", CLAIMS), version="v1")


def test_events_of_another_producer_are_followed_as_a_whole_and_said_to_be_inexact(lineage):
    with lineage.job("collect") as job:
        job.train("triage", job.read("claims", CLAIMS), version="v1")
    (claims,) = [one for one in lineage.graph().datasets if one.startswith("claims@")]
    foreign = {
        "eventTime": "2026-03-01T00:00:00Z", "eventType": "COMPLETE", "producer": "https://airflow.example",
        "run": {"runId": "019ca8b0-0000-7000-8000-000000000000"},
        "job": {"namespace": "airflow", "name": "export"},
        "inputs": [{"namespace": "secure-ai", "name": "claims",
                    "facets": {"version": {"datasetVersion": claims.partition("@")[2]}}}],
        "outputs": [{"namespace": "warehouse", "name": "claims"}],
    }  # fmt: skip
    with lineage.events_file.open("a") as file:
        file.write(json.dumps(foreign) + "\n")
        file.write(json.dumps({"eventTime": "x", "dataset": {"namespace": "a", "name": "b"}}) + "\n")
    trace = lineage.forward(f"{claims}#3")
    assert "warehouse/claims@unversioned" in trace.reached
    assert not trace.exact and "link no rows" in trace.sentence()
    back = lineage.back("warehouse/claims@unversioned")
    assert len(back.reached[claims]) == 60


def test_a_circle_of_jobs_ends(lineage):
    event = {
        "eventTime": "2026-03-01T00:00:00Z", "eventType": "COMPLETE", "run": {"runId": "1"},
        "job": {"namespace": "x", "name": "y"}, "inputs": [{"namespace": "x", "name": "a"}],
        "outputs": [{"namespace": "x", "name": "a"}, {"namespace": "x", "name": "b"}],
    }  # fmt: skip
    back = {**event, "run": {"runId": "2"}, "inputs": event["outputs"], "outputs": event["inputs"]}
    lineage.events_file.write_text(json.dumps(event) + "\n" + json.dumps(back) + "\n")
    trace = lineage.forward("x/a@unversioned")
    assert set(trace.reached) == {"x/a@unversioned", "x/b@unversioned"}
    plot_trace(trace)


def test_changed_and_missing_links_are_named_and_never_believed(tmp_path):
    lineage = lineage_in(tmp_path / "lineage")
    with lineage.job("train") as job:
        model = job.train("triage", job.read("claims", CLAIMS), version="v1")
    assert lineage.verify().empty
    links = lineage.graph().steps[0].links
    file = tmp_path / "lineage" / "rows" / links
    file.write_bytes(file.read_bytes() + b" ")
    assert "were changed" in lineage.verify()["problem"].item()
    with pytest.raises(UserError, match="changed after"):
        lineage.back(model)
    file.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        lineage.back(model)


@pytest.mark.parametrize(
    "line", ["{", "[]", "7", '{"eventType": "DONE"}', '{"run": 3}', "[" * 3000, '{"run":{}}']
)
def test_a_damaged_line_is_named(lineage, line):
    with lineage.job("collect") as job:
        job.read("claims", CLAIMS)
    with lineage.events_file.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=r"Line 3 of events\.jsonl"):
        lineage.datasets()


def test_an_event_cannot_name_a_file_outside_the_folder(lineage):
    event = {
        "eventTime": "t", "eventType": "COMPLETE", "run": {"runId": "1"},
        "job": {"namespace": "x", "name": "y"},
        "outputs": [{"namespace": "x", "name": "a", "facets": {
            "secureAi_rows": {"kind": "table", "count": 1, "links": "../../etc/passwd"}}}],
    }  # fmt: skip
    lineage.events_file.write_text(json.dumps(event) + "\n")
    with pytest.raises(UserError, match="Line 1"):
        lineage.graph()


def bad_names(job, rows):
    return {
        "no link": (lambda: job.write("t", plain(rows)), "do not say where they come from"),
        "empty link": (lambda: job.write("t", rows.assign(**{"row_of:claims": None})), "do not say"),
        "some empty": (lambda: job.write("t", pd.concat([rows, CLAIMS])), "60 rows of 't'"),
        "no row": (lambda: job.write("t", rows.assign(**{"row_of:claims": "claims"})), "does not name a row"),
        "unknown": (
            lambda: job.write("t", rows.assign(**{"row_of:claims": "nobody@1#0"})),
            "No such data set",
        ),
        "too high": (
            lambda: job.write("t", rows.assign(**{"row_of:claims": rows["row_of:claims"].iloc[0] + "99"})),
            "does not have",
        ),
        "no frame": (lambda: job.read("t", [1, 2]), "is no DataFrame"),
        "bad name": (lambda: job.read("a@b", CLAIMS), "needs a name of letters"),
        "no name": (lambda: job.read("", CLAIMS), "needs a name of letters"),
        "bad version": (lambda: job.train("m", rows, version="v 1"), "version of a model"),
        "no file": (
            lambda: job.train("m", rows, version="1", artifact="none.bin"),
            "none.bin cannot be read",
        ),
        "no identifier": (
            lambda: job.read("claims", CLAIMS, identifier="ssn"),
            "no column of the identifier",
        ),
        "twice": (lambda: job.read("claims", pd.concat([CLAIMS, CLAIMS], axis=1)), "two columns of one name"),
        "no model": (lambda: job.predict("p", rows, model=next(iter(job.inputs))), "is no model"),
        "unknown model": (lambda: job.predict("p", rows, model="triage@v9"), "No such data set"),
    }


@pytest.mark.parametrize("case", list(bad_names(None, CLAIMS)))
def test_bad_input_to_a_job_is_told_in_a_sentence(lineage, case):
    with pytest.raises(UserError) as raised, lineage.job("collect") as job:
        call, said = bad_names(job, job.read("claims", CLAIMS))[case]
        call()
    assert said in str(raised.value)
    assert "C-1" not in str(raised.value)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no row to trace"),
        ("claims", "no such version"),
        ("claims@000000000000#1", "no such version"),
        ("nothing@1#2", "choose from claims"),
        ([7], "does not name a row"),
        ("claims@x#", "does not name a row"),
    ],
)
def test_a_row_that_is_not_there_is_told_in_a_sentence(lineage, rows, said):
    with lineage.job("collect") as job:
        read = job.read("claims", CLAIMS)
    with pytest.raises(UserError, match=said):
        lineage.forward(rows)
    with pytest.raises(UserError, match="it has 60"):
        lineage.back(read["row_of:claims"].iloc[0] + "99")
    with pytest.raises(UserError, match="identifier"):
        lineage.find("claim", "C-1")


def test_a_folder_or_key_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be used"):
        Lineage(tmp_path / "file")
    with pytest.raises(UserError, match="16 to 64 bytes"):
        Lineage(tmp_path / "lineage", key=b"short")


def test_the_picture_says_what_the_trace_says(history):
    lineage, _ = history
    figure = plot_trace(lineage.forward(lineage.find("claim", "C-2")))
    title = figure.axes[0].get_title(loc="left")
    assert "reached 1 of 2 model versions" in title and "2 of 4 predictions" in title
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert any("1 of 40 rows" in label for label in labels)


CELLS = st.one_of(st.none(), st.integers(-9, 9), st.text(max_size=3), st.booleans())


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_two_rows_have_one_digest_exactly_if_their_values_agree(rows):
    frame = pd.DataFrame(rows, columns=["a", "b"]).astype("object")
    digests = row_digests(frame, KEY)
    texts = [tuple(_written(value) for value in row) for row in frame.itertuples(index=False)]
    for one, first in enumerate(texts):
        for other, second in enumerate(texts):
            assert (digests[one] == digests[other]) == (first == second)
    assert row_digests(frame[["b", "a"]], KEY) == digests
    assert not set(row_digests(frame, KEY[::-1])) & set(digests)


def _written(value):
    if value is None:
        return "\x00"
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_a_number_keeps_its_digest_when_its_column_becomes_decimal():
    whole = pd.DataFrame({"n": [1, 2]})
    gappy = pd.DataFrame({"n": [1, 2, None]})
    assert row_digests(whole, KEY) == row_digests(gappy, KEY)[:2]


@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_forward_and_backward_agree(tmp_path_factory, data):
    """A row reaches a prediction exactly if the prediction is traced back to the row."""
    lineage = lineage_in(tmp_path_factory.mktemp("any"))
    sizes = [data.draw(st.integers(1, 3)) for _ in range(2)]
    with lineage.job("any") as job:
        sources = [
            job.read(f"s{i}", pd.DataFrame({"x": range(10 * i, 10 * i + size)}))
            for i, size in enumerate(sizes)
        ]
        picks = st.lists(st.integers(0, 3), min_size=1, max_size=5)
        picked = [one.iloc[[p % len(one) for p in data.draw(picks)]] for one in sources]
        table = job.write("t", pd.concat(picked))
        chosen = table.iloc[sorted({p % len(table) for p in data.draw(picks)})]
        last = job.write("u", chosen.assign(z=1))
    backward = {}
    for end in last["row_of:u"]:
        trace = lineage.back(end)
        backward[end] = {row for one in trace.reached for row in trace.rows_of(one)}
    for i, one in enumerate(sources):
        for start in one[f"row_of:s{i}"]:
            trace = lineage.forward(start, same_record=False)
            reached = trace.rows_of("u") if "u" in set(trace.table["dataset"]) else []
            assert set(reached) == {end for end, rows in backward.items() if start in rows}
