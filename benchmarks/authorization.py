"""Time decisions of the access policies on a log's requests, beside cedarpy as its tutorial calls it.

Every row of the synthetic log is one request, with its own person and record; none is repeated by us. The
peer is `cedarpy.is_authorized` with the policies as text and the entities as a list, on the first requests
of the same log; both must answer alike. "Cedar each time" is our engine with its memory of decisions
switched off; "new policy" starts with an empty memory; "once more" meets the same log again. A second of the
processor is the process's own; on a busy machine the clock on the wall counts what others take, too.
Run: .venv/bin/python benchmarks/authorization.py [patients; the bank gets 20 times as many transactions]
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable

import cedarpy
import pandas as pd

from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.access.policy.request import AccessRequest
from secure_ai.access.policy.sectors import log_requests, sector
from synthetic_data import load

OF_EACH = 2_000  # for what is slow
SEED = 11


def log_of(name: str, rows: int) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Return the log with the facts that the policy asks for, the staff, and where the facts stand."""
    if name == "healthcare":
        tables = load(name, rows=rows, seed=SEED).tables
        log = tables["access_log"].merge(tables["patients"][["patient_id", "vip"]], on="patient_id")
        visits = tables["encounters"][["encounter_id", "department"]]
        log = log.merge(visits.rename(columns={"department": "ward"}), on="encounter_id", how="left")
        log["ward"] = log["ward"].fillna("none")
        return log, tables["staff"], {"facts": {"what.vip": "vip", "what.department": "ward"}}
    tables = load(name, rows=20 * rows, seed=SEED).tables
    customers = tables["customers"][["customer_id", "branch_id", "is_prominent"]]
    log = tables["access_log"].merge(customers.rename(columns={"branch_id": "home"}), on="customer_id")
    log = log.merge(tables["staff"][["staff_id", "branch_id"]], on="staff_id")
    log["own"] = log["home"] == log["branch_id"]
    facts = {"what.branch": "home", "what.prominent": "is_prominent"}
    return log, tables["staff"], {"columns": {"relationship": "own"}, "facts": facts}


Rate = tuple[float, float]  # calls a second by the clock on the wall, and by the processor


def rate(
    function: Callable[[AccessRequest], object], requests: list[AccessRequest], repeats: int = 3
) -> Rate:
    """Return calls a second: the best of ``repeats`` runs."""
    best = [float("inf"), float("inf")]
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        for request in requests:
            function(request)
        end = time.perf_counter(), time.process_time()
        best = [min(best[i], end[i] - start[i]) for i in (0, 1)]
    return len(requests) / best[0], len(requests) / best[1]


def first_meeting(name: str, requests: list[AccessRequest], repeats: int = 3) -> tuple[Rate, AccessPolicy]:
    """Return the rate of a policy that has decided nothing before; the best of ``repeats``."""
    rates = []
    for _ in range(repeats):
        policy = AccessPolicy.load(name)
        rates.append(rate(policy.decide, requests, repeats=1))
    return (max(wall for wall, _ in rates), max(cpu for _, cpu in rates)), policy


def naive(policy: AccessPolicy) -> Callable[[AccessRequest], bool]:
    """Return the peer: policies as text, entities as a list, on each call."""
    text = "\n".join(rule.text for rule in policy.rules)

    def decide(request: AccessRequest) -> bool:
        asked, entities = policy.cedar_request(request)
        return cedarpy.is_authorized(asked, text, entities).allowed

    return decide


def measure(name: str, rows: int) -> None:
    """Print the table of one sector."""
    log, staff, places = log_of(name, rows)
    start = time.perf_counter()
    requests = list(log_requests(sector(name), log, staff, **places))
    built = len(requests) / (time.perf_counter() - start)
    people = len({request.principal.id for request in requests})
    records = len({(request.resource.kind, request.resource.id) for request in requests})
    some = requests[:OF_EACH]
    new, policy = first_meeting(name, requests)
    asked = policy.evaluations
    again = rate(policy.decide, requests)
    each_time = AccessPolicy.load(name, remember=False)
    plain = rate(each_time.decide, some)
    explained = rate(lambda request: each_time.explain(request).sentence(), some)
    peer = naive(policy)
    few = some[:300]
    peer_rate = rate(peer, few, repeats=2)
    alike = all(peer(request) is policy.decide(request).allowed for request in few)
    print(
        f"\n{name}: {len(policy.rules)} policies; {len(requests):,} requests of {people:,} people on "
        f"{records:,} records, built at {built:,.0f}/s"
    )
    print(f"{'decisions a second':<44}{'wall':>9}{'processor':>11}{'to the peer':>13}")
    for label, (wall, cpu) in (
        (f"new policy, whole log ({asked:,} went to Cedar)", new),
        ("once more", again),
        ("Cedar each time", plain),
        ("Cedar each time, with explanation in words", explained),
        ("cedarpy, policies as text (peer)", peer_rate),
    ):
        print(f"{label:<44}{wall:>9,.0f}{cpu:>11,.0f}{cpu / peer_rate[1]:>12.1f}x")
    print(f"Peer and kit {'agree' if alike else 'DISAGREE'} on the {len(few)} requests that both decided.")


def main(rows: int = 1_500) -> None:
    """Print one table for each sector, and the memory at the end."""
    load_now = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"One thread; {os.cpu_count()} cores, load {load_now:.1f}; cedarpy {cedarpy_version()}; best of 3")
    for name in ("healthcare", "finance"):
        measure(name, rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nHighest memory of the process, synthetic data included: {peak:,.0f} MB")


def cedarpy_version() -> str:
    """Return the version of the installed cedarpy."""
    from importlib.metadata import version

    return version("cedarpy")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_500)
