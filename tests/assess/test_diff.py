"""Two reports compared: a moved bar, another seed or silence is never an improvement."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from secure_ai.assess.diff import COLUMNS, Report, compare, compare_reports
from secure_ai.assess.earlier import read_report, refuse_newer, report_of
from secure_ai.assess.outputs import write_results
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.registry import PARTS
from secure_ai.assess.risks import judge, leave_open, risk_of
from secure_ai.assess.section import Section, Table, Text
from secure_ai.assess.treatment import treat
from secure_ai.core import Finding, Measurement, UserError

from .samples import sample

EVASION, EXTRACTION, EXPLANATIONS = "model.evasion", "model.extraction", "fairness.explanations"
CERTAIN = risk_of(EVASION).bands.critical
NAMES = [name for part in PARTS for name in part.risks]


def found(name: str, value: float | None, half: float = 0.02, /, **fields: object) -> Finding:
    if value is None:
        return leave_open(name, "nothing was given.", sector="finance")
    limits = {key: fields.pop(key) for key in ("thresholds", "severity") if key in fields}
    rest = {"name": "rate", "unit": "probability", "method": "m"} | fields
    figure = Measurement(
        value=value, n=200, baseline=0.0, source="s", interval=(value - half, value + half), **rest
    )  # fmt: skip
    return judge(name, f"{name} was measured", figure, sector="finance", **limits)


def report(*findings: Finding, **fields: object) -> Report:
    rest = {"subject": "Fraud model", "sector": "finance", "date": "2026-03-31", "kit": "1.0"} | fields
    return Report(findings=findings, **rest)


# ---------------------------------------------------------------------- what happened to a finding
@pytest.mark.parametrize(
    ("old", "new", "kind", "alarming", "words"),
    [
        (found(EVASION, 0.6), found(EVASION, 0.05), "better", False, "the figure got better"),
        (found(EVASION, 0.05), found(EVASION, 0.6), "worse", True, "the figure got worse"),
        (found(EVASION, 0.3), found(EVASION, 0.31), "unchanged", False, "not told apart"),
        (found(EVASION, CERTAIN + 0.01), found(EVASION, CERTAIN - 0.01), "better", False, "critical"),
        (found(EVASION, CERTAIN - 0.01), found(EVASION, CERTAIN + 0.01), "worse", True, "not told apart"),
        (found(EXPLANATIONS, 0.9), found(EXPLANATIONS, 0.3), "worse", True, "the figure got worse"),
        (found(EVASION, 0.3), found(EVASION, None), "newly unassessed", True, "not assessed any more"),
        (found(EVASION, None), found(EVASION, 0.3), "newly assessed", True, "nobody knew before"),
        (found(EVASION, None), found(EVASION, 0.01, 0.0), "newly assessed", False, "within threshold"),
        (found(EVASION, None), found(EVASION, None), "unassessed", False, "never assessed"),
        (None, found(EVASION, 0.6), "new", True, "not in the earlier report"),
        (None, found(EVASION, 0.01, 0.0), "new", False, "not in the earlier report"),
        (None, found(EVASION, None), "new", False, "not assessed here"),
        (found(EVASION, 0.6), None, "gone", True, "says nothing of it"),
        (found(EVASION, None), None, "gone", False, "says nothing of it"),
        (found(EVASION, 0.05), found(EVASION, 0.6, name="other"), "not comparable", True, "another figure"),
        (found(EVASION, 0.6), found(EVASION, 0.1, name="other"), "not comparable", False, "another figure"),
    ],
)  # fmt: skip
def test_each_change_has_one_kind_and_a_reason(old, new, kind, alarming, words):
    compared = compare(report(*filter(None, [old])), report(*filter(None, [new])))
    (change,) = compared.changes
    assert (change.kind, change.alarming) == (kind, alarming) and words in change.why
    assert compared.worse is alarming
    assert compared.of_kind(kind) == (change,)


def test_a_moved_bar_is_neither_better_nor_worse_and_is_said_first():
    strict, lenient = found(EVASION, 0.3), found(EVASION, 0.3, thresholds={EVASION: 0.9})
    for old, new in ((strict, lenient), (lenient, strict)):
        compared = compare(report(old), report(new))
        assert compared.changes[0].kind == "unchanged" and not compared.worse
        assert "the threshold is another" in compared.changes[0].why
        assert compared.unlike[0].startswith("The threshold is another for model.evasion")
    # The figure itself still counts.
    assert compare(report(strict), report(found(EVASION, 0.8, thresholds={EVASION: 0.9}))).worse


def test_a_lower_figure_at_a_higher_level_is_mixed_and_counts_as_worse():
    from secure_ai.core import Level

    old = found(EVASION, 0.45, severity=Level.LOW)
    new = found(EVASION, 0.3, severity=Level.CRITICAL)
    compared = compare(report(old), report(new))
    assert compared.changes[0].kind == "mixed" and compared.worse


def test_another_method_is_noted_beside_the_change():
    compared = compare(report(found(EVASION, 0.6)), report(found(EVASION, 0.1, method="fewer attacks")))
    assert "measured by another method" in compared.changes[0].why


# ---------------------------------------------------------------------- what makes reports unlike
def test_subject_sector_kit_thresholds_and_parameters_are_said_in_this_order():
    asked = {"seed": 7, "families": ["encoding"], "target": "Mr. Miller", "rows": 200}
    other = {"seed": 8, "families": None, "target": "label", "rows": 200, "threshold": 0.5}
    old = report(found(EVASION, 0.3), parameters=asked)
    new = report(
        found(EVASION, 0.3, thresholds={EVASION: 0.9}),
        subject="Credit model", sector="healthcare", kit="2.0", parameters=other,
    )  # fmt: skip
    said = compare(old, new).unlike
    starts = [
        "They are of different subjects: Fraud model; Credit model", "They are of another sector",
        "They are of another version of the kit: 1.0 before, 2.0 now", "The threshold is another",
        "Thresholds were set otherwise: threshold (not stated before, 0.5 now)", "The tests are others",
        "Seed or sample differ, so figures differ by chance: seed (7 before, 8 now)",
        "Other parameters differ: target",
    ]  # fmt: skip
    assert len(said) == len(starts)
    assert all(text.startswith(start) for text, start in zip(said, starts, strict=True))
    assert "Miller" not in " ".join(said), "a parameter that may name somebody is only named itself"


def test_alike_reports_are_not_called_unlike():
    asked = {"seed": 7, "families": None}
    old = report(found(EVASION, 0.3), parameters=asked)
    new = report(found(EVASION, 0.3), parameters={"seed": 7, "date": "2026-06-30"}, date="2026-06-30")
    assert compare(old, new).unlike == ()
    assert "no manifest" in compare(old, report(found(EVASION, 0.3))).unlike[0]


# ---------------------------------------------------------------------- two subjects
def test_two_subjects_stand_side_by_side_and_nothing_is_progress():
    old = report(found(EVASION, 0.6), found(EXTRACTION, None), found(EXPLANATIONS, 0.9))
    new = report(found(EVASION, 0.05), found(EXTRACTION, None), found("data.payment_cards", None),
                 subject="Credit model")  # fmt: skip
    compared = compare(old, new)
    assert compared.apart and not compared.worse and compared.changed == ()
    assert {change.kind for change in compared.changes} == {"side by side"}
    assert not any(change.alarming for change in compared.changes)
    said = compared.sentence()
    assert said.startswith("DIFFERENT SUBJECTS: nothing counts as better or worse. Side by side stand 2 ")
    assert "1 more only in the first report, 1 more only in the second" in said
    why = {change.finding.id: change.why for change in compared.changes}
    assert why[EVASION].startswith("critical, exceeds threshold in the first report; medium, within")
    assert why[EXTRACTION] == "not assessed in either report"
    assert why[EXPLANATIONS] == "only in the first report"
    assert compared.changes[0].finding.id == EVASION, "the worst of either report comes first"
    assert compared.changes[0].risk == risk_of(EVASION).name, "a title holds one subject's figures"
    for text in (compared.to_markdown(), compared.to_html()):
        assert "--same-subject" in text and "Fraud model; Credit model" in text and "first report" in text
        assert "What changed" not in text and "before" not in text
    assert compared.to_dict()["different subjects"] is True


def test_a_subject_that_was_renamed_or_never_named_is_compared_as_one():
    old, better = report(found(EVASION, 0.6)), found(EVASION, 0.05)
    renamed = report(better, subject="Fraud model 2")
    assert compare(old, renamed, same_subject=True).changes[0].kind == "better"
    assert (
        "different subjects: Fraud model; Fraud model 2" in compare(old, renamed, same_subject=True).unlike[0]
    )
    spelled = compare(old, report(better, subject=" FRAUD  model"))
    assert spelled.changes[0].kind == "better" and spelled.unlike == ()
    for subject in ("", "Risk assessment, finance"):
        unnamed = report(better, subject=subject)
        assert compare(old, unnamed).changes[0].kind == "better"
        assert "one report does not say" in compare(old, unnamed).unlike[0]
        assert "Neither report names its subject" in compare(unnamed, unnamed).unlike[0]


# ---------------------------------------------------------------------- reading
def findings_file(folder: Path, content: object, name: str = "findings.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


GOOD = json.loads(found(EVASION, 0.3).model_dump_json())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "damaged"),
        ("{", "damaged"),
        ("[1, 2]", "damaged"),
        ("[" * 100_000, "damaged"),
        ({"findings": [GOOD]}, "no file of findings"),
        ({"format": "secure-ai assessment 1", "findings": []}, "no file of findings"),
        ({"format": ["secure-ai findings 2"], "findings": []}, "no file of findings"),
        ({"format": "secure-ai findings 3", "findings": []}, "newer kit (format 3; this one reads up to 2)"),
        ({"format": "secure-ai findings 2"}, "no list of findings"),
        ({"format": "secure-ai findings 2", "findings": {"a": 1}}, "no list of findings"),
        ({"format": "secure-ai findings 2", "findings": [7]}, "not as this kit writes it"),
        ({"format": "secure-ai findings 2", "findings": [GOOD | {"level": "unassessed"}]}, "not as this kit"),
        ({"format": "secure-ai findings 2", "findings": [GOOD | {"measurement": {"value": 1}}]}, "not as"),
        ({"format": "secure-ai findings 2", "findings": [GOOD | {"measurement": None}]}, "not as this"),
        ({"format": "secure-ai findings 2", "findings": [GOOD, GOOD]}, "there twice"),
        (
            json.dumps({"format": "secure-ai findings 2", "findings": [GOOD | {"threshold": math.inf}]}),
            "damaged (it is no JSON)",
        ),
    ],
)  # fmt: skip
def test_a_damaged_foreign_or_newer_report_is_one_sentence(tmp_path, content, words):
    path = findings_file(tmp_path, content)
    for place in (path, tmp_path):
        with pytest.raises(UserError) as refused:
            read_report(place)
        assert words in str(refused.value) and str(tmp_path) not in str(refused.value)
        assert "\n" not in str(refused.value)


def test_what_is_no_file_is_one_sentence(tmp_path):
    os.mkfifo(tmp_path / "findings.json")  # reading it would never end
    binary = tmp_path / "binary.json"
    binary.write_bytes(bytes(range(256)))
    for place in (tmp_path, tmp_path / "none", tmp_path / "no\0path", binary):
        with pytest.raises(UserError, match="earlier report"):
            read_report(place)


def test_a_damaged_manifest_beside_good_findings_is_refused(tmp_path):
    findings_file(tmp_path, {"format": "secure-ai findings 2", "findings": [GOOD]})
    findings_file(tmp_path, "{", "manifest.json")
    with pytest.raises(UserError, match="damaged"):
        read_report(tmp_path)


def test_the_format_before_this_one_is_read_and_its_file_names_are_not_shown(tmp_path):
    old = {key: GOOD[key] for key in GOOD if key not in {"after", "rule", "residual_level", "decision"}}
    old["mitigations"] = ["Do something."]
    content = {
        "format": "secure-ai findings 1", "subject": "maria_schneider.csv", "sector": "finance",
        "date": None, "records": 40, "columns": 9, "findings": [old],
    }  # fmt: skip
    read = read_report(findings_file(tmp_path, content))
    assert read.findings[0].mitigations[0].action == "Do something."
    compared = compare(read, report(found(EVASION, 0.3)))
    assert "Whether both are of the same subject is not known" in compared.unlike[0]
    assert "schneider" not in json.dumps(compared.to_dict())
    assert compared.changes[0].kind == "unchanged"


def test_reports_that_the_kit_wrote_are_compared(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, made in ((one, sample("everything")), (other, sample("model only", seed=8))):
        folder.mkdir()
        write_results(made, folder)
    same = compare_reports(one, one)
    assert not same.worse and same.changed == () and same.unlike == ()
    compared = compare_reports(one, other / "findings.json")
    gone = compared.of_kind("newly unassessed")
    assert {change.finding.id.split(".")[0] for change in gone} >= {"data", "assistant", "controls"}
    assert compared.worse and any(text.startswith("Seed or sample") for text in compared.unlike)


def test_a_newer_format_is_refused_wherever_findings_are_read():
    refuse_newer("secure-ai findings 2")
    refuse_newer(None)
    with pytest.raises(UserError, match="The file of findings was written by a newer kit"):
        refuse_newer("secure-ai findings 9", "file of findings")


# ---------------------------------------------------------------------- what is written
def hostile() -> tuple[Report, Report]:
    bad = "<script>alert(1)</script> | [x](javascript:1) `a` \n## b"
    old = found(EVASION, 0.1).model_copy(update={"title": bad})
    new = found(EVASION, 0.6).model_copy(update={"title": bad})
    return report(old, subject=bad), report(new, subject="=1+1")


@pytest.mark.parametrize("same", [True, False])
def test_what_reports_hold_is_escaped_in_markdown_and_html(same):
    compared = compare(*hostile(), same_subject=same)
    html, markdown = compared.to_html(), compared.to_markdown()
    for text in (html, markdown):
        assert "<script" not in text and compared.rule in Markup(text).unescape()
        assert "worse" in text.casefold()
    assert "\n## b" not in markdown and "[x]" not in markdown and "`a`" not in markdown
    assert all(line.count(" | ") in {0, 3} for line in markdown.replace("\\|", "").splitlines())
    assert "<h2>" in html and html.count("<table>") == html.count("</table>") == 1


def test_the_comparison_as_frame_sentence_and_plain_values():
    compared = compare(
        report(found(EVASION, 0.1), found(EXTRACTION, None)),
        report(found(EVASION, 0.6), found(EXTRACTION, None)),
    )
    frame = compared.to_frame()
    assert list(frame.columns) == list(COLUMNS)
    assert frame["change"].tolist() == ["worse", "unassessed"], "the worst first"
    assert compared.sentence() == "2 findings compared: 1 worse, 1 unassessed."
    plain = json.loads(json.dumps(compared.to_dict(), allow_nan=False))
    assert plain["worse"] is True and plain["changes"][0]["id"] == EVASION
    assert compare(report(), report()).sentence() == "There is no finding to compare."


# ---------------------------------------------------------------------- claims on any two reports
figures = st.one_of(st.none(), st.integers(0, 100).map(lambda n: n / 100))
several = st.dictionaries(st.sampled_from(NAMES), figures, max_size=8)
MIRROR = {
    "better": "worse", "worse": "better", "new": "gone", "gone": "new",
    "newly assessed": "newly unassessed", "newly unassessed": "newly assessed",
}  # fmt: skip


def of(values: dict[str, float | None], half: float) -> Report:
    return report(*(found(name, value, half) for name, value in values.items()))


@given(values=several, half=st.sampled_from([0.0, 0.05]))
def test_a_report_does_not_differ_from_itself(values, half):
    one = of(values, half)
    compared = compare(one, one)
    assert compared.changed == () and not compared.worse and compared.unlike == ()
    assert len(compared.changes) == len(values)


@given(one=several, other=several, half=st.sampled_from([0.0, 0.05]))
def test_the_comparison_the_other_way_round_is_its_mirror(one, other, half):
    there, back = compare(of(one, half), of(other, half)), compare(of(other, half), of(one, half))
    kinds = {change.finding.id: change.kind for change in there.changes}
    assert {change.finding.id: MIRROR.get(change.kind, change.kind) for change in back.changes} == kinds
    assert set(kinds) == {*one, *other}, "no finding of either report is left out"


# ---------------------------------------------------------------------- the section of the newer report
def parameters(previous: Path, **options: object) -> AssessmentParameters:
    return AssessmentParameters.read(
        {"sector": "healthcare", "model": "m.skops", "previous": str(previous)} | options
    )


def test_the_newer_report_has_a_section_on_what_changed(tmp_path):
    write_results(sample("model only"), tmp_path)
    old = read_report(tmp_path)
    worse = [one for one in old.findings if one.id != EVASION] + [found(EVASION, 0.99, 0.0, name="evasion")]
    _, sections = treat(parameters(tmp_path), worse, {})
    section = next(one for one in sections if one.id == "treatment.changes")
    assert Section.model_validate_json(section.model_dump_json()) == section
    first = section.blocks[0]
    assert isinstance(first, Text) and first.text.startswith("SOMETHING GOT WORSE")
    assert (
        section.facts["counts_as_worse"] is True
        and section.facts["worse"] == 1
        and "2026-03-31" in section.assessed
    )
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert table.rows[0][0] != "unchanged"


def test_an_earlier_report_of_another_subject_is_no_progress(tmp_path):
    write_results(sample("model only"), tmp_path)
    _, sections = treat(parameters(tmp_path, subject="Credit model"), [found(EVASION, 0.01)], {})
    section = next(one for one in sections if one.id == "treatment.changes")
    assert section.summary.startswith("DIFFERENT SUBJECTS") and section.facts["counts_as_worse"] is False
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert {"first report", "second report"} <= set(table.columns)


def test_titles_of_what_is_gone_are_not_shown_where_names_may_not_be(tmp_path):
    write_results(sample("model only", words="canary-column"), tmp_path)
    for redact, shown in (("names", True), ("strict", False)):
        _, sections = treat(parameters(tmp_path, redact=redact), [], {})
        section = next(one for one in sections if one.id == "treatment.changes")
        assert ("canary-column" in section.model_dump_json()) is shown
        assert EVASION in section.model_dump_json() or shown


def test_a_run_that_is_not_written_yet_is_a_report():
    made = report_of(parameters(Path("x"), subject="Triage"), [found(EVASION, 0.3)])
    assert (made.subject, made.sector, len(made.findings)) == ("Triage", "healthcare", 1)
    assert made.parameters["previous"] == "folder given", "of places only that they were given"
