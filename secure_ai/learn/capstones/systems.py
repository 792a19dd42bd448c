"""Files, doors, logs and watches under the team's decisions: each is set up and tried for real."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.core.audit import AuditLog
from secure_ai.core.intervals import wilson
from secure_ai.core.measurement import Measurement
from secure_ai.learn.capstones.materials import Materials
from secure_ai.monitor.detection.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

NOW = datetime(2026, 3, 2, 9, 0, 10, tzinfo=UTC)
CALM, SENSITIVE = Settings().threshold, 0.05
"""Scores from which a calm watch (the watch's own default) and a sensitive one raise an alert."""
EDITS = 6
SEARCHED = ("ssn", "phone", "email")
SWAP_ROWS = 400


@dataclass(frozen=True)
class Watched:
    """What a watch did in the days of the case.

    Attributes:
        found: family → incidents found and planted.
        missed: identifiers of the incidents that it did not find.
        false_per_day: alerts a day that were about nothing.
    """

    found: dict[str, tuple[int, int]]
    missed: frozenset[str]
    false_per_day: float

    def share(self, family: str) -> float:
        """Return which share of a family's incidents was found."""
        found, planted = self.found.get(family, (0, 0))
        return found / planted if planted else 0.0


@dataclass(frozen=True)
class Doors:
    """What the access policy did to the log: share of honest work and of misuse that it refuses."""

    honest: float
    misuse: float


class SystemBench:
    """Sets up each part once for each way in which it can be chosen."""

    def __init__(self, materials: Materials) -> None:
        self.materials = materials
        self._known: dict[tuple[Any, ...], Any] = {}

    def _once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    # --------------------------------------------------------------------------------------------- files

    def readable_at_rest(self, chosen: frozenset[str]) -> int:
        """Return how many identifiers somebody reads in a copied file of the records."""
        encrypted = "encrypted_files" in chosen
        return self._once(("file", encrypted), lambda: self._copied_file(encrypted))

    def _copied_file(self, encrypted: bool) -> int:
        from secure_ai.encrypt.files import encrypt_file
        from secure_ai.encrypt.key_rings import LocalKeyRing

        people = self.materials.people
        with TemporaryDirectory() as folder:
            file = Path(folder) / "records.csv"
            people.to_csv(file, index=False)
            if encrypted:
                with LocalKeyRing.in_memory("records") as ring:
                    encrypt_file(file, Path(folder) / "records.enc", ring, "records")
                file = Path(folder) / "records.enc"
            content = file.read_bytes()
        values = {str(value) for name in SEARCHED for value in people[name].dropna()}
        return sum(value.encode() in content for value in values)

    def readable_on_the_way(self, chosen: frozenset[str]) -> int:
        """Return how many values of one request somebody on the network reads."""
        return self._once(("way",), self._captured)["tls" in chosen]

    def _captured(self) -> dict[bool, int]:
        from secure_ai.encrypt.transport import compare_captures, lesson_authority

        row = self.materials.people.iloc[0]
        record = {name: str(row[name]) for name in SEARCHED}
        with lesson_authority() as authority:
            found = compare_captures(lambda given: 0.5, record, authority)
        ways = {False: found.plain, True: found.encrypted}
        return {way: sum(seen.contains(value) for value in record.values()) for way, seen in ways.items()}

    def restored(self, chosen: frozenset[str]) -> float:
        """Return which share of the records is back after somebody encrypted the originals."""
        return self._once(("backup", "backups" in chosen), lambda: self._restore("backups" in chosen))

    def _restore(self, backups: bool) -> float:
        from secure_ai.encrypt.key_rings import LocalKeyRing
        from secure_ai.govern.incidents import make_backup, restore_drill

        people = self.materials.people
        with TemporaryDirectory() as folder, LocalKeyRing.in_memory("nightly", "restored") as ring:
            original = Path(folder) / "records.csv"
            people.to_csv(original, index=False)
            log = AuditLog(clock=lambda: NOW)
            backup = Path(folder) / "nightly.duckdb"
            if backups:
                make_backup({"records": people}, backup, ring, "nightly", log)
            # The ransomware: every byte it can reach is replaced, and the key is the thief's.
            original.write_bytes(secrets.token_bytes(original.stat().st_size))
            if not backup.is_file():
                return 0.0
            drill = restore_drill(
                backup,
                ring,
                log,
                failed_at=NOW + timedelta(hours=5),
                rpo=timedelta(hours=24),
                rto=timedelta(hours=4),
            )
        return sum(one.rows_restored for one in drill.tables if one.same_content) / len(people)

    def opens_swapped_model(self, chosen: frozenset[str]) -> bool:
        """Say whether a model file that somebody exchanged is taken into service and answers."""
        signed = "signed_model" in chosen
        return self._once(("model file", signed), lambda: self._swap(signed))

    def _swap(self, signed: bool) -> bool:
        from sklearn.tree import DecisionTreeClassifier

        from secure_ai.defend import model_files

        rows, outcome = (part[:SWAP_ROWS] for part in self.materials.train)
        ours = DecisionTreeClassifier(max_depth=4, random_state=0).fit(rows, outcome)
        # The other model says the opposite of what it was taught.
        theirs = DecisionTreeClassifier(max_depth=4, random_state=0).fit(rows, 1 - outcome)
        with TemporaryDirectory() as place:
            folder = Path(place) / "release"
            folder.mkdir()
            file = model_files.save_skops(ours, folder / "model.skops")
            keys = model_files.TrustedKeys()
            if signed:
                key = model_files.generate_model_key(Path(place) / "keys", "team")
                model_files.sign_model_folder(folder, key.private)
                keys = keys.with_key(key.public, "the model team")
            model_files.save_skops(theirs, file)
            try:
                served = (
                    model_files.load_signed_model(folder, file.name, keys)
                    if signed
                    else model_files.load_model(file)
                )
            except model_files.UnverifiedModel:
                return False
            return bool((served.predict(rows) == theirs.predict(rows)).all())

    # --------------------------------------------------------------------------------------------- doors

    def stolen_password_opens(self, chosen: frozenset[str]) -> bool:
        """Say whether a stolen password alone signs in."""
        second = "second_factor" in chosen
        return self._once(("password", second), lambda: self._sign_in(second))

    @staticmethod
    def _sign_in(second: bool) -> bool:
        from secure_ai.access.identity import (
            KeySealer,
            PasswordRules,
            PasswordStore,
            SecondFactors,
            SignIn,
            current_code,
        )
        from secure_ai.encrypt.secret_keys import random_key

        password = secrets.token_urlsafe(16)
        store = PasswordStore(rules=PasswordRules.with_second_factor())
        store.register("somebody", password)
        factors = SecondFactors(KeySealer(random_key()))
        if second:
            app = factors.enroll("somebody")
            factors.confirm("somebody", current_code(app.secret, NOW), NOW)
        door = SignIn(store, factors, require_second_factor=second, clock=lambda: NOW)
        return door.authenticate("somebody", password, "", "198.51.100.9").ok

    def forged_tokens(self, chosen: frozenset[str]) -> int:
        """Return how many forged or replayed tokens open something."""
        table = self._once(("tokens",), _token_table)
        way = table["careful" if "strict_tokens" in chosen else "careless"]
        genuine = table["attack"].str.startswith("none")
        return int((~genuine & (way == "falls for it")).sum())

    def doors(self, chosen: frozenset[str]) -> Doors:
        """Return what the access policy refuses, of honest work and of misuse."""
        if "need_to_know" not in chosen:
            return Doors(0.0, 0.0)
        glass = "break_glass" in chosen
        return self._once(("doors", glass), lambda: self._review(glass))

    def _review(self, glass: bool) -> Doors:
        log = self.materials.log
        if self.materials.sector == "healthcare":
            refused = self._asked_of_the_policy(log if glass else log.assign(break_glass=False))
        else:
            # The bank's rule: customers of the own branch; as the exception, who asks at the desk and signs.
            allowed = log["relation"] | ((log["reason"] == "customer request") & glass)
            refused = ~allowed.to_numpy(bool)
        misuse = log["misuse"].to_numpy(bool)
        return Doors(float(refused[~misuse].mean()), float(refused[misuse].mean()))

    def _asked_of_the_policy(self, log: pd.DataFrame) -> np.ndarray:
        from secure_ai.access.policy import AccessPolicy, review_log

        sector = self.materials.sector
        columns = {"relationship": "relation"}
        policy = AccessPolicy.load(sector)
        review = review_log(policy, sector, log, self.materials.staff, columns=columns)
        refused = np.zeros(len(log), dtype=bool)
        refused[review.denied["row"].to_numpy(int)] = True
        return refused

    # --------------------------------------------------------------------------------- logs and watches

    def edits_found(self, chosen: frozenset[str]) -> Measurement:
        """Return which share of edits to the log an examination does not find."""
        trail = "audit_trail" in chosen
        return self._once(("edits", trail), lambda: self._edits(trail))

    def _edits(self, trail: bool) -> Measurement:
        missed = self._tampered() if trail else self._edited_lines()
        return Measurement(
            name="edits_not_found",
            value=missed / EDITS,
            unit="probability",
            n=EDITS,
            baseline=1.0,
            interval=wilson(missed, EDITS),
            method="edits of a small log, each examined",
            source="secure_ai.monitor.trail",
        )

    def _tampered(self) -> int:
        from secure_ai.monitor.trail import try_tampering

        found = try_tampering(EDITS, seed=self.materials.seed, entries=20, checkpoint_every=5)
        return sum(planted - noticed for planted, noticed, _ in found.counts.values())

    def _edited_lines(self) -> int:
        """Edit an ordinary log of lines, and read it again: what still reads is an edit that nobody sees."""
        from secure_ai.core.audit import read_events

        missed = 0
        for number in range(EDITS):
            with TemporaryDirectory() as folder:
                path = Path(folder) / "audit.jsonl"
                log = AuditLog(path, clock=lambda: NOW)
                for _ in range(3):
                    log.record(actor=f"user-{number}", action="read", target="record", outcome="allowed")
                path.write_text(path.read_text().replace(f"user-{number}", "somebody", 1))
                missed += len(read_events(path)) == 3
        return missed

    def watched(self, chosen: frozenset[str]) -> Watched:
        """Return what the watch finds, and how often it calls for nothing."""
        level = SENSITIVE if "sensitive_watch" in chosen else CALM if "calm_watch" in chosen else None
        return self._once(("watch", level), lambda: self._watch(level))

    def _watch(self, level: float | None) -> Watched:
        from secure_ai.monitor.detection import evaluate

        # Without a watch there is a threshold that no score reaches.
        replayed = self._once(("replay",), self._replay)
        never = 1.01 if level is None else level
        found = evaluate(replayed, self.materials.month, threshold=never, curve_at=())
        counts = {family: (one.found, one.planted) for family, one in found.by_family.items()}
        return Watched(counts, frozenset(map(str, found.missed)), found.false_alerts / found.days)

    def _replay(self) -> Any:
        from secure_ai.monitor.detection import replay

        return replay(self.materials.month).candidates

    def records_lost(self, chosen: frozenset[str]) -> float:
        """Return which share of the records at stake is lost in an incident, of those that could be saved."""
        plan = "drill" in chosen
        return self._once(("drill", plan), lambda: self._play(plan))

    def _play(self, plan: bool) -> float:
        from secure_ai.govern.incidents import Tabletop, play, score

        game = Tabletop("exposed_store", self.materials.sector, seed=1 + self.materials.seed % 5)
        found = score(play(game, "by_plan" if plan else "nothing"))
        at_stake = found.records_without_team - found.records_unavoidable
        return (found.records - found.records_unavoidable) / at_stake if at_stake else 0.0


def _token_table() -> Any:
    from secure_ai.attack.tokens import token_attack_table

    return token_attack_table()
