"""Components are compared with advisories, answered, scheduled and reported; bad files told in a sentence."""

from __future__ import annotations

import csv
import io
import json
import threading
import zipfile
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from secure_ai.core.errors import UserError
from secure_ai.core.measurement import Unassessed
from secure_ai.defend.dependencies import (
    Advisory,
    AdvisoryFile,
    Affects,
    Bill,
    Component,
    PatchPolicy,
    Statement,
    check_dependencies,
    constraints,
    environment_bill,
    lock_bill,
    patch_schedule,
    plan_upgrades,
    planted_environment,
    plot_severities,
    read_advisories,
    read_bill,
    read_statements,
    refresh_advisories,
    sample_advisories,
    vex_document,
    write_report,
)

DAY = date(2026, 3, 1)
STATEMENT = {
    "advisory": "CVE-2024-35178", "package": "Jupyter.Server", "versions": "<2.14.1", "by": "platform team",
    "justification": "requires_environment", "reason": "All servers run Linux, which keeps no such hash.",
    "until": "2026-12-31",
}  # fmt: skip


def bill_of(*packages, ecosystem="PyPI"):
    parts = tuple(Component(name, version, ecosystem, "", f"{name}=={version}") for name, version in packages)
    return Bill("the bill", parts, {}, {"bomFormat": "CycloneDX"})


def advisory(name="X-1", package="thing", events=(("0", "2.0"),), **more):
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": low}, {"fixed": high}]} for low, high in events]
    affected = [{"package": {"ecosystem": more.pop("ecosystem", "PyPI"), "name": package}, "ranges": ranges}]
    return Advisory.model_validate(
        {"id": name, "modified": "2026-02-20T00:00:00Z", "affected": affected, **more}
    )


def file_of(*advisories):
    return AdvisoryFile("file.json", advisories)


def check(bill, *advisories, **options):
    return check_dependencies(
        bill, file_of(*advisories) if advisories else sample_advisories(), as_of=DAY, **options
    )


def test_a_planted_vulnerable_version_is_found_shown_and_patched():
    with planted_environment() as planted:
        before = check(planted.bill())
        assert [one.advisory for one in before.affected] == ["SAMPLE-2026-0001"]
        assert planted.demonstrate().code_ran
        (upgrade,) = plan_upgrades(before)
        planted.install(upgrade.to)
        assert check(planted.bill()).affected == ()
        after = planted.demonstrate()
        assert not after.code_ran and after.total == "200.00"
        with pytest.raises(UserError, match="has the versions"):
            planted.install("9.9")
        folder = planted.folder
    assert not folder.exists()


@pytest.fixture(scope="module")
def own():
    return environment_bill()


def test_the_bill_of_this_environment_names_what_is_installed_and_no_folder_of_the_machine(own, repo_root):
    import sklearn

    installed = {one.name: one for one in own.components}
    assert installed["scikit-learn"].version == sklearn.__version__
    assert installed["scikit-learn"].ecosystem == "PyPI"
    text = json.dumps(own.document)
    assert "file:" not in text and str(repo_root) not in text
    assert own.path_to(installed["scikit-learn"])[-1] == "scikit-learn"


def test_a_bill_is_read_back_as_it_was_written(own, tmp_path):
    own.write(tmp_path / "bill.json")
    assert read_bill(tmp_path / "bill.json").components == own.components


def test_the_sample_finds_nothing_in_this_environment_and_is_no_evidence(own):
    found = check(own)
    assert found.affected == ()
    assert isinstance(found.measurements(), Unassessed)
    assert "far from complete" in found.sentence()


