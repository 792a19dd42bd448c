"""What the purpose needs leaves, sealed, signed and listed; anything else is refused with its reason."""

import json
import shutil
from datetime import date, datetime

import pandas as pd
import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.packages import (
    AlteredFile,
    AlteredManifest,
    ExpiredPackage,
    ExtraFile,
    MissingFile,
    ReplayedPackage,
    UnknownSigner,
    WrongRecipient,
    sign_receipt,
)
from secure_ai.encrypt.transport.public_keys import generate_recipient_key, generate_signing_key
from secure_ai.govern.handover import (
    HandoverRefused,
    check_handover,
    confirm_destruction,
    confirm_receipt,
    declare_purpose,
    destroy_handover,
    outstanding,
    receive_handover,
    recipients_of,
    send_handover,
    sign_destruction,
    vendor_key,
)
from tests.govern.handover.conftest import CLOCK, PURPOSE, TODAY, VENDOR, claims


def receive(parties, package, **changed):
    fields = {
        "name": VENDOR, "receiving_key": parties.receiving.private,
        "signing_key": parties.vendor_signing.private, "trusted": parties.trusted, "today": TODAY,
    }  # fmt: skip
    return receive_handover(package, parties.folder / "received", **{**fields, **changed})


def sent(parties, to="sent", **changed):
    """Prepare and send a package; return the hand-over and where it lies."""
    handover = parties.prepare(**changed)
    target = parties.folder / to
    send_handover(
        handover.path,
        register=parties.register,
        handover=handover.package,
        today=TODAY,
        to=target,
        audit=parties.audit,
    )
    return handover, target


def everything(folder) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("form", ["package", "package.tar"])
def test_whole_way_from_declaration_to_destruction_leaves_nothing_outstanding(parties, form):
    handover, target = sent(parties, "sent" + form, name=form)
    received = receive(parties, target)
    table = pd.read_parquet(received.folder / "data.parquet")
    assert list(table) == list(PURPOSE["columns"])
    assert (len(table), table["patient_id"].nunique()) == (40, 10)
    assert not set(table["patient_id"]) & set(claims()["patient_id"])
    confirm_receipt(
        parties.register, received.receipt, handover=handover.package, vendor=parties.verifier, today=TODAY
    )
    certificate = destroy_handover(
        received.folder, signing_key=parties.vendor_signing.private, today=date(2026, 8, 1)
    )
    assert not received.folder.exists()
    said = confirm_destruction(
        parties.register,
        certificate,
        handover=handover.package,
        vendor=parties.verifier,
        today=date(2026, 8, 2),
    )
    assert "within the retention date" in said
    assert outstanding(parties.register, date(2030, 1, 1)).empty
    assert all(event.outcome == "allowed" for event in parties.audit.events)


def test_nothing_personal_stands_in_package_register_or_trail(parties):
    handover, target = sent(parties)
    written = everything(target) + everything(handover.path) + parties.register.path.read_bytes()
    written += "".join(event.to_json() for event in parties.audit.events).encode()
    for value in ("Maria", "Lopez", "P000000003", "denied\x00"):
        assert value.encode() not in written


def test_description_states_basis_dates_columns_and_contact(parties):
    one = parties.prepare().details
    assert (one.contract, one.legal_basis, one.contact) == ("C-17", ("164.502(b)",), "privacy office")
    assert (one.receipt_due, one.destruction_due) == (date(2026, 3, 9), date(2026, 10, 1))
    assert [(column.name, column.why) for column in one.columns] == list(PURPOSE["columns"].items())


def test_only_rows_of_the_condition_and_of_people_who_consented_leave(parties):
    asked = []

    def consent(people, purpose):
        asked.append(purpose)
        return [person.endswith(("1", "2")) for person in people]

    purpose = declare_purpose(**PURPOSE, rows=[{"column": "year", "equals": 2025}])
    handover, _ = sent(parties, purpose=purpose, consent=consent)
    assert list(handover.steps["rows"]) == [40, 20, 4]
    assert asked == ["denials model"]
    assert recipients_of(parties.register, "P000000001").iloc[0]["contract"] == "C-17"
    # P…2 has no row of 2025: nobody hears of data that are not there.
    assert recipients_of(parties.register, "P000000002").empty
    assert recipients_of(parties.register, "P000000003").empty


