"""The tasks of chapter 08: a rule, unused rights, a token's checks, the account of a model, a throttle."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.access.openid.keys import new_signing_key, public_pem, sign
from secure_ai.access.policy import AccessPolicy, AccessRequest, grants_of, logged_roles, sector
from secure_ai.attack.tokens.careless import careless_check
from secure_ai.attack.tokens.forge import (
    attacker_key,
    change_claims,
    confuse_algorithm,
    forge_unsigned,
    read_unchecked,
    sign_with_own_key,
)
from secure_ai.core.errors import UserError
from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect, same
from secure_ai.learn.model_account import (
    CARELESS,
    FEATURES,
    Reach,
    close_model_database,
    invented_people,
    model_database,
)
from secure_ai.learn.slips import Case, Slip, explained, telling_cases

lab = Lab("08_access_control", title="Access control")
progress = lab.progress
close_database = close_model_database

# ---------------------------------------------------------------------------------------- 1 · a rule in Cedar

RULE_KIND = "a text is asked for: three quotes, the rule, three quotes."
RULE_CEDAR = "the policy engine cannot read this rule."
RULE_OWN_WORDS = "a role, a kind of record, a purpose or a relationship stands in the rule by its own name."
RULE_NOBODY = "nobody gets in, not even who should."
RULE_ROLE = "other roles get in, too."
RULE_RECORD = "other kinds of record can be read, too."
RULE_ACTION = "more than viewing is possible: who may look could also change or print."
RULE_PURPOSE = "the purpose does not count: the same look for another purpose is let in."
RULE_RELATION = "the relationship does not count: who has nothing to do with the person is let in."
RULE_ACTIVE = "an account that was switched off still gets in."

PLACEHOLDERS = ("ROLE", "RECORD", "PURPOSE", "RELATION")
RELATIONS = {"healthcare": ("care_team", "covering"), "finance": ("present", "own branch")}
RULE_WORDS = {
    "healthcare": ("nurse", "Chart", "treatment", "care_team"),
    "finance": ("teller", "CustomerProfile", "customer request", "own branch"),
}

_RULE = """
@id("my-rule")
permit (principal in Role::"ROLE", action == Action::"view", resource is RECORD)
when { context.purpose == Purpose::"PURPOSE" }
when { context.relationship == Relationship::"RELATION" }
when { principal.active };
"""


def rule_policy(rule: str, house: str, words: Sequence[str] | None = None) -> AccessPolicy:
    """Return the policy that consists of ``rule`` with its capital words filled in.

    Args:
        rule: the learner's text.
        house: ``"healthcare"`` or ``"finance"``.
        words: role, kind of record, purpose and relationship; the sector's usual ones if left out.

    Raises:
        UserError: if Cedar cannot read it, or it does not fit the sector's schema.
    """
    chosen = dict(zip(PLACEHOLDERS, words or RULE_WORDS[house], strict=True))
    filled = re.sub(rf"\b({'|'.join(PLACEHOLDERS)})\b", lambda found: chosen[found[1]], rule)
    return AccessPolicy.from_texts(filled, str(_kit_policy(house).schema), names=("your rule", "schema"))


@cache
def _kit_policy(house: str) -> AccessPolicy:
    return AccessPolicy.load(house)


def _own_words(rule: str) -> bool:
    for house in RULE_WORDS:
        known = _kit_policy(house).vocabulary
        quoted = {*known.roles, *known.purposes, *known.enumerations["Relationship"]}
        if any(f'"{word}"' in rule for word in quoted):
            return True
        if any(re.search(rf"\b(is|{kind}::)\s*{kind}\b", rule) for kind in sector(house).records):
            return True
    return False


def _questions(
    rng: np.random.Generator, house: str
) -> tuple[tuple[str, ...], list[tuple[AccessRequest, str]]]:
    """Draw words, and requests that are right (no message) or miss by one thing (its message)."""
    of, known = sector(house), _kit_policy(house).vocabulary
    kinds = [kind for kind in of.records if "locked" in of.records[kind]]
    role, other_role = (str(word) for word in rng.choice(known.roles, 2, replace=False))
    kind, other_kind = (str(word) for word in rng.choice(kinds, 2, replace=False))
    purpose, other_purpose = (str(word) for word in rng.choice(known.purposes, 2, replace=False))
    relation = str(rng.choice(RELATIONS[house]))

    def ask(
        who: Any = role,
        action: str = "view",
        what: str = kind,
        why: str = purpose,
        how: str = relation,
        **facts: Any,
    ) -> AccessRequest:
        asking = {"roles": who, "active": facts.pop("active", True)}
        facts.setdefault("managed_device", bool(rng.integers(2)))
        return of.request(asking, action, what, why, relationship=how, **facts)

    found = [(ask(), ""), (ask([role, other_role]), ""), (ask(approved_by="a second person"), "")]
    found += [(ask(who), RULE_ROLE) for who in known.roles if who != role]
    found += [(ask(what=what), RULE_RECORD) for what in kinds if what != kind]
    found += [(ask(action=action), RULE_ACTION) for action in ("update", "print", "export")]
    found += [(ask(why=why), RULE_PURPOSE) for why in known.purposes if why != purpose]
    relations = known.enumerations["Relationship"]
    found += [(ask(how=how), RULE_RELATION) for how in relations if how != relation]
    found += [(ask(how="none", break_glass=True), RULE_RELATION), (ask(active=False), RULE_ACTIVE)]
    found += [
        (ask(other_role, what=other_kind), RULE_ROLE),
        (ask(why=other_purpose, how="none"), RULE_PURPOSE),
    ]
    return (role, kind, purpose, relation), found


def _rule_without(*parts: str) -> str:
    text = _RULE
    for part in parts:
        text = text.replace(part, "")
    return text.replace("}\n\n", "}\n").rstrip().removesuffix(";") + ";"


RULE_NEXT = {
    RULE_ROLE: 'Begin with `principal in Role::"ROLE"`.',
    RULE_RECORD: "Write `resource is RECORD` between the round brackets.",
    RULE_ACTION: 'Write `action == Action::"view"` between the round brackets.',
    RULE_PURPOSE: 'Add `when { context.purpose == Purpose::"PURPOSE" }`; `||` would let more in.',
    RULE_RELATION: 'Add `when { context.relationship == Relationship::"RELATION" }`.',
    RULE_ACTIVE: "Add `when { principal.active }`.",
}
_PURPOSE_LINE = 'when { context.purpose == Purpose::"PURPOSE" }\n'
_RELATION_LINE = 'when { context.relationship == Relationship::"RELATION" }\n'


@lab.task(
    prompt="Write the rule: one role views one kind of record, for one purpose and with a relationship.",
    hints=(
        "Take the example apart: who, action and record stand in the round brackets, each further condition "
        "in a `when { ... }` of its own. All of them must hold.",
        "Three conditions are asked for besides: `context.purpose == ...`, `context.relationship == ...` and "
        "`principal.active`. Write the capital words as they are; the check fills them in.",
        'After `permit (principal in Role::"ROLE", action == Action::"view", resource is RECORD)` come '
        '`when { context.purpose == Purpose::"PURPOSE" }`, '
        '`when { context.relationship == Relationship::"RELATION" }` and `when { principal.active };`.',
    ),
    known_wrong=(
        KnownWrong(_rule_without(_PURPOSE_LINE), RULE_PURPOSE, "forgets the purpose"),
        KnownWrong(_rule_without(_RELATION_LINE), RULE_RELATION, "forgets the relationship"),
        KnownWrong(
            _rule_without("when { principal.active }"), RULE_ACTIVE, "forgets the switched-off account"
        ),
        KnownWrong(
            _RULE.replace('action == Action::"view"', "action"), RULE_ACTION, "leaves every action open"
        ),
        KnownWrong(
            _RULE.replace('action == Action::"view"', 'action in [Action::"view", Action::"update"]'),
            RULE_ACTION,
            "lets them write, too",
        ),
        KnownWrong(
            _RULE.replace('principal in Role::"ROLE"', "principal is Staff"), RULE_ROLE, "lets all staff in"
        ),
        KnownWrong(
            _RULE.replace(" is RECORD)", ")").replace(
                "principal.active", 'principal in Role::"ROLE" && principal.active'
            ),
            RULE_RECORD,
            "opens every kind of record",
        ),
        KnownWrong(
            _RULE.replace('Purpose::"PURPOSE" }\nwhen {', 'Purpose::"PURPOSE" ||'),
            RULE_PURPOSE,
            "joins by or",
        ),
        KnownWrong(_RULE.replace("permit", "forbid"), RULE_NOBODY, "forbids where it should permit"),
        KnownWrong(_RULE.replace('"ROLE"', '"nurse"'), RULE_OWN_WORDS, "writes a role of the hospital"),
        KnownWrong(_RULE.replace("is RECORD", "is Account"), RULE_OWN_WORDS, "writes a record of the bank"),
        KnownWrong(_RULE.replace("context.purpose", "context.reason"), RULE_CEDAR, "invents a fact"),
        KnownWrong("The role may view.", RULE_CEDAR, "writes prose"),
        KnownWrong(["permit"], RULE_KIND, "returns a list"),
    ),
    solution=_RULE,
)
def view_rule(value) -> CheckResult:
    if not isinstance(value, str):
        return incorrect(RULE_KIND, "Give `view_rule` a text.")
    rng = fresh()
    if _own_words(value):
        return incorrect(
            RULE_OWN_WORDS, "Write ROLE, RECORD, PURPOSE and RELATION: both houses use your rule."
        )
    seen: set[str] = set()
    for house in ("healthcare", "finance", "healthcare", "finance"):
        words, questions = _questions(rng, house)
        try:
            policy = rule_policy(value, house, words)
        except UserError as error:
            return incorrect(RULE_CEDAR, str(error))
        decisions = policy.decide_many(request for request, _ in questions)
        pairs = list(zip(decisions, questions, strict=True))
        if not all(decision.allowed for decision, (_, message) in pairs if not message):
            return incorrect(
                RULE_NOBODY, "Write `permit`, and compare your conditions with those of the task."
            )
        seen |= {message for decision, (_, message) in pairs if message and decision.allowed}
    for message, next_step in RULE_NEXT.items():
        if message in seen:
            return incorrect(message, next_step)
    return correct("Who should get in gets in, and every request that misses by one thing is turned away.")


# ------------------------------------------------------------------------------ 2 · rights that nobody uses

UNUSED_KIND = "a list of numbers from the column `grant` is asked for."
UNUSED_EMERGENCY = "this takes the emergency access away: that nobody needed it is no reason."
UNUSED_FEW = "this judges roles of which the log holds too little to tell."
UNUSED_USED = "these are the grants that were used; the others are asked for."
UNUSED_PURPOSE = "the purpose is not compared: a look for another purpose counts as a use."
UNUSED_ROLE = "the role is not compared: somebody else's use counts."
UNUSED_ALL = "these are all grants; many of them were used."
UNUSED_OTHER = "these are not the grants that are asked for."

ACCESSES = ("view chart", "view account", "update chart", "update account", "print statement", "export list")
EMERGENCY = "emergency"


def _unused(
    *,
    keys: Sequence[str] = ("role", "access", "purpose"),
    kept: bool = True,
    enough: bool = True,
    used: bool = False,
) -> Callable[[pd.DataFrame, pd.DataFrame, int], list[int]]:
    """Return the answer, or the one of somebody who forgets a part of it."""

    def found(grants: pd.DataFrame, log: pd.DataFrame, least: int) -> list[int]:
        seen = set(log[list(keys)].itertuples(index=False, name=None))
        counts = log["role"].value_counts()
        answer = []
        for row in grants.itertuples():
            was_used = tuple(getattr(row, key) for key in keys) in seen
            if was_used is not used or (kept and row.purpose == EMERGENCY):
                continue
            if not enough or counts.get(row.role, 0) >= least:
                answer.append(row.grant)
        return sorted(answer)

    return found


def _all_grants(grants: pd.DataFrame, log: pd.DataFrame, least: int) -> list[int]:
    return sorted(grants["grant"])


_take_back = _unused()
UNUSED_SLIPS: tuple[Slip, ...] = (
    (_all_grants, UNUSED_ALL, "Keep those for which the log has no line."),
    (_unused(used=True), UNUSED_USED, "Keep a grant if it is `not in` what was used."),
    (_unused(kept=False), UNUSED_EMERGENCY, 'Leave out the grants whose purpose is `"emergency"`.'),
    (_unused(enough=False), UNUSED_FEW, "Leave out roles with fewer than `least` lines in the log."),
    (
        _unused(kept=False, enough=False),
        UNUSED_EMERGENCY,
        'Leave out the grants whose purpose is `"emergency"`.',
    ),
    (_unused(keys=("role", "access")), UNUSED_PURPOSE, "Compare role, access and purpose together."),
    (_unused(keys=("access", "purpose")), UNUSED_ROLE, "Compare role, access and purpose together."),
)


def _grants_and_log(rng: np.random.Generator) -> Case:
    roles = [str(role) for role in rng.permutation(["nurse", "teller", "clerk", "analyst", "manager"])[:4]]
    purposes = [str(word) for word in rng.permutation(["treatment", "service", "payment", "audit"])[:2]]
    rows = [
        (role, str(access), purpose)
        for role in roles
        for access in rng.permutation(ACCESSES)[:4]
        for purpose in purposes
    ]
    rows += [(role, "view chart", EMERGENCY) for role in roles]
    grants = pd.DataFrame(rows, columns=["role", "access", "purpose"])
    grants.insert(0, "grant", rng.permutation(900)[: len(grants)] + 100)
    least = int(rng.integers(8, 20))
    rare = roles[-1]  # of one role the log holds too little to tell
    lines = []
    for number in rng.permutation(len(rows))[: int(len(rows) * 0.6)]:
        role = rows[number][0]
        lines += [rows[number]] * (1 if role == rare else int(rng.integers(least // 2, least)))
    lines = [line for line in lines if line[0] != rare] + [line for line in lines if line[0] == rare][
        : least - 1
    ]
    order = rng.permutation(len(lines))
    log = pd.DataFrame([lines[i] for i in order], columns=["role", "access", "purpose"])
    return grants.sample(frac=1, random_state=rng).reset_index(drop=True), log, least


def grants_and_log(
    house: str, access_log: pd.DataFrame, staff: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the kit's grants and a sector's access log in the form of task 2.

    Grants of actions or kinds of record that no line of the log has are left out: another log has those.

    Returns:
        grant, role, access, purpose; and role, access, purpose of each line of the log.

    Raises:
        UserError: if a person of the log is not in the table of staff.
    """
    of = sector(house)
    grants = grants_of(_kit_policy(house), of)
    lines, names = logged_roles(of, access_log, staff)
    kinds = lines[names["kind"]].map(lambda kind: of.log_kinds.get(kind, kind))
    grants = grants[grants["action"].isin(lines[names["action"]]) & grants["kind"].isin(kinds)]
    grants = grants.assign(access=grants["action"] + " " + grants["kind"])[["role", "access", "purpose"]]
    grants.insert(0, "grant", range(1, len(grants) + 1))
    log = pd.DataFrame({"role": lines["role"], "access": lines[names["action"]] + " " + kinds})
    return grants, log.assign(purpose=lines[names["purpose"]])