def test_a_lock_file_is_compared_as_well(tmp_path):
    lock = tmp_path / "requirements.lock"
    digest = "0" * 64
    lock.write_text(
        f"joblib==1.1.0 \\\n    --hash=sha256:{digest}\nskops==0.16.0 ; python_version < '3.14'\n"
    )
    bill = lock_bill(lock)
    assert {(one.name, one.version) for one in bill.components} == {("joblib", "1.1.0"), ("skops", "0.16.0")}
    assert [one.component.name for one in check(bill).affected] == ["joblib"]
    assert constraints(plan_upgrades(check(bill))).startswith("joblib>=1.2.0")
    lock.write_text("joblib>=1\n")
    with pytest.raises(UserError, match="pins no version"):
        lock_bill(lock)
    with pytest.raises(UserError, match="no lock file"):
        lock_bill(tmp_path / "none.lock")


def test_names_are_compared_as_their_ecosystem_does():
    assert [one.component.name for one in check(bill_of(("pyyaml", "5.3"), ("Py_YAML", "5.3"))).affected] == [
        "pyyaml"
    ]
    assert len(check(bill_of(("jupyter-Server", "2.0.0"))).affected) == 1
    assert len(check(bill_of(("lodash", "4.17.20"), ecosystem="npm")).affected) == 1
    assert check(bill_of(("Lodash", "4.17.20"), ecosystem="npm")).affected == ()
    assert check(bill_of(("lodash", "4.17.20"))).affected == ()


def test_two_databases_about_one_flaw_are_one_finding_even_where_they_disagree():
    (found,) = check(bill_of(("pyarrow", "13.0.0"))).affected
    assert {"GHSA-5wvp-7f3h-6wmm", "PYSEC-2023-238", "CVE-2023-47248"} <= set(found.names)
    (found,) = check(bill_of(("pyarrow", "0.5.0"))).affected
    assert found.advisory == "GHSA-5wvp-7f3h-6wmm"


def test_the_fix_is_the_lowest_version_that_no_other_advisory_affects():
    advisories = (
        advisory("A", events=[("0", "1.5")]),
        advisory("B", events=[("1.4", "1.6"), ("2.0", "2.1")]),
    )
    (upgrade,) = plan_upgrades(check(bill_of(("thing", "1.4.2")), *advisories))
    assert (upgrade.to, upgrade.step, upgrade.answers) == ("1.6", "minor", ("A", "B"))
    (upgrade,) = plan_upgrades(check(bill_of(("thing", "2.0.3")), *advisories))
    assert (upgrade.to, upgrade.answers) == ("2.1", ("B",))


