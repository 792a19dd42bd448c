"""GLOSSARY.md as a glossary that can be searched and linked to, and the words that a lesson uses."""

from __future__ import annotations

import re

ENTRY = re.compile(r"^- \*\*(?P<term>[^*]+)\*\*:? (?P<text>.+)$")


def read_terms(text: str) -> list[str]:
    """Return the terms of the glossary in their order."""
    return [match["term"].strip(": ") for line in text.splitlines() if (match := ENTRY.match(line))]


def glossary_page(text: str) -> str:
    """Return the glossary as a page: terms become anchors, terms in italics become links to them."""
    terms = {term.casefold(): term for term in read_terms(text)}
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        match = ENTRY.match(line)
        if match:
            if not inside:
                lines += ["```{glossary}"]
                inside = True
            lines += [match["term"].strip(": "), "  " + _linked(match["text"], match["term"], terms), ""]
            continue
        if inside and line.strip():
            lines += ["```", ""]
            inside = False
        lines.append(line)
    if inside:
        lines.append("```")
    return "\n".join(lines) + "\n"


def _linked(text: str, own: str, terms: dict[str, str]) -> str:
    def link(match: re.Match[str]) -> str:
        words = match[1]
        term = _term(words, terms)
        return match[0] if term is None or term == own else f"{{term}}`{words} <{term}>`"

    return re.sub(r"(?<!\*)\*([^*]+)\*(?!\*)", link, text)


def _term(words: str, terms: dict[str, str]) -> str | None:
    words = words.casefold()
    return terms.get(words) or (terms.get(words[:-1]) if words.endswith("s") else None)


def words_of(prose: str, terms: list[str]) -> list[str]:
    """Return the terms that stand in a text, in alphabetical order; plurals count."""
    plain = re.sub(r"`[^`]*`|\([^)]*\.ipynb\)", " ", prose)
    found = []
    for term in terms:
        name = re.sub(r" \(.*\)$", "", term)
        # A short word in capitals is a name and not the word: AUC, PHI, ALE.
        flags = 0 if name.isupper() else re.IGNORECASE
        if re.search(rf"(?<![\w-]){re.escape(name)}(?:e?s)?(?![\w-])", plain, flags):
            found.append(term)
    return sorted(found, key=str.casefold)
