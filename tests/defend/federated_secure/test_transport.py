"""A federation over sockets: the same weights as in one process, and no liar or lost one holds it up."""

from __future__ import annotations

import runpy
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.client import LocalClient, TrainingSettings, Update
from secure_ai.defend.federated.model import FederatedModel
from secure_ai.defend.federated.participants import Participant
from secure_ai.defend.federated.secure_aggregation import Identities, RoundFailed
from secure_ai.defend.federated.secure_aggregation.messages import Advertise, Refusal, read_message
from secure_ai.defend.federated.training import train_federated
from secure_ai.defend.federated.transport import (
    InProcessExchange,
    Peer,
    join_federation,
    participant_processes,
    serve_federation,
    train_over,
)
from secure_ai.defend.federated.transport.messages import Train, Trained
from secure_ai.encrypt.transport import HandshakeRefused, NotReachable
from secure_ai.encrypt.transport.certificates import CertificateAuthority, lesson_authority

NAMES = ("hospital A", "hospital B", "hospital C")
MODEL = FederatedModel(6)
QUICK = TrainingSettings(batch_size=None, learning_rate=0.5)


@pytest.fixture(scope="module")
def authority() -> Iterator[CertificateAuthority]:
    with lesson_authority("Federation") as made:
        yield made


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + 5
    while (left := set(threading.enumerate()) - before) and time.monotonic() < end:
        time.sleep(0.01)
    assert not left


def participants(count: int = 3) -> list[Participant]:
    rng = np.random.default_rng(5)
    true = rng.normal(size=6)
    made = []
    for place in range(count):
        rows = rng.normal(size=(60 * (place + 1), 6))
        labels = (rows @ true + rng.normal(size=len(rows)) > 0).astype(int)
        name = f"hospital {'ABCDEFG'[place]}"
        made.append(Participant(name, rows[20:], labels[20:], rows[:20], labels[:20]))
    return made


class Sends(LocalClient):
    """A client whose update is changed before it is sent."""

    change: Callable[[Update], Update] = staticmethod(lambda update: update)

    def train(self, request):
        return self.change(super().train(request))


def peers(count: int = 3, *, masked: bool = True, liar: int | None = None, change=None) -> list[Peer]:
    made, identities = [], Identities.for_names(f"hospital {letter}" for letter in "ABCDEFG"[:count])
    for place, each in enumerate(participants(count)):
        client = Sends(each.name, each.rows, each.labels, MODEL, place)
        if place == liar:
            client.change = change
        made.append(Peer(client, MODEL, masked=masked, identities=identities[each.name]))
    return made


@contextmanager
def joined(service, authority, members: list[Peer], *, masked: bool = True, make=None):
    """Participants in threads of this process, over real sockets."""
    ends: dict[str, object] = {}

    def run(peer: Peer) -> None:
        try:
            ends[peer.name] = join_federation(
                service.address,
                authority.client(peer.name),
                lambda _: peer.client,
                masked=masked,
                identities=peer._identities,
                idle_seconds=20,
            )
        except (UserError, SystemExit) as error:
            ends[peer.name] = error

    threads = [threading.Thread(target=run, args=(peer,)) for peer in members]
    for thread in threads:
        thread.start()
    try:
        yield ends
    finally:
        service.stop()
        for thread in threads:
            thread.join(10)


# The same result


@pytest.mark.parametrize("masked", [False, True])
def test_messages_in_one_process_train_the_same_weights_as_the_plain_loop(masked):
    plain = train_federated(participants(), MODEL, rounds=4, settings=QUICK)
    over = train_over(InProcessExchange(peers(masked=masked)), MODEL, masked=masked, rounds=4, settings=QUICK)
    assert np.abs(over.weights - plain.weights).max() < 1e-9
    assert over.run.left_out.empty


@pytest.mark.parametrize("masked", [False, True])
def test_sockets_train_the_same_weights_as_the_plain_loop(authority, masked):
    plain = train_federated(participants(), MODEL, rounds=3, settings=QUICK)
    with (
        serve_federation(MODEL, authority.server(), allowed=NAMES, masked=masked) as service,
        joined(service, authority, peers(masked=masked), masked=masked) as ends,
    ):
        service.wait_for(seconds=20)
        over = train_over(service, MODEL, masked=masked, rounds=3, settings=QUICK)
    assert np.abs(over.weights - plain.weights).max() < 1e-9
    assert ends == dict.fromkeys(NAMES, 3)
    assert over.traffic()["bytes_sent"].min() > 0