def test_without_a_fix_the_schedule_says_so():
    unfixed = Advisory.model_validate({
        "id": "U", "modified": "2026-02-20", "affected": [{"package": {"ecosystem": "PyPI", "name": "thing"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}],
    })  # fmt: skip
    schedule = patch_schedule(check(bill_of(("thing", "1.0")), unfixed))
    assert "No fixed version" in schedule["what_to_do"].item()
    # Not stated counts as high until somebody has read it.
    assert (schedule["severity"].item(), schedule["due"].item()) == ("not stated", "2026-03-31")


def test_the_most_severe_is_due_first_from_the_day_it_was_first_seen():
    bill = bill_of(("joblib", "1.1.0"), ("jinja2", "3.1.2"), ("skops", "0.12.0"))
    schedule = patch_schedule(check(bill), first_seen={"GHSA-h5c8-rqwp-cp95": date(2025, 11, 1)})
    assert schedule["package"].tolist() == ["jinja2", "joblib", "skops"]
    assert schedule["overdue"].tolist() == [True, False, False]
    assert schedule["due"].tolist() == ["2026-01-30", "2026-03-16", "2026-03-31"]
    with pytest.raises(UserError, match="grow from critical to low"):
        PatchPolicy(critical=30, high=15)


def test_what_cannot_be_compared_is_neither_affected_nor_clean():
    found = check(bill_of(("thing", "2.0-custom-build")), advisory())
    assert [one.status for one in found.matches] == ["cannot be compared"]
    assert found.affected == () and "1 cannot be compared" in found.sentence()
    git = Advisory.model_validate({
        "id": "G", "modified": "2026-02-20", "affected": [{"package": {"ecosystem": "PyPI", "name": "thing"},
        "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}],
    })  # fmt: skip
    assert git.affects("PyPI", "thing", "1.0") is Affects.UNKNOWN


def test_a_withdrawn_advisory_affects_nothing_and_a_listed_version_is_affected():
    assert advisory(withdrawn="2026-01-01").affects("PyPI", "thing", "1.0") is Affects.NO
    listed = Advisory.model_validate({
        "id": "L", "modified": "2026-02-20",
        "affected": [
            {"package": {"ecosystem": "PyPI", "name": "thing"}, "versions": ["1.0", "1.1"], "ranges": None}],
    })  # fmt: skip
    answers = [listed.affects("PyPI", "thing", version) for version in ("1.0.0", "1.2", "odd-one")]
    assert answers == [Affects.YES, Affects.NO, Affects.NO]


def test_a_component_of_another_ecosystem_is_said_not_to_be_compared():
    found = check(Bill("b", (Component("glibc", "2.36", None, "pkg:deb/debian/glibc@2.36", "g"),), {}, {}))
    assert [one.name for one in found.not_compared] == ["glibc"]
    assert "1 component not compared" in found.sentence()


STATEMENT_CASES = [
    ({}, "2.14.0", "not affected because"),
    ({}, "2.13.0rc1", "not affected because"),
    ({"versions": "<2.14"}, "2.14.0", "affected"),
    ({"until": "2026-02-28"}, "2.14.0", "affected"),
    ({"until": "2026-03-01"}, "2.14.0", "not affected because"),
    ({"advisory": "GHSA-hrw6-wg82-cm62"}, "2.14.0", "not affected because"),
    ({"advisory": "CVE-2024-99999"}, "2.14.0", "affected"),
    ({"package": "jupyterlab"}, "2.14.0", "affected"),
]


@pytest.mark.parametrize(("change", "version", "status"), STATEMENT_CASES)
def test_a_statement_counts_for_its_advisory_package_versions_and_time_only(change, version, status):
    statement = Statement.model_validate(STATEMENT | change)
    found = check(bill_of(("jupyter_server", version)), statements=[statement])
    (match,) = found.matches
    assert match.status == status
    about = match.statement is not None or "statement" in match.reason
    assert (statement in found.unused) is not about


def test_the_statements_are_handed_on_as_cyclonedx_and_the_same_each_time():
    statement = Statement.model_validate(STATEMENT)
    found = check(bill_of(("jupyter_server", "2.14.0"), ("joblib", "1.1.0")), statements=[statement])
    document = vex_document(found)
    states = {one["id"]: one["analysis"] for one in document["vulnerabilities"]}
    assert states["GHSA-6hrg-qmvc-2xh8"]["state"] == "exploitable"
    assert states["GHSA-hrw6-wg82-cm62"]["state"] == "not_affected"
    assert states["GHSA-hrw6-wg82-cm62"]["justification"] == "requires_environment"
    refs = {one["bom-ref"] for one in document["components"]}
    assert all(target["ref"] in refs for one in document["vulnerabilities"] for target in one["affects"])
    assert document == vex_document(found)


@pytest.mark.slow
def test_bill_and_statements_are_valid_cyclonedx(own):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.V1_6)
    found = check(bill_of(("jupyter_server", "2.14.0"), ("joblib", "1.1.0")))
    for document in (own.document, vex_document(found)):
        assert validator.validate_str(json.dumps(document)) is None


def test_the_count_is_measured_with_its_control_after_every_fix():
    advisories = (advisory("A"), advisory("B-1", package="other", events=[("0", "9")], severity=None))
    unfixed = Advisory.model_validate(advisory("C", package="third").model_dump() | {"affected": [
        {"package": {"ecosystem": "PyPI", "name": "third"}, "versions": ["1.0"]}]})  # fmt: skip
    bill = bill_of(("thing", "1.0"), ("other", "1.0"), ("third", "1.0"), ("safe", "1.0"))
    statement = Statement.model_validate(
        STATEMENT | {"advisory": "B-1", "package": "other", "versions": "<9"}
    )
    (measured,) = check(bill, *advisories, unfixed, statements=[statement]).measurements()
    assert (measured.value, measured.n, measured.baseline, measured.control) == (2, 4, 3, 1)


def test_old_advisories_measure_nothing():
    found = check_dependencies(bill_of(("thing", "1.0")), file_of(advisory()), as_of=date(2026, 6, 1))
    assert isinstance(found.measurements(), Unassessed) and "refresh" in found.sentence()


def test_the_report_is_one_folder_with_everything_escaped(tmp_path):
    evil = advisory("=cmd|x", summary="<script>alert(1)</script>", database_specific={"severity": "HIGH"})
    found = check(bill_of(("thing", "1.0")), evil)
    page = write_report(found, patch_schedule(found), tmp_path / "report")
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;" in text
    rows = list(csv.DictReader((tmp_path / "report" / "findings.csv").open(encoding="utf-8")))
    assert rows[0]["advisory"] == "'=cmd|x"
    names = {file.name for file in (tmp_path / "report").iterdir()}
    assert names == {
        "report.html",
        "findings.csv",
        "schedule.csv",
        "bill.cdx.json",
        "vex.cdx.json",
        "constraints.txt",
    }
    before = text
    write_report(found, patch_schedule(found), tmp_path / "report")
    assert page.read_text(encoding="utf-8") == before


def test_the_picture_says_what_the_check_says():
    figure = plot_severities(check(bill_of(("joblib", "1.1.0"), ("jinja2", "3.1.2"))))
    assert (
        figure.axes[0].get_title(loc="left") == "2 advisories affect what is installed; the worst is critical"
    )
    figure = plot_severities(check(bill_of(("joblib", "1.5.0"))))
    assert figure.axes[0].get_title(loc="left").startswith("No advisory")


BAD_ADVISORIES = {
    "no json": (b"{", "is no JSON"),
    "deep": (b"[" * 100_000, "is no JSON"),
    "empty": (b"[]", "holds no advisory"),
    "no id": (b'[{"modified": "2026-01-01"}]', "no advisory in OSV format"),
    "number": (b"7", "no advisory in OSV format"),
    "bad events": (
        json.dumps(
            {"id": "A", "modified": "m", "affected": [{"ranges": [{"type": "SEMVER", "events": [7]}]}]}
        ).encode(),
        "no advisory in OSV format",
    ),
    "binary": (bytes(range(256)), "is no JSON"),
}


@pytest.mark.parametrize("case", BAD_ADVISORIES)
def test_a_bad_advisory_file_is_told_in_a_sentence(tmp_path, case):
    content, said = BAD_ADVISORIES[case]
    (tmp_path / "osv.json").write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_advisories(tmp_path / "osv.json")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("one.json", content)
    with pytest.raises(UserError):
        read_advisories(tmp_path / "all.zip")


def test_missing_and_broken_archives_are_told(tmp_path):
    (tmp_path / "all.zip").write_bytes(b"no zip")
    with pytest.raises(UserError, match="no zip archive"):
        read_advisories(tmp_path / "all.zip")
    with pytest.raises(UserError, match="no file none"):
        read_advisories(tmp_path / "none.json")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="holds no advisory"):
        read_advisories(tmp_path / "folder")


def test_advisories_are_read_from_a_folder_and_from_an_answer_of_the_interface(tmp_path):
    record = {"id": "A", "modified": "2026-01-01T00:00:00Z"}
    (tmp_path / "one.json").write_text(json.dumps(record))
    (tmp_path / "two.json").write_text(json.dumps({"vulns": [record | {"id": "B"}]}))
    assert [one.id for one in read_advisories(tmp_path).advisories] == ["A", "B"]


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"bomFormat": "SPDX"}', "7", '{"bomFormat": "CycloneDX", "components": 3}']
)
def test_a_bad_bill_is_told_in_a_sentence(tmp_path, content):
    (tmp_path / "bill.json").write_text(content)
    with pytest.raises(UserError, match=r"bill\.json"):
        read_bill(tmp_path / "bill.json")
    with pytest.raises(UserError, match="cannot be read"):
        read_bill(tmp_path / "none.json")


