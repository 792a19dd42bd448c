"""Templates with choices, slots and marks → text, with the place of every cue."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np
import yaml

from secure_ai.attack.phishing.mail import Cue

MARKS = {
    "sp": "spelling_grammar", "inc": "inconsistency", "dist": "distracting_detail",
    "sens": "sensitive_request", "urg": "urgency", "thr": "threat", "hum": "humanitarian_appeal",
    "good": "too_good_to_be_true",
    "spec": "youre_special", "lim": "limited_time_offer", "proc": "mimics_business_process",
    "pose": "poses_as_authority", "logo": "logo_imitation",
}  # fmt: skip
_INNERMOST = re.compile(r"\{([^{}]*)\}")
_TOKEN = re.compile(r"\[\[([a-z]+):|\]\]|<<|>>")
_WORD = re.compile(r"(?<![\w\[{])[A-Za-z]{3,}(?![\w:}])")


@functools.cache
def read_templates() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return every template by its id, with its kind."""
    return {
        template["id"]: (kind, template)
        for name in ("malicious", "benign")
        for kind, templates in _yaml(name).items()
        for template in templates
    }


@functools.cache
def read_slots() -> dict[str, Any]:
    """Return the values of the slots: common ones, by sector, signers, typing errors, pressure."""
    return _yaml("slots")


def fill(text: str, slots: Mapping[str, str], random: np.random.Generator) -> str:
    """Return ``text`` with choices ``{a|b}`` made and slots ``{name}`` filled, innermost first."""
    while found := _INNERMOST.search(text):
        inner = found[1]
        if "|" in inner:
            options = inner.split("|")
            value = options[int(random.integers(len(options)))]
        else:
            value = str(slots[inner])
        text = text[: found.start()] + value + text[found.end() :]
    return text


def mistype(text: str, count: int, random: np.random.Generator) -> str:
    """Return ``text`` with up to ``count`` words misspelled and marked as such; marked words stay."""
    typos = read_slots()["typos"]
    depth, spans = 0, []
    for token in _TOKEN.finditer(text):
        depth += 1 if token[1] else -1 if token[0] == "]]" else 0
        spans.append(token.span())
    words = [
        word
        for word in _WORD.finditer(text)
        if word[0].lower() in typos and not any(a <= word.start() < b for a, b in spans)
    ]
    if not words or count <= 0:
        return text
    chosen = sorted(random.choice(len(words), size=min(count, len(words)), replace=False))
    for place in reversed(chosen):
        word = words[int(place)]
        wrong = typos[word[0].lower()]
        wrong = wrong.capitalize() if word[0][0].isupper() else wrong
        text = f"{text[: word.start()]}[[sp:{wrong}]]{text[word.end() :]}"
    return text


def unmark(text: str, where: str) -> tuple[str, list[Cue], str]:
    """Return the text without marks, the cues with their places, and the words of the ask."""
    plain: list[str] = []
    length, last = 0, 0
    open_cues: list[tuple[str, int]] = []
    cues: list[tuple[str, int, int]] = []
    ask = [0, 0]
    for token in _TOKEN.finditer(text):
        piece = text[last : token.start()]
        plain.append(piece)
        length += len(piece)
        last = token.end()
        if token[1]:
            open_cues.append((token[1], length))
        elif token[0] == "]]":
            code, start = open_cues.pop()
            cues.append((code, start, length))
        else:
            ask[token[0] == ">>"] = length
    plain.append(text[last:])
    clean = "".join(plain)
    found = [Cue(MARKS[code], where, clean[start:end], start) for code, start, end in cues if end > start]
    return clean, found, clean[ask[0] : ask[1]]


def _yaml(name: str) -> Any:
    file = resources.files("secure_ai.attack.phishing").joinpath(f"templates/{name}.yaml")
    return yaml.safe_load(file.read_text("utf-8"))
