"""Mails, filters, domains and campaigns of chapter 17, as its lesson shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.attack.phishing import Mail, inspect_domain, lookalike_frame, make_mails
from secure_ai.attack.phishing.headers import Organization, organization
from secure_ai.attack.phishing.lookalikes import TECHNIQUES
from secure_ai.attack.phishing.phish_scale import CUES, DIFFICULTIES, TYPES, phish_scale
from secure_ai.attack.phishing.urls import final_host
from secure_ai.core.errors import UserError
from secure_ai.govern.awareness import Exercise, PhishingTrainer
from secure_ai.learn.mail_view import defanged, visible

if TYPE_CHECKING:
    from secure_ai.attack.phishing import FilterMeasurement, Hardening
    from secure_ai.govern.awareness import Campaign, ReportingCulture

TECHNICAL = frozenset(TYPES["technical indicator"])
WHERE = {"reply_to": "address for answers", "link": "address of a link"}
COMMON_SCRIPTS = r"^[\x20-\x7e]*[\u0370-\u04ff][\x20-\x7e]*$"


def lesson_mails(sector: str, count: int, *, seed: int) -> tuple[tuple[Mail, ...], Organization]:
    """Return generated mails of the sector, and the invented organization that gets them."""
    return make_mails(sector, count, seed=seed), organization(sector)


def three_mails(mails: Sequence[Mail], place: Organization, *, seed: int) -> tuple[Mail, ...]:
    """Return three mails: a phish that is easy to notice, one that is very hard to, and an honest one.

    The honest one has cues, too, but comes from a known domain, and its links lead to known ones. The order
    depends on the seed; among equals the shortest mail is taken.

    Raises:
        UserError: if there are not all three among ``mails``.
    """
    known = place.known_domains

    def at_home(mail: Mail) -> bool:
        domains = [mail.sender_domain, *(final_host(link.url) for link in mail.links)]
        passed = mail.spf == mail.dkim == mail.dmarc == "pass"
        return passed and all(inspect_domain(domain, known).verdict == "known" for domain in domains)

    easy = [one for one in mails if one.difficulty in DIFFICULTIES[:2] and not one.images]
    hard = [one for one in mails if one.difficulty == DIFFICULTIES[-1] and not at_home(one)]
    honest = [one for one in mails if not one.malicious and one.links and len(one.cues) > 2 and at_home(one)]
    if not (easy and hard and honest):
        raise UserError("Not all three kinds of mail are there: make more mails.")
    chosen = [min(found, key=lambda one: (len(one.body), one.mail_id)) for found in (easy, hard, honest)]
    return tuple(chosen[int(number)] for number in np.random.default_rng(seed).permutation(3))


def as_exercise(mail: Mail, number: int) -> Exercise:
    """Return what a reader sees of a mail: nothing of what is true of it."""
    return Exercise(
        mail.mail_id,
        f"{mail.sender_name} <{mail.sender_address}>",
        mail.reply_to if mail.reply_to != mail.sender_address else "",
        mail.recipient_role,
        mail.subject,
        mail.body,
        mail.links,
        mail.attachments,
        mail.images,
        f"Authentication: spf={mail.spf} dkim={mail.dkim} dmarc={mail.dmarc}",
        number,
    )


def truth_table(mails: Sequence[Mail], place: Organization) -> pd.DataFrame:
    """Return what is true of mails: mail, is, cues, fits the work (alignment), sender's domain, how hard."""
    rows = []
    for number, mail in enumerate(mails, 1):
        what, fits, hard = "honest", "", ""
        if mail.malicious:
            scale = phish_scale(mail)
            what = f"phishing: {mail.kind.replace('_', ' ')}"
            fits, hard = f"{scale.alignment} ({scale.alignment_category})", scale.difficulty
        domain = inspect_domain(mail.sender_domain, place.known_domains).verdict
        rows.append((f"mail {number}", what, len(mail.cues), fits, hard, domain))
    columns = ["mail", "is", "cues", "fits the work", "difficult to notice", "sender's domain"]
    return pd.DataFrame(rows, columns=columns)


def cue_table(mails: Sequence[Mail], most: int = 60) -> pd.DataFrame:
    """Return the cues of mails: mail, cue, where, words (at most ``most`` characters of them)."""
    rows = [
        (
            f"mail {number}",
            CUES[cue.name],
            WHERE.get(cue.where, cue.where),
            _one_line(cue.words, most),
        )
        for number, mail in enumerate(mails, 1)
        for cue in dict.fromkeys(mail.cues)
    ]
    return pd.DataFrame(rows, columns=["mail", "cue", "where", "words"])


