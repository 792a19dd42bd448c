"""The tasks of chapter 17: a deceptive link, an honest measure, clocks, a tabletop to lead, what to share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from secure_ai.core.errors import UserError
from secure_ai.govern.incidents.facts import IncidentFacts
from secure_ai.govern.incidents.indicators import Observed, indicator_bundle
from secure_ai.govern.incidents.tabletop.actions import ACTIONS, CLOCK_ACTIONS
from secure_ai.govern.incidents.tabletop.engine import LENGTH, Tabletop
from secure_ai.govern.incidents.tabletop.scoring import CONTAIN, WITHOUT_DELAY
from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect, same
from secure_ai.learn.incident_cases import (
    GAMES,
    TOLD,
    Finding,
    LedTabletop,
    OwnHouse,
    draw_facts,
    draw_findings,
    expected_notices,
    finish,
    notice_of,
    seed_pools,
    start,
    wanted_notices,
)
from secure_ai.learn.phishing_cases import LOOKS_LIKE, Mailbox, link_cases, mailbox
from secure_ai.learn.slips import Slip, explained, telling_cases

lab = Lab("17_people_and_incidents", title="People and incidents")
progress = lab.progress

# -------------------------------------------------------------------------------- 1 · a link that deceives

JUDGE_KIND = 'one of the words `"known"`, `"deceptive"` and `"unknown"` is asked for.'
JUDGE_KNOWN = "an address of one of the known domains is not recognized."
JUDGE_BELOW = "an honest address below a known domain, such as `portal.`, is turned away."
JUDGE_WRITTEN = "a known address is not recognized when it is written in capitals or with a port."
JUDGE_ONWARD = "what stands behind the host counts: the known site itself is turned away."
JUDGE_STRANGER = "somebody else's address, which claims nothing, is called deceptive."
JUDGE_RELATIVE = "an address that shares one word with a known name is called deceptive."
JUDGE_FRONT = "a stranger's address gets through because a known domain stands in front of it."
JUDGE_AT = "a stranger's address gets through because a known domain stands before the `@`."
JUDGE_END = "an address gets through that only ends like a known domain, without a dot before it."
JUDGE_ENDING = "the known name under another ending gets through."
JUDGE_DIGIT = "the known name with a digit in place of a letter gets through."
JUDGE_FOREIGN = "the known name with a letter of another alphabet, written as `xn--`, gets through."
JUDGE_CAPITALS = "a known domain in capitals, in front of a stranger's, gets through."

JUDGED = {
    "own": (JUDGE_KNOWN, "Compare `urlsplit(url).hostname` with each known domain."),
    "below own": (JUDGE_BELOW, 'What ends with `"." + domain` is below it.'),
    "own in capitals": (JUDGE_WRITTEN, "`urlsplit(url).hostname` has no port and no capitals."),
    "own handing on": (JUDGE_ONWARD, "Look at `hostname` and `netloc` only."),
    "before at": (
        JUDGE_AT,
        "`hostname` is where the browser goes; `netloc` also has what stands before the @.",
    ),
    "in front": (JUDGE_FRONT, "The end of the host decides whose it is, not its beginning."),
    "at the end": (JUDGE_END, 'Ask for `"." + domain` at the end, or for the domain itself.'),
    "other ending": (JUDGE_ENDING, 'Look for the name without its ending: `domain.split(".")[0]`.'),
    "digit": (JUDGE_DIGIT, "Use `.translate(LOOKS_LIKE)` on both: what is seen, and the name."),
    "foreign letter": (JUDGE_FOREIGN, '`.encode().decode("idna")` shows what a browser would show.'),
    "shouted in front": (JUDGE_CAPITALS, "Make it small first: `.lower()`."),
    "stranger": (JUDGE_STRANGER, 'An address in which no known name can be seen is `"unknown"`.'),
    "relative": (JUDGE_RELATIVE, "Look for the whole name, not for a word of it."),
}


def _judge(
    *,
    host: Callable[[str], str] = lambda url: urlsplit(url).hostname or "",
    owned: Callable[[str, str], bool] = lambda host, own: host == own or host.endswith("." + own),
    seen: Callable[[str], str] = lambda url: urlsplit(url).netloc.lower().encode().decode("idna"),
    name: Callable[[str], str] = lambda domain: domain.split(".")[0],
    alike: Any = LOOKS_LIKE,
    stranger: str = "unknown",
) -> Callable[[str, Sequence[str]], str]:
    """Return the answer, or the one of somebody who does a part of it otherwise."""

    def judge_link(url: str, known: Sequence[str]) -> str:
        if any(owned(host(url), domain) for domain in known):
            return "known"
        looked_at = seen(url).translate(alike)
        return "deceptive" if any(name(one).translate(alike) in looked_at for one in known) else stranger

    return judge_link


_judge_link = _judge()


@lab.task(
    prompt="Say of a link whether it leads to a known domain, pretends to, or is simply somebody else's.",
    hints=(
        "Two questions, one after the other: where does the browser go, and what does the eye see? For the "
        "first take `urlsplit(url).hostname`, for the second `urlsplit(url).netloc`.",
        'Known is a host that equals a known domain or ends with `"." + domain`. Deceptive is any other '
        "address in which the name of a known domain can be seen. To see what the eye sees: small letters, "
        '`.encode().decode("idna")`, `.translate(LOOKS_LIKE)`.',
        '`seen = urlsplit(url).netloc.lower().encode().decode("idna").translate(LOOKS_LIKE)`, and for every '
        'known domain `domain.split(".")[0].translate(LOOKS_LIKE) in seen`.',
    ),
    known_wrong=(
        KnownWrong(_judge(owned=lambda host, own: host == own), JUDGE_BELOW, "condemns subdomains"),
        KnownWrong(
            _judge(host=lambda url: urlsplit(url).netloc), JUDGE_WRITTEN, "compares with capitals and port"
        ),
        KnownWrong(
            _judge(host=lambda url: url.rsplit("/", 2)[-2].lower()), JUDGE_KNOWN, "cuts at the wrong slash"
        ),
        KnownWrong(
            lambda url, known: "known" if any(one in url.lower() for one in known) else "unknown",
            JUDGE_AT,
            "looks for the domain anywhere",
        ),
        KnownWrong(
            _judge(host=lambda url: url.split("//")[1].lower(), owned=lambda host, own: own in host),
            JUDGE_AT,
            "looks for the domain behind the slashes",
        ),
        KnownWrong(
            _judge(owned=lambda host, own: host.startswith(own) or host.endswith("." + own)),
            JUDGE_FRONT,
            "trusts the beginning",
        ),
        KnownWrong(_judge(owned=lambda host, own: host.endswith(own)), JUDGE_END, "forgets the dot"),
        KnownWrong(
            _judge(seen=lambda url: (urlsplit(url).hostname or "").encode().decode("idna")),
            JUDGE_AT,
            "does not look before the @",
        ),
        KnownWrong(_judge(name=lambda domain: domain), JUDGE_ENDING, "looks for name and ending together"),
        KnownWrong(_judge(alike={ord("-"): None}), JUDGE_DIGIT, "compares letter by letter"),
        KnownWrong(
            _judge(seen=lambda url: urlsplit(url).netloc.lower()), JUDGE_FOREIGN, "reads xn-- as it is"
        ),
        KnownWrong(
            _judge(seen=lambda url: urlsplit(url).netloc.encode().decode("idna")),
            JUDGE_CAPITALS,
            "forgets the small letters",
        ),
        KnownWrong(_judge(stranger="deceptive"), JUDGE_STRANGER, "distrusts everybody else"),
        KnownWrong(
            _judge(name=lambda domain: domain.split(".")[0].split("-")[0]),
            JUDGE_RELATIVE,
            "looks for the first word",
        ),
        KnownWrong(lambda url, known: True, JUDGE_KIND, "returns yes or no"),
    ),
    solution=_judge_link,
)
def judge_link(value) -> CheckResult:
    rng = fresh()
    failed: set[str] = set()
    for _ in range(4):
        known, links = link_cases(rng)
        for sort, (url, expected) in links.items():
            answer = attempt(value, url, known)
            if not (isinstance(answer, str) and answer in ("known", "deceptive", "unknown")):
                return incorrect(JUDGE_KIND, "Return one of the three words.")
            if answer != expected:
                failed.add(sort)
    for sort, (message, next_step) in JUDGED.items():
        if sort in failed:
            return incorrect(message, next_step)
    return correct("Every trick is seen, and no honest address is turned away.")


# ----------------------------------------------------------------------------------- 2 · an honest measure

SPLIT_KIND = "two shares are asked for: the recall and the precision."
SPLIT_TRAINED = "the filter is measured on mails that it was trained on."
SPLIT_MAIL = (
    "the split goes by mail: others of the same templates as the measured mails were in the training."
)
SPLIT_REVERSED = "the two sides are exchanged: the filter was trained on the templates that are held out."
SPLIT_ONE_SIDE = "honest mail was left out of the measure, so there can be no false alarm."
SPLIT_ACCURACY = (
    "that is the accuracy; most mail is honest, so a filter that flags nothing has a high one, too."
)
SPLIT_SWAPPED = "the two are exchanged: the recall comes first."
SPLIT_ALARMS = (
    "that is the share of honest mail that is flagged; asked is how much of the flagged is phishing."
)
SPLIT_OTHER = "these are not recall and precision on the templates that are held out."

Figures = tuple[float, float]


def _figures(truth: Sequence[bool], flagged: Sequence[bool]) -> Figures:
    hits = sum(t and f for t, f in zip(truth, flagged, strict=True))
    return hits / sum(truth), hits / sum(flagged)


def _measured(
    train: Callable[[Any, frozenset[str]], bool] = lambda mail, held_out: mail.template not in held_out,
    test: Callable[[Any, frozenset[str]], bool] = lambda mail, held_out: mail.template in held_out,
    figures: Callable[[Sequence[bool], Sequence[bool]], Any] = _figures,
) -> Callable[..., Any]:
    """Return the answer, or the one of somebody who splits or counts otherwise."""

    def measure(mails, make_filter, held_out):
        made = make_filter().fit([mail for mail in mails if train(mail, held_out)])
        tested = [mail for mail in mails if test(mail, held_out)]
        return figures([mail.malicious for mail in tested], [bool(one) for one in made.predict(tested)])

    return measure


def _early(mail: Any, held_out: frozenset[str]) -> bool:
    return int(mail.mail_id[1:]) % 3 > 0


def _late(mail: Any, held_out: frozenset[str]) -> bool:
    return not _early(mail, held_out)


def _accuracy(truth: Sequence[bool], flagged: Sequence[bool]) -> float:
    return sum(t == f for t, f in zip(truth, flagged, strict=True)) / len(truth)


def _alarms(truth: Sequence[bool], flagged: Sequence[bool]) -> float:
    return sum(f and not t for t, f in zip(truth, flagged, strict=True)) / (len(truth) - sum(truth))


_measure = _measured()


@lab.task(
    prompt="Measure a filter on templates that it has never seen: recall, then precision.",
    hints=(
        "Part the mails by `mail.template in held_out`: those go to the measure, all others to the training. "
        "Then count three things among the measured: phishing, flagged, and both at once.",
        "Recall is both divided by phishing; precision is both divided by flagged. `made.predict(tested)` "
        "gives one True or False for each mail, in the same order.",
        "`made = make_filter().fit([mail for mail in mails if mail.template not in held_out])`; then "
        "`hits = sum(mail.malicious and flag for mail, flag in zip(tested, flagged))`.",
    ),
    known_wrong=(
        KnownWrong(
            _measured(lambda mail, held: True, lambda mail, held: True),
            SPLIT_TRAINED,
            "measures the training",
        ),
        KnownWrong(_measured(lambda mail, held: True), SPLIT_TRAINED, "holds nothing out of the training"),
        KnownWrong(_measured(_early, _late), SPLIT_MAIL, "splits by mail"),
        KnownWrong(
            _measured(lambda mail, held: mail.template in held, lambda mail, held: mail.template not in held),
            SPLIT_REVERSED,
            "exchanges the sides",
        ),
        KnownWrong(
            _measured(test=lambda mail, held: mail.template in held and mail.malicious),
            SPLIT_ONE_SIDE,
            "measures on phishing alone",
        ),
        KnownWrong(_measured(figures=_accuracy), SPLIT_ACCURACY, "returns the accuracy"),
        KnownWrong(
            _measured(
                figures=lambda truth, flagged: (_figures(truth, flagged)[0], _accuracy(truth, flagged))
            ),
            SPLIT_ACCURACY,
            "takes the accuracy for the precision",
        ),
        KnownWrong(
            _measured(figures=lambda truth, flagged: _figures(truth, flagged)[::-1]),
            SPLIT_SWAPPED,
            "exchanges the figures",
        ),
        KnownWrong(
            _measured(figures=lambda truth, flagged: (_figures(truth, flagged)[0], _alarms(truth, flagged))),
            SPLIT_ALARMS,
            "takes false alarms for the precision",
        ),
        KnownWrong(lambda mails, make_filter, held_out: "good", SPLIT_KIND, "returns a word"),
    ),
    solution=_measure,
)
def measure(value) -> CheckResult:
    rng = fresh()
    for _ in range(2):
        box, expected, truth, flagged = _mailbox(rng)
        make_filter, trained, asked = box.watched()
        answer = attempt(value, box.mails, make_filter, box.held_out)
        if same(answer, _accuracy(truth, flagged)):
            return incorrect(SPLIT_ACCURACY, "Count the flagged, the phishing, and those that are both.")
        if not _is_pair(answer):
            return incorrect(SPLIT_KIND, "End with `return recall, precision`.")
        mistake = _split_mistake(box, trained, asked)
        if mistake is not None:
            return mistake
        if not same(answer, expected):
            return _figure_mistake(answer, expected, truth, flagged)
    return correct("Recall and precision on templates that the filter has never seen.")


def _is_pair(answer: Any) -> bool:
    numbers = (int, float, np.number)
    return (
        isinstance(answer, list | tuple)
        and len(answer) == 2
        and all(isinstance(one, numbers) and not isinstance(one, bool) for one in answer)
    )


def _mailbox(rng: np.random.Generator) -> tuple[Mailbox, Figures, list[bool], list[bool]]:
    """Draw a mailbox in which no figure can be taken for another one."""
    while True:
        box = mailbox(rng)
        tested = [mail for mail in box.mails if mail.template in box.held_out]
        truth, flagged = [mail.malicious for mail in tested], [box.guesses[mail.mail_id] for mail in tested]
        recall, precision = _figures(truth, flagged)
        figures = sorted([recall, precision, _accuracy(truth, flagged), _alarms(truth, flagged)])
        if all(b - a > 1e-3 for a, b in itertools.pairwise(figures)):
            return box, (recall, precision), truth, flagged


def _split_mistake(box: Mailbox, trained: set[str], asked: set[str]) -> CheckResult | None:
    """Say what is wrong with the mails on which filters were trained, and about which they were asked."""
    mails = {mail.mail_id: mail for mail in box.mails}
    learned = {mails[one].template for one in trained if one in mails}
    measured = {mails[one].template for one in asked if one in mails}
    if not trained or not asked:
        return incorrect(SPLIT_OTHER, "Make a filter, `fit` it, and ask it with `predict`.")
    if trained & asked and learned & box.held_out:
        return incorrect(SPLIT_TRAINED, "Train without the templates in `held_out`.")
    if learned <= box.held_out and not measured & box.held_out:
        return incorrect(SPLIT_REVERSED, "Train where the template is `not in held_out`.")
    if learned & box.held_out:
        return incorrect(SPLIT_MAIL, "Decide by `mail.template`, not mail by mail.")
    if all(mails[one].malicious for one in asked if one in mails):
        return incorrect(SPLIT_ONE_SIDE, "Measure on all mails of the templates that are held out.")
    return None


def _figure_mistake(answer: Any, expected: Figures, truth: list[bool], flagged: list[bool]) -> CheckResult:
    recall, precision = expected
    if same(answer, (precision, recall)):
        return incorrect(SPLIT_SWAPPED, "End with `return recall, precision`.")
    if same(answer[1], _accuracy(truth, flagged)) or same(answer[0], _accuracy(truth, flagged)):
        return incorrect(SPLIT_ACCURACY, "Count the flagged, the phishing, and those that are both.")
    if same(answer[1], _alarms(truth, flagged)):
        return incorrect(SPLIT_ALARMS, "Divide by the number of flagged mails.")
    return incorrect(SPLIT_OTHER, "Recall: both by phishing. Precision: both by flagged.")


# ------------------------------------------------------------------------------------------ 3 · the clocks

CLOCK_KIND = 'a dictionary is asked for, with the keys `"authority"`, `"secretary"` and `"regulator"`.'
CLOCK_UNKNOWN = 'a fact that nobody knows yet was taken for a "no".'
CLOCK_YES = "a fact that nobody knows yet was taken as if it held: a last moment is named too early."
CLOCK_FAILED = "one condition that fails decides, whatever else is not known yet."
CLOCK_SEALED = "that the data were encrypted is overlooked: then nobody has to be told under HIPAA."
CLOCK_FOUND = "that it should have been noticed earlier is overlooked: the earlier of the two moments counts."
CLOCK_LATER = "the later of the two moments was taken; the clock runs from the earlier."
CLOCK_ZONE = "the day is counted in UTC; it is the day of the house that counts."
CLOCK_AT_500 = "exactly 500 persons belong to the large breaches."
CLOCK_FEW = "with fewer than 500 persons the Secretary is told later: 60 days after the end of the year."
CLOCK_NEVER = "with fewer than 500 persons the Secretary is told all the same, once a year."
CLOCK_AWARE = "the 72 hours run from the moment of certainty (`aware`)."
CLOCK_DETERMINED = "the 36 hours run from the determination, not from the first alarm."
CLOCK_WEEKEND = "weekends were left out; 72 hours are hours, on Sundays as well."


def _conditions(facts: IncidentFacts, sealed_counts: bool = True) -> dict[str, list[bool | None]]:
    risk, sealed, count = facts.risk_to_persons, facts.data_unintelligible, facts.individuals
    unsealed = None if sealed is None else not sealed
    return {
        "authority": [facts.gdpr_applies, facts.personal_data, None if risk is None else risk != "unlikely"],
        "secretary": [facts.phi, unsealed if sealed_counts else True, None if count is None else True],
        "regulator": [facts.material_disruption],
    }


def _state(needed: Sequence[bool | None]) -> bool | None:
    """Return False, None where something is not known, or True."""
    return False if False in needed else None if None in needed else True


def _working_hours(begin: datetime, hours: float) -> datetime:
    end = begin
    for _ in range(int(hours) // 24):
        end += timedelta(days=1)
        while end.weekday() > 4:
            end += timedelta(days=1)
    return end


def _clocks(
    *,
    state: Callable[[Sequence[bool | None]], bool | None] = _state,
    missing_start: str = "undecided",
    sealed: bool = True,
    found: Callable[[Sequence[datetime]], datetime] = min,
    heard: Callable[[IncidentFacts], tuple[datetime | None, ...]] = lambda facts: (
        facts.discovered,
        facts.should_have_known,
    ),
    aware: Callable[[IncidentFacts], datetime | None] = lambda facts: facts.aware,
    determined: Callable[[IncidentFacts], datetime | None] = lambda f: f.notification_incident_determined,
    large: Callable[[int], bool] = lambda count: count >= 500,
    few: Callable[[date], date | str] = lambda day: date(day.year, 12, 31) + timedelta(days=60),
    zone: Callable[[IncidentFacts], Any] = lambda facts: facts.zone,
    hours: Callable[[datetime, float], datetime] = lambda begin, count: begin + timedelta(hours=count),
) -> Callable[[IncidentFacts], dict[str, Any]]:
    """Return the answer, or the one of somebody who does a part of it otherwise."""

    def notices(facts: IncidentFacts) -> dict[str, Any]:
        times = [moment for moment in heard(facts) if moment is not None]
        begins = {
            "authority": aware(facts),
            "secretary": found(times) if times else None,
            "regulator": determined(facts),
        }
        answer: dict[str, Any] = {}
        for who, needed in _conditions(facts, sealed).items():
            decided, begin = state(needed), begins[who]
            if not decided:
                answer[who] = "no" if decided is False else "undecided"
            elif begin is None:
                answer[who] = missing_start
            elif who != "secretary":
                answer[who] = hours(begin, 72 if who == "authority" else 36)
            else:
                day = begin.astimezone(zone(facts)).date()
                answer[who] = day + timedelta(days=60) if large(facts.individuals or 0) else few(day)
        return answer

    return notices


_notices = _clocks()
CLOCK_SLIPS: tuple[Slip, ...] = (
    (
        _clocks(state=all, missing_start="no"),
        CLOCK_UNKNOWN,
        'Ask for `None in ...` before you say "no".',
    ),
    (_clocks(state=all), CLOCK_UNKNOWN, 'A fact that is None leaves it "undecided".'),
    (_clocks(missing_start="no"), CLOCK_UNKNOWN, 'Without the moment when it began it is "undecided".'),
    (
        _clocks(state=lambda needed: False not in needed),
        CLOCK_YES,
        'A fact that is None leaves it "undecided".',
    ),
    (
        _clocks(state=lambda needed: None if None in needed else all(needed)),
        CLOCK_FAILED,
        "Ask for `False in ...` first, and for `None in ...` afterwards.",
    ),
    (_clocks(sealed=False), CLOCK_SEALED, "`data_unintelligible` must be False for the clock to run."),
    (_clocks(heard=lambda facts: (facts.discovered,)), CLOCK_FOUND, "Take `min` of the two that are known."),
    (_clocks(found=max), CLOCK_LATER, "Take `min` of the two that are known."),
    (_clocks(zone=lambda facts: UTC), CLOCK_ZONE, "Write `.astimezone(facts.zone).date()`."),
    (_clocks(large=lambda count: count > 500), CLOCK_AT_500, "Compare with `>= 500`."),
    (_clocks(large=lambda count: True), CLOCK_FEW, "Begin with `date(day.year, 12, 31)`."),
    (_clocks(few=lambda day: "no"), CLOCK_NEVER, "Begin with `date(day.year, 12, 31)`."),
    (_clocks(aware=lambda facts: facts.discovered), CLOCK_AWARE, "Begin with `facts.aware`."),
    (_clocks(aware=lambda facts: facts.occurred), CLOCK_AWARE, "Begin with `facts.aware`."),
    (
        _clocks(determined=lambda facts: facts.discovered),
        CLOCK_DETERMINED,
        "Begin with `facts.notification_incident_determined`.",
    ),
    (
        _clocks(determined=lambda facts: facts.aware),
        CLOCK_DETERMINED,
        "Begin with `facts.notification_incident_determined`.",
    ),
    (_clocks(hours=_working_hours), CLOCK_WEEKEND, "Add `timedelta(hours=72)`, and nothing else."),
)


@lab.task(
    prompt="Compute from the facts who has to be told and until when, and say what cannot be decided yet.",
    hints=(
        "For each of the three: is a condition False? Then it is a no. Is one None, or the moment from "
        "which it runs? Then it is undecided. Only what is left has a last moment. Keep to this order.",
        "`False in needed` and `None in needed` ask a whole list at once. The Secretary's clock begins with "
        "the `min` of those of the two moments that are not None; its day is "
        "`.astimezone(facts.zone).date()`.",
        "`day + timedelta(days=60)` for 500 or more, `date(day.year, 12, 31) + timedelta(days=60)` for "
        "fewer; `facts.aware + timedelta(hours=72)`; "
        "`facts.notification_incident_determined + timedelta(hours=36)`.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message) for slip, message, _ in CLOCK_SLIPS),
        KnownWrong(lambda facts: list(_notices(facts).values()), CLOCK_KIND, "returns a list"),
    ),
    solution=_notices,
)
def notices(value) -> CheckResult:
    cases = telling_cases(lambda rng: (draw_facts(rng),), _notices, CLOCK_SLIPS, most=200)
    answers = []
    for (facts,) in cases:
        answer = attempt(value, facts)
        if not isinstance(answer, dict) or set(answer) != set(TOLD):
            return incorrect(CLOCK_KIND, "Put an answer under each of the three keys.")
        answers.append({name: _in_utc(one) for name, one in answer.items()})
    expected = [expected_notices(*case) for case in cases]
    for answer, wanted in zip(answers, expected, strict=True):
        wrong = next((name for name in TOLD if not same(answer[name], wanted[name])), "")
        if wrong:
            return explained(answers, cases, CLOCK_SLIPS, _wrong_notice(wrong, answer[wrong], wanted[wrong]))
    return correct("The last moments agree with the kit's clocks, and what nobody knows yet stays undecided.")


def _in_utc(value: Any) -> Any:
    # Python calls the hour that comes twice in autumn unequal to itself in another zone (PEP 495).
    return value.astimezone(UTC) if type(value) is datetime and value.tzinfo is not None else value


def _wrong_notice(name: str, answer: Any, wanted: Any) -> CheckResult:
    if isinstance(wanted, str):
        given = f'"{answer}"' if answer in ("no", "undecided") else "a last moment"
        return incorrect(f'the answer for "{name}" should be "{wanted}" in one case, and is {given}.')
    if isinstance(answer, str):
        return incorrect(f'the answer for "{name}" should be a last moment in one case, and is a word.')
    kind = "a day (`date`)" if name == "secretary" else "a moment (`datetime`)"
    return incorrect(f'the answer for "{name}" is another one than the kit\'s; {kind} is asked for.')


# ----------------------------------------------------------------------------------- 4 · lead the tabletop

UNTIL = 45
LEAD_NOTHING = "nobody decided anything, and the reading went on."
LEAD_HARM = "a decision was taken that always does harm: a full stop, a promise without proof, or a warning."
LEAD_WIPED = "something was wiped or deleted before the logs were copied: nobody can say any more who is hit."
LEAD_EVIDENCE = "the logs were never copied."
LEAD_OPEN = "it was never stopped: at the end of the four days the account can still read."
LEAD_SHARE = "the exposed share stayed open."
LEAD_USELESS = "something was switched off that has nothing to do with this incident."
LEAD_SLOW = f"it was stopped too late: records were opened after minute {UNTIL}."
LEAD_UNCOUNTED = "whose records were read was never counted, or only while more were being read."
LEAD_EARLY = "somebody was told before it was known whether they have to be told."
LEAD_NEEDLESS = "somebody was told whom no clock names."
LEAD_UNDECIDED = "a notice is missing, because its clock stayed undecided: not all facts were asked for."
LEAD_SILENT = "a clock ran, and nobody was told."
LEAD_LATE = "somebody was told after the last moment."
QUESTIONS = ("since_when", "what_data", "was_it_encrypted", "which_laws", "is_service_affected")
NOTICES = tuple(dict.fromkeys(name for names in CLOCK_ACTIONS.values() for name in names))


def _lead(
    *,
    first: Sequence[str] = (),
    wait_before: int = 0,
    share: Callable[[Tabletop], bool] = lambda game: game.detections[0][1].family == "export",
    contain: Sequence[str] = ("disable_account",),
    evidence: Sequence[str] = ("preserve_logs",),
    questions: Sequence[str] = QUESTIONS,
    count_first: bool = False,
    wait_to_tell: int = 0,
    tell: Callable[[Tabletop], Sequence[str]] = lambda game: [
        notice_of(game, clock) for clock in game.clocks() if clock.status == "applies"
    ],
) -> Callable[[Tabletop], None]:
    """Return the answer, or the one of somebody who leads otherwise in a part of it."""

    def lead(game: Tabletop) -> None:
        finish(game, *first, "confirm_alert", *(["count_records"] if count_first else []))
        if wait_before:
            game.advance(wait_before)
        closing = [*contain, *(["close_share"] if share(game) else [])]
        finish(game, *closing, *evidence)
        for question in questions:
            game.ask(question)
        for action in ("assess_risk",) if count_first else ("count_records", "assess_risk"):
            finish(game, action)
        finish(game, "decide_disclosure")
        if wait_to_tell:
            game.advance(wait_to_tell)
        start(game, *tell(game))

    return lead


_play = _lead()


def _everything(game: Tabletop) -> None:
    start(game, *(action.id for action in ACTIONS))


def _all_that_is_harmless(game: Tabletop) -> None:
    useful = {"disable_account", "close_share"} if game.scenario == "exposed_store" else {"disable_account"}
    harmless = [one.id for one in ACTIONS if not one.harm and (one.id not in CONTAIN or one.id in useful)]
    start(game, *sorted(harmless, key=lambda name: (name in NOTICES, name not in useful)))


@cache
def _ready_to_play() -> bool:
    for name, (scenario, sector) in GAMES.items():
        LedTabletop(scenario, sector, seed=seed_pools()[name][0])
    return True


@lab.task(
    prompt="Lead the incident: stop it, keep the evidence, find out, and tell in time who has to be told.",
    hints=(
        "Five stretches, in this order: look at the alarm; stop it and copy the logs; ask; count and assess; "
        "tell. `finish` waits until something is done, so what follows can rest on it.",
        'The share is closed only if data go out to strangers (`game.detections[0][1].family == "export"`). '
        "Ask every question that a clock may need, and have `decide_disclosure` done: then no clock that "
        "matters is undecided.",
        'At the end: `for clock in game.clocks():`, and if `clock.status == "applies"`, then '
        "`start(game, notice_of(game, clock))`.",
    ),
    known_wrong=(
        KnownWrong(lambda game: game.advance(600), LEAD_NOTHING, "waits and sees"),
        KnownWrong(_everything, LEAD_HARM, "does everything at once"),
        KnownWrong(_all_that_is_harmless, LEAD_EARLY, "does all that is harmless at once"),
        KnownWrong(_lead(first=("reassure_public",)), LEAD_HARM, "reassures the public"),
        KnownWrong(_lead(first=("rebuild_server",)), LEAD_WIPED, "wipes first"),
        KnownWrong(_lead(first=("delete_export",)), LEAD_WIPED, "deletes first"),
        KnownWrong(_lead(evidence=()), LEAD_EVIDENCE, "keeps no evidence"),
        KnownWrong(_lead(contain=()), LEAD_OPEN, "leaves the account alone"),
        KnownWrong(_lead(share=lambda game: False), LEAD_SHARE, "leaves the share open"),
        KnownWrong(_lead(share=lambda game: True), LEAD_USELESS, "closes a share always"),
        KnownWrong(
            _lead(contain=("disable_account", "revoke_key_use")), LEAD_USELESS, "forbids the key always"
        ),
        KnownWrong(_lead(wait_before=120), LEAD_SLOW, "waits for a meeting"),
        KnownWrong(_lead(count_first=True), LEAD_SLOW, "counts before stopping"),
        KnownWrong(_lead(questions=QUESTIONS[:2]), LEAD_UNDECIDED, "does not ask enough"),
        KnownWrong(
            lambda game: (finish(game, "confirm_alert"), start(game, "notify_authority"), _play(game)),
            LEAD_EARLY,
            "tells before anything is known",
        ),
        KnownWrong(
            _lead(tell=lambda game: [n for n in NOTICES if n != "log_for_annual_report"]),
            LEAD_NEEDLESS,
            "tells everybody",
        ),
        KnownWrong(_lead(tell=lambda game: []), LEAD_SILENT, "tells nobody"),
        KnownWrong(_lead(wait_to_tell=4200), LEAD_LATE, "lets the clocks run out"),
    ),
    solution=_play,
    prepare=_ready_to_play,
)
def lead(value) -> CheckResult:
    rng = fresh()
    for name, (scenario, sector) in GAMES.items():
        game = LedTabletop(scenario, sector, seed=int(rng.choice(seed_pools()[name])))
        attempt(value, game, none_is_an_answer=True)
        if not game.decisions:
            return incorrect(LEAD_NOTHING, 'Begin with `finish(game, "confirm_alert")`.')
        if not game.over:
            game.advance(LENGTH - game.minute)
        for judged in (_harm, _containment, _telling):
            mistake = judged(game)
            if mistake is not None:
                return mistake
    return correct(
        f"Nothing was read after minute {UNTIL}, the evidence is kept, and whoever has to be told was told "
        "in time: in a hospital and in a bank, against a thief and against a colleague."
    )


def _done(game: Tabletop) -> dict[str, int]:
    return {one.action: one.finished for one in reversed(game.decisions) if one.done}


def _harm(game: Tabletop) -> CheckResult | None:
    hurt = {one.action for one in game.decisions if one.harm}
    always = {action.id for action in ACTIONS if action.harm == "always"}
    if hurt & always:
        return incorrect(LEAD_HARM, f"Leave out {' and '.join(f'`{one}`' for one in sorted(hurt & always))}.")
    if hurt:
        return incorrect(LEAD_WIPED, 'First `finish(game, "preserve_logs")`.')
    if "preserve_logs" not in _done(game):
        return incorrect(LEAD_EVIDENCE, 'Decide `"preserve_logs"` along with what stops it.')
    return None


def _containment(game: LedTabletop) -> CheckResult | None:
    world = game.world
    if any(one.action in CONTAIN - world.useful for one in game.decisions):
        return incorrect(LEAD_USELESS, "Read the alarm: `game.detections[0][1].sentence()`.")
    if getattr(world, "share_open", False):
        return incorrect(LEAD_SHARE, 'Where data go out, decide `"close_share"`, too.')
    if world.account_active and getattr(world, "key_usable", True):  # type: ignore[attr-defined]
        return incorrect(LEAD_OPEN, 'Decide `"disable_account"`.')
    if max(world.records.values(), default=0) > UNTIL:
        return incorrect(LEAD_SLOW, "Stop it as soon as the alarm is confirmed; everything else can wait.")
    # Who counts while it goes on, counts too few; so does who tells by such a count.
    if game.facts.individuals != len(world.records) or "count_records" not in _done(game):
        return incorrect(LEAD_UNCOUNTED, '`finish(game, "count_records")` once it has been stopped.')
    return None


def _telling(game: LedTabletop) -> CheckResult | None:
    wanted, done = wanted_notices(game), _done(game)
    if any("undecided" in states and "applies" not in states for states in game.told_while.values()):
        return incorrect(LEAD_EARLY, 'Tell once `clock.status` is `"applies"`.')
    if any(one.action in NOTICES and one.action not in wanted for one in game.decisions):
        return incorrect(LEAD_NEEDLESS, "Take `notice_of(game, clock)` of the clocks that apply.")
    told_by = {notice_of(game, clock): clock.status for clock in game.clocks()}
    for action, deadline in wanted.items():
        if action not in done:
            if told_by.get(action) != "applies":
                return incorrect(LEAD_UNDECIDED, "`game.clocks_frame()` says which facts are missing.")
            return incorrect(LEAD_SILENT, f"Start `{action}`; it takes time, too.")
        last = game.world.moment(WITHOUT_DELAY) if deadline is None else deadline
        if game.world.moment(done[action]) > last:
            return incorrect(LEAD_LATE, "Do not wait once a clock applies.")
    return None


# ------------------------------------------------------------------------------- 5 · share without telling

SHARE_KIND = 'a list of `Observed(kind, value)` is asked for, such as `Observed("ip", "203.0.113.7")`.'
SHARE_EMPTY = "nothing is shared: the others cannot look for what hit you."
SHARE_NOTE = "a note was passed on, and in it stand a colleague and a record."
SHARE_HASH = "the digest of a record's number was shared: numbers can be tried out until one fits."
SHARE_INTERNAL = "an address of your own networks was shared."
SHARE_OWN = "your own domain was shared: others would block you."
SHARE_FREEMAIL = (
    "the domain of a mail provider was shared: others would block everybody with a mailbox there."
)
SHARE_LOST_ADDRESS = "an attacker's address is missing: not your own network is no reason to leave it out."
SHARE_LOST_LOOKALIKE = (
    "the attacker's lookalike of your domain is missing, and it is what others should look for."
)
SHARE_LOST_SENDER = "the domain from which the attacker wrote is missing."
SHARE_LOST_DOMAIN = "a domain of the attacker's is missing."
SHARE_LOST_FILE = "the digest of a file of the attacker's is missing."
SHARE_OTHER = "something was shared that is none of the findings."

SHARED_TOO_MUCH = (
    ("record_sha256", "hashed", SHARE_HASH, "Leave out what has to do with records."),
    ("ip", "own", SHARE_INTERNAL, "Ask whether one of `house.networks` holds the address."),
    ("domain", "own", SHARE_OWN, 'Leave out `house.domain` and what ends with `"." + house.domain`.'),
    ("mail", "own", SHARE_OWN, 'Leave out `house.domain` and what ends with `"." + house.domain`.'),
    ("mail", "freemail", SHARE_FREEMAIL, "Leave out the domains of `house.freemail`."),
)
SHARED_TOO_LITTLE = (
    ("attacker", "ip", SHARE_LOST_ADDRESS, "Compare with `house.networks`, and with nothing else."),
    (
        "lookalike",
        "domain",
        SHARE_LOST_LOOKALIKE,
        'Own is `house.domain`, or what ends with `"." + house.domain`.',
    ),
    ("sender", "mail", SHARE_LOST_SENDER, "Take what stands behind the `@`, and share it as a domain."),
    ("attacker", "domain", SHARE_LOST_DOMAIN, 'Share it as `Observed("domain", ...)`.'),
    ("file", "file_sha256", SHARE_LOST_FILE, 'Share it as `Observed("sha256", ...)`.'),
)


def _internal(address: str, house: OwnHouse) -> bool:
    return any(ip_address(address) in ip_network(one) for one in house.networks)


def _ours(domain: str, house: OwnHouse) -> bool:
    return domain == house.domain or domain.endswith("." + house.domain)


def _shared(
    *,
    internal: Callable[[str, OwnHouse], bool] = _internal,
    ours: Callable[[str, OwnHouse], bool] = _ours,
    freemail: bool = True,
    mails: bool = True,
    digests: Sequence[str] = ("file_sha256",),
    notes: bool = False,
) -> Callable[[Sequence[Finding], OwnHouse], list[Observed]]:
    """Return the answer, or the one of somebody who does a part of it otherwise."""

    def share(findings: Sequence[Finding], house: OwnHouse) -> list[Observed]:
        shared = []
        for found in findings:
            note = found.note if notes else ""
            if found.kind == "ip" and not internal(found.value, house):
                shared.append(Observed("ip", found.value, note))
            elif found.kind in digests:
                shared.append(Observed("sha256", found.value, note))
            elif found.kind == "domain" or (mails and found.kind == "mail"):
                domain = found.value.split("@")[-1]
                if not ours(domain, house) and not (freemail and domain in house.freemail):
                    shared.append(Observed("domain", domain, note))
        return shared

    return share


_share = _shared()


@cache
def _ready_to_share() -> bool:
    # The detector reads its word lists once; that takes longer than a check may.
    _bundle([Observed("ip", "203.0.113.9")], ())
    return True


def _bundle(observed: Sequence[Observed], own: Sequence[str]) -> None:
    indicator_bundle("INC-1", observed, at=datetime(2026, 3, 2, tzinfo=UTC), own_identifiers=own)


@lab.task(
    prompt="Choose from the findings what others can look for, and share nobody's data.",
    hints=(
        "Go through the findings by `found.kind`: three kinds can go out after a question (`ip`, `domain`, "
        "`mail`), one goes out as it is (`file_sha256`), the rest never. Notes stay in the house.",
        "An address is your own if `ip_address(found.value) in ip_network(one)` for one of `house.networks`. "
        'Of a mail address share only `found.value.split("@")[-1]`, as a domain, if it is neither yours nor '
        "a mail provider's.",
        '`own = domain == house.domain or domain.endswith("." + house.domain)`; then '
        '`if not own and domain not in house.freemail: shared.append(Observed("domain", domain))`.',
    ),
    known_wrong=(
        KnownWrong(_shared(internal=lambda address, house: False), SHARE_INTERNAL, "shares every address"),
        KnownWrong(
            _shared(internal=lambda address, house: address.startswith(("10.", "172.", "192.168."))),
            SHARE_INTERNAL,
            "knows private networks only",
        ),
        KnownWrong(
            _shared(internal=lambda address, house: ip_address(address).is_private),
            SHARE_LOST_ADDRESS,
            "asks for is_private",
        ),
        KnownWrong(_shared(ours=lambda domain, house: False), SHARE_OWN, "shares the own domain"),
        KnownWrong(
            _shared(ours=lambda domain, house: domain == house.domain), SHARE_OWN, "shares what is below it"
        ),
        KnownWrong(
            _shared(ours=lambda domain, house: house.domain.split(".")[0] in domain),
            SHARE_LOST_LOOKALIKE,
            "takes lookalikes for the own domain",
        ),
        KnownWrong(_shared(freemail=False), SHARE_FREEMAIL, "shares mail providers"),
        KnownWrong(_shared(mails=False), SHARE_LOST_SENDER, "drops mail addresses whole"),
        KnownWrong(_shared(digests=()), SHARE_LOST_FILE, "drops every digest"),
        KnownWrong(_shared(digests=("file_sha256", "record_sha256")), SHARE_HASH, "shares hashed numbers"),
        KnownWrong(_shared(notes=True), SHARE_NOTE, "passes the notes on"),
        KnownWrong(lambda findings, house: [], SHARE_EMPTY, "shares nothing"),
        KnownWrong(
            lambda findings, house: [found.value for found in findings],
            SHARE_KIND,
            "shares every value as text",
        ),
    ),
    solution=_share,
    prepare=_ready_to_share,
)
def share(value) -> CheckResult:
    rng = fresh()
    for _ in range(3):
        findings, house, sorts = draw_findings(rng)
        answer = attempt(value, findings, house)
        if not isinstance(answer, list | tuple) or not all(type(one) is Observed for one in answer):
            return incorrect(SHARE_KIND, "Put one `Observed` for each into a list.")
        if not answer:
            return incorrect(SHARE_EMPTY, "Begin with the addresses that are not your own.")
        mistake = _sharing_mistake(answer, findings, sorts)
        if mistake is not None:
            return mistake
    try:
        # Last, the kit's own look at every text of a bundle.
        _bundle(answer, [found.value for found in findings if sorts[found.value] in ("person", "own")])
    except UserError as error:
        return incorrect(SHARE_NOTE, str(error))
    return correct(
        "What hit you can be looked for, and nobody of your house, and nobody in your care, is in it."
    )


def _sharing_mistake(
    answer: Sequence[Observed], findings: Sequence[Finding], sorts: dict[str, str]
) -> CheckResult | None:
    given = {(one.kind, one.value) for one in answer}
    persons = [found.value for found in findings if sorts[found.value] == "person"]
    said = " ".join(str(one.description) for one in answer)
    if any(person in said for person in persons):
        return incorrect(SHARE_NOTE, "Leave the description empty, or write one of your own.")
    goes_as = {"file_sha256": "sha256", "record_sha256": "sha256", "mail": "domain"}
    by_sort: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for found in findings:
        out = (goes_as.get(found.kind, found.kind), found.value.split("@")[-1])
        by_sort.setdefault((found.kind, sorts[found.value]), []).append(out)
    for kind, sort, message, next_step in SHARED_TOO_MUCH:
        if given & set(by_sort[kind, sort]):
            return incorrect(message, next_step)
    for sort, kind, message, next_step in SHARED_TOO_LITTLE:
        if not set(by_sort[kind, sort]) <= given:
            return incorrect(message, next_step)
    due = {out for sort, kind, _, _ in SHARED_TOO_LITTLE for out in by_sort[kind, sort]}
    if given - due:
        return incorrect(SHARE_OTHER, "Share values of the findings as they are.")
    return None