def test_k_is_measured_on_what_leaves_and_small_classes_go(parties):
    source = claims().assign(status=["paid"] * 37 + ["denied"] * 3)
    fields = {**PURPOSE, "quasi_identifiers": ["status"], "k": 5}
    with pytest.raises(HandoverRefused, match="3 of 40 rows are in classes of fewer than 5"):
        parties.prepare("a", declare_purpose(**fields), source)
    handover = parties.prepare("b", declare_purpose(**fields, most_suppressed=0.1), source)
    assert (handover.details.rows, handover.details.k) == (37, 37)


def tampered(parties, change):
    """Return a sent package after ``change``."""
    handover, target = sent(parties)
    change(target)
    return handover, target


CHANGES = {
    "extra file": (ExtraFile, lambda package: (package / "files" / "patients.csv").write_text("a\n1\n")),
    "changed byte": (AlteredFile, lambda package: flip(package / "files" / "data.parquet.sealed")),
    "renamed": (
        MissingFile,
        lambda package: (package / "files" / "handover.json").rename(package / "files" / "a.json"),
    ),
    "changed purpose": (
        AlteredManifest,
        lambda package: replace(package / "manifest.json", b"denials", b"selling"),
    ),
    "changed description": (
        AlteredFile,
        lambda package: replace(package / "files" / "handover.json", b"2026-09-01", b"2036-09-01"),
    ),
}


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace(path, old, new):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


@pytest.mark.parametrize("name", CHANGES)
def test_anything_that_the_manifest_does_not_list_neither_leaves_nor_arrives(parties, name):
    kind, change = CHANGES[name]
    handover = parties.prepare()
    shutil.copytree(handover.path, parties.folder / "genuine")
    change(handover.path)
    with pytest.raises(kind):
        check_handover(
            handover.path, handover.manifest, parties.signing.public, today=TODAY, audit=parties.audit
        )
    assert parties.audit.events[-1].outcome == "denied"
    with pytest.raises(kind):
        send_handover(
            handover.path,
            register=parties.register,
            handover=handover.package,
            today=TODAY,
            to=parties.folder / "sent",
        )
    assert not (parties.folder / "sent").exists()
    with pytest.raises(kind):
        receive(parties, handover.path)
    assert not (parties.folder / "received").exists()
    # What was refused is not entered as sent: the genuine one can still go.
    send_handover(
        parties.folder / "genuine",
        register=parties.register,
        handover=handover.package,
        today=TODAY,
        to=parties.folder / "sent",
    )


def test_another_package_of_the_same_sender_is_not_sent_in_its_place(parties):
    first, second = parties.prepare("first"), parties.prepare("second")
    with pytest.raises(HandoverRefused, match="another package"):
        send_handover(
            second.path,
            register=parties.register,
            handover=first.package,
            today=TODAY,
            to=parties.folder / "sent",
        )


def test_upload_that_fails_can_be_tried_again_and_one_that_went_cannot(parties):
    handover = parties.prepare()
    arrived = []

    def broken(_):
        raise UserError("The server does not answer.")

    options = {"register": parties.register, "handover": handover.package, "today": TODAY}
    with pytest.raises(UserError, match="does not answer"):
        send_handover(handover.path, deliver=broken, **options)
    assert list(outstanding(parties.register, TODAY)["what"]) == ["sending"]
    send_handover(handover.path, deliver=lambda path: arrived.append(path.name), **options)
    assert arrived == ["package"]
    with pytest.raises(HandoverRefused, match="sent already"):
        send_handover(handover.path, deliver=arrived.append, **options)
    assert list(outstanding(parties.register, TODAY)["what"]) == ["receipt", "destruction"]