def _one_line(text: str, most: int) -> str:
    line = defanged(visible(" ".join(text.split()), address=False))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def habits(mails: Sequence[Mail], count: int, *, seed: int) -> pd.DataFrame:
    """Let three habits answer ``count`` mails of the trainer each, and return how they score.

    Returns:
        habit, right (share), phishing reported, honest reported, score, 95% interval (of the score).
    """
    by_id = {mail.mail_id: mail for mail in mails}

    def looks(mail: Mail) -> bool:
        failed = "fail" in (mail.spf, mail.dkim, mail.dmarc)
        return failed or any(cue.name in TECHNICAL for cue in mail.cues)

    ways: dict[str, Callable[[Mail], bool]] = {
        "reports everything": lambda mail: True,
        "trusts everything": lambda mail: False,
        "looks at sender, links and files": looks,
    }
    rows = []
    for name, reports in ways.items():
        trainer = PhishingTrainer(mails, seed=seed)
        right = 0
        for _ in range(count):
            waiting = trainer.next()
            answer = "report" if reports(by_id[waiting.mail_id]) else "trust"
            right += trainer.answer(waiting.mail_id, answer).right
        found = trainer.score()
        rows.append(
            (
                name,
                f"{right / count:.0%}",
                f"{found.hits} of {found.phishing}",
                f"{found.false_alarms} of {found.honest}",
                round(found.score),
                f"{found.score_interval[0]:.0f} to {found.score_interval[1]:.0f}"
                if 0 < found.hits + found.false_alarms < count
                else "the answer never varies",
            )
        )
    columns = ["habit", "right", "phishing reported", "honest reported", "score", "95% interval"]
    return pd.DataFrame(rows, columns=columns)


def domain_tricks(domain: str, known: Sequence[str]) -> pd.DataFrame:
    """Return one lookalike of ``domain`` per technique.

    Returns:
        trick, names (how many lookalikes it gives), as read, as registered, the detector says (of the one
        that is shown).
    """
    frame = lookalike_frame(domain)
    rows = []
    for technique in TECHNIQUES:
        made = frame[frame["technique"] == technique]
        if made.empty:
            continue
        # Greek and Cyrillic letters are in every font; some of the others would show as boxes.
        common = made[made["domain"].str.contains(COMMON_SCRIPTS, regex=True)]
        made_of = common if len(common) else made
        one = made_of.iloc[len(made_of) // 3]
        verdict = inspect_domain(one["ascii"], known)
        registered = one["ascii"] if one["ascii"] != one["domain"] else "the same"
        why = "; ".join(verdict.reasons) or verdict.verdict
        rows.append((technique.replace("_", " "), len(made), one["domain"], registered, why))
    return pd.DataFrame(rows, columns=["trick", "names", "as read", "as registered", "the detector says"])


def caught_by_kind(found: FilterMeasurement) -> pd.DataFrame:
    """Return what a filter flags of each kind of phishing, the least first: kind, mails, flagged."""
    rows = found.by_kind().query("malicious")
    return pd.DataFrame(
        {
            "kind": rows["kind"].str.replace("_", " "),
            "mails": rows["mails"],
            "flagged": rows["flagged"].map("{:.0%}".format),
        }
    )


def hardening_table(found: Hardening) -> pd.DataFrame:
    """Return filters side by side, with what they catch, what they cost, and what passes when attacked."""
    table = found.to_frame()
    passes = [
        f"{row.evaded:.0%} of {row.attacked} ({row.evaded_low:.0%} to {row.evaded_high:.0%})"
        for row in table.itertuples()
    ]
    return pd.DataFrame(
        {
            "filter": table["filter"],
            "phishing caught": table["recall"].map("{:.0%}".format),
            "honest mail flagged": table["false_alarms"].map("{:.0%}".format),
            "old evasions caught": table["recall_transferred"].map("{:.0%}".format),
            "pass when attacked anew": passes,
        }
    )


def campaign_table(campaign: Campaign, found: ReportingCulture) -> pd.DataFrame:
    """Return campaigns, the most clicks first: campaign, difficulty, click, report, first report."""
    difficulty = campaign.to_frame().set_index("campaign")["difficulty"]
    rows = found.to_frame("campaign").query("not suppressed").sort_values("click_rate", ascending=False)
    return pd.DataFrame(
        {
            "campaign": rows["group"],
            "difficulty": rows["group"].map(difficulty),
            "click": rows["click_rate"].map("{:.0%}".format),
            "report": rows["report_rate"].map("{:.0%}".format),
            "first report after": rows["first_report_minutes"].map("{:.0f} min".format),
        }
    )


def unit_table(found: ReportingCulture) -> pd.DataFrame:
    """Return units in the order of their names: unit, report, click; a suppressed one has no figure."""
    rows = found.to_frame("unit")
    hidden = "not shown"
    return pd.DataFrame(
        {
            "unit": rows["group"],
            "report": rows["report_rate"].map("{:.0%}".format).where(~rows["suppressed"], hidden),
            "click": rows["click_rate"].map("{:.0%}".format).where(~rows["suppressed"], hidden),
        }
    )
