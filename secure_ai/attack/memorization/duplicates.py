"""De-duplication of texts: what stands there many times is what a model learns by heart first.

Near duplicates are proposed by MinHash in bands and confirmed by the true overlap of their shingles.

Source: Lee et al., Deduplicating training data makes language models better (2022), sections 4.2 (near
    duplicates) and 6 (less is repeated word for word); Broder, On the resemblance and containment of
    documents (1997): MinHash; Kandpal, Wallace & Raffel, Deduplicating training data mitigates privacy
    risks in language models (2022).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from secure_ai.attack.memorization.ngrams import check_texts
from secure_ai.core import UserError

WORDS = 3
BANDS, ROWS = 32, 4
PRIME = (1 << 61) - 1


@dataclass(frozen=True)
class Deduplicated:
    """Texts of which each stands there once.

    Attributes:
        texts: those that were kept, in their order; of a group the first.
        kept: (texts,) their places among the given ones.
        group: (given,) the place of the text that stands for each given one.
    """

    texts: list[str] = field(repr=False)
    kept: np.ndarray
    group: np.ndarray

    @property
    def removed(self) -> int:
        """How many texts were left out."""
        return len(self.group) - len(self.kept)

    def sentence(self) -> str:
        """Say what was left out."""
        sizes = np.bincount(self.group, minlength=len(self.group))
        return (
            f"{self.removed:,} of {len(self.group):,} texts repeat another one and are left out; the one "
            f"that stood there most often stood there {int(sizes.max(initial=0)):,} times."
        )


def deduplicate(texts: Sequence[str], *, near: float | None = 0.7, seed: int = 0) -> Deduplicated:
    """Return the texts without those that repeat an earlier one.

    Args:
        texts: the notes.
        near: overlap (Jaccard, of runs of three words) from which two texts count as the same; None for the
            same words only. Case and white space never matter.
        seed: of MinHash.

    Raises:
        UserError: if ``near`` is not above 0.3 and at most 1, or a text is none.
    """
    if near is not None and not 0.3 < near <= 1:
        raise UserError(f"near={near!r}: choose an overlap above 0.3 and up to 1, or None for exact only.")
    texts = check_texts(texts)
    plain = [" ".join(text.lower().split()) for text in texts]
    first: dict[str, int] = {}
    leader = np.array([first.setdefault(text, place) for place, text in enumerate(plain)])
    if near is not None:
        distinct = sorted(set(leader.tolist()))
        shingles = [_shingles(plain[place]) for place in distinct]
        for a, b in _alike(shingles, near, seed):
            one, other = sorted((_root(leader, distinct[a]), _root(leader, distinct[b])))
            leader[other] = one
    leader = np.array([_root(leader, place) for place in range(len(texts))])
    kept = np.flatnonzero(leader == np.arange(len(texts)))
    return Deduplicated([texts[place] for place in kept], kept, leader)


def _root(leader: np.ndarray, place: int) -> int:
    while leader[place] != place:
        place = int(leader[place])
    return place


def _shingles(text: str) -> np.ndarray:
    words = text.split(" ")
    runs = {" ".join(words[start : start + WORDS]) for start in range(max(len(words) - WORDS + 1, 1))}
    return np.fromiter((zlib.crc32(run.encode()) for run in sorted(runs)), dtype=np.uint64, count=len(runs))


def _alike(shingles: Sequence[np.ndarray], near: float, seed: int) -> list[tuple[int, int]]:
    """Return pairs whose overlap is at least ``near``, among those that share a band of MinHash."""
    rng = np.random.default_rng(seed)
    # Multiply-shift hashing: 64-bit products keep their upper half.
    factors = rng.integers(1, 1 << 63, BANDS * ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = rng.integers(0, 1 << 63, BANDS * ROWS, dtype=np.uint64)
    least = np.array([((own[:, None] * factors + offsets) >> np.uint64(32)).min(axis=0) for own in shingles])
    sets = [set(own.tolist()) for own in shingles]
    found: set[tuple[int, int]] = set()
    for band in range(BANDS):
        buckets: dict[bytes, list[int]] = {}
        for place, row in enumerate(least[:, band * ROWS : (band + 1) * ROWS]):
            buckets.setdefault(row.tobytes(), []).append(place)
        for bucket in buckets.values():
            # Each is compared with the bucket's first: chains of copies meet there.
            for other in bucket[1:]:
                pair = (bucket[0], other)
                if pair not in found:
                    shared = len(sets[pair[0]] & sets[other])
                    if shared >= near * (len(sets[pair[0]]) + len(sets[other]) - shared):
                        found.add(pair)
    return sorted(found)
