"""The register of models: signed entries, each bound to the one before it, in a file of JSON lines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from secure_ai.access.policy.separation import TOXIC_COMBINATIONS, separation_of_duties
from secure_ai.core.audit import AuditLog, recorded_refusals
from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import shown
from secure_ai.defend.lineage import Lineage
from secure_ai.defend.lineage.row_files import file_digest
from secure_ai.encrypt.transport.packages import PackageError, UnknownSigner
from secure_ai.encrypt.transport.packages.manifest import sign, signed_by
from secure_ai.encrypt.transport.public_keys import load_private_key, public_line, read_public_line
from secure_ai.govern.traceability.entries import Approval, Entry, ModelRecord, Withdrawal

if TYPE_CHECKING:
    import pandas as pd

_KINDS = {"record": ModelRecord, "approval": Approval, "withdrawal": Withdrawal}
_MOST_BYTES = 1 << 26
RELEASES = "develops and releases models"
"""The combination of roles that no one person should hold (:mod:`secure_ai.access.policy.separation`)."""


@dataclass(frozen=True)
class Signed:
    """An entry of the register as it stands there.

    Attributes:
        entry: what is stated.
        signature: the line of its signature.
        chained: whether it names the entry before it.
    """

    entry: Entry
    signature: bytes
    chained: bool

    def problem(self, keys: Mapping[str, str]) -> str:
        """Say why the signature does not count; empty if it does.

        Args:
            keys: account → public signing key line.
        """
        entry, signer = self.entry, self.entry.signer
        if signer not in keys:
            return f"no key of {signer} is known, so that the signature proves nothing"
        trusted = {signer: read_public_line(keys[signer], "ed25519")}
        try:
            signed_by(_use(entry), entry.to_bytes(), self.signature, trusted)
        except UnknownSigner:
            return f"forged: it is signed with another key than that of {signer}"
        except PackageError:
            return f"forged or altered: the signature of {signer} does not fit what it says"
        return "" if self.chained else "the entry before it was altered or taken out of the register"


class ModelRegister:
    """Who made which model of what, and who approved it.

    Args:
        path: a file of JSON lines, made on the first entry. An entry that was altered or taken out from
            between others is noticed; entries that were cut off at the end are not: keep :meth:`head`, or
            the audit trail, elsewhere. A day is what its signer says: the trail says when it was written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"ModelRegister({self.path.name!r})"

    def entries(self) -> list[Signed]:
        """Return all entries in order; their signatures are not looked at yet.

        Raises:
            UserError: if the file cannot be read, or a line of it is no entry (its number is named).
        """
        name = shown(self.path.name)
        try:
            if not self.path.exists():
                return []
            if self.path.stat().st_size > _MOST_BYTES:
                raise UserError(f"The register of models {name} is larger than 64 MB: archive old entries.")
            lines = self.path.read_bytes().splitlines()
        except OSError as error:
            raise UserError(
                f"The register of models {name} cannot be read: {system_reason(error)}."
            ) from None
        found: list[Signed] = []
        previous = ""
        for number, line in enumerate(lines, 1):
            try:
                fields = json.loads(line)
                entry = _KINDS[fields["entry"]["kind"]].model_validate(fields["entry"])
                signature = json.dumps(fields["signature"]).encode()
            except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
                raise UserError(
                    f"Line {number} of the register of models {name} is no entry: restore it from its copy."
                ) from None
            found.append(Signed(entry, signature, entry.previous == previous))
            previous = entry.digest()
        return found

    def head(self) -> str:
        """Return the digest of the last entry, which binds all before it; empty for an empty register."""
        entries = self.entries()
        return entries[-1].entry.digest() if entries else ""

    def of(self, model: str, kind: type[Entry]) -> list[Signed]:
        """Return the entries of one kind about a model, in order."""
        return [one for one in self.entries() if one.entry.model == model and isinstance(one.entry, kind)]

    def append(self, entry: Entry, key: Path | str | Ed25519PrivateKey) -> Entry:
        """Bind an entry to the last one, sign it and write it; return it as written.

        Raises:
            UserError: if it cannot be written.
            OrganizationKeyError: if the key cannot be used.
        """
        if not isinstance(key, Ed25519PrivateKey):
            key = load_private_key(key, "ed25519")
        with self._locked():
            entry = entry.model_copy(update={"previous": self.head()})
            signature = json.loads(sign(_use(entry), entry.to_bytes(), key))
            line = json.dumps({"entry": json.loads(entry.to_bytes()), "signature": signature}, sort_keys=True)
            try:
                handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                with os.fdopen(handle, "ab") as file:
                    file.write(line.encode() + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise UserError(
                    f"The register of models {shown(self.path.name)} cannot be written: "
                    f"{system_reason(error)}."
                ) from None
        return entry

    def to_frame(self) -> pd.DataFrame:
        """Return one row per entry: model, kind, signer, day."""
        import pandas as pd

        rows = [(one.entry.model, one.entry.kind, one.entry.signer, one.entry.day) for one in self.entries()]
        return pd.DataFrame(rows, columns=["model", "kind", "signer", "day"])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_name(self.path.name + ".lock"), timeout=30):
                yield
        except Timeout:
            raise UserError(
                "Another program holds the register of models for 30 seconds: end it first."
            ) from None
        except OSError as error:
            raise UserError(
                f"The register of models {shown(self.path.name)} cannot be used: {system_reason(error)}."
            ) from None


