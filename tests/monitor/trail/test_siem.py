"""CEF and OCSF as a SIEM reads them."""

from __future__ import annotations

import json
import re

import pytest
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from py_ocsf_models.objects.metadata import Metadata

from secure_ai.core.errors import UserError
from secure_ai.monitor.trail import export_cef, export_ocsf

REQUIRED = {  # OCSF 1.4: required attributes, and those of which one must be there
    3002: (("user",), ("service", "dst_endpoint")),
    6003: (("actor", "api", "src_endpoint"), ()),
    6005: (("actor", "src_endpoint"), ("database", "databucket", "table")),
}


def parse_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """Read a line as the standard says: pipes and equal signs count unless a backslash is before them."""
    fields = re.split(r"(?<!\\)(?:\\\\)*\|", line, maxsplit=7)
    keys = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)(?<!\\)=", fields[7]))
    values = {}
    for here, following in zip(keys, [*keys[1:], None], strict=True):
        raw = fields[7][here.end() : following.start() if following else None]
        values[here[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), raw)
    return fields[:7], values


def test_a_line_of_cef_is_read_back_whatever_the_texts_hold(place, event, tmp_path):
    nasty = "a|b=c\\d\r\ne"
    with place.open() as trail:
        trail.append(event(1, action="ex|port\n", reason=nasty, target=nasty, outcome="denied", alert=True,
                           details={"k=|": nasty}, records=("N1", "N2")))  # fmt: skip
        lines = export_cef(trail, tmp_path / "out.cef").read_text("utf-8").split("\n")
    assert len(lines) == 2 and lines[1] == ""
    fields, values = parse_cef(lines[0])
    assert fields[0] == "CEF:0" and fields[4] == "ex\\|port " and fields[6] == "8"
    assert (values["reason"], values["suid"], values["cn1"]) == (nasty, "S0000001", "1")
    labels = {values[f"cs{n}Label"]: values[f"cs{n}"] for n in range(1, 7) if f"cs{n}" in values}
    assert labels["target"] == nasty and labels["records"] == "N1,N2" and len(labels["hash"]) == 64
    assert json.loads(values["flexString1"]) == {"k=|": nasty}
    assert values["rt"] == "1772366401000"


def test_long_values_are_cut_with_the_number_of_what_is_missing(place, event, tmp_path):
    with place.open() as trail:
        trail.append(event(1, records=tuple(f"N{n:07}" for n in range(1_000)), reason="x" * 2_000))
        _, values = parse_cef(export_cef(trail, tmp_path / "out.cef").read_text())
    number = next(n for n in range(1, 7) if values.get(f"cs{n}Label") == "records")
    kept, more = re.fullmatch(r"(.*) \(\+(\d+) more\)", values[f"cs{number}"]).groups()
    assert len(kept.split(",")) + int(more) == 1_000
    assert max(len(value) for value in values.values()) <= 4_000
    assert len(values["reason"]) <= 1_023


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("sign_in", (3002, 1)),
        ("read", (6005, 1)),
        ("query", (6005, 4)),
        ("update", (6005, 2)),
        ("unwrap", (6003, 99)),
    ],
)
def test_an_event_gets_the_class_that_fits_with_all_that_it_requires(
    place, event, tmp_path, action, expected
):
    class_uid, activity = expected
    with place.open() as trail:
        trail.append(event(1, action=action, details={"source": "ws-3"}))
        (line,) = export_ocsf(trail, tmp_path / "out.jsonl").read_text().splitlines()
    made = json.loads(line)
    assert (made["class_uid"], made["activity_id"]) == (class_uid, activity)
    assert made["type_uid"] == class_uid * 100 + activity
    assert made["category_uid"] == class_uid // 1000
    assert {"severity_id", "time", "metadata"} <= set(made)
    required, one_of = REQUIRED[class_uid]
    assert set(required) <= set(made)
    assert not one_of or set(one_of) & set(made)
    Metadata.model_validate(made["metadata"])
    assert made["metadata"]["sequence"] == 1


def test_an_alert_is_a_detection_finding_that_leads_back_to_its_event(place, event, tmp_path):
    with place.open() as trail:
        trail.append_many([event(1), event(2, outcome="denied", alert=True, reason="no relation")])
        first, second, third = map(
            json.loads, export_ocsf(trail, tmp_path / "out.jsonl").read_text().splitlines()
        )
    finding = DetectionFinding.model_validate(third)
    assert finding.class_uid == 2004
    assert finding.finding_info.related_events[0].uid == second["metadata"]["uid"] == "E000002"
    assert (first["severity_id"], second["severity_id"], second["status_id"]) == (1, 4, 2)


def test_an_export_goes_on_where_the_last_one_ended_and_appears_whole_or_not_at_all(filled, tmp_path):
    with filled.open() as trail:
        lines = export_ocsf(trail, tmp_path / "out.jsonl", after=40).read_text().splitlines()
        assert [json.loads(line)["metadata"]["sequence"] for line in lines] == [41, 42, 43, 44, 45]
        with pytest.raises(UserError, match=r"cannot be written|Cannot write"):
            export_cef(trail, tmp_path / "out.jsonl" / "below" / "x.cef")
