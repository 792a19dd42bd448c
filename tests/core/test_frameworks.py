"""Claims about framework ids: the names are the pinned ones, and nothing in the kit cites another."""

from __future__ import annotations

import re

import pytest

from secure_ai.core import UserError
from secure_ai.core.frameworks import entries, entry, label
from secure_ai.core.frameworks.references import references

PINNED = {
    "atlas.tsv": ("MITRE ATLAS", "{}"),
    "owasp_llm_2025.tsv": ("OWASP Top 10 for LLM Applications", "{}"),
    "nist_ai_rmf.tsv": ("NIST AI RMF", "{}"),
    "hipaa_security_rule.tsv": ("HIPAA Security Rule", "{}"),
    "hipaa_safe_harbor.tsv": ("HIPAA Safe Harbor", "HIPAA {}"),
    "gdpr_articles.tsv": ("GDPR", "GDPR {}"),
}
SHAPES = {
    "HIPAA": r"164\.\d{3}(\([a-z]\)(\(\d\))?)?",
    "GDPR": r"GDPR (Art\.|Recital) \d+",
    "PCI DSS": r"PCI DSS \d+(\.\d+){0,3}",
    "GLBA": r"15 USC \d{4}|16 CFR 314\.\d|12 CFR 30 App\. B( (I{1,3}\.[A-G]|Supp\. A))?",
    "NIST CSF": r"CSF (GV|ID|PR|DE|RS|RC)|(GV|ID|PR|DE|RS|RC)\.[A-Z]{2}(-\d{2})?",
    "EU AI Act": r"AI Act (Art\. \d+a?|Annex [IVX]+)",
    "US model risk guidance": r"(SR|OCC) \d{2,4}-\d+",
    "US third-party guidance": r"\d\d FR \d+|(SR|OCC) \d{2,4}-\d+",
    "US Bank Secrecy Act": r"31 CFR 10[12]0\.\d{3}",
    "Proposed rules": r"\d\d FR \d+|COM\(\d{4}\) \d+",
    "US bank incident notification": r"12 CFR (53|225|304)\.\d{1,3}",
    "US credit decisions": r"12 CFR (1002|1022)\.\d+|15 USC (1681([a-x](-\d)?)?|1691)",
    "US medical devices": r"21 USC 360n-2",
    "SEC disclosure": r"Form 8-K Item \d\.\d\d|17 CFR 232\.\d+",
    "DORA": r"DORA Art\. \d+",
    "NIS2": r"NIS2 Art\. \d+",
    "CCPA": r"CCPA 1798\.\d{3}|11 CCR 7\d{3}",
    "US other provisions": r"\d\d? (CFR \d+\.\d+|USC \d+)",
    "US record keeping": r"\d\d? (CFR|NYCRR|CCR) [\d.]+|FRCP \d+|Cal\. HSC \d+|NIST SP [\d-]+ Rev\. \d",
}


@pytest.mark.parametrize("file", PINNED)
def test_every_pinned_id_has_exactly_its_pinned_name(shared_taxonomy, file):
    framework, form = PINNED[file]
    lines = (shared_taxonomy / file).read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("\t", 1) for line in lines if line and not line.startswith("#"))
    pinned = {form.format(key.replace("Article", "Art.")): name for key, name in pinned.items()}
    ours = {item.id: item.name for item in entries(framework) if not item.part_of}
    verified = {item.id for item in entries(framework) if item.verified and not item.part_of}
    assert {key: ours.get(key) for key in pinned} == pinned
    unsaid = {item.id for item in entries(framework) if item.verified and not item.checked}
    assert set(pinned) <= verified
    assert not unsaid, "a verified name says with what it was compared"


@pytest.mark.parametrize("framework", SHAPES)
def test_ids_without_a_pinned_file_have_the_shape_of_their_framework(framework):
    assert [item.id for item in entries(framework) if not re.fullmatch(SHAPES[framework], item.id)] == []