@pytest.mark.slow
@pytest.mark.parametrize("forking", [True, False])
def test_three_processes_train_the_same_weights_as_the_plain_loop(authority, forking):
    people = participants()
    plain = train_federated(people, MODEL, rounds=3, settings=QUICK)
    with (
        serve_federation(MODEL, authority.server(), allowed=NAMES) as service,
        participant_processes(people, service, authority, forking=forking) as processes,
    ):
        service.wait_for(seconds=90)
        over = train_over(service, MODEL, rounds=3, settings=QUICK)
        assert over.seconds < 10
        processes.kill("hospital C")
        later = train_over(service, MODEL, rounds=1, settings=QUICK, start=over.weights)
        service.stop()
        said = processes.said()
    assert np.abs(over.weights - plain.weights).max() < 1e-9
    assert said["hospital A"].startswith("hospital A trained")
    assert list(later.run.left_out["participant"]) == ["hospital C"]


def test_under_masks_the_server_holds_words_that_are_not_the_update():
    over = train_over(InProcessExchange(peers()), MODEL, rounds=1, settings=QUICK)
    plain = train_over(InProcessExchange(peers(masked=False)), MODEL, masked=False, rounds=1, settings=QUICK)
    assert plain.seen["hospital A"].shape == (MODEL.size,)
    assert over.seen["hospital A"].dtype == np.uint64
    assert over.run.rounds["update_norm"].isna().all()
    assert "under masks" in over.sentence()
    assert "readable by the server" in plain.sentence()


# Those who lie, vanish or are silent


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda update: Update(update.name, np.full(MODEL.size, np.nan), update.records, 0.1),
            "NaN or infinite",
        ),
        (lambda update: Update(update.name, update.delta * 1e30, update.records, 0.1), "overflow"),
        (
            lambda update: Update(update.name, update.delta[:-1], update.records, 0.1),
            "numbers, and this round",
        ),
        (lambda update: Update(update.name, update.delta, 10**9, 0.1), "more than"),
    ],
)
def test_a_participant_whose_update_is_no_use_is_named_and_left_out_under_masks(change, words):
    members = peers(4, liar=3, change=change)
    over = train_over(InProcessExchange(members), MODEL, rounds=2, settings=QUICK)
    left = over.run.left_out
    assert list(left["participant"]) == ["hospital D"] * 2
    assert left["reason"].str.contains(words).all()
    honest = train_federated(participants(4)[:3], MODEL, rounds=2, settings=QUICK)
    assert np.abs(over.weights - honest.weights).max() < 1e-9


def test_a_participant_that_sends_nan_in_plain_is_named_and_left_out():
    change = lambda update: Update(update.name, np.full(MODEL.size, np.nan), update.records, 0.1)  # noqa: E731
    members = peers(liar=2, change=change, masked=False)
    over = train_over(InProcessExchange(members), MODEL, masked=False, rounds=2, settings=QUICK)
    assert over.run.left_out["reason"].str.contains("NaN").all()
    assert set(over.run.left_out["participant"]) == {"hospital C"}


def test_a_participant_that_vanishes_in_the_middle_of_a_masked_round_is_named_and_the_round_goes_on(
    authority,
):
    members = peers()

    class Vanishing(LocalClient):
        def train(self, request):
            if request.number == 2:
                raise SystemExit
            return super().train(request)

    last = members[2].client
    members[2].client = Vanishing(last.name, last._rows, last._codes, MODEL, 2)
    with (
        serve_federation(MODEL, authority.server(), allowed=NAMES) as service,
        joined(service, authority, members),
    ):
        service.wait_for(seconds=20)
        over = train_over(service, MODEL, rounds=3, settings=QUICK)
    left = over.run.left_out
    assert list(left["round"]) == [2, 3]
    assert set(left["participant"]) == {"hospital C"}
    assert "closed the connection" in left["reason"].iloc[0]
    assert any(event.outcome == "error" and event.actor == "hospital C" for event in service.audit.events)


def test_a_participant_that_does_not_answer_in_time_is_left_out_after_the_time_that_was_set(authority):
    members, free = peers(), threading.Event()

    class Slow(LocalClient):
        def train(self, request):
            free.wait(20)
            return super().train(request)

    last = members[2].client
    members[2].client = Slow(last.name, last._rows, last._codes, MODEL, 2)
    with (
        serve_federation(MODEL, authority.server(), allowed=NAMES, seconds=1.5) as service,
        joined(service, authority, members),
    ):
        service.wait_for(seconds=20)
        start = time.monotonic()
        over = train_over(service, MODEL, rounds=1, settings=QUICK)
        assert time.monotonic() - start < 8
        free.set()
    assert "did not answer within 1.5 s" in over.run.left_out["reason"].iloc[0]