@lab.task(
    prompt="Return the numbers of the grants that nobody used, where the log could have shown a use.",
    hints=(
        "Three questions to each grant: does the log have a line with the same role, access and purpose? Is "
        "it for emergencies? Has the log enough lines of this role?",
        'Put what was used into a set: `set(zip(log["role"], log["access"], log["purpose"]))`. '
        '`log["role"].value_counts()` says how many lines each role has.',
        "`for row in grants.itertuples():` keep `row.grant` if "
        '`(row.role, row.access, row.purpose) not in used`, `row.purpose != "emergency"` and '
        "`lines.get(row.role, 0) >= least`.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message) for slip, message, _ in UNUSED_SLIPS),
        KnownWrong(lambda grants, log, least: grants, UNUSED_KIND, "returns the table"),
        KnownWrong(lambda grants, log, least: [], UNUSED_OTHER, "takes nothing back"),
    ),
    solution=_take_back,
)
def take_back(value) -> CheckResult:
    cases = telling_cases(_grants_and_log, _take_back, UNUSED_SLIPS)
    answers = [_numbers(attempt(value, *case)) for case in cases]
    if any(answer is None for answer in answers):
        return incorrect(UNUSED_KIND, "Collect `row.grant` in a list and return the list.")
    if same(answers, [_take_back(*case) for case in cases]):
        return correct(
            "These are the rights that no line used; what is for emergencies or seldom seen stays."
        )
    otherwise = incorrect(
        UNUSED_OTHER, "Go through one grant by hand: role, access, purpose, lines of the role."
    )
    return explained(answers, cases, UNUSED_SLIPS, otherwise)