def test_every_framework_is_either_pinned_or_checked_by_shape():
    assert {item.framework for item in entries()} == {name for name, _ in PINNED.values()} | set(SHAPES)


def test_every_entry_states_release_and_source():
    assert all(item.release and item.source and item.name for item in entries())


@pytest.mark.parametrize(
    ("form", "identifier"),
    [
        ("AML.T0024.000", "AML.T0024.000"),
        ("T0051", "AML.T0051"),
        ("LLM01", "LLM01:2025"),
        ("OWASP LLM01:2025", "LLM01:2025"),
        ("AI RMF GOVERN 2.1", "GOVERN 2.1"),
        ("govern 2.1", "GOVERN 2.1"),
        ("45 CFR § 164.312(b)", "164.312(b)"),
        ("HIPAA 164.308(a)(1)", "164.308(a)(1)"),
        ("GDPR Article 17", "GDPR Art. 17"),
        ("HIPAA A", "HIPAA A"),
        ("164.514(b)(2)(i)(R)", "HIPAA R"),
        ("PCI DSS v4.0.1 3.5", "PCI DSS 3.5"),
        ("Cal. Civ. Code 1798.105", "CCPA 1798.105"),
    ],
)
def test_forms_in_common_use_are_understood(form, identifier):
    assert entry(form).id == identifier


def test_every_id_is_found_under_itself():
    assert [item.id for item in entries() if entry(item.id) != item] == []


def test_an_implementation_specification_matches_its_standard_and_says_so():
    found = entry("164.312(a)(2)(iv)")
    assert (found.part_of, found.name) == ("164.312(a)(1)", "Access Control")
    assert found.detail == "Encryption and Decryption (addressable)"
    assert label("164.312(a)(2)(iv)").endswith("under 164.312(a)(1) Access Control")


def test_a_paragraph_of_an_article_is_part_of_it():
    found = entry("GDPR Art. 5(1)(c)")
    assert (found.id, found.part_of) == ("GDPR Art. 5(1)(c)", "GDPR Art. 5")


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("AML.T0199", "AML.T0"),
        ("LLM11", "LLM1"),
        ("GOVERN 9.9", "GOVERN"),
        ("164.308(a)(9)", "164.308(a)(8)"),
        ("164.312(a)(2)(xx)", "164.312(a)(2)(i)"),
        ("HIPAA S", "HIPAA"),
        ("GDPR Art. 173", "GDPR Art. 17"),
    ],
)
def test_an_unknown_id_is_refused_with_near_ones(wrong, near):
    with pytest.raises(UserError, match="did you mean") as caught:
        entry(wrong)
    assert near in str(caught.value)


@pytest.mark.parametrize("nonsense", ["", ")", "((", "x", None])
def test_nonsense_is_refused_in_a_sentence(nonsense):
    with pytest.raises(UserError, match="in none of the frameworks"):
        entry(nonsense)


def test_an_unknown_framework_lists_those_that_exist():
    with pytest.raises(UserError, match="MITRE ATLAS"):
        entries("ISO 42001")