def test_vendor_refuses_what_is_not_for_it_old_expired_or_from_a_stranger(parties):
    _, target = sent(parties)
    stranger = generate_signing_key(parties.folder / "stranger.key")
    wrong = generate_recipient_key(parties.folder / "wrong.key")
    cases = [
        (UnknownSigner, {"trusted": {"Lakeside": stranger.public}}),
        (WrongRecipient, {"name": "Beta Models"}),
        (ReplayedPackage, {"after_sequence": 1}),
        (ExpiredPackage, {"today": date(2026, 3, 20)}),
        (ExpiredPackage, {"today": date(2026, 2, 20)}),
        (UserError, {"receiving_key": wrong.private}),
    ]
    said = set()
    for kind, changed in cases:
        with pytest.raises(kind) as refused:
            receive(parties, target, **changed)
        said.add(str(refused.value))
        assert not (parties.folder / "received").exists()
    assert len(said) == len(cases)


def test_column_that_is_not_listed_is_refused_even_if_the_sender_signed_it(parties, monkeypatch):
    from secure_ai.govern.handover import package as module

    def with_more(table, path, write=module.write_table):
        write(table, path)

    honest = module._details

    def dishonest(*arguments):
        one = honest(*arguments)
        return one.model_copy(update={"columns": one.columns[:-1]})

    monkeypatch.setattr(module, "_details", dishonest)
    _, target = sent(parties)
    with pytest.raises(HandoverRefused, match="1 column\\(s\\) that are not in the manifest"):
        receive(parties, target)
    assert not (parties.folder / "received").exists()


def test_receipt_and_destruction_are_entered_once_and_only_if_they_can_be_true(parties):
    handover, target = sent(parties)
    stranger = generate_signing_key(parties.folder / "stranger.key")
    received = receive(parties, target)
    options = {
        "handover": handover.package,
        "vendor": parties.verifier,
        "today": TODAY,
        "audit": parties.audit,
    }
    other = parties.prepare("other")
    forged = sign_receipt(handover.manifest, received=CLOCK(), signing_key=stranger.private)
    early = sign_receipt(
        handover.manifest, received=CLOCK().replace(month=2), signing_key=parties.vendor_signing.private
    )

    def destruction(manifest=handover.manifest, key=parties.vendor_signing.private, day=TODAY):
        return sign_destruction(manifest, destroyed=day, method="disk shredded", signing_key=key)

    register, said = parties.register, []
    not_here = "0" * 64
    refused = [
        (confirm_receipt, forged, {}),
        (confirm_receipt, early, {}),
        (confirm_receipt, received.receipt, {"handover": not_here}),
        (confirm_receipt, received.receipt, {"handover": other.package}),
        (confirm_destruction, destruction(), {}),
        (confirm_destruction, destruction(other.manifest), {}),
        (confirm_destruction, destruction(key=stranger.private), {}),
    ]
    for confirm, document, changed in refused:
        with pytest.raises(UserError) as error:
            confirm(register, document, **{**options, **changed})
        said.append(str(error.value))
        assert parties.audit.events[-1].outcome == "denied"
    assert len(set(said)) == len(refused), said
    confirm_receipt(register, received.receipt, **options)
    with pytest.raises(HandoverRefused, match="received is in the register already"):
        confirm_receipt(register, received.receipt, **options)
    with pytest.raises(HandoverRefused, match="2026-03-05"):
        confirm_destruction(register, destruction(day=date(2026, 3, 5)), **options)
    confirm_destruction(register, destruction(), **options)
    assert recipients_of(register, "P000000001").empty