def _numbers(answer: object) -> list[int] | None:
    if isinstance(answer, pd.Series | np.ndarray | set | frozenset | tuple):
        answer = list(answer)
    if not isinstance(answer, list):
        return None
    if not all(isinstance(item, int | np.integer) and not isinstance(item, bool) for item in answer):
        return None
    return sorted(int(item) for item in answer)


# -------------------------------------------------------------------------------------- 3 · a token's checks

TOKEN_KIND = "True or False is asked for."
TOKEN_ALL = "every token is believed, the forged ones included."
TOKEN_NONE = "no token is believed, not even the genuine one."
TOKEN_FITS = (
    "a token is believed whose signature does not fit: its claims were changed, or somebody else signed it."
)
TOKEN_ALGORITHM = (
    "a token is believed that chose an algorithm of its own: unsigned, or signed with what everybody knows."
)
TOKEN_DENIED = "a list of bad algorithms has gaps: an algorithm that is not on it was believed."
TOKEN_ISSUER = "a token of another issuer is believed."
TOKEN_ISSUER_START = "an issuer whose name only begins like ours is believed."
TOKEN_AUDIENCE = "a token that was made for another service is believed."
TOKEN_AUDIENCE_PART = "an audience whose name only contains ours is believed."
TOKEN_AUDIENCE_LIST = (
    "a token for several services, ours among them, is refused; or one for a single service is."
)
TOKEN_EXPIRED = "an expired token is believed."
TOKEN_NO_END = "a token without an end is believed."
TOKEN_LEEWAY = "a token is refused that expired only within the time by which clocks may differ."
TOKEN_OTHER = "some tokens are judged wrongly."

