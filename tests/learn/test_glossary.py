"""The glossary explains each term once, in order."""

from __future__ import annotations

import re
from pathlib import Path


def terms_by_section(root: Path) -> dict[str, list[str]]:
    text = (root / "GLOSSARY.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.M)[1:]
    return {part.splitlines()[0]: re.findall(r"^- \*\*(.+?)\*\*: \S", part, flags=re.M) for part in sections}


def test_each_term_is_explained_once(repo_root: Path) -> None:
    terms = [term.lower() for found in terms_by_section(repo_root).values() for term in found]
    assert len(terms) == len(set(terms)) > 50


def test_every_entry_of_a_section_is_a_term_in_alphabetical_order(repo_root: Path) -> None:
    text = (repo_root / "GLOSSARY.md").read_text(encoding="utf-8")
    sections = terms_by_section(repo_root)
    assert sum(map(len, sections.values())) == len(re.findall(r"^- ", text, flags=re.M))
    for section, terms in sections.items():
        assert terms == sorted(terms, key=str.lower), section