def test_outstanding_counts_days_and_a_hold_stops_the_clock_and_is_told_if_broken(parties):
    handover, target = sent(parties)
    received = receive(parties, target)
    options = {"handover": handover.package, "vendor": parties.verifier}
    confirm_receipt(parties.register, received.receipt, today=TODAY, **options)
    late = outstanding(parties.register, date(2026, 10, 4))
    assert late[["what", "days_over", "state"]].values.tolist() == [["destruction", 3, "overdue"]]
    held = outstanding(parties.register, date(2026, 10, 4), holds=lambda *_: "matter 12")
    assert list(held["state"]) == ["on hold: matter 12"]
    certificate = destroy_handover(
        received.folder, signing_key=parties.vendor_signing.private, today=date(2026, 10, 4)
    )
    said = confirm_destruction(
        parties.register,
        certificate,
        today=date(2026, 10, 4),
        holds=lambda *_: "matter 12",
        audit=parties.audit,
        **options,
    )
    assert "although matter 12 required" in said
    assert parties.audit.events[-1].alert


REFUSED = {
    "contract with another": {"contract": {"vendor": "Beta Models"}},
    "purpose not covered": {"contract": {"purposes": ("billing",)}},
    "contract not begun": {"contract": {"signed": date(2026, 3, 3)}},
    "contract ended": {"contract": {"ends": date(2026, 3, 1)}},
    "retention past": {"retention_until": date(2026, 3, 1)},
    "retention beyond the contract": {"retention_until": date(2027, 3, 1)},
    "no such column": {"purpose": {"columns": {"diagnosis": "needed"}}},
    "no such person column": {"purpose": {"person_column": "member_id"}},
    "no row left": {"purpose": {"rows": [{"column": "year", "equals": 1999}]}},
    "too many rows": {"purpose": {"most_rows": 39}},
    "condition on a column that is not there": {"purpose": {"rows": [{"column": "ward", "equals": "A"}]}},
    "condition of another kind": {"purpose": {"rows": [{"column": "status", "at_least": 5}]}},
    "consent of nobody": {"consent": lambda people, *_: [False] * len(people)},
    "consent that answers too little": {"consent": lambda *_: [True]},
    "key of the policy missing": {"purpose": {"deidentify": "pseudonymize"}},
    "policy drops a column that is asked for": {"purpose": {"columns": {"reading": "needed"}}},
}


@pytest.mark.parametrize("out", ["package"])
def test_every_hand_over_that_may_not_be_is_refused_with_its_own_reason_and_logged(parties, out):
    said = {}
    for name, case in REFUSED.items():
        changed = {key: value for key, value in case.items() if key not in {"contract", "purpose"}}
        if "contract" in case:
            changed["contract"] = parties.contract(**case["contract"])
        purpose = declare_purpose(**{**PURPOSE, **case.get("purpose", {})})
        source = claims().assign(reading=[number % 7 for number in range(40)])
        with pytest.raises(UserError) as refused:
            parties.prepare(out, purpose, source, **changed)
        said[name] = str(refused.value)
        assert (parties.audit.events[-1].outcome, parties.audit.events[-1].reason) == ("denied", said[name])
        assert not (parties.folder / out).exists()
        assert not parties.register.packages()
    assert len(set(said.values())) == len(REFUSED), said


def test_identifier_that_the_policy_leaves_standing_is_refused_by_the_second_look(parties, tmp_path):
    policy = tmp_path / "weak.yaml"
    policy.write_text(
        "name: weak\nstandard: expert_determination\ncolumns: {contact: keep}\ndefault: redact\n"
    )
    source = claims().assign(contact=[f"maria.lopez{number}@example.org" for number in range(40)])
    fields = {
        **PURPOSE,
        "deidentify": str(policy),
        "columns": {"contact": "to reach them", "billed": "amount"},
    }
    with pytest.raises(HandoverRefused, match="EMAIL_ADDRESS in the column contact"):
        parties.prepare(purpose=declare_purpose(**fields), source=source)
    accepted = declare_purpose(**fields, accepted_finds={"contact": "addresses of nobody"})
    assert parties.prepare(purpose=accepted, source=source).details.rows == 40


def test_numbers_count_per_vendor_and_survive_a_refused_hand_over(parties):
    assert parties.prepare("one").manifest.sequence == 1
    with pytest.raises(UserError):
        parties.prepare("two", retention_until=date(2020, 1, 1))
    (parties.folder / "file").write_text("x")
    with pytest.raises(UserError, match="is there already"):
        parties.prepare("file")
    assert (parties.folder / "file").read_text() == "x"
    assert parties.prepare("three").manifest.sequence == 2