Verdict = Callable[[Mapping[str, Any], Mapping[str, Any], bool, Mapping[str, Any], float], bool]


def _audiences(claims: Mapping[str, Any]) -> list[str]:
    given = claims.get("aud", [])
    return [given] if isinstance(given, str) else list(given)


@dataclass(frozen=True)
class _Checks:
    """The checks somebody makes; those of one who forgets a part differ in one field."""

    fits: bool = True
    algorithm: str = "allowed"
    issuer: str = "equal"
    audience: str = "member"
    end: str = "leeway"

    def __call__(
        self,
        header: Mapping[str, Any],
        claims: Mapping[str, Any],
        fits: bool,
        house: Mapping[str, Any],
        now: float,
    ) -> bool:
        algorithm = {
            "allowed": header["alg"] in house["algorithms"],
            "denied": header["alg"] not in ("none", "HS256"),
            "any": True,
        }
        issuer = {
            "equal": claims.get("iss") == house["issuer"],
            "start": str(claims.get("iss", "")).startswith(house["issuer"]),
            "any": True,
        }
        given = claims.get("aud", "")
        audience = {
            "member": house["audience"] in _audiences(claims),
            "part": any(house["audience"] in one for one in _audiences(claims)),
            "equal": given == house["audience"],
            "in": house["audience"] in given,
            "any": True,
        }
        late = now - claims.get("exp", -1e9)
        end = {
            "leeway": late < house["leeway"],
            "strict": late < 0,
            "endless": "exp" not in claims or late < house["leeway"],
            "any": True,
        }
        return bool(
            (fits or not self.fits)
            and algorithm[self.algorithm]
            and issuer[self.issuer]
            and audience[self.audience]
            and end[self.end]
        )


