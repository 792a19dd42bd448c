"""oscal.json is OSCAL: compliance-trestle reads it, every reference resolves, no state is a guess."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from secure_ai.assess.assessment import Assessment
from secure_ai.assess.outputs.oscal import NS, control_id, line, oscal_json, oscal_results
from secure_ai.assess.outputs.results import write_results
from secure_ai.core import Outcome
from secure_ai.core.frameworks import entries, entry

from .samples import GIVEN, sample

HASHES = {"report.html": "a" * 64}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
TIME = re.compile(r"\d{4}-\d\d-\d\dT00:00:00\+00:00")
# Required by the schema of assessment results: https://pages.nist.gov/OSCAL/reference/
REQUIRED = {
    "assessment-results": {"uuid", "metadata", "import-ap", "results"},
    "metadata": {"title", "last-modified", "version", "oscal-version"},
    "import-ap": {"href"},
    "results": {"uuid", "title", "description", "start", "reviewed-controls"},
    "reviewed-controls": {"control-selections"},
    "include-controls": {"control-id"},
    "observations": {"uuid", "description", "methods", "collected"},
    "risks": {"uuid", "title", "description", "statement", "status"},
    "findings": {"uuid", "title", "description", "target"},
    "target": {"type", "target-id", "status"},
    "status": {"state"},
    "characterizations": {"origin", "facets"},
    "facets": {"name", "system", "value"},
    "remediations": {"uuid", "lifecycle", "title", "description"},
    "objectives-and-methods": {"control-id", "parts"},
    "parts": {"name"},
    "components": {"uuid", "type", "title", "description", "status"},
    "resources": {"uuid"},
    "rlinks": {"href"},
    "hashes": {"algorithm", "value"},
    "props": {"name", "value"},
    "actors": {"type", "actor-uuid"},
    "subjects": {"subject-uuid", "type"},
    "relevant-evidence": {"description"},
    "related-observations": {"observation-uuid"},
    "related-risks": {"risk-uuid"},
}
REFERENCES = {"observation-uuid", "risk-uuid", "actor-uuid", "subject-uuid"}


@cache
def made(kind: str = "everything", words: str = "") -> Assessment:
    return sample(kind, words=words)  # type: ignore[arg-type]


def content(kind: str = "everything", words: str = "") -> dict[str, Any]:
    return json.loads(oscal_json(made(kind, words), HASHES))["assessment-results"]


def objects(value: Any, name: str = "assessment-results") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a document with the name of the field that holds it."""
    if isinstance(value, dict):
        yield name, value
        for key, item in value.items():
            yield from objects(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from objects(item, name)


def result(kind: str = "everything") -> dict[str, Any]:
    return content(kind)["results"][0]


@pytest.mark.parametrize("kind", GIVEN)
def test_every_required_field_is_there_and_nothing_is_empty(kind: str) -> None:
    document = content(kind)
    for name, found in objects(document):
        # A risk's status is a word; that of a target or a component has a state.
        assert REQUIRED.get(name, set()) <= set(found), (name, found)
        assert all(value not in ("", [], {}, None) for value in found.values()), (name, found)


@pytest.mark.parametrize("kind", GIVEN)
def test_identifiers_are_unique_follow_from_what_they_name_and_all_references_resolve(kind: str) -> None:
    document = content(kind)
    every = list(objects(document))
    uuids = [one["uuid"] for _, one in every if "uuid" in one]
    assert len(uuids) == len(set(uuids)) and all(UUID.fullmatch(one) for one in uuids)
    for _, one in every:
        for name in REFERENCES & set(one):
            assert one[name] in uuids
        if one.get("href", "").startswith("#"):
            assert one["href"][1:] in uuids
    parts = {one["id"] for name, one in every if name == "parts"}
    targets = {one["target-id"] for name, one in every if name == "target"}
    assert targets == parts and all(TOKEN.fullmatch(one) for one in parts)


def test_hostile_words_keep_titles_on_one_line_and_values_filled() -> None:
    for name, found in objects(content("everything", "two\n\nlines \t \u2028 and <b>markup</b>")):
        for field in ("title", "value", "version"):
            if field in found and name != "hashes":
                assert found[field] == found[field].strip() and "\n" not in found[field]
        for field in ("control-id", "target-id", "name"):
            assert TOKEN.fullmatch(found.get(field, "x"))
    assert line("  ") == "not stated"


def test_every_time_is_the_date_of_the_report_and_no_date_is_no_guess() -> None:
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[^\"]+", oscal_json(made()))) == {"2026-03-31T00:00:00+00:00"}
    whole = made("data only")
    undated = Assessment(
        whole.parameters.model_copy(update={"date": None}), whole.sections, whole.findings, whole.treatment
    )
    metadata = oscal_results(undated)["assessment-results"]["metadata"]
    assert metadata["last-modified"].startswith("1970-01-01") and "not given" in metadata["remarks"]
    assert TIME.fullmatch(metadata["last-modified"])