def test_bare_public_key_is_accepted_and_said_to_be_vouched_for_by_nobody(parties):
    handover = parties.prepare(vendor=parties.receiving.public)
    assert not handover.vendor.from_certificate
    assert vendor_key(
        parties.certificate, VENDOR, today=TODAY, authority=parties.authority.certificate
    ).from_certificate


def test_description_is_plain_json_that_a_person_can_read(parties):
    handover = parties.prepare()
    read = json.loads((handover.path / "files" / "handover.json").read_text())
    assert read["retention_until"] == "2026-09-01"


def test_folder_of_something_else_is_neither_replaced_nor_destroyed(parties):
    _, target = sent(parties)
    mine = parties.folder / "received"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="is there already"):
        receive(parties, target)
    key = {"signing_key": parties.vendor_signing.private, "today": TODAY}
    # A package has a manifest, too, but the data are elsewhere: signing here would be a lie.
    for folder in (mine, parties.folder, target, parties.folder / "nowhere"):
        with pytest.raises(UserError, match="holds no hand-over"):
            destroy_handover(folder, **key)
    assert (mine / "thesis.txt").exists()
    shutil.rmtree(mine)
    received = receive(parties, target)
    (received.folder / "model.skops").write_bytes(b"made from it")
    with pytest.raises(UserError, match="other files"):
        destroy_handover(received.folder, **key)
    assert (received.folder / "data.parquet").exists()


def test_receipt_that_the_vendor_signed_but_that_says_nonsense_is_refused(parties):
    from secure_ai.encrypt.transport.packages.manifest import sign
    from secure_ai.encrypt.transport.public_keys import load_private_key

    handover, _ = sent(parties)
    key = load_private_key(parties.vendor_signing.private, "ed25519")
    options = {"handover": handover.package, "vendor": parties.verifier, "today": TODAY}
    for received in ("soon", 5, None, "2026-13-01T00:00:00"):
        fields = {"package": handover.package, "received": received, "recipient": VENDOR}
        message = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
        with pytest.raises(UserError, match="states no day"):
            confirm_receipt(parties.register, message + b"\n" + sign("receipt", message, key), **options)
    for garbage in (b"", b"{}", b"[]\n[]", b"\xff" * 50, b"[" * 90_000):
        with pytest.raises(UserError):
            confirm_receipt(parties.register, garbage, **options)
        with pytest.raises(UserError):
            confirm_destruction(parties.register, garbage, **options)


def test_signature_for_one_use_counts_for_no_other(parties):
    handover, target = sent(parties)
    received = receive(parties, target)
    options = {"handover": handover.package, "vendor": parties.verifier, "today": TODAY}
    certificate = sign_destruction(
        handover.manifest, destroyed=TODAY, method="deleted", signing_key=parties.vendor_signing.private
    )
    with pytest.raises(UserError):
        confirm_receipt(parties.register, certificate, **options)
    confirm_receipt(parties.register, received.receipt, **options)
    with pytest.raises(UserError, match="not signed"):
        confirm_destruction(parties.register, received.receipt, **options)


@pytest.mark.parametrize("source", [None, 5, True, object()], ids=lambda one: type(one).__name__)
def test_certificate_of_another_kind_is_refused_in_a_sentence_and_recorded(parties, source):
    with pytest.raises(HandoverRefused, match="certificate"):
        parties.prepare(vendor=source) if source is not None else vendor_key(
            None, VENDOR, today=TODAY, audit=parties.audit
        )
    assert parties.audit.events[-1].outcome == "denied"


def _failing(people, purpose):
    raise ZeroDivisionError(people[0])