_believe = _Checks()
_FORGOTTEN: tuple[tuple[_Checks, str, str], ...] = (
    (_Checks(fits=False), TOKEN_FITS, "Return False if `fits` is False."),
    (_Checks(algorithm="any"), TOKEN_ALGORITHM, 'Ask whether `header["alg"]` is in `house["algorithms"]`.'),
    (
        _Checks(algorithm="denied"),
        TOKEN_DENIED,
        'Compare with the list of what is allowed: `house["algorithms"]`.',
    ),
    (_Checks(issuer="any"), TOKEN_ISSUER, 'Compare `claims["iss"]` with `house["issuer"]`.'),
    (
        _Checks(issuer="start"),
        TOKEN_ISSUER_START,
        "Compare with `==`: an address that goes on is another address.",
    ),
    (_Checks(audience="any"), TOKEN_AUDIENCE, 'Look for `house["audience"]` in `claims["aud"]`.'),
    (
        _Checks(audience="part"),
        TOKEN_AUDIENCE_PART,
        "Compare whole names: make a list of a single text first.",
    ),
    (
        _Checks(audience="in"),
        TOKEN_AUDIENCE_PART,
        "In a text, `in` looks for a part: make a list of it first.",
    ),
    (
        _Checks(audience="equal"),
        TOKEN_AUDIENCE_LIST,
        "`aud` is a text or a list: make a list of a single text first.",
    ),
    (_Checks(end="any"), TOKEN_EXPIRED, 'Compare `claims["exp"]` with `now`.'),
    (_Checks(end="endless"), TOKEN_NO_END, "Refuse a token that has no `exp`."),
    (
        _Checks(end="strict"),
        TOKEN_LEEWAY,
        'Allow `house["leeway"]` seconds: `now < claims["exp"] + house["leeway"]`.',
    ),
)


def _constant(answer: bool) -> Verdict:
    return lambda header, claims, fits, house, now: answer


TOKEN_SLIPS: tuple[Slip, ...] = (
    (_constant(True), TOKEN_ALL, "Begin with one check, such as the issuer."),
    (_constant(False), TOKEN_NONE, "Return True where every check holds."),
    *_FORGOTTEN,
)


def signature_fits(token: str, public_key: bytes) -> bool:
    """Return what a careless library says of the signature: it takes the algorithm from the token itself."""
    try:
        careless_check(token, public_key_pem=public_key)
    except UserError:
        return False
    return True


def house_rules(issuer: str, audience: str) -> dict[str, Any]:
    """Return what a service knows before any token comes, as task 3 gives it to the learner."""
    return {"issuer": issuer, "audience": audience, "algorithms": ["ES256"], "leeway": 60}


def forgeries(token: str, public_key: bytes, **changes: Any) -> dict[str, str]:
    """Return tokens forged from a genuine one: name → token."""
    return {
        "claims changed under the old signature": change_claims(token, **changes),
        "signed with the attacker's own key": sign_with_own_key(token, attacker_key(), **changes),
        "unsigned": forge_unsigned(token, **changes),
        "signed with the public key as a secret": confuse_algorithm(token, public_key, **changes),
    }


def _tokens(rng: np.random.Generator) -> list[Case]:
    """Make genuine tokens and forged ones; each misses by one thing at most."""
    number = int(rng.integers(100, 999))
    house = house_rules(f"https://login{number}.example.org", f"https://records{number}.example.org")
    now = float(rng.integers(1_700_000_000, 1_900_000_000))
    key = new_signing_key("ES256")
    pem = public_pem(key)
    claims = {"iss": house["issuer"], "aud": house["audience"], "sub": f"u{number}", "exp": now + 300}
    genuine = sign(claims, key, typ="at+jwt")
    issuer, audience, leeway = house["issuer"], house["audience"], house["leeway"]
    variants = [
        claims,
        claims | {"aud": [audience, "https://canteen.example.org"]},
        claims | {"exp": now - leeway / 2},
        claims | {"iss": "https://login.example.com"},
        claims | {"iss": f"{issuer}.example.com"},
        claims | {"aud": "https://canteen.example.org"},
        claims | {"aud": ["https://canteen.example.org"]},
        claims | {"aud": f"{audience}.example.com"},
        claims | {"aud": [f"{audience}.example.com"]},
        claims | {"exp": now - leeway - 3600},
        {name: value for name, value in claims.items() if name != "exp"},
    ]
    made = [sign(one, key, typ="at+jwt") for one in variants]
    made += forgeries(genuine, pem, sub="administrator").values()
    cases = [(*read_unchecked(token), signature_fits(token, pem), house, now) for token in made]
    # A library that also knows other shared-secret algorithms believes this one in the same way.
    header, body = read_unchecked(confuse_algorithm(genuine, pem, sub="administrator"))
    cases.append((header | {"alg": str(rng.choice(["HS384", "HS512"]))}, body, True, house, now))
    return [cases[i] for i in rng.permutation(len(cases))]