def test_an_environment_that_is_none_is_told(tmp_path):
    with pytest.raises(UserError, match="no environment"):
        environment_bill(tmp_path / "none")
    (tmp_path / "python").write_text("no interpreter")
    with pytest.raises(UserError, match="No bill of materials"):
        environment_bill(tmp_path / "python")


BAD_STATEMENTS = [
    ("{", "no YAML"),
    ("- a", "no list under"),
    ("statements: 3", "no list under"),
    ("statements:\n- advisory: A-1", "Statement 1"),
    *((json.dumps({"statements": [STATEMENT | change]}), "Statement 1") for change in (
        {"justification": "we looked"}, {"reason": "fine"}, {"until": "soon"}, {"versions": ""},
        {"versions": "all"}, {"more": 1})),
]  # fmt: skip


@pytest.mark.parametrize(("content", "said"), BAD_STATEMENTS)
def test_a_statement_without_reason_name_or_end_is_refused(tmp_path, content, said):
    (tmp_path / "vex.yaml").write_text(content)
    with pytest.raises(UserError, match=said):
        read_statements(tmp_path / "vex.yaml")


def test_statements_are_read(tmp_path):
    (tmp_path / "vex.yaml").write_text(json.dumps({"statements": [STATEMENT]}))
    (statement,) = read_statements(tmp_path / "vex.yaml")
    assert statement.until == date(2026, 12, 31)