@pytest.mark.parametrize(
    "consent",
    [
        _failing,
        lambda people, purpose: None,
        lambda people, purpose: [True],
        lambda people, purpose: ["no"] * len(people),
        lambda people, purpose: [float("nan")] * len(people),
        lambda people, purpose: [pd.NA] * len(people),
    ],
)
def test_consent_callback_that_does_not_answer_lets_nothing_leave(parties, consent):
    with pytest.raises(UserError, match="consent callback") as refused:
        parties.prepare(consent=consent)
    assert "P0000" not in str(refused.value)
    assert parties.audit.events[-1].outcome == "denied"
    assert not (parties.folder / "package").exists()


@pytest.mark.parametrize("today", [None, "2026-03-02", datetime(2026, 3, 2)])
def test_day_that_is_no_date_is_refused_by_every_step(parties, today):
    handover, target = sent(parties)
    steps = [
        lambda: parties.prepare("other", today=today),
        lambda: outstanding(parties.register, today),
        lambda: vendor_key(parties.certificate, VENDOR, today=today),
        lambda: receive(parties, target, today=today),
        lambda: check_handover(handover.path, handover.manifest, parties.signing.public, today=today),
        lambda: sign_destruction(
            handover.manifest, destroyed=today, method="shredded", signing_key=parties.vendor_signing.private
        ),
        lambda: confirm_receipt(
            parties.register, b"x", handover=handover.package, vendor=parties.verifier, today=today
        ),
        lambda: confirm_destruction(
            parties.register, b"x", handover=handover.package, vendor=parties.verifier, today=today
        ),
        lambda: send_handover(
            handover.path, register=parties.register, handover=handover.package, today=today,
            to=parties.folder / "again",
        ),
    ]  # fmt: skip
    for step in steps:
        with pytest.raises(UserError, match="date"):
            step()


@pytest.mark.parametrize("document", ["receipt.txt", None, 5])
def test_document_that_is_not_its_content_is_refused(parties, document):
    handover, _ = sent(parties)
    options = {"handover": handover.package, "vendor": parties.verifier, "today": TODAY}
    for confirm in (confirm_receipt, confirm_destruction):
        with pytest.raises(HandoverRefused, match="read_bytes"):
            confirm(parties.register, document, **options, audit=parties.audit)
        assert parties.audit.events[-1].outcome == "denied"


def test_rows_of_nobody_known_do_not_leave_without_a_word(parties):
    with pytest.raises(HandoverRefused, match="belong to nobody known"):
        parties.prepare("none", source=claims().assign(patient_id=None))
    assert parties.audit.events[-1].outcome == "denied"
    some = claims()
    some.loc[:2, "patient_id"] = None
    handover = parties.prepare("some", source=some)
    assert handover.details.rows == 37
    step = handover.steps.set_index("step").loc["person"]
    assert (step["rows"], "nobody known" in step["why"]) == (37, True)


def test_destruction_is_recorded_before_anything_is_deleted_and_refusals_too(parties):
    _, target = sent(parties)
    received = receive(parties, target)
    mine = AuditLog(clock=CLOCK)
    options = {"signing_key": parties.vendor_signing.private, "today": TODAY, "audit": mine, "actor": "acme"}
    (received.folder / "copy.csv").write_text("a\n")
    with pytest.raises(UserError, match="other files"):
        destroy_handover(received.folder, **options)
    (received.folder / "copy.csv").unlink()
    destroy_handover(received.folder, **options)
    assert [(one.actor, one.action, one.outcome) for one in mine.events] == [
        ("acme", "destroy hand-over", "denied"), ("acme", "destroy hand-over", "allowed"),
    ]  # fmt: skip
    assert mine.events[-1].target == received.manifest.digest()


def test_trail_that_cannot_be_written_keeps_the_data(parties):
    _, target = sent(parties)
    received = receive(parties, target)

    def full(event):
        raise UserError("The disk is full.")

    with pytest.raises(UserError, match="full"):
        destroy_handover(
            received.folder, signing_key=parties.vendor_signing.private, today=TODAY,
            audit=AuditLog(clock=CLOCK, on_event=full),
        )  # fmt: skip
    assert (received.folder / "data.parquet").exists()