@lab.task(
    prompt="Say of each token whether to believe it, by what the house knows, not by what it says itself.",
    hints=(
        "Five questions, each with its own check: does the signature fit, is the algorithm one of ours, "
        "who issued it, for whom, and until when?",
        'Each is one `if` that returns False: `if header["alg"] not in house["algorithms"]: return False`. '
        '`claims["aud"]` is a text or a list: make it a list first. `claims.get("exp", 0)` is 0 where there '
        "is no end.",
        'Audience: `given = claims["aud"]`, then `given = [given] if isinstance(given, str) else given`, '
        'then `house["audience"] in given`. End: `now < claims.get("exp", 0) + house["leeway"]`.',
    ),
    known_wrong=(
        *(KnownWrong(slip, message) for slip, message, _ in _FORGOTTEN),
        KnownWrong(_constant(True), TOKEN_ALL, "believes everything"),
        KnownWrong(_constant(False), TOKEN_NONE, "believes nothing"),
        KnownWrong(lambda header, claims, fits, house, now: "yes", TOKEN_KIND, "answers in words"),
        KnownWrong(lambda header, claims, fits, house, now: not fits, TOKEN_OTHER, "turns it round"),
    ),
    solution=_believe,
)
def believe(value) -> CheckResult:
    rng = fresh()
    cases = [case for _ in range(2) for case in _tokens(rng)]
    answers = [attempt(value, *case) for case in cases]
    if not all(isinstance(answer, bool | np.bool_) for answer in answers):
        return incorrect(TOKEN_KIND, "Return True or False, without quotes.")
    if same([bool(answer) for answer in answers], [_believe(*case) for case in cases]):
        return correct("The genuine tokens are believed, and each forged or borrowed one is refused.")
    otherwise = incorrect(TOKEN_OTHER, "Make one check after the other; each returns False where it fails.")
    found = explained([bool(answer) for answer in answers], cases, TOKEN_SLIPS, otherwise)
    return found if found is not otherwise else _worst(answers, cases, otherwise)


def _worst(answers: Sequence[Any], cases: Sequence[Case], otherwise: CheckResult) -> CheckResult:
    """Of several slips at once, name the first that explains a token that was wrongly believed."""
    if any(not answer and _believe(*case) for answer, case in zip(answers, cases, strict=True)):
        return otherwise
    believed = [case for answer, case in zip(answers, cases, strict=True) if answer and not _believe(*case)]
    for slip, message, next_step in _FORGOTTEN:
        if any(slip(*case) for case in believed):
            return incorrect(message, next_step)
    return otherwise


# --------------------------------------------------------------------------------- 4 · the account of a model

ROWS_KIND = "a text with SQL statements is asked for: three quotes, the statements, three quotes."
ROWS_SQL = "PostgreSQL does not run these statements."
ROWS_NOTHING_GRANTED = "the account of the model may not read the table at all."
ROWS_COLUMNS = "the account can read columns that the model does not use."
ROWS_MISSING = "a column that the model needs cannot be read."
ROWS_NOT_ON = "the policy is written, but row-level security is not switched on: the policy does nothing yet."
ROWS_ALL = "the account sees people who did not agree."
ROWS_NONE = "the account sees nobody: switched on, row-level security lets through only what a policy names."
ROWS_FEWER = "people who agreed are left out."
ROWS_WRITES = "the account can change rows; a model only reads."
ROWS_OTHERS = "the account can read a further table or view."
ROWS_PUBLIC = "PUBLIC is everybody: every other account can read the table, too."

_GRANT = f"GRANT SELECT ({', '.join(FEATURES)}) ON people TO model_account;\n"
_SWITCH = "ALTER TABLE people ENABLE ROW LEVEL SECURITY;\n"
_POLICY = "CREATE POLICY agreed ON people FOR SELECT TO model_account USING (consent);\n"


def injection_table(statements: str, seed: int = 7) -> pd.DataFrame:
    """Try the injections against a careless grant and against the learner's statements.

    Returns:
        attempt, and for both the number of rows given away (hidden rows or columns, or rows changed).

    Raises:
        UserError: if PostgreSQL cannot be started.
    """
    people = invented_people(np.random.default_rng(seed))
    running = model_database()
    table = running.injections(CARELESS, people).rename(columns={"rows": "after GRANT SELECT ON people"})
    return table.assign(**{"after your statements": running.injections(statements, people)["rows"]})