def test_the_same_subject_keeps_its_identifiers_and_another_content_is_another_document() -> None:
    one, other = content("everything"), content("model only")
    risks = [
        {r["title"].split(":")[0]: r["uuid"] for r in each["results"][0]["risks"]} for each in (one, other)
    ]
    shared = set(risks[0]) & set(risks[1])
    assert shared and all(risks[0][name] == risks[1][name] for name in shared)
    assert one["uuid"] != other["uuid"] and content("everything")["uuid"] == one["uuid"]


@pytest.mark.parametrize("kind", GIVEN)
def test_states_follow_outcomes_and_what_was_not_assessed_is_never_satisfied(kind: str) -> None:
    found = {one["target"]["target-id"]: one["target"]["status"] for one in result(kind)["findings"]}
    statuses = {one["props"][0]["value"]: one["status"] for one in result(kind)["risks"]}
    for finding in made(kind).findings:
        state = found[finding.id]
        expected = {
            Outcome.EXCEEDS_THRESHOLD: ("not-satisfied", "fail", "open"),
            Outcome.WITHIN_THRESHOLD: ("satisfied", "pass", "closed"),
            Outcome.UNASSESSED: ("not-satisfied", "other", "investigating"),
        }[finding.outcome]
        assert (state["state"], state["reason"], statuses[finding.id]) == expected
        if finding.outcome is Outcome.UNASSESSED:
            assert "Not assessed" in state["remarks"]


def test_a_plan_moves_the_status_and_sets_the_deadline() -> None:
    whole = made("model only")
    first = whole.findings[0].model_copy(update={"decision": "accept", "due": "2026-09-30", "owner": "CISO"})
    planned = Assessment(whole.parameters, whole.sections, (first, *whole.findings[1:]), whole.treatment)
    risk = oscal_results(planned)["assessment-results"]["results"][0]["risks"][0]
    assert risk["status"] == "deviation-approved" and risk["deadline"] == "2026-09-30T00:00:00+00:00"
    assert {"CISO", "accept"} <= {one["value"] for one in risk["props"]}
    assert "deadline" not in result("model only")["risks"][1]


def test_likelihood_severity_and_threshold_are_facets() -> None:
    for risk, finding in zip(result()["risks"], made().findings, strict=True):
        facets = {one["name"]: one for one in risk["characterizations"][0]["facets"]}
        assert facets["likelihood"]["value"] == finding.likelihood.value
        assert facets["severity"]["value"] == finding.severity.value
        assert all(one["system"] == NS for one in facets.values())
        if finding.threshold is not None:
            assert facets["threshold"]["value"] == f"{finding.threshold:g}"
            assert facets["threshold"]["remarks"] == finding.threshold_source


def test_reviewed_controls_are_the_entries_that_the_findings_touch() -> None:
    selections = result()["reviewed-controls"]["control-selections"]
    listed = {prop["value"] for one in selections for prop in one["props"]}
    assert listed == {name for one in made().findings for name in one.mappings}
    assert all(entry(name).id == name for name in listed)
    for one in selections:
        assert {prop["class"] for prop in one["props"]} == {
            each["control-id"] for each in one["include-controls"]
        }


def test_no_two_entries_of_all_frameworks_share_a_token() -> None:
    names = {one.id for one in entries()}
    tokens = {control_id(name) for name in names}
    assert all(TOKEN.fullmatch(one) for one in tokens) and len(tokens) == len(names)


def test_files_are_named_relatively_with_their_fingerprint(tmp_path) -> None:
    names = write_results(made(), tmp_path)
    document = json.loads((tmp_path / "oscal.json").read_text(encoding="utf-8"))["assessment-results"]
    links = {
        link["href"]: link for one in document["back-matter"]["resources"] for link in one.get("rlinks", [])
    }
    assert set(links) == {*names, "risk_assessment.ipynb"} - {"oscal.json"}
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    hashed = {name: link["hashes"][0]["value"] for name, link in links.items() if "hashes" in link}
    assert hashed == {name: manifest["outputs"][name] for name in hashed}
    assert set(hashed) == {"report.html", "findings.json", "findings.schema.json", "register.csv"}


def test_an_assessment_without_findings_is_a_document_too() -> None:
    bare = Assessment(made().parameters, (), (), ())
    document = oscal_results(bare)["assessment-results"]
    assert "findings" not in document["results"][0] and document["results"][0]["reviewed-controls"]


@pytest.mark.parametrize("kind", GIVEN)
def test_compliance_trestle_reads_and_validates_it(kind: str, tmp_path) -> None:
    from trestle.common.const import VAL_MODE_ALL
    from trestle.core.validator_factory import validator_factory
    from trestle.oscal.assessment_results import AssessmentResults

    path = tmp_path / "oscal.json"
    path.write_text(oscal_json(made(kind, "two\nlines <b>"), HASHES), encoding="utf-8")
    read = AssessmentResults.oscal_read(path)
    assert read is not None and len(read.results[0].findings) == len(made(kind).findings)
    everything = validator_factory.get(Namespace(mode=VAL_MODE_ALL))
    assert everything.model_is_valid(read, True, tmp_path)
