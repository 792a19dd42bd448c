"""The attack day: real attacks, in a seeded order, against what the team has built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from secure_ai.core.measurement import Unassessed

if TYPE_CHECKING:
    from secure_ai.learn.capstones.capstone import Capstone

State = Literal["stopped", "noticed", "succeeded"]


@dataclass(frozen=True)
class Attack:
    """One kind of attack.

    Attributes:
        title: in everyday words.
        controls: that can change its outcome.
        run: carries it out against the chosen controls.
    """

    title: str
    controls: tuple[str, ...]
    run: Callable[[Capstone, frozenset[str], int], tuple[State, str]]


@dataclass(frozen=True)
class Result:
    """What came of one attack.

    Attributes:
        attack: its id; ``title`` in everyday words.
        state: stopped, noticed (it happened, and somebody knows), or succeeded (it happened, nobody knows).
        why: what was measured.
        would_have: controls, not chosen, each of which alone would have stopped it or had it noticed.
    """

    attack: str
    title: str
    state: State
    why: str
    would_have: tuple[str, ...]

    @property
    def held(self) -> bool:
        """Whether it was stopped or noticed."""
        return self.state != "succeeded"


def attack_day(capstone: Capstone, chosen: frozenset[str], seed: int) -> tuple[Result, ...]:
    """Run every attack of the scenario in a seeded order; what would have helped is tried, not known."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(capstone.scenario.attacks))
    results = []
    for place in order:
        name = capstone.scenario.attacks[place]
        attack, draw = ATTACKS[name], int(rng.integers(1 << 30))
        state, why = attack.run(capstone, chosen, draw)
        helping: list[str] = []
        if state == "succeeded":
            offered = [one for one in attack.controls if one in capstone.scenario.controls]
            helping = [
                one
                for one in offered
                if one not in chosen and attack.run(capstone, chosen | {one}, draw)[0] != "succeeded"
            ]
        results.append(Result(name, attack.title, state, why, tuple(helping)))
    return tuple(results)


def _stolen_file(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    read = capstone.systems.readable_at_rest(chosen)
    return ("succeeded" if read else "stopped"), f"{read:,} identifiers could be read in the copied file."


def _eavesdropper(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    read = capstone.systems.readable_on_the_way(chosen)
    return ("succeeded" if read else "stopped"), f"{read} values of the recorded request could be read."


def _stolen_password(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    opened = capstone.systems.stolen_password_opens(chosen)
    return (
        ("succeeded", "The password alone opened the door.")
        if opened
        else (
            "stopped",
            "The password was right, and the second factor was missing.",
        )
    )


def _forged_token(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    accepted = capstone.systems.forged_tokens(chosen)
    return ("succeeded" if accepted else "stopped"), f"{accepted} forged or replayed tokens were accepted."


def _query_thief(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    found, bound = capstone.models.extraction(chosen), capstone.bound("extraction")
    if isinstance(found, Unassessed):
        return "succeeded", f"It could not be measured, which is no proof of safety: {found.reason}"
    why = f"The copy gives the model's answer on {found.value:.0%} of unseen cases."
    if found.value <= bound:
        return "stopped", why
    return _if_watched(capstone, chosen, "model_query", draw, why)


def _false_entries(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    found, bound = capstone.models.evasion(chosen), capstone.bound("evasion")
    if isinstance(found, Unassessed):
        return "succeeded", f"It could not be measured, which is no proof of safety: {found.reason}"
    why = f"{found.value:.0%} of the attacker's {found.n} cases got the answer that was wanted."
    return ("stopped" if found.value <= bound else "succeeded"), why


def _poisoned_batch(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    found = capstone.models.missed_by_poison(chosen)
    why = f"After retraining {found.value:.0%} of the {found.n} cases found before are no longer found."
    return ("stopped" if found.value <= capstone.bound("poisoning") else "succeeded"), why


def _swapped_model(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    opened = capstone.systems.opens_swapped_model(chosen)
    return (
        ("succeeded", "The exchanged file went into service.")
        if opened
        else (
            "stopped",
            "The signature did not fit the file.",
        )
    )


def _insider(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    refused = capstone.systems.doors(chosen).misuse
    why = f"The policy refuses {refused:.0%} of the lookups without a reason."
    if refused >= capstone.bound("insiders"):
        return "stopped", why
    return _if_watched(capstone, chosen, "access", draw, why)


def _fraud_stream(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    return _if_watched(capstone, chosen, "transaction", draw, "A wave went through the stream of payments.")


def _log_tampering(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    missed = capstone.systems.edits_found(chosen)
    why = f"Of {missed.n} edits to the log {missed.value * missed.n:.0f} stayed unseen."
    return ("succeeded" if missed.value else "noticed"), why


def _ransomware(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    back = capstone.systems.restored(chosen)
    why = f"{back:.0%} of the records were restored and counted."
    return ("stopped" if back == 1 else "succeeded"), why


def _spreading(capstone: Capstone, chosen: frozenset[str], draw: int) -> tuple[State, str]:
    lost = capstone.systems.records_lost(chosen)
    why = f"{lost:.0%} of the records that could still be saved were lost."
    return ("noticed" if lost <= capstone.bound("incident") else "succeeded"), why


def _if_watched(
    capstone: Capstone, chosen: frozenset[str], family: str, draw: int, why: str
) -> tuple[State, str]:
    """Draw one of the planted incidents, and look whether the watch found that one."""
    incidents = capstone.materials.month.incidents
    names = incidents.loc[incidents["family"] == family, "incident_id"].astype(str).tolist()
    if names and names[draw % len(names)] not in capstone.systems.watched(chosen).missed:
        return "noticed", f"{why} The watch raised an alert."
    return "succeeded", f"{why} Nobody saw it."


ATTACKS: Mapping[str, Attack] = {
    "stolen_file": Attack("A laptop with the records is stolen", ("encrypted_files",), _stolen_file),
    "eavesdropper": Attack("Somebody listens on the network", ("tls",), _eavesdropper),
    "stolen_password": Attack("A password is phished", ("second_factor",), _stolen_password),
    "forged_token": Attack("Somebody forges sign-on tokens", ("strict_tokens",), _forged_token),
    "query_thief": Attack(
        "The model is copied by asking it",
        ("rate_limit", "rounded_answers", "calm_watch", "sensitive_watch", "private_training"),
        _query_thief,
    ),
    "false_entries": Attack(
        "Cases are changed until the model errs",
        ("verified_inputs", "review_band", "adversarial_training", "simpler_model", "private_training"),
        _false_entries,
    ),
    "poisoned_batch": Attack(
        "A batch of training rows arrives with false outcomes",
        ("signed_batches", "label_filter", "simpler_model"),
        _poisoned_batch,
    ),
    "swapped_model": Attack("The model file is exchanged", ("signed_model",), _swapped_model),
    "insider": Attack(
        "Somebody looks up people without a reason",
        ("need_to_know", "calm_watch", "sensitive_watch"),
        _insider,
    ),
    "fraud_stream": Attack(
        "A wave of false payments or claims", ("calm_watch", "sensitive_watch"), _fraud_stream
    ),
    "log_tampering": Attack("The traces are edited out of the log", ("audit_trail",), _log_tampering),
    "ransomware": Attack("Ransomware encrypts the table of records", ("backups",), _ransomware),
    "spreading": Attack("An exposed store is being read, hour by hour", ("drill",), _spreading),
}