@lab.task(
    prompt="Let the account of the model read its four columns, of people who agreed, and nothing else.",
    hints=(
        "Three statements: one for the columns, one that switches row-level security on, one for the rows.",
        "Columns: `GRANT SELECT (a, b) ON people TO model_account;`. Switch: `ALTER TABLE people ENABLE ROW "
        "LEVEL SECURITY;`. Rows: `CREATE POLICY ... ON people FOR SELECT TO model_account "
        "USING (condition);`.",
        "`GRANT SELECT (reference, city, age, visits) ON people TO model_account;`, then "
        "`ALTER TABLE people ENABLE ROW LEVEL SECURITY;`, then "
        "`CREATE POLICY agreed ON people FOR SELECT TO model_account USING (consent);`",
    ),
    known_wrong=(
        KnownWrong(CARELESS, ROWS_COLUMNS, "grants the whole table"),
        KnownWrong(_GRANT, ROWS_ALL, "forgets the rows"),
        KnownWrong(_GRANT + _POLICY, ROWS_NOT_ON, "forgets the switch"),
        KnownWrong(_GRANT + _SWITCH, ROWS_NONE, "forgets the policy"),
        KnownWrong(_SWITCH + _POLICY, ROWS_NOTHING_GRANTED, "forgets the columns"),
        KnownWrong(_GRANT + _SWITCH + _POLICY.replace("consent", "true"), ROWS_ALL, "lets all rows through"),
        KnownWrong(
            _GRANT + _SWITCH + _POLICY.replace("consent", "consent IS NOT FALSE"),
            ROWS_ALL,
            "counts silence as yes",
        ),
        KnownWrong(
            _GRANT + _SWITCH + _POLICY.replace("consent", "consent AND age < 40"),
            ROWS_FEWER,
            "leaves people out",
        ),
        KnownWrong(_GRANT.replace(", visits", "") + _SWITCH + _POLICY, ROWS_MISSING, "forgets a column"),
        KnownWrong(
            _GRANT.replace("visits", "visits, ssn") + _SWITCH + _POLICY, ROWS_COLUMNS, "one column more"
        ),
        KnownWrong(
            _GRANT + _SWITCH + _POLICY + "GRANT UPDATE (age) ON people TO model_account;", ROWS_WRITES
        ),
        KnownWrong(
            _GRANT.replace("model_account", "PUBLIC") + _SWITCH + _POLICY, ROWS_PUBLIC, "grants to everybody"
        ),
        KnownWrong(
            _GRANT
            + _SWITCH
            + _POLICY
            + "CREATE VIEW v AS SELECT * FROM people; GRANT SELECT ON v TO model_account;",
            ROWS_OTHERS,
            "adds a view that shows more",
        ),
        KnownWrong("Only adults, please.", ROWS_SQL, "writes prose"),
        KnownWrong(_GRANT.replace("visits", "visit"), ROWS_SQL, "misspells a column"),
        KnownWrong([_GRANT], ROWS_KIND, "returns a list"),
    ),
    solution=_GRANT + _SWITCH + _POLICY,
    prepare=model_database,
)
def protect_rows(value) -> CheckResult:
    if not isinstance(value, str):
        return incorrect(ROWS_KIND, "Give `protection` a text.")
    people = invented_people(fresh())
    return _judge_reach(model_database().reach(value, people), people)


def _judge_reach(reach: Reach, people: pd.DataFrame) -> CheckResult:
    if reach.problem:
        return incorrect(ROWS_SQL, f"It says: {reach.problem}. Each statement ends with a semicolon.")
    if reach.public:
        return incorrect(ROWS_PUBLIC, "Grant to `model_account`.")
    if not reach.columns:
        return incorrect(ROWS_NOTHING_GRANTED, "Begin with `GRANT SELECT (...) ON people TO model_account;`.")
    if extra := sorted(reach.columns - set(FEATURES)):
        return incorrect(
            ROWS_COLUMNS, f"Name the columns in brackets after SELECT; {extra[0]} is none of them."
        )
    if missing := [name for name in FEATURES if name not in reach.columns]:
        return incorrect(ROWS_MISSING, f"Add {missing[0]} to the columns in brackets.")
    if reach.writes:
        return incorrect(ROWS_WRITES, f"Leave out {', '.join(reach.writes)}.")
    if reach.others:
        return incorrect(
            ROWS_OTHERS, f"Take the rights on {reach.others[0]} back: a view shows what its owner sees."
        )
    shown = reach.shown or frozenset()
    agreed = set(people.loc[people["consent"].map(lambda given: given is True), "reference"])
    if shown - agreed:
        if reach.policies and not reach.switched_on:
            return incorrect(ROWS_NOT_ON, "Add `ALTER TABLE people ENABLE ROW LEVEL SECURITY;`.")
        return incorrect(
            ROWS_ALL, "In the policy, write `USING (consent)`: who was never asked did not agree."
        )
    if not shown:
        return incorrect(
            ROWS_NONE, "Add `CREATE POLICY ... ON people FOR SELECT TO model_account USING (...);`."
        )
    if agreed - shown:
        return incorrect(ROWS_FEWER, "The condition is `consent` alone.")
    return correct(
        "Four columns, only people who agreed, nothing to change: an injection finds nothing more."
    )


# ------------------------------------------------------------------------------------------- 5 · the lock-out

