"""Shadow AI: what leaves when a record is pasted into a public chatbot, and what could go instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from secure_ai.core import Document, Span, UserError
from secure_ai.core.frameworks import entry
from secure_ai.discover import ENTITY_CLASSES, EntityClass, classify, detect
from secure_ai.discover.classification import UNCLASSIFIED
from secure_ai.govern.acceptable_use import TIERS, Request

Detector = Callable[[list[str]], list[list[Span]]]


class SimulatedChatbot:
    """A simulation of a public chatbot: it keeps what it is given in memory, and sends nothing anywhere.

    Attributes:
        received: every text that was pasted, as a provider would hold it.
    """

    def __init__(self) -> None:
        self.received: list[str] = []

    def paste(self, text: str) -> str:
        """Take ``text`` as a provider would, and answer with what is now out of your hands."""
        self.received.append(text)
        return (
            f"(simulated) Thank you, here is your summary. {len(text):,} characters were received. "
            "They cannot be taken back."
        )


def what_would_leave(
    text: str, *, truth: Iterable[Span] | None = None, detector: Detector = detect
) -> pd.DataFrame:
    """Count the identifiers in ``text`` by kind.

    An identifier is what HIPAA's Safe Harbor, PCI DSS or GLBA protects about a person, and whatever
    nobody has classified yet; names of organizations and the like are not counted.

    Args:
        text: what somebody is about to paste.
        truth: the true spans, where they are known (synthetic texts); then ``missed`` counts those
            that the detector does not touch.
        detector: as :func:`secure_ai.discover.detect`.

    Returns:
        One row a kind of identifier, the most frequent first: ``identifier`` (title), ``count``,
        ``HIPAA`` (Safe Harbor letter and name, empty where it has none), ``bank`` (card data under
        PCI DSS or nonpublic personal information under GLBA), ``tier``, and with ``truth`` ``missed``.
        Counts are of ``truth`` where given, else of what was found. Never the values.

    Raises:
        UserError: if ``text`` is no text.
    """
    if not isinstance(text, str):
        raise UserError("what_would_leave() takes one text: pass the text that is about to be pasted.")
    found = detector([text])[0]
    known = [span for span in (found if truth is None else truth) if _protected(span)]
    missed = unseen(known, found)
    rows = []
    for entity in dict.fromkeys(span.entity_type for span in known):
        meaning = ENTITY_CLASSES.get(entity, UNCLASSIFIED)
        letter = (
            f"{meaning.hipaa} {entry('HIPAA ' + meaning.hipaa).name.split(' (')[0]}" if meaning.hipaa else ""
        )
        rows.append(
            {
                "identifier": meaning.title
                if meaning is not UNCLASSIFIED
                else entity.replace("_", " ").lower(),
                "count": sum(span.entity_type == entity for span in known),
                "HIPAA": letter,
                "bank": "card data" if meaning.pci else "nonpublic" if meaning.glba else "",
                "tier": meaning.tier.name.lower(),
                "missed": sum(span.entity_type == entity for span in missed),
            }
        )
    frame = pd.DataFrame(rows, columns=["identifier", "count", "HIPAA", "bank", "tier", "missed"])
    frame = frame.sort_values(["count", "identifier"], ascending=[False, True], ignore_index=True)
    return frame if truth is not None else frame.drop(columns="missed")


def most_revealing(texts: Iterable[Document]) -> Document:
    """Return the text with the most sensitive tier, and among those with the most kinds of identifiers.

    Raises:
        UserError: if there is no text.
    """
    ranked = list(texts)
    if not ranked:
        raise UserError("There is no text to choose from: give at least one document.")

    def rank(document: Document) -> tuple[int, int, int]:
        kinds = {span.entity_type for span in document.spans if _protected(span)}
        return classify(kinds).tier if kinds else -1, len(kinds), len(document.spans)

    return max(ranked, key=rank)


def unseen(truth: Iterable[Span], found: Sequence[Span]) -> list[Span]:
    """Return the true spans that no found span touches: what stays in a text that was masked."""
    return [
        span
        for span in truth
        if not any(other.start < span.end and span.start < other.end for other in found)
    ]


def paste_request(
    text: str,
    tool: str = "public_chatbot",
    *,
    task: str = "summarize",
    tier_if_nothing_found: str = "internal",
    detector: Detector = detect,
) -> Request:
    """Describe a paste in the terms of the acceptable-use policy.

    Counted is what points to a person by itself, and the tier is that of the worst of it. A text in
    which nothing was found is not public for that reason: it gets ``tier_if_nothing_found``.
    """
    found = [span for span in detector([text])[0] if _meaning(span).direct or _meaning(span) is UNCLASSIFIED]
    worst = classify(span.entity_type for span in found).tier.name.lower() if found else tier_if_nothing_found
    tier = max(worst, tier_if_nothing_found, key=TIERS.index)
    return Request(tool=tool, tier=tier, identifiers=len(found), task=task)


def _meaning(span: Span) -> EntityClass:
    return ENTITY_CLASSES.get(span.entity_type, UNCLASSIFIED)


def _protected(span: Span) -> bool:
    meaning = _meaning(span)
    return bool(meaning.hipaa) or meaning.pci or meaning.glba or meaning is UNCLASSIFIED