def test_a_label_shows_technique_and_unverified_names_and_can_be_cut():
    assert label("AML.T0051.000") == "AML.T0051.000 LLM Prompt Injection: Direct"
    assert label("NIS2 Art. 23").endswith("(name not verified)")
    assert len(label("GOVERN 2.1", width=60)) <= 60 and label("GOVERN 2.1", width=60).endswith("…")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("AML.T0020 Poison Training Data happens", ""),
        ("AML.T0020 (Data Poisoning)", "is called 'Poison Training Data'"),
        ("LLM06: Excessive Agency, and more", ""),
        ("LLM06 Sensitive Information Disclosure", "is called 'Excessive Agency'"),
        ("AML.T0051.001 LLM Prompt Injection: Indirect", ""),
        ("164.312(a)(2)(iv) Encryption and Decryption", ""),
        ("164.312(b) Access Control", "is called 'Audit Controls'"),
        ("GDPR Art. 17 Right to erasure", ""),
        ("GDPR Art. 17, HIPAA has none", ""),
        ("AML.T0015 and AML.T9999", "did you mean"),
        ("AML.T0015 AI RMF MEASURE 2.7", ""),
        ("AI Act Art. 9 Risk management system", ""),
        ("AI Act Art. 9 Record-keeping", "is called 'Risk management system'"),
        ("DORA Art. 30 (Key contractual provisions)", ""),
        ("DORA Art. 30: Exit strategies", "is called 'Key contractual provisions'"),
        ("GV.SC-04 Vendors are ranked", "is called 'Suppliers are known"),
        ("PR.DS-99 is withdrawn", "in none of the frameworks"),
        ("12 CFR 1002.12 Record retention", ""),
        ("12 CFR 1002.12 Notifications", "is called 'Record retention'"),
        ("31 CFR 1099.430 is no section", "in none of the frameworks"),
        ("SR 26-2 Guidance on Vendors", "is called 'Revised Guidance"),
        ("CCPA 1798.145 Definitions", "is called 'Exemptions'"),
        ("164.999 is no section", "in none of the frameworks"),
        ("a loss of $164.308 or 1164.308 or 164.3081", None),
    ],
)
def test_wrong_ids_and_wrong_names_in_a_text_are_found(text, problem):
    found = references(text)
    if problem is None:
        assert found == []
    else:
        problems = [item.problem for item in found if item.problem]
        assert (problem in problems[0]) if problem else (found and not problems)


def wrong_citations(files) -> tuple[list[str], int]:
    """Return what the files cite wrongly, id or name, and how many citations were read."""
    wrong, cited = [], 0
    for file in files:
        for item in references(file.read_text(encoding="utf-8")):
            cited += 1
            if item.problem:
                wrong.append(f"{file.name}: {item.problem}")
    return wrong, cited


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("lesson.ipynb", '{"source": ["Monday: encrypt (164.312(b) Access Control)"]}', "Audit Controls"),
        ("quiz.yaml", "why: 'AML.T0020 Data Poisoning'", "Poison Training Data"),
        ("finding.py", 'mappings = ("GDPR Art. 173",)', "none of the frameworks"),
        ("page.html", "<td>GV.SC-11</td>", "none of the frameworks"),
        ("case.jsonl", '{"technique": ["AML.T9999"]}', "none of the frameworks"),
        ("law.yaml", "source: 12 CFR 1002.99", "none of the frameworks"),
        ("letter.j2", "15 USC 1681m (Disposal of records)", "Requirements on users"),
        ("notes.md", "EU AI Act Art. 14 Quality management system", "Human oversight"),
    ],
)
def test_the_scan_of_the_kit_fails_on_a_wrong_id_or_name_in_any_kind_of_file(tmp_path, name, text, said):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    wrong, cited = wrong_citations([file])
    assert cited and len(wrong) == 1 and said in wrong[0]


def test_nothing_in_the_kit_cites_a_framework_wrongly(repo_root):
    # Tests and this room's own scanner hold wrong ids on purpose.
    files = [
        *repo_root.glob("notebooks/**/*.ipynb"),
        *repo_root.glob("solutions/*.ipynb"),
        *(
            file
            for file in repo_root.glob("secure_ai/**/*")
            if file.suffix in {".py", ".yaml", ".md", ".html", ".txt", ".j2", ".jsonl", ".cedar"}
        ),
        *repo_root.glob("synthetic_data/**/*.py"),
        *repo_root.glob("*.md"),
        *repo_root.glob("workshop/*.md"),
    ]
    files = [file for file in files if file.name != "references.py" and "checkpoint" not in file.name]
    wrong, cited = wrong_citations(files)
    assert cited > len(entries()) // 2, "the scan found too little to mean anything"
    assert not wrong, "\n".join(wrong)