TRY_KIND = "True or False is asked for."
TRY_ALWAYS = "every attempt is checked: the attacker has all day."
TRY_NEVER = "no attempt is ever checked: nobody can sign in."
TRY_LOCKED_OUT = "an attacker's failures shut out the owner, too, on the device that the owner always uses."
TRY_MANY_PLACES = (
    "an attacker with many addresses is not stopped: count what strangers do to the account together."
)
TRY_MANY_ACCOUNTS = (
    "an attacker who tries one password on many accounts is not stopped: count the address, too."
)
TRY_STOLEN = "a stolen device may guess without end."
TRY_EITHER = "one of the two limits for strangers is enough to get in; both must hold."
TRY_ONE_MORE = "one attempt more than the limit is checked."
TRY_OTHER = "some attempts are judged wrongly."


@dataclass(frozen=True)
class _Throttle:
    """The rule for one attempt; that of one who makes a mistake differs in one field."""

    device: str = "limited"
    account: bool = True
    place: bool = True
    either: bool = False
    one_more: int = 0

    def __call__(
        self, known_device: bool, device: int, account: int, place: int, most: Mapping[str, int]
    ) -> bool:
        more = self.one_more
        below_account = account < most["account"] + more or not self.account
        below_place = place < most["place"] + more or not self.place
        below_device = device < most["device"] + more
        if self.device == "shared":
            return below_account and (below_device if known_device else below_place)
        if known_device:
            return below_device or self.device == "free"
        return (below_account or below_place) if self.either else (below_account and below_place)


_may_try = _Throttle()


def _answer(answer: bool) -> Callable[..., bool]:
    return lambda known_device, device_failures, account_failures, place_failures, most: answer


TRY_SLIPS: tuple[Slip, ...] = (
    (_answer(True), TRY_ALWAYS, "Return False where a limit is reached."),
    (_answer(False), TRY_NEVER, "Return True while the failures are below the limits."),
    (_Throttle(device="shared"), TRY_LOCKED_OUT, "For a known device look at `device_failures` only."),
    (_Throttle(account=False), TRY_MANY_PLACES, 'Compare `account_failures` with `most["account"]`.'),
    (_Throttle(place=False), TRY_MANY_ACCOUNTS, 'Compare `place_failures` with `most["place"]`.'),
    (_Throttle(device="free"), TRY_STOLEN, 'Compare `device_failures` with `most["device"]`.'),
    (_Throttle(either=True), TRY_EITHER, "Join the two comparisons with `and`."),
    (
        _Throttle(one_more=1),
        TRY_ONE_MORE,
        "Use `<`: after as many failures as the limit there is no further attempt.",
    ),
)


def _attempts(rng: np.random.Generator) -> Case:
    most = {name: int(rng.integers(3, 60)) for name in ("device", "account", "place")}
    near = [int(rng.choice([0, limit - 1, limit, limit + 1, 5 * limit])) for limit in most.values()]
    return (bool(rng.integers(2)), *near, most)


def simulate_day(rule: Callable[..., bool], most: Mapping[str, int], *, sources: int = 200) -> str:
    """Simulate a day of three attempts a minute on one account, and the owner's two sign-ins; say who got in.

    The attacker comes from ``sources`` addresses in turn; the owner uses a known device at 8:00 and 13:00 and
    mistypes once each time.
    """
    device = account = guesses = turned_away = 0
    places = [0] * sources
    for minute in range(24 * 60):
        for number in range(3):
            place = (3 * minute + number) % sources
            if rule(False, 0, account, places[place], most):
                guesses, account, places[place] = guesses + 1, account + 1, places[place] + 1
        if minute in (8 * 60, 13 * 60):
            for right in (False, True):
                if not rule(True, device, account, 0, most):
                    turned_away += 1
                else:
                    device = 0 if right else device + 1
    return f"guesses checked {guesses:,} of {3 * 24 * 60:,}; the owner turned away {turned_away} of 4 times"


@lab.task(
    prompt="Say whether a sign-in attempt is checked, so that attackers are stopped and the owner is not.",
    hints=(
        "Two cases: a device that the owner has used before, and a stranger. What can an attacker drive up "
        "in each of them?",
        "On a known device only its own failures count. For a stranger both the account and the address must "
        "be below their limits.",
        '`if known_device: return device_failures < most["device"]`, and for all others '
        '`return account_failures < most["account"] and place_failures < most["place"]`.',
    ),
    known_wrong=(
        *(KnownWrong(slip, message) for slip, message, _ in TRY_SLIPS),
        KnownWrong(lambda known, device, account, place, most: "wait", TRY_KIND, "answers in words"),
        KnownWrong(
            lambda known, device, account, place, most: known, TRY_OTHER, "lets known devices in only"
        ),
    ),
    solution=_may_try,
)
def may_try(value) -> CheckResult:
    rng = fresh()
    cases = [_attempts(rng) for _ in range(300)]
    answers = [attempt(value, *case) for case in cases]
    if not all(isinstance(answer, bool | np.bool_) for answer in answers):
        return incorrect(TRY_KIND, "Return True or False, without quotes.")
    given = [bool(answer) for answer in answers]
    if same(given, [_may_try(*case) for case in cases]):
        return correct("The attacker runs into a limit, from wherever; the owner's own device stays open.")
    otherwise = incorrect(TRY_OTHER, "Treat a known device and a stranger apart, each with its own limits.")
    return explained(given, cases, TRY_SLIPS, otherwise)