def test_a_participant_may_join_again_after_it_was_lost(authority):
    with serve_federation(MODEL, authority.server(), allowed=NAMES, masked=False) as service:
        members = peers(masked=False)
        with joined(service, authority, members, masked=False):
            service.wait_for(seconds=20)
            lost = service._members["hospital A"]
            service._let_go("hospital A", lost, "a test")
            assert service.present == NAMES[1:]
            again = threading.Thread(
                target=join_federation,
                args=(service.address, authority.client("hospital A"), lambda _: members[0].client),
                kwargs={"masked": False},
            )
            again.start()
            service.wait_for(seconds=20)
            service.stop()
            again.join(10)


def test_too_few_for_a_masked_round_is_a_sentence():
    with pytest.raises(UserError, match="each can tell the other's update from the sum"):
        train_over(InProcessExchange(peers(2)), MODEL, rounds=1)


def test_a_masked_round_in_which_most_refuse_is_given_up_with_their_reasons():
    change = lambda update: Update(update.name, np.full(MODEL.size, np.nan), update.records, 0.1)  # noqa: E731
    members = peers(4, liar=0, change=change)
    members[1].client.change = change
    with pytest.raises(RoundFailed, match="hospital A: 7 of 8 numbers of the update are NaN"):
        train_over(InProcessExchange(members), MODEL, rounds=1, settings=QUICK)


def test_a_participant_that_weighs_more_than_it_says_is_noticed_though_not_named():
    members = peers(4)
    told = members[2].client.train
    members[2].client.train = lambda request: replace(told(request), records=100_000)
    honest = members[2]._train
    members[2]._train = lambda request: honest(request).model_copy(update={"records": 100})
    with pytest.raises(RoundFailed, match="masks hide which one"):
        train_over(InProcessExchange(members), MODEL, rounds=1, settings=QUICK)


def test_a_further_training_over_the_same_exchange_goes_on():
    exchange = InProcessExchange(peers())
    first = train_over(exchange, MODEL, rounds=2, settings=QUICK)
    then = train_over(exchange, MODEL, rounds=2, settings=QUICK, start=first.weights)
    whole = train_over(InProcessExchange(peers()), MODEL, rounds=4, settings=QUICK)
    assert np.abs(then.weights - whole.weights).max() < 1e-9


def test_robust_aggregation_is_not_promised_under_masks():
    with pytest.raises(UserError, match="holds no single update"):
        train_over(InProcessExchange(peers()), MODEL, aggregate=lambda vectors, weights: vectors[0])


# A server that asks too much


def test_a_participant_that_masks_does_not_send_a_plain_update():
    peer = peers()[0]
    request = Train(number=1, settings=QUICK.to_dict(), words=np.zeros(MODEL.size).tobytes())
    told = read_message(peer.answer(request.to_bytes()), [Trained])
    assert told.words == b""


def test_a_round_is_trained_once_as_the_difference_of_two_sums_would_show_an_update():
    peer = peers()[0]
    request = Train(number=1, settings=QUICK.to_dict(), words=np.zeros(MODEL.size).tobytes()).to_bytes()
    read_message(peer.answer(request), [Trained])
    assert "trained once" in read_message(peer.answer(request), [Refusal]).reason


def test_an_update_is_masked_once():
    peer = peers()[0]
    peer.answer(Train(number=1, settings=QUICK.to_dict(), words=np.zeros(MODEL.size).tobytes()).to_bytes())
    invitation = Advertise(
        session=bytes(32), clients=NAMES, threshold=2, length=MODEL.size + 1, fractional_bits=30
    ).to_bytes()
    first, second = peer.answer(invitation), peer.answer(invitation)
    assert b'"kind":"keys"' in first
    assert "masked once" in read_message(second, [Refusal]).reason


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (b"nonsense", "no message"),
        (Train(number=1, settings={"wrong": 1}, words=bytes(56)).to_bytes(), "no training setting"),
        (Train(number=1, settings={}, words=bytes(8)).to_bytes(), "7 weights and was given 1"),
        (Train(number=1, settings={}, words=np.full(7, np.nan).tobytes()).to_bytes(), "no numbers"),
        (Train(number=1, settings={"epochs": "many"}, words=bytes(56)).to_bytes(), "epochs"),
        (Train(number=1, settings={"record_privacy": 3}, words=bytes(56)).to_bytes(), "record_privacy"),
    ],
)
def test_bad_requests_are_answered_in_words(request_, words):
    assert words in read_message(peers()[0].answer(request_), [Refusal]).reason


