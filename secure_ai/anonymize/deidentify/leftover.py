"""What is left in texts after de-identification, measured against identifiers that are known to be there."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secure_ai.anonymize.deidentify.actions import Actions
from secure_ai.anonymize.deidentify.rules import AGES
from secure_ai.core import UserError
from secure_ai.core.text import Document, Span

if TYPE_CHECKING:
    import pandas as pd

TOTAL = "all"
_VERY_OLD = re.compile(r"ninet|hundred|centenarian", re.IGNORECASE)


@dataclass(frozen=True)
class Leftover:
    """Known identifiers that can still be read in the output.

    Attributes:
        by_entity: one row per entity and one for ``all``: ``there`` (identifiers that the policy removes),
            ``left`` and ``share``, the most often left first.
        spans: for each text, the true spans that are left; their offsets are those of the original.
    """

    by_entity: pd.DataFrame
    spans: tuple[tuple[Span, ...], ...]

    @property
    def clean_texts(self) -> int:
        """Texts in which none is left."""
        return sum(not found for found in self.spans)

    @property
    def clean(self) -> float:
        """Share of texts in which none is left."""
        return self.clean_texts / len(self.spans)


def leftover(
    documents: Sequence[Document], outputs: Sequence[str], actions: Actions, *, ignore: Collection[str] = ()
) -> Leftover:
    """Look for every known identifier of ``documents`` in ``outputs``.

    An identifier counts as left if its text stands in the output as whole words, and the policy would not
    leave it there (a year under Safe Harbor). Looking for the text, not at its old place, also sees what a
    detector took for something else. A receipt cannot say this: it looks with the same detector again.

    Args:
        documents: texts with their true spans.
        outputs: the same texts after de-identification, in the same order.
        actions: the policy at work, from ``Deidentifier(...).actions``.
        ignore: entities that do not count.

    Raises:
        UserError: if there are not as many outputs as documents, or none.
    """
    import pandas as pd

    if len(documents) != len(outputs) or not documents:
        raise UserError(
            f"There are {len(documents)} documents and {len(outputs)} outputs: give one output for each."
        )
    there: dict[str, int] = {}
    left: dict[str, int] = {}
    spans = []
    for document, output in zip(documents, outputs, strict=True):
        kept = []
        for span in document.spans:
            value = document.text[span.start : span.end]
            if span.entity_type in ignore or _may_stay(actions, span.entity_type, value):
                continue
            there[span.entity_type] = there.get(span.entity_type, 0) + 1
            if stands_in(value, output):
                left[span.entity_type] = left.get(span.entity_type, 0) + 1
                kept.append(span)
        spans.append(tuple(kept))
    rows = [(entity, n, left.get(entity, 0)) for entity, n in there.items()]
    rows.sort(key=lambda row: (-row[2] / row[1], -row[1], row[0]))
    rows.append((TOTAL, sum(there.values()), sum(left.values())))
    frame = pd.DataFrame(rows, columns=["entity", "there", "left"])
    frame["share"] = frame["left"] / frame["there"].clip(lower=1)
    return Leftover(frame.set_index("entity"), tuple(spans))


def _may_stay(actions: Actions, entity: str, value: str) -> bool:
    if entity in AGES and actions.policy.rule(entity).action == "age" and not any(map(str.isdigit, value)):
        # "seventy-seven years old": no digits to compare, and no age over 89 either.
        return not _VERY_OLD.search(value)
    return actions.stays(entity, value)


def stands_in(value: str, text: str) -> bool:
    """Whether ``value`` stands in ``text`` as whole words, however they are spaced."""
    words = [re.escape(word) for word in value.split()]
    return bool(words) and bool(re.search(r"(?<!\w)" + r"\s+".join(words) + r"(?!\w)", text))


def telling_leftover(found: Leftover, documents: Sequence[Document], most: int = 700) -> int:
    """Return the number of a short text in which something was removed and something is left.

    If there is none, the first text.
    """
    rated = [
        (len(document.spans) - len(left) + 2 * min(len(left), 2), -len(document.text), -i)
        for i, (document, left) in enumerate(zip(documents, found.spans, strict=True))
        if left and len(left) < len(document.spans) and len(document.text) <= most
    ]
    return -max(rated)[2] if rated else 0
