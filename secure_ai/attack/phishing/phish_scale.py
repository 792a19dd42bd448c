"""The NIST Phish Scale: how hard a phish is for people to notice, from its cues and how well it fits them.

Source: Steves, Greene & Theofanos, Categorizing human phishing difficulty: a Phish Scale, Journal of
Cybersecurity 6(1), 2020, tyaa009; Dawkins & Jacobs, NIST Phish Scale User Guide, NIST TN 2276, 2023 (tables 1
and 3 to 7). The guide says weak, medium and strong where the paper says low, medium and high.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secure_ai.attack.phishing.mail import Mail
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "Steves, Greene & Theofanos 2020; NIST TN 2276 (2023)"
TYPES = {
    "error": ("spelling_grammar", "inconsistency"),
    "technical indicator": ("attachment_type", "sender_address", "url_hyperlinking", "domain_spoofing"),
    "visual presentation indicator": (
        "no_branding", "logo_imitation", "unprofessional_design", "security_icon",
    ),
    "language and content": (
        "legal_language", "distracting_detail", "sensitive_request", "urgency", "threat", "generic_greeting",
        "no_signer_details",
    ),
    "common tactic": (
        "humanitarian_appeal", "too_good_to_be_true", "youre_special", "limited_time_offer",
        "mimics_business_process", "poses_as_authority",
    ),
}  # fmt: skip
CUES = {
    "spelling_grammar": "spelling or grammar mistakes",
    "inconsistency": "something that does not agree with the rest of the mail",
    "attachment_type": "a dangerous type of attachment",
    "sender_address": "a display name that hides the real sender or reply-to address",
    "url_hyperlinking": "link text that hides the true address",
    "domain_spoofing": "a domain made to look like a legitimate one",
    "no_branding": "no branding where it would be usual",
    "logo_imitation": "an imitated or out-of-date logo",
    "unprofessional_design": "unprofessional design or formatting",
    "security_icon": "icons that claim the mail is safe",
    "legal_language": "legal language, copyright or disclaimers",
    "distracting_detail": "detail that distracts from the request",
    "sensitive_request": "a request for sensitive information",
    "urgency": "time pressure",
    "threat": "a threat, open or implied",
    "generic_greeting": "no greeting, or one for anybody",
    "no_signer_details": "no details of who signs",
    "humanitarian_appeal": "an appeal to help others",
    "too_good_to_be_true": "an offer too good to be true",
    "youre_special": "an offer only for you",
    "limited_time_offer": "an offer that ends soon",
    "mimics_business_process": "looks like a process at work",
    "poses_as_authority": "poses as a colleague, superior or authority",
}
ELEMENTS = (
    "mimics a workplace process or practice",
    "has workplace relevance",
    "aligns with other situations or events, also outside work",
    "engenders concern over consequences for not clicking",
    "has been the subject of targeted training, warnings or other exposure",
)
SCORES = {8: "extreme", 6: "significant", 4: "moderate", 2: "low", 0: "not applicable"}
SOME_CUES, MANY_CUES = 9, 15
MEDIUM_ALIGNMENT, HIGH_ALIGNMENT = 11, 18
DIFFICULTIES = ("least", "moderately to least", "moderately", "very")
MATRIX = {
    ("few", "high"): "very",
    ("few", "medium"): "very",
    ("few", "low"): "moderately",
    ("some", "high"): "very",
    ("some", "medium"): "moderately",
    ("some", "low"): "moderately to least",
    ("many", "high"): "moderately",
    ("many", "medium"): "moderately",
    ("many", "low"): "least",
}


@dataclass(frozen=True)
class PhishScale:
    """A rating.

    Attributes:
        by_cue: cue → how often it was counted.
        cues: all of them together.
        cue_category: ``few`` (up to 8), ``some`` (9 to 14) or ``many`` (15 and more).
        premise: scores of the five elements, each 0, 2, 4, 6 or 8.
        alignment: the first four together, less the fifth; from -8 to 32.
        alignment_category: ``low`` (up to 10), ``medium`` (11 to 17) or ``high`` (18 and more).
        difficulty: one of ``DIFFICULTIES``: for people, to notice that it is a phish.
    """

    by_cue: Mapping[str, int]
    cues: int
    cue_category: str
    premise: tuple[int, ...]
    alignment: int
    alignment_category: str
    difficulty: str

    def by_type(self) -> dict[str, int]:
        """Return the number of cues of each of the five types."""
        return {kind: sum(self.by_cue.get(name, 0) for name in names) for kind, names in TYPES.items()}

    def sentence(self) -> str:
        """Say the rating and what it comes from."""
        return (
            f"{self.difficulty.capitalize()} difficult to notice: {self.cue_category} cues ({self.cues}), "
            f"and a premise whose alignment is {self.alignment_category} ({self.alignment})."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per cue that was counted: ``type``, ``cue``, ``count``, ``meaning``."""
        import pandas as pd

        rows = [
            (kind, name, self.by_cue[name], CUES[name])
            for kind, names in TYPES.items()
            for name in names
            if self.by_cue.get(name)
        ]
        return pd.DataFrame(rows, columns=["type", "cue", "count", "meaning"])


def phish_scale(cues: Mapping[str, int] | Mail, premise: Sequence[int] | None = None) -> PhishScale:
    """Rate a mail by its cues and premise alignment.

    Args:
        cues: a generated mail (its own cues are counted), or how often each cue of ``CUES`` is in yours.
        premise: scores of the five ``ELEMENTS``, each 0, 2, 4, 6 or 8; by default the mail's own.

    Raises:
        UserError: if a cue or score is unknown, a count is negative, or there are not five scores.
    """
    if isinstance(cues, Mail):
        premise = cues.premise if premise is None else premise
        cues = Counter(cue.name for cue in cues.cues)
    if not isinstance(cues, Mapping):
        raise UserError("The cues must be a Mail, or names of cues with how often each is there.")
    for name, count in cues.items():
        if name not in CUES:
            raise UserError(f"The cue '{name}' is unknown: choose from {', '.join(CUES)}.")
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise UserError(f"The count of '{name}' must be a whole number from 0.")
    scores = tuple(premise or ())
    if len(scores) != len(ELEMENTS) or any(score not in SCORES for score in scores):
        raise UserError(
            "The premise needs five scores, each 8 (extreme), 6, 4, 2 or 0 (not applicable), in the order of "
            "phish_scale.ELEMENTS."
        )
    total, alignment = sum(cues.values()), sum(scores[:4]) - scores[4]
    few_to_many = "many" if total >= MANY_CUES else "some" if total >= SOME_CUES else "few"
    low_to_high = (
        "high" if alignment >= HIGH_ALIGNMENT else "medium" if alignment >= MEDIUM_ALIGNMENT else "low"
    )
    return PhishScale(
        {name: int(count) for name, count in cues.items() if count},
        int(total), few_to_many, scores, int(alignment), low_to_high, MATRIX[few_to_many, low_to_high],
    )  # fmt: skip


def difficulty_matrix() -> pd.DataFrame:
    """Return the published matrix: rows ``few``, ``some``, ``many`` cues; columns alignment."""
    import pandas as pd

    levels = ("low", "medium", "high")
    return pd.DataFrame(
        [[MATRIX[cues, level] for level in levels] for cues in ("few", "some", "many")],
        index=pd.Index(["few", "some", "many"], name="cues"),
        columns=pd.Index(levels, name="premise alignment"),
    )