def record_model(
    register: ModelRegister,
    model: str,
    *,
    lineage: Lineage,
    artifact: str | Path,
    code: str,
    purpose: str,
    trained_by: str,
    signing_key: Path | str | Ed25519PrivateKey,
    today: date,
    card: str | Path | None = None,
    keys: Mapping[str, str] | None = None,
    audit: AuditLog | None = None,
) -> ModelRecord:
    """Enter how a model was made; its data versions are taken from the lineage.

    Args:
        register: where.
        model: ``name@version``, as :meth:`secure_ai.defend.lineage.jobs.Job.train` returned it.
        lineage: in which the training is recorded.
        artifact: the model file.
        code: version of the training code, from :func:`~secure_ai.govern.traceability.code.code_version` or
            version control.
        purpose: what it is for, in the words of consents.
        trained_by: account of the trainer, who signs.
        signing_key: the trainer's Ed25519 key, or its file.
        today: the day.
        card: the model card's file.
        keys: account → public signing key line; with it a key that is not the trainer's is refused.
        audit: where the entry, or its refusal, is recorded.

    Raises:
        UserError: if the lineage knows no such model, the file is not the one that was recorded there, the
            key is another's, or a field is not right.
    """
    with recorded_refusals(audit, "record model", shown(str(model)), actor=shown(str(trained_by))):
        graph = lineage.graph()
        one = graph.dataset(model)
        if one.kind != "model":
            raise UserError(f"'{shown(one.name)}' is no model in the lineage: name one as triage@v3.")
        digest = file_digest(Path(artifact))
        if one.rows.artifact is not None and one.rows.artifact != digest:
            raise UserError(
                f"The file {shown(Path(artifact).name)} is not the model that the lineage recorded as "
                f"{shown(model)}: record the one that was trained."
            )
        data = tuple(sorted({name for step in graph.steps if step.output == model for name in step.inputs}))
        fields = {
            "model": model, "day": today, "trained_by": trained_by, "artifact": digest, "code": code,
            "data": data, "purpose": purpose, "card": None if card is None else file_digest(Path(card)),
        }  # fmt: skip
        entry = _entry(ModelRecord, fields)
        key = _own_key(signing_key, trained_by, keys)
    if audit is not None:
        audit.record(trained_by, "record model", model, "allowed", purpose=purpose, model=model)
    return register.append(entry, key)


def approve_model(
    register: ModelRegister,
    model: str,
    *,
    approved_by: str,
    policy: str,
    until: date,
    signing_key: Path | str | Ed25519PrivateKey,
    keys: Mapping[str, str],
    today: date,
    roles: pd.DataFrame | None = None,
    sector: str | None = None,
    conditions: str = "",
    audit: AuditLog | None = None,
) -> Approval:
    """Approve a model as it was recorded; refused for whoever trained it.

    Args:
        register: where the model is recorded.
        model: ``name@version``.
        approved_by: account of the approver, who signs.
        policy: identifier and version of the policy that was applied.
        until: last day on which the approval stands.
        signing_key: the approver's Ed25519 key, or its file.
        keys: account → public signing key line, from a list that is kept apart from the register; a signing
            key that is not the approver's there is refused.
        today: the day.
        roles: staff_id, role: one role of a person a row; with ``sector`` it is checked that the approver
            holds a validator's role, and not the trainer's as well.
        sector: healthcare or finance.
        conditions: under which the model may be used.
        audit: where the approval, or its refusal, is recorded.

    Raises:
        UserError: if the model is not recorded, its record is forged, the key is another's, or duties are not
            separate.
    """
    with recorded_refusals(audit, "approve model", shown(str(model)), actor=shown(str(approved_by))):
        records = register.of(model, ModelRecord)
        if not records:
            raise UserError(f"'{shown(model)}' is not in the register: record how it was made first.")
        record = records[-1]
        if problem := record.problem(keys):
            raise UserError(f"The record of '{shown(model)}' cannot be approved: {problem}.")
        if until < today:
            raise UserError(f"An approval until {until} is past already: choose a later day.")
        if problem := duties_problem(record.entry.trained_by, approved_by, keys, roles, sector):
            raise UserError(f"{shown(str(approved_by))} cannot approve '{shown(model)}': {problem}.")
        fields = {
            "model": model, "day": today, "approved_by": approved_by, "record": record.entry.digest(),
            "policy": policy, "until": until, "conditions": conditions,
        }  # fmt: skip
        entry = _entry(Approval, fields)
        key = _own_key(signing_key, approved_by, keys)
    if audit is not None:
        audit.record(approved_by, "approve model", model, "allowed", reason=policy, model=model)
    return register.append(entry, key)