# Who may join


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("hospital X", "member", "nobody who was invited"),
        ("hospital A", "foreign", "authority"),
        ("hospital A", "expired", "expired"),
        ("hospital A", "other name", "another name than its certificate"),
        ("hospital A", "plain server", "wants updates without masks"),
    ],
)
def test_who_may_not_join_is_told_why_and_stands_in_the_audit_log(authority, name, kind, words):
    with (
        lesson_authority("Another") as foreign,
        serve_federation(MODEL, authority.server(), allowed=NAMES, masked=kind != "plain server") as service,
    ):
        files = authority.client(name, validity="expired" if kind == "expired" else "valid")
        if kind == "foreign":
            files = type(files)(
                *(foreign.client(name).certificate, foreign.client(name).key), authority.certificate
            )
            made = foreign.client(name)
            files = type(files)(made.certificate, made.key, authority.certificate)
        rows = participants()[0]
        own = "hospital B" if kind == "other name" else name
        with pytest.raises(UserError, match=words):
            join_federation(
                service.address, files, lambda model: LocalClient(own, rows.rows, rows.labels, model, 0)
            )
        if kind != "expired":  # Its own side notices that before it dials.
            end = time.monotonic() + 5
            while not service.audit.events and time.monotonic() < end:
                time.sleep(0.01)
            assert service.audit.events[-1].outcome == "denied"
        assert service.present == ()
        with pytest.raises(UserError, match=r"Not there after 0\.1 s: hospital A, hospital B, hospital C"):
            service.wait_for(seconds=0.1)


def test_a_server_of_another_authority_is_refused(authority):
    with (
        lesson_authority("Another") as foreign,
        serve_federation(MODEL, foreign.server(), allowed=NAMES) as service,
        pytest.raises(HandshakeRefused, match="not trusted"),
    ):
        join_federation(service.address, authority.client("hospital A"), lambda model: None)


def test_a_stranger_who_says_nothing_or_nonsense_does_not_hold_up_the_others(authority):
    with serve_federation(MODEL, authority.server(), allowed=NAMES, masked=False) as service:
        silent = socket.create_connection(service.address)
        loud = socket.create_connection(service.address)
        loud.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with joined(service, authority, peers(masked=False), masked=False):
            service.wait_for(seconds=20)
        silent.close()
        loud.close()


def test_nobody_there_is_a_sentence(authority):
    with pytest.raises(NotReachable, match="cannot be reached"):
        join_federation(("127.0.0.1", 9), authority.client("hospital A"), lambda model: None)


def test_names_are_needed_and_a_used_port_is_a_sentence(authority):
    with (
        pytest.raises(UserError, match="Name the participants"),
        serve_federation(MODEL, authority.server(), allowed=()),
    ):
        pass
    with (
        serve_federation(MODEL, authority.server(), allowed=NAMES) as service,
        pytest.raises(UserError, match="cannot listen"),
        serve_federation(MODEL, authority.server(), allowed=NAMES, address=service.address),
    ):
        pass


# The command


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "cannot be read"), (b"PK\x03\x04 broken", "cannot be read"), (None, "cannot be read")],
)
def test_the_command_says_what_is_wrong_with_the_rows(authority, tmp_path, content, words, capsys):
    from secure_ai.defend.federated.transport.__main__ import main

    files, rows = authority.client("hospital A"), tmp_path / "rows.npz"
    if content is not None:
        rows.write_bytes(content)
    command = ["--address", "localhost:1", "--certificate", str(files.certificate), "--key", str(files.key)]
    code = main([*command, "--authority", str(files.authority), "--rows", str(rows)])
    assert code == 2
    assert words in capsys.readouterr().err


def test_rows_as_pickle_are_not_run(authority, tmp_path, capsys):
    from secure_ai.defend.federated.transport.__main__ import main

    files, rows = authority.client("hospital A"), tmp_path / "rows.npz"
    np.savez(rows, rows=np.array([{"a": 1}], dtype=object), labels=np.array([1]))
    command = ["--address", "localhost:1", "--certificate", str(files.certificate), "--key", str(files.key)]
    assert main([*command, "--authority", str(files.authority), "--rows", str(rows)]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_the_cost_is_printed_by_a_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["secure_aggregation", "5", "100"])
    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_module("secure_ai.defend.federated.secure_aggregation", run_name="__main__")
    assert "masked, a third silent" in capsys.readouterr().out
