"""Emergency access, separation of duties, unused grants, the access review, the matrix and the explorer."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from secure_ai.access.policy.break_glass import BreakGlass, EmergencyRefusedError, check_reason
from secure_ai.access.policy.charts import plot_grant_use, plot_review
from secure_ai.access.policy.explorer import AccessExplorer
from secure_ai.access.policy.least_privilege import grants_of, logged_roles, unused_grants
from secure_ai.access.policy.matrix import access_matrix, who_can
from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.access.policy.review import compare_ways, review_log
from secure_ai.access.policy.sectors import HEALTHCARE, log_requests, sector
from secure_ai.access.policy.separation import ToxicCombination, separation_of_duties
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.core.measurement import Unassessed
from synthetic_data import load

POLICIES = {name: AccessPolicy.load(name) for name in ("healthcare", "finance")}
REASON = "Unconscious after a fall, allergies unknown before surgery"


@pytest.fixture(scope="module")
def granted():
    return {name: grants_of(policy, name) for name, policy in POLICIES.items()}


class Clock:
    def __init__(self):
        self.now = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def hospital():
    tables = load("healthcare", rows=1_000, seed=5).tables
    log = tables["access_log"].merge(tables["patients"][["patient_id", "vip"]], on="patient_id")
    return log, tables["staff"]


@pytest.fixture(scope="module")
def bank():
    tables = load("finance", rows=9_000, seed=5).tables
    customers = tables["customers"][["customer_id", "branch_id"]].rename(columns={"branch_id": "home"})
    log = tables["access_log"].merge(customers, on="customer_id")
    log = log.merge(tables["staff"][["staff_id", "branch_id"]], on="staff_id")
    return log.assign(own=log["home"] == log["branch_id"]), tables["staff"]


@pytest.fixture
def glass():
    clock = Clock()
    audit = AuditLog(clock=clock)
    return BreakGlass(POLICIES["healthcare"], audit, clock=clock), audit, clock


def physician(role="physician", **what):
    return HEALTHCARE.request(
        {"roles": role, "id": "S1"}, "view", {"kind": "Chart", **{"id": "P1", **what}}, "emergency"
    )


@pytest.mark.parametrize(
    "reason",
    ["", "   ", "emergency", "n/a", "patient care", "aaaaaaaaaaaaaaaaaaaa", "asap asap asap asap",
     "need access to chart", "emergency access needed for patient care", None],
)  # fmt: skip
def test_a_reason_that_says_nothing_opens_nothing(glass, reason):
    gate, audit, _ = glass
    with pytest.raises(UserError, match="reason"):
        gate.open(physician(), reason)
    assert not gate.is_open("S1", "P1")
    assert audit.events[-1].outcome == "denied"


def test_emergency_access_is_opened_used_ended_and_reviewed(glass):
    gate, audit, clock = glass
    assert not gate.decide(physician()).allowed
    opened = gate.open(physician(), REASON)
    assert audit.events[-1].alert and audit.events[-1].outcome == "allowed"
    assert gate.decide(physician()).alert
    assert not gate.decide(physician().model_copy(update={"purpose": "treatment"})).allowed
    other = HEALTHCARE.request(
        {"roles": "physician", "id": "S1"}, "view", {"kind": "Chart", "id": "P2"}, "emergency"
    )
    assert not gate.decide(other).allowed
    clock.now += timedelta(minutes=30)
    assert not gate.decide(physician()).allowed
    assert gate.pending() == (opened,) and not gate.overdue()
    clock.now += timedelta(days=4)
    assert gate.overdue() == (opened,)
    with pytest.raises(UserError, match="someone else"):
        gate.review(1, "S1", "justified")
    assert gate.review(1, "S400", "not justified").reviewer == "S400"
    assert audit.events[-1].alert
    with pytest.raises(UserError, match="already"):
        gate.review(1, "S400", "justified")
    assert gate.sentence().startswith("1 emergency access: 1 reviewed, 1 of them not justified; 0 wait")


def test_the_reason_stands_in_no_trail_frame_or_repr(glass):
    gate, audit, _ = glass
    opened = gate.open(physician(), REASON)
    assert opened.reason == REASON
    assert "allergies" not in repr(opened) + gate.to_frame().to_string() + audit.to_frame().to_string()


def test_a_glass_that_was_only_claimed_opens_nothing(glass):
    gate, _, _ = glass
    claimed = HEALTHCARE.request("physician", "view", "Chart", "emergency", break_glass=True)
    assert POLICIES["healthcare"].decide(claimed).allowed
    assert not gate.decide(claimed).allowed


@pytest.mark.parametrize("request_", [physician("billing_specialist"), physician("it_administrator")])
def test_those_who_may_never_are_refused_and_someone_is_told(glass, request_):
    gate, audit, _ = glass
    with pytest.raises(EmergencyRefusedError):
        gate.open(request_, REASON)
    assert audit.events[-1].alert and audit.events[-1].outcome == "denied"


def test_without_a_trail_no_glass_is_broken(tmp_path):
    audit = AuditLog(tmp_path / "trail.jsonl")
    gate = BreakGlass(POLICIES["healthcare"], audit)
    audit.path = tmp_path / "gone" / "trail.jsonl"
    with pytest.raises(UserError, match="audit"):
        gate.open(physician(), REASON)
    assert not gate.is_open("S1", "P1") and not gate.pending()


def test_an_honest_reason_passes_and_a_wrong_length_does_not():
    assert check_reason(f"  {REASON}\n") == REASON
    with pytest.raises(UserError, match="480"):
        BreakGlass(POLICIES["healthcare"], AuditLog(), minutes=10_000)


def test_who_holds_a_toxic_combination_is_found():
    roles = pd.DataFrame(
        [("A", "nurse"), ("A", "key_administrator"), ("B", "nurse"), ("B", "physician"),
         ("C", "model_developer"), ("C", "model_validator"), ("C", "model_validator")],
        columns=["staff_id", "role"],
    )  # fmt: skip
    found = separation_of_duties(roles, "healthcare")
    assert set(found.found["person"]) == {"A", "C"}
    assert "Of 3 people 3 hold several roles, and 2 a combination" in found.sentence()
    own = ToxicCombination("two", frozenset({"nurse"}), frozenset({"physician"}), "because")
    assert list(separation_of_duties(roles, [own]).to_frame()["person"]) == ["B"]
    with pytest.raises(UserError, match="no column 'role'"):
        separation_of_duties(roles.rename(columns={"role": "job"}), "healthcare")
    with pytest.raises(UserError, match="without"):
        separation_of_duties(roles.assign(role=[None, *roles["role"][1:]]), "finance")


def test_snooping_in_the_hospital_is_found_far_above_chance(hospital):
    log, staff = hospital
    found = review_log(
        POLICIES["healthcare"], "healthcare", log, staff, facts={"what.vip": "vip"}, label="snooping"
    )
    assert found.recall.value > 0.95
    assert found.precision.interval[0] > 20 * found.base_rate.value
    relation = found.denied["why"].eq("missing: the relationship is care team or covering")
    assert found.denied.loc[relation, "label"].all()
    assert not found.denied["why"].str.contains("judged").any()
    assert f"{len(found.denied):,} of {len(log):,}" in found.sentence()


def test_in_the_bank_the_policy_alone_buries_snooping_among_other_denials(bank):
    log, staff = bank
    found = review_log(
        POLICIES["finance"], "finance", log, staff,
        columns={"relationship": "own"}, facts={"what.branch": "home"}, label="is_snooping",
    )  # fmt: skip
    assert found.recall.value > 0.8
    assert found.precision.value < 0.05  # the synthetic bank's purposes are drawn without regard to the role
    cases = found.by_reason()
    assert cases["denied"].sum() == len(found.denied) and cases["labeled"].sum() == found.recall.hits
    assert cases["denied"].is_monotonic_decreasing
    assert not cases.duplicated(["role", "action", "kind", "why"]).any()
    # The one fact that the bank's log can be trusted with points better than all its rules together.
    ways = compare_ways(found, {"elsewhere": ~log["own"]}, log["is_snooping"]).set_index("way")
    assert ways["accesses"].tolist() == [len(found.denied), int((~log["own"]).sum())]
    shares = ways["precision"].str.rstrip("%").astype(float)
    assert shares["elsewhere"] > 2 * shares["the policy"]
    with pytest.raises(UserError, match="for each of"):
        compare_ways(found, {"elsewhere": log["own"].head(3)}, log["is_snooping"])
    with pytest.raises(UserError, match="label"):
        unlabeled = review_log(POLICIES["finance"], "finance", log.head(50), staff)
        compare_ways(unlabeled, {}, log["is_snooping"].head(50))


def test_a_review_can_assume_what_the_log_does_not_hold(hospital):
    log, staff = hospital
    research = log[log["purpose"] == "research"]
    policy = POLICIES["healthcare"]
    strict = review_log(policy, "healthcare", research, staff)
    mild = review_log(policy, "healthcare", research, staff, assume={"what.research_consent": True})
    assert len(mild.denied) < len(strict.denied)
    with pytest.raises(UserError, match="no column 'mood'"):
        review_log(policy, "healthcare", log, staff, facts={"what.vip": "mood"})
    with pytest.raises(UserError, match="names no fact"):
        review_log(policy, "healthcare", log, staff, assume={"vip": True})
    with pytest.raises(UserError, match="table of staff does not have"):
        review_log(policy, "healthcare", log, staff.head(3))


@pytest.mark.parametrize("name", ["healthcare", "finance"])
def test_what_was_never_used_is_taken_back_and_nothing_else(name, hospital, bank, granted):
    policy, (log, staff) = POLICIES[name], hospital if name == "healthcare" else bank
    known = sector(name)
    with_roles, columns = logged_roles(name, log, staff)
    use = unused_grants(granted[name], with_roles, columns=columns, kinds=known.log_kinds)
    unused = use.by_role[use.by_role["status"] == "unused"]
    assert len(unused) and (unused["uses"] == 0).all() and "emergency" not in set(unused["purpose"])
    assert set(unused["action"]) <= set(log["action"])
    counted = with_roles.assign(kind=with_roles["resource"].map(known.log_kinds))
    keys = ["role", "action", "kind", columns["purpose"]]
    real = counted.groupby(keys).size()
    for row in use.by_role.itertuples():
        assert row.uses == real.get((row.role, row.action, row.kind, row.purpose), 0)
    assert use.by_role["uses"].sum() + use.outside == len(log)
    text = "\n".join(rule.text for rule in policy.rules) + "\n" + use.proposal()
    smaller = AccessPolicy.from_texts(text, str(policy.schema))
    requests = list(log_requests(known, log, staff))[:2_000]
    before, after = policy.decide_many(requests), smaller.decide_many(requests)
    assert [d.allowed for d in before] == [d.allowed for d in after]  # who worked goes on working
    taken = set(unused[["role", "action", "kind", "purpose"]].itertuples(index=False, name=None))
    left = set(grants_of(smaller, name).itertuples(index=False, name=None))
    assert left == set(granted[name].itertuples(index=False, name=None)) - taken


def test_the_pictures_say_what_was_counted(hospital, granted):
    log, staff = hospital
    found = review_log(POLICIES["healthcare"], "healthcare", log, staff, label="snooping")
    picture = plot_review(found)
    assert f"{len(found.denied):,} of {len(log):,}" in picture.axes[0].get_title(loc="left")
    with_roles, columns = logged_roles("healthcare", log, staff)
    grants = granted["healthcare"]
    use = unused_grants(grants, with_roles, columns=columns, kinds=HEALTHCARE.log_kinds)
    unused = int((use.by_role["status"] == "unused").sum())
    axes = plot_grant_use(use).axes[0]
    assert f"{unused} of {len(grants)} grants" in axes.get_title(loc="left")
    legend = axes.get_legend()
    counts = [int(text.get_text().rsplit(": ", 1)[1]) for text in legend.get_texts()]
    assert sum(counts) == len(grants)
    looks = [(patch.get_facecolor(), patch.get_hatch()) for patch in legend.get_patches()]
    assert len(set(looks)) == len(looks) == use.by_role["status"].nunique()  # each state has its own


def test_a_short_log_says_nothing_about_what_is_not_needed(hospital, granted, tmp_path):
    log, staff = hospital
    grants = granted["healthcare"]
    with_roles, columns = logged_roles("healthcare", log, staff)
    short = unused_grants(grants, with_roles.head(100), columns=columns)
    assert isinstance(short, Unassessed) and "100 accesses" in short.reason
    with_roles.to_csv(tmp_path / "log.csv", index=False)
    kinds = HEALTHCARE.log_kinds
    from_file = unused_grants(grants, tmp_path / "log.csv", columns=columns, kinds=kinds)
    pd.testing.assert_frame_equal(
        from_file.by_role, unused_grants(grants, with_roles, columns=columns, kinds=kinds).by_role
    )
    with pytest.raises(UserError, match="no time"):
        unused_grants(grants, with_roles.assign(timestamp="yesterday"), columns=columns)
    with pytest.raises(UserError, match="no column"):
        unused_grants(grants, with_roles, columns={"who": "nobody"})


def test_the_matrix_says_who_can_at_all_and_on_conditions():
    matrix = access_matrix(POLICIES["healthcare"], "healthcare")
    table = matrix.to_frame().set_index(["role", "action", "kind", "purpose"])["access"]
    assert table["registrar", "update", "Demographics", "operations"] == "always"
    assert table["nurse", "view", "Chart", "treatment"] == "on conditions"
    assert ("registrar", "view", "Notes", "operations") not in table.index
    assert "treatment" in matrix.crosstab("view").loc["nurse", "Chart"]
    assert len(matrix.to_frame(denied=True)) > len(matrix.to_frame())
    exporters = who_can(POLICIES["healthcare"], "healthcare", "export", "Chart")
    assert set(exporters["role"]) == {"physician", "nurse_practitioner"}
    assert who_can(
        POLICIES["healthcare"], "healthcare", "view", "Chart", "treatment", relationship="none"
    ).empty
    with pytest.raises(UserError, match="no action"):
        who_can(POLICIES["healthcare"], "healthcare", "burn", "Chart")


@pytest.mark.parametrize("name", ["healthcare", "finance"])
def test_the_explorer_answers_every_choice_that_it_offers(name):
    explorer = AccessExplorer(name, POLICIES[name])
    for kind in explorer.kinds:
        choices = explorer.choices(kind)
        for action in explorer.actions(kind):
            answer = explorer.ask(explorer.roles[0], action, kind, explorer.purposes[0])
            assert not answer.explanation.decision.errors
            for fact, values in choices.items():
                varied = explorer.ask(
                    explorer.roles[0], action, kind, explorer.purposes[0], **{fact: values[-1]}
                )
                assert not varied.explanation.decision.errors, (kind, action, fact)
    denied = explorer.ask(explorer.roles[0], "administer", "System", explorer.purposes[0])
    assert not denied.allowed and "missing" in denied.sentence and denied.rule_text.startswith("@id")
    with pytest.raises(UserError):
        explorer.choices("Diary")
    with pytest.raises(UserError, match="no fact"):
        explorer.ask(explorer.roles[0], "administer", "System", explorer.purposes[0], what_color="red")


def odd_grants(role, kind):
    grants = pd.DataFrame([(role, "view", kind, "treatment")], columns=["role", "action", "kind", "purpose"])
    log = pd.DataFrame(
        {"staff_id": "S1", "role": role, "action": "view", "kind": kind, "purpose": "operations",
         "timestamp": pd.date_range("2026-01-01", periods=600, freq="3h")}
    )  # fmt: skip
    return unused_grants(grants, log)


def test_a_proposal_quotes_what_the_log_brings_and_writes_no_rule_of_its_own():
    from cedarpy import policies_to_pst

    proposal = odd_grants('aide "é"\n\\', "Chart").proposal()
    (rule,) = policies_to_pst(proposal).static_policies.values()
    assert rule.effect == "forbid" and rule.principal.entity.id == 'aide "é"\n\\'
    with pytest.raises(UserError, match="kind of record"):
        odd_grants("nurse", "Chart); permit (principal, action, resource").proposal()


def test_an_open_glass_lifts_a_prohibition_in_the_declared_emergency_alone():
    for sector_name, role, what, purpose in (
        ("healthcare", "registrar", "Demographics", "operations"),
        ("finance", "call center agent", "Chat", "customer request"),
    ):
        request = sector(sector_name).request(
            role, "update", what, purpose, relationship="family", break_glass=True
        )
        assert POLICIES[sector_name].decide(request).rules == ("not-a-relative",)