def withdraw_approval(
    register: ModelRegister,
    model: str,
    *,
    withdrawn_by: str,
    reason: str,
    signing_key: Path | str | Ed25519PrivateKey,
    today: date,
    keys: Mapping[str, str] | None = None,
    audit: AuditLog | None = None,
) -> Withdrawal:
    """Enter that a model may not be used from this day on.

    Args:
        register: where the approval stands.
        model: ``name@version``.
        withdrawn_by: account of who withdraws, and signs.
        reason: why.
        signing_key: that account's Ed25519 key, or its file.
        today: the day.
        keys: account → public signing key line; with it a key that is not that account's is refused.
        audit: where the withdrawal, or its refusal, is recorded.

    Raises:
        UserError: if it was never approved, the key is another's, or a field is not right.
    """
    with recorded_refusals(audit, "withdraw approval", shown(str(model)), actor=shown(str(withdrawn_by))):
        if not register.of(model, Approval):
            raise UserError(f"'{shown(model)}' was never approved: there is nothing to withdraw.")
        fields = {"model": model, "day": today, "withdrawn_by": withdrawn_by, "reason": reason}
        entry = _entry(Withdrawal, fields)
        key = _own_key(signing_key, withdrawn_by, keys)
    if audit is not None:
        audit.record(withdrawn_by, "withdraw approval", model, "allowed", reason=reason, model=model)
    return register.append(entry, key)


def duties_problem(
    trained_by: str, approved_by: str, keys: Mapping[str, str], roles: pd.DataFrame | None, sector: str | None
) -> str:
    """Say why trainer and approver are not separate; empty if they are, as far as is known.

    Args:
        trained_by, approved_by: accounts.
        keys: account → public signing key line.
        roles: staff_id, role: one role of a person a row; None where it is not known.
        sector: healthcare or finance, whose combinations count.
    """
    if trained_by.lower() == approved_by.lower():
        return "whoever trained a model does not approve it"
    if trained_by in keys and keys.get(approved_by, "").strip() == keys[trained_by].strip():
        return "trainer and approver sign with one key, so that they are one person"
    if roles is None or sector is None:
        return ""
    found = separation_of_duties(roles, sector).found
    both = found[(found["person"] == approved_by) & (found["combination"] == RELEASES)]
    if len(both):
        return f"the approver holds {both['roles'].iloc[0]}, and {both['reason'].iloc[0]}"
    held = set(roles.loc[roles["staff_id"] == approved_by, "role"])
    releasing = next(one.second for one in TOXIC_COMBINATIONS[sector] if one.name == RELEASES)
    if not held & releasing:
        return f"the approver does not hold the role {' or '.join(sorted(releasing))}"
    return ""


def _own_key(
    key: Path | str | Ed25519PrivateKey, account: str, keys: Mapping[str, str] | None
) -> Ed25519PrivateKey:
    """Return the private key, if it is that of the account in whose name it signs."""
    if not isinstance(key, Ed25519PrivateKey):
        key = load_private_key(key, "ed25519")
    if keys is None:
        return key
    if account not in keys:
        raise UserError(f"The list of keys has none of {shown(account)}: enter that account's key first.")
    if public_line(key.public_key()) != public_line(read_public_line(keys[account], "ed25519")):
        raise UserError(
            f"The signing key is not that of {shown(account)}: everybody signs with their own key."
        )
    return key


def _use(entry: Entry) -> str:
    return f"model {entry.kind}"


def _entry(kind: type[Entry], fields: dict[str, Any]) -> Any:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(
            f"The field {place} of a {kind.__name__} is not right: {first['msg'].lower()}."
        ) from None
