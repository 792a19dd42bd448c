"""An exposed store of notes: a plain export on an open share, and in it the account that opens the rest."""

from __future__ import annotations

import csv
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from secure_ai.core.audit import AuditEvent
from secure_ai.core.errors import UserError
from secure_ai.encrypt.files import encrypt_file, open_encrypted
from secure_ai.encrypt.key_rings import LocalKeyRing
from secure_ai.encrypt.leaked_keys import find_leaked_keys
from secure_ai.govern.incidents.notifications import Story
from secure_ai.govern.incidents.tabletop.world import BEFORE, World
from secure_ai.monitor.detection.result import Detection, Reason

KEY = "notes"
SHARE = "share/export-notes.csv"
INTRUDER, ADDRESS = "anonymous-share-client", "203.0.113.45"
EXPORTER, APPLICATION = "svc-export", "svc-front-office"
BATCH = 60
ROWS_A_READ = 12
FIRST_USE_OF_ACCOUNT = 20
STAFF_LIMIT = 480


class ExposedStore(World):
    """Somebody outside copies the plain export, finds an account in it, and goes on with the encrypted store.

    Rooms that run: ``encrypt.files`` (the encrypted batches), ``encrypt.key_rings`` (the gate before the key
    and its trail), ``access.policy`` (decides for the gate), ``encrypt.leaked_keys`` (finds the account's
    key in the export).
    """

    title = "The exposed store of notes"
    briefing: ClassVar[dict[str, str]] = {
        "healthcare": "The account svc-export wrote progress notes to a share for a vendor last "
        "week. This morning "
        "the monitoring says that somebody outside is reading that export.",
        "finance": "The account svc-export wrote notes of customer calls to a share for a vendor "
        "last week. This "
        "morning the monitoring says that somebody outside is reading that export.",
    }
    told: ClassVar[dict[str, Story]] = {
        "healthcare": Story(
            "An export of notes lay on a share that could be reached from outside, and was read by "
            "somebody unknown.",
            ("progress notes", "record numbers"),
            "Health information may become known to others, or be used to deceive.",
            (),
            (
                "be wary of calls and letters that know of your treatment",
                "read the statements of your insurer",
            ),
        ),
        "finance": Story(
            "An export of notes lay on a share that could be reached from outside, and was read by "
            "somebody unknown.",
            ("notes of calls", "account numbers"),
            "Knowledge of accounts may be used to deceive or defraud.",
            (),
            ("be wary of calls that know of your accounts", "look through your statements"),
        ),
    }
    useful = frozenset({"disable_account", "revoke_key_use", "close_share", "rotate_key", "start_continuity"})

    def __init__(self, sector_name: str, seed: int) -> None:
        super().__init__(sector_name, seed)
        self.exported = int(self.rng.integers(15, 34)) * ROWS_A_READ
        self.batches = int(self.rng.integers(8, 15))
        self.disruptive = bool(self.rng.random() < 0.5)
        self.total_records = self.exported + self.batches * BATCH
        self.share_open, self.account_active, self.key_usable = True, True, True
        self.everything_down = False
        self.refused_application = 0
        self._next_row = self._next_batch = 0
        folder = tempfile.mkdtemp(prefix="secure-ai-tabletop-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._write_stores(Path(folder))
        self.at(-BEFORE, self._read_share)
        self.at(FIRST_USE_OF_ACCOUNT, self._read_batch)
        for minute in range(-BEFORE + 5, 360, 15):
            self.at(minute, self._use_application)
        self.at(
            45, lambda: self.say("press office", "A journalist asks whether notes lie open on the internet.")
        )
        self.at(
            75,
            lambda: self.say(
                "infrastructure", "May we wipe the share's server and build it anew? It is quick."
            ),
        )
        self.at(150, self._ask_for_words)

    # ------------------------------------------------------------ making the stores

    def _write_stores(self, folder: Path) -> None:
        self.ring = LocalKeyRing.in_memory(KEY)
        self._export = folder / "export-notes.csv"
        self._write_table(self._export, [f"rec-{number:05d}" for number in range(self.exported)])
        # What people leave beside an export: the settings of the job that made it.
        secret = "".join(f"{value:02x}" for value in self.rng.integers(0, 256, 20))
        (folder / "job.env").write_text(f'account="{EXPORTER}"\napi_key="{secret}"\n', "utf-8")
        self.leaked = len(find_leaked_keys(folder / "job.env").found)
        self._sealed = []
        for batch in range(self.batches):
            first = self.exported + batch * BATCH
            plain, sealed = folder / "batch.csv", folder / f"batch-{batch:02d}.enc"
            self._write_table(plain, [f"rec-{number:05d}" for number in range(first, first + BATCH)])
            encrypt_file(plain, sealed, self.ring, KEY, associated_data={"table": KEY, "batch": str(batch)})
            plain.unlink()
            self._sealed.append(sealed)
        # What was written until now is last month's; the trail of today begins here.
        self.ring.gate.audit, self.ring.gate.allowed = self.log, self._policy_allows

    @staticmethod
    def _write_table(path: Path, records: Sequence[str]) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["record", "note"])
            writer.writerows((record, "stable, to be seen again next week") for record in records)

    # ------------------------------------------------------------ what happens

    def _policy_allows(self, actor: str, action: str, key_name: str, context: Mapping[str, str]) -> bool:
        """Decide about a use of the key by the sector's Cedar policy."""
        purpose = self.sector.service["bound_purpose"]
        request = self.sector.request(
            {"kind": "ServiceAccount", "id": actor, "active": self.account_active or actor != EXPORTER},
            "unwrap",
            # A key whose use is forbidden is bound to a purpose that no account has.
            {
                "kind": "Key",
                "id": key_name,
                "bound_purpose": purpose if self.key_usable else self._no_purpose(),
            },
            purpose,
        )
        return self.policy.decide(request).allowed

    def _no_purpose(self) -> str:
        return "none_given" if self.sector_name == "healthcare" else "none given"

    def _read_share(self) -> None:
        if self._next_row >= self.exported or self.minute > STAFF_LIMIT:
            return
        if not self.share_open or self.everything_down:
            self.log.record(INTRUDER, "read", SHARE, "denied", reason="the share is closed", source=ADDRESS)
            return
        with self._export.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))[self._next_row : self._next_row + ROWS_A_READ]
        records = tuple(row["record"] for row in rows)
        self.log.record(INTRUDER, "read", SHARE, "allowed", records=records, source=ADDRESS)
        for record in records:
            self.touched(record)
        self._next_row += len(rows)
        self.at(self.minute + 3, self._read_share)

    def _read_batch(self) -> None:
        if self._next_batch >= self.batches or self.minute > STAFF_LIMIT:
            return
        self.ring.gate.actor = EXPORTER
        self.at(self.minute + 12, self._read_batch)
        if self.everything_down:
            return
        try:
            with open_encrypted(self._sealed[self._next_batch], self.ring) as file:
                text = file.read().decode("utf-8")
        except UserError:
            return  # The gate refused, and the refusal stands in the trail.
        records = tuple(row["record"] for row in csv.DictReader(text.splitlines()))
        self.log.record(
            EXPORTER, "read", f"store/{KEY}", "allowed",
            records=records, source=ADDRESS, data=f"batch-{self._next_batch:02d}",
        )  # fmt: skip
        for record in records:
            self.touched(record)
        self._next_batch += 1

    def _use_application(self) -> None:
        """The front office opens notes for its work, with the same key and an account of its own."""
        if self.everything_down:
            self.refused_application += 1
            return
        self.ring.gate.actor = APPLICATION
        try:
            with open_encrypted(self._sealed[0], self.ring) as file:
                file.read()
        except UserError:
            self.refused_application += 1
            if self.refused_application == 1:
                self.say("front office", "Our application cannot open notes any more. How do we work now?")

    def _ask_for_words(self) -> None:
        self.say("executive office", "Can we say that no data were affected? The board asks.")

    # ------------------------------------------------------------ World

    def is_hostile(self, event: AuditEvent) -> bool:
        return event.actor in (INTRUDER, EXPORTER) and event.action == "read" and event.outcome == "allowed"

    def contained(self) -> bool:
        share = not self.share_open or self._next_row >= self.exported
        store = not (self.account_active and self.key_usable) or self._next_batch >= self.batches
        return self.everything_down or (share and store)

    def detect(self, events: Sequence[AuditEvent]) -> Sequence[Detection]:
        found = []
        for actor, target in ((INTRUDER, SHARE), (EXPORTER, f"store/{KEY}")):
            reads = [event for event in events if event.actor == actor and self.is_hostile(event)]
            rows = sum(len(event.records) for event in reads)
            if not reads or (rows < 100 and actor == INTRUDER):
                continue
            outside = Reason("outside_address", f"from {ADDRESS}, which is no address of the house")
            volume = Reason("volume", f"{rows} records", float(rows), 0.0)
            found.append(
                Detection(
                    reads[-1].time, "export", "export_destination", actor, target,
                    "critical" if actor == EXPORTER else "high", 0.95, (outside, volume),
                )
            )  # fmt: skip
        return found

    def apply(self, action: str) -> str:
        if action == "disable_account":
            self.account_active = False
            return f"The account {EXPORTER} is disabled: the policy refuses it from now on."
        if action == "revoke_key_use":
            self.key_usable = False
            return f"Nobody may use the key {KEY} any more, the front office included."
        if action == "close_share":
            self.share_open = False
            return "The share is off the network; its content is untouched."
        if action == "rotate_key":
            self.ring.gate.actor, self.ring.gate.allowed = "key-administrator", None
            version = self.ring.rotate(KEY)
            self.ring.gate.allowed = self._policy_allows
            return (
                f"The key {KEY} has version {version}; what older versions wrapped still opens for who may."
            )
        if action == "shut_down_everything":
            self.everything_down = True
            return "Every system is down. So is the work of every unit."
        if action == "confront_suspect":
            for _ in range(4):
                self._read_batch()
            return "The vendor's number is answered by nobody you know. The reads come faster now."
        if action == "delete_export":
            self.share_open = False
            return "The export is deleted."
        if action == "rebuild_server":
            self.share_open = False
            return "The server is built anew."
        return ""

    def answer(self, question: str) -> tuple[str, dict[str, Any]]:
        if question == "is_it_over":
            reads = [minute for minute, event in self.visible_events() if self.is_hostile(event)]
            last = f"the last read was at minute {max(reads)}" if reads else "the log shows no read"
            return (
                f"{'Nothing more can be read' if self.contained() else 'It can still go on'}; {last}.",
                {},
            )
        if question == "was_it_encrypted":
            return (
                f"The export on the share was plain. Beside it lay the settings of the job with the "
                f"key of {EXPORTER} "
                f"({self.leaked} secret found by the scanner); with that account the gate opened the store.",
                {"data_unintelligible": False},
            )
        if question == "is_service_affected":
            words = f"The front office was refused {self.refused_application} times so far."
            if self.sector_name == "finance" and self.disruptive:
                words += " Customers cannot be served at the counter; it concerns a material part of them."
            return words, {"actual_harm": True, "material_disruption": self._disrupted()}
        kind = "progress notes of patients" if self.sector_name == "healthcare" else "notes of customer calls"
        return f"It is {kind}, with account numbers.", {
            key: self.data_facts()[key] for key in ("personal_data", "phi")
        }

    def _disrupted(self) -> bool:
        return self.sector_name == "finance" and self.disruptive

    def data_facts(self) -> dict[str, Any]:
        return {"personal_data": True, "phi": self.sector_name == "healthcare", "data_unintelligible": False}

    def risk_facts(self) -> dict[str, Any]:
        return {
            "risk_to_persons": "high",
            "low_probability_of_compromise": False,
            "hipaa_exception": "none",
            "risk_removed_afterwards": False,
        }

    def determination_facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"actual_harm": True, "material_disruption": self._disrupted()}
        if self.laws["sec_registrant"]:
            facts["material"] = self.disruptive
        return facts
