"""Evasion of a filter by queries alone, hardening against it, and what that costs honest mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.phishing.edits import EDITS, purpose_kept
from secure_ai.attack.phishing.filter import PhishingFilter
from secure_ai.attack.phishing.mail import Mail, check_mails
from secure_ai.attack.phishing.measure import split_by_template
from secure_ai.core.errors import UserError
from secure_ai.core.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

MOST_QUERIES = 10_000


@dataclass(frozen=True)
class Evasion:
    """One attempt.

    Attributes:
        mail: as it was edited; the original where nothing helped.
        evaded: whether it passes the filter, and the original did not.
        queries: how often the filter was asked.
        scores: the best score after each query, the original's first.
        edits: names of the edits that were kept, in order.
    """

    mail: Mail
    evaded: bool
    queries: int
    scores: tuple[float, ...]
    edits: tuple[str, ...]

    def sentence(self) -> str:
        """Say how it went."""
        end = "passes" if self.evaded else "is still flagged" if self.edits else "could not be moved"
        return (
            f"{self.mail.mail_id}: {self.scores[0]:.2f} to {self.scores[-1]:.2f} in {self.queries} queries "
            f"by {', '.join(dict.fromkeys(self.edits)) or 'no edit'}; it {end}."
        )


def evade(mail: Mail, filter: PhishingFilter, budget: int = 40, seed: int = 0) -> Evasion:
    """Edit a phish until the filter lets it pass, knowing the filter by its scores alone.

    Each query tries one more edit on the best mail so far and keeps it if the score falls. An edit after
    which the mail no longer serves its purpose is never tried (see :func:`edits.purpose_kept`).

    Args:
        mail: a phish.
        filter: a trained filter.
        budget: most queries, up to 10,000.
        seed: of the order and places of edits.

    Raises:
        UserError: if ``mail`` is no phish, the filter is not trained, or the budget is out of range.
    """
    if not isinstance(mail, Mail) or not mail.malicious:
        raise UserError("Only a phish can be evaded with: give one malicious Mail.")
    if isinstance(budget, bool) or not isinstance(budget, int) or not 1 <= budget <= MOST_QUERIES:
        raise UserError(f"The budget must be a whole number of queries from 1 to {MOST_QUERIES:,}.")
    random = np.random.default_rng((seed, *map(ord, mail.mail_id)))
    best, trace = mail, [float(filter.scores([mail])[0])]
    kept: list[str] = []
    order: list[str] = []
    idle = 0
    while trace[-1] >= filter.threshold and len(trace) <= budget and idle < 3 * len(EDITS):
        if not order:
            order = [str(name) for name in random.permutation(list(EDITS))]
        name = order.pop()
        candidate = EDITS[name](best, random)
        idle += 1
        if candidate == best or not purpose_kept(mail, candidate):
            continue
        score = float(filter.scores([candidate])[0])
        if score < trace[-1]:
            best, idle = candidate, 0
            kept.append(name)
        trace.append(min(score, trace[-1]))
    passed = trace[-1] < filter.threshold <= trace[0]
    return Evasion(best, passed, len(trace) - 1, tuple(trace), tuple(kept))


@dataclass(frozen=True)
class EvasionCurve:
    """Evasion of one or more filters.

    Attributes:
        frame: ``filter``, ``queries``, ``evaded`` (share of the mails that the filter had flagged), ``low``,
            ``high``, ``mails`` (how many those were).
        evasions: name of the filter → the attempts.
    """

    frame: pd.DataFrame
    evasions: Mapping[str, tuple[Evasion, ...]]

    def to_frame(self) -> pd.DataFrame:
        """Return the curve, one row per filter and number of queries."""
        return self.frame.copy()

    def helpful_edits(self) -> pd.DataFrame:
        """Return ``filter``, ``edit``, ``share``: in how many of the passing mails the edit was kept."""
        import pandas as pd

        rows = []
        for name, tries in self.evasions.items():
            passed = [one for one in tries if one.evaded]
            rows += [
                (name, edit, sum(edit in one.edits for one in passed) / len(passed))
                for edit in EDITS
                if passed
            ]
        found = pd.DataFrame(rows, columns=["filter", "edit", "share"])
        return found.sort_values(
            ["filter", "share", "edit"], ascending=[True, False, True], ignore_index=True
        )

    def sentence(self) -> str:
        """Say how many pass each filter at the end of the budget."""
        last = self.frame.groupby("filter", sort=False).last()
        return "; ".join(
            f"{name}: {row.evaded:.0%} of {int(row.mails)} flagged pass within {int(row.queries)} queries"
            for name, row in last.iterrows()
        ) + "."  # fmt: skip


def evasion_curve(
    mails: Sequence[Mail],
    filters: PhishingFilter | Mapping[str, PhishingFilter],
    budget: int = 40,
    seed: int = 0,
) -> EvasionCurve:
    """Try to evade with every phish that a filter flags; return the share that passes by number of queries.

    Raises:
        UserError: if no mail is a phish that a filter flags.
    """
    import pandas as pd

    mails = [mail for mail in check_mails(mails) if mail.malicious]
    named = filters if isinstance(filters, Mapping) else {"filter": filters}
    rows, tries = [], {}
    for name, one in named.items():
        flagged = [
            mail for mail, alarm in zip(mails, one.predict(mails) if mails else [], strict=True) if alarm
        ]
        if not flagged:
            raise UserError(
                f"The filter '{name}' flags none of the phishing mails: give others, or train it."
            )
        tries[name] = tuple(evade(mail, one, budget, seed) for mail in flagged)
        for queries in sorted({0, 1, 2, 5, 10, 20, 40, 80, budget}):
            if queries <= budget:
                hits = sum(found.evaded and found.queries <= queries for found in tries[name])
                rows.append((name, queries, hits / len(flagged), *wilson(hits, len(flagged)), len(flagged)))
    frame = pd.DataFrame(rows, columns=["filter", "queries", "evaded", "low", "high", "mails"])
    return EvasionCurve(frame, tries)


def harden(mails: Sequence[Mail], filter: PhishingFilter, budget: int = 15, seed: int = 0) -> PhishingFilter:
    """Return a filter that reads as people do and was trained on evasions too.

    Args:
        mails: what ``filter`` was trained on; each flagged phish is turned into an evasion and added.
        filter: the trained filter; it stays as it is.
        budget: queries per evasion.
        seed: of the evasions.
    """
    mails = check_mails(mails)
    evaded = [evade(mail, filter, budget, seed).mail for mail in mails if mail.malicious]
    again = PhishingFilter(
        false_alarm_rate=filter.false_alarm_rate,
        known_domains=filter.known_domains,
        normalize=True,
        seed=filter.seed,
    )
    return again.fit([*mails, *(mail for mail in evaded if mail not in mails)])


@dataclass(frozen=True)
class Hardening:
    """Filters side by side on templates that none of them saw.

    Attributes:
        table: one row per filter: ``filter``, ``auc``, ``recall``, ``false_alarms`` (honest mail flagged),
            ``recall_transferred`` (of evasions made against the plain filter), ``evaded`` (share that passes
            when this filter is attacked), ``evaded_low``, ``evaded_high``, ``attacked``.
        curve: evasion of each filter by number of queries.
        honest: how many honest mails the false alarms rest on.
    """

    table: pd.DataFrame
    curve: EvasionCurve
    honest: int

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def sentence(self) -> str:
        """Say what hardening bought and what it cost."""
        plain, hard = self.table.iloc[0], self.table.iloc[-1]
        return (
            f"Hardened, {hard.evaded:.0%} of flagged phishing can be made to pass, not {plain.evaded:.0%}; "
            f"false alarms go from {plain.false_alarms:.1%} to {hard.false_alarms:.1%} of {self.honest} "
            f"honest mails, recall on mail as it was from {plain.recall:.0%} to {hard.recall:.0%}."
        )


def compare_hardening(
    mails: Sequence[Mail],
    *,
    budget: int = 40,
    training_budget: int = 15,
    most_attacked: int = 80,
    seed: int = 0,
) -> Hardening:
    """Train plain, normalizing and retrained filters on some templates; attack each on the others.

    Each filter is attacked anew with the same budget (an adaptive attacker), not only with what passed the
    plain one.

    Raises:
        UserError: if there are too few mails or templates.
    """
    import pandas as pd
    from sklearn.metrics import roc_auc_score

    train, test = split_by_template(mails, 0.35, seed)
    plain = PhishingFilter(seed=seed).fit(train)
    filters = {
        "plain": plain,
        "normalizing": PhishingFilter(normalize=True, seed=seed).fit(train),
        "normalizing, retrained": harden(train, plain, training_budget, seed),
    }
    phish = [mail for mail in test if mail.malicious]
    attacked = phish[:: max(1, -(-len(phish) // most_attacked))]
    honest = [mail for mail in test if not mail.malicious]
    if not phish or not honest:
        raise UserError("The templates held out need phishing and honest mail: make more mails.")
    curve = evasion_curve(attacked, filters, budget, seed)
    moved = [found.mail for found in curve.evasions["plain"] if found.evaded]
    last = curve.frame.groupby("filter").last()
    rows = []
    for name, one in filters.items():
        scores, end = one.scores(test), last.loc[name]
        rows.append((
            name, roc_auc_score([mail.malicious for mail in test], scores), one.predict(phish).mean(),
            one.predict(honest).mean(), one.predict(moved).mean() if moved else np.nan,
            end.evaded, end.low, end.high, int(end.mails),
        ))  # fmt: skip
    columns = ["filter", "auc", "recall", "false_alarms", "recall_transferred", "evaded", "evaded_low",
               "evaded_high", "attacked"]  # fmt: skip
    return Hardening(pd.DataFrame(rows, columns=columns), curve, len(honest))