@pytest.fixture
def mirror():
    """A server on this machine that answers with what the test puts into ``answers``, and its address."""
    answers = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            status, content = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield answers, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def archive_of(*records):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for record in records:
            archive.writestr(f"{record['id']}.json", json.dumps(record))
    return buffer.getvalue()


def test_a_refresh_keeps_what_is_about_the_own_packages_and_tells_nobody_which(mirror, tmp_path):
    answers, address = mirror
    mine, other = (advisory(name, package=name.lower()).model_dump() for name in ("Mine", "Other"))
    answers["/PyPI/all.zip"] = (200, archive_of(mine, other))
    out = tmp_path / "osv.json"
    file = refresh_advisories(out, bill=bill_of(("mine", "1.0")), address=address)
    assert [one.id for one in file.advisories] == ["Mine"]
    assert len(check_dependencies(bill_of(("mine", "1.0")), read_advisories(out), as_of=DAY).affected) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b"<html>sign in"), "no zip archive"),
        ((404, b""), "answered 404"),
        ((200, archive_of()), "None of the advisories"),
        ((200, archive_of({"id": "A"})), "no advisory in OSV format"),
    ],
)
def test_a_refresh_that_fails_leaves_the_old_file(mirror, tmp_path, answer, said):
    answers, address = mirror
    answers["/PyPI/all.zip"] = answer
    out = tmp_path / "osv.json"
    out.write_text("old")
    with pytest.raises(UserError, match=said):
        refresh_advisories(out, bill=bill_of(("mine", "1.0")), address=address)
    assert out.read_text() == "old"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:1", "cannot be reached"),
        ("http://osv.example", "https"),
        ("ftp://x", "https"),
        ("", "https"),
    ],
)
def test_without_a_network_the_refresh_ends_with_a_sentence(tmp_path, address, said):
    with pytest.raises(UserError, match=said):
        refresh_advisories(tmp_path / "osv.json", address=address)
    assert not (tmp_path / "osv.json").exists()
