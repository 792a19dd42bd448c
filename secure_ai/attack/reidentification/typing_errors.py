"""Which texts are one typing error apart, found without comparing every pair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
LONGEST = 64


def neighbors(texts: NDArray[np.object_], left: Integers, right: Integers) -> tuple[Integers, Integers]:
    """Return pairs of different texts that are one typing error apart.

    Texts one error apart become equal when at most one character is left out of each, so only texts that
    share such a shortened form are compared. Texts of more than 64 characters are passed over.

    Args:
        texts: all texts, by code.
        left: codes to pair.
        right: codes to pair them with.

    Returns:
        Codes from ``left`` and from ``right``, one pair each.

    Source: Garbe, SymSpell (2012), symmetric delete.
    """
    shortened: dict[str, list[int]] = defaultdict(list)
    for code in right.tolist():
        if code >= 0:
            for form in _shortened(texts[code]):
                shortened[form].append(code)
    pairs = set()
    for code in left.tolist():
        if code < 0:
            continue
        near = {other for form in _shortened(texts[code]) for other in shortened.get(form, ())}
        pairs |= {(code, other) for other in near if one_error_apart(texts[code], texts[other])}
    both = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def one_error_apart(a: str, b: str) -> bool:
    """Whether one character was left out, added or changed, or two neighbors exchanged; False for equals."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    if len(a) > len(b):
        a, b = b, a
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(a) < len(b):
        return a[start:] == b[start + 1 :]
    changed = a[start + 1 :] == b[start + 1 :]
    return changed or (
        a[start : start + 2] == b[start : start + 2][::-1] and a[start + 2 :] == b[start + 2 :]
    )


def _shortened(text: str) -> Iterator[str]:
    if len(text) > LONGEST:
        return
    yield text
    yield from {text[:i] + text[i + 1 :] for i in range(len(text))}
