"""Every kind of model is opened as safely as it can be; what lies, hangs or crashes ends in a sentence."""

from __future__ import annotations

import importlib
import pickle
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening import contained
from secure_ai.assess.opening.contained import BoundedModel
from secure_ai.assess.opening.model_cases import known_classes, read_model_cases
from secure_ai.assess.opening.models import ModelNotOpened, model_and_cases, open_model
from secure_ai.assess.opening.onnx_models import looks_like_onnx
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.attack.supply_chain.process import error_name
from secure_ai.attack.targets import TargetError
from secure_ai.core import Outcome, Unassessed, UserError
from secure_ai.defend.model_files.skops_files import save_skops
from tests.assess.model_inputs import FEATURES, LIARS, QUICK, inputs_with, parameters, records, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model in two formats and its records."""
    place = tmp_path_factory.mktemp("models")
    inside, outside = records(120, 1, noise=0.5), records(130, 2, noise=0.5)
    model = RandomForestClassifier(8, random_state=0).fit(inside[FEATURES], inside["outcome"])
    save_skops(model, place / "model.skops")
    joblib.dump(model, place / "model.joblib")
    written(inside, place, "inside.csv")
    written(outside, place, "outside.csv")
    written(pd.concat([inside.assign(seen=1), outside.assign(seen=0)]), place, "both.csv")
    (place / "liars.py").write_text(LIARS)
    sys.path.insert(0, str(place))
    try:
        module = importlib.import_module("liars")
        for way in ("lies", "sleeps", "crashes", "fails"):
            (place / f"{way}.pkl").write_bytes(pickle.dumps(module.Liar(way)))
        (place / "stranger.pkl").write_bytes(pickle.dumps(module.Stranger()))
    finally:
        sys.path.remove(str(place))
    return place


def opened(folder: Path, name: str, **given: object) -> Inputs:
    place = name if "://" in name else str(folder / name)
    return Inputs(
        parameters(
            model=place, training=str(folder / "inside.csv"), held_out=str(folder / "outside.csv"), **given
        )
    )


def test_a_skops_model_is_an_estimator_with_its_recipe(folder: Path) -> None:
    with opened(folder, "model.skops") as inputs:
        model = inputs.model
        assert (model.kind, model.classes, model.features) == ("skops", (0, 1), tuple(FEATURES))
        assert model.estimator is not None and not hasattr(model.recipe(), "classes_")
        assert model.target().answer == "probabilities"


def test_a_pickle_is_opened_only_if_trusted_and_then_elsewhere(folder: Path) -> None:
    with opened(folder, "model.joblib") as inputs, pytest.raises(ModelNotOpened, match="trust_pickle"):
        _ = inputs.model
    with opened(folder, "model.joblib", trust_pickle=True) as inputs, opened(folder, "model.skops") as same:
        rows = same.cases.known.rows
        assert inputs.model.estimator is None and inputs.model.recipe() is None
        assert inputs.model.guards is not None and "Closed to it" in inputs.model.sentence()
        np.testing.assert_allclose(
            inputs.model.target().probabilities(rows), same.model.target().probabilities(rows)
        )


def test_labels_only_gives_the_decisions_at_the_threshold(folder: Path) -> None:
    with (
        opened(folder, "model.skops") as plain,
        opened(folder, "model.skops", labels_only=True, decision_threshold=0.8) as shut,
    ):
        rows = plain.cases.known.rows
        target = shut.model.target()
        assert target.answer == "labels"
        with pytest.raises(TargetError):
            target.probabilities(rows)
        expected = (plain.model.target().probabilities(rows)[:, 1] >= 0.8).astype(int)
        np.testing.assert_array_equal(target.labels(rows), expected)


def test_no_more_questions_than_allowed(folder: Path) -> None:
    with opened(folder, "model.skops") as inputs, pytest.raises(TargetError, match="no more"):
        inputs.model.target(max_queries=10).labels(inputs.cases.known.rows)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "empty"), (b"garbage of no format", "no model"), (b"PK\x03\x04broken", "no model")],
)
def test_what_is_no_model_is_refused_in_a_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "Maria Huber.skops").write_bytes(content)
    with ExitStack() as stack, pytest.raises(UserError) as told:
        open_model(parameters(model=str(tmp_path / "Maria Huber.skops")), stack)
    assert says in str(told.value) and "Maria" not in str(told.value)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (LogisticRegression(), "no fitted classifier"),
        (np.arange(3), "no fitted classifier"),
    ],
)
def test_what_is_no_fitted_classifier_is_refused(tmp_path: Path, model: object, says: str) -> None:
    save_skops(model, tmp_path / "m.skops")
    with ExitStack() as stack, pytest.raises(UserError, match=says):
        open_model(parameters(model=str(tmp_path / "m.skops")), stack)


def test_an_absent_file_is_named_by_its_parameter(tmp_path: Path) -> None:
    with ExitStack() as stack, pytest.raises(UserError, match="does not exist") as told:
        open_model(parameters(model=str(tmp_path / "secret.skops")), stack)
    assert "secret" not in str(told.value)


def test_lies_are_reasons_and_never_answers(folder: Path) -> None:
    given = parameters(model=str(folder / "lies.pkl"), trust_pickle=True)
    with inputs_with(given, modules=[folder]) as inputs:
        target = inputs.model.target()
        rows = records(20, 3, noise=1.0)[FEATURES]
        for way in (1, 2, 3, 4, 5):
            with pytest.raises(TargetError):
                target.probabilities(rows.assign(age=way))
        assert target.probabilities(rows.assign(age=0)).shape == (20, 2)


def test_a_class_that_does_not_exist_is_a_reason(folder: Path) -> None:
    given = parameters(model=str(folder / "stranger.pkl"), trust_pickle=True)
    with inputs_with(given, modules=[folder]) as inputs, pytest.raises(TargetError, match="not among"):
        inputs.model.target().labels(records(20, 3, noise=1.0)[FEATURES])


@pytest.mark.parametrize("way", ["sleeps", "crashes", "fails"])
def test_a_model_that_hangs_crashes_or_fails_is_a_reason(folder: Path, way: str) -> None:
    given = parameters(model=str(folder / f"{way}.pkl"), trust_pickle=True)
    rows = records(20, 3, noise=1.0)[FEATURES]
    with inputs_with(given, modules=[folder], limits=QUICK) as inputs:
        with pytest.raises(TargetError) as told:
            inputs.model.target().probabilities(rows)
        assert str(rows["dose"].iloc[0]) not in str(told.value)


@contextmanager
def listening(answer: bytes | None, *, slowly: bool = False) -> Iterator[str]:
    """Serve one answer to everything; None never answers, slowly sends it byte by byte."""
    stop = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.1)

        def serve() -> None:
            held = []
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                except OSError:
                    return
                held.append(connection)
                if slowly:
                    threading.Thread(target=trickle, args=(connection,), daemon=True).start()
                elif answer is not None:
                    connection.recv(1 << 16)
                    connection.sendall(answer)
                    connection.close()

        def trickle(connection: socket.socket) -> None:
            with connection:
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

        worker = threading.Thread(target=serve, daemon=True)
        worker.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/score"
        finally:
            stop.set()
            worker.join(2)


def reply(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("slowly", [False, True])
def test_an_endpoint_that_never_answers_is_asked_once(folder: Path, slowly: bool) -> None:
    rows = records(20, 3, noise=1.0)[FEATURES]
    with listening(None, slowly=slowly) as address:
        given = parameters(model=address)
        with inputs_with(given, timeout=0.2) as inputs:
            for _ in range(2):
                with pytest.raises(TargetError) as told:
                    inputs.model.target().probabilities(rows)
    assert "address" in str(told.value) or "within" in str(told.value)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b'{"predictions": [[0.1, 0.2, 0.7]]}',
        b'{"predictions": "none"}',
        b'{"other": []}',
        b'{"predictions": [[NaN, 1.0]' + b",[0.5,0.5]" * 19 + b"]}",
        b'{"predictions": [' + b"[0.9,0.9]," * 19 + b"[0.9,0.9]]}",
    ],
)
def test_an_endpoint_that_answers_nonsense_is_a_reason(body: bytes) -> None:
    rows = records(20, 3, noise=1.0)[FEATURES]
    with (
        listening(reply(body)) as address,
        inputs_with(parameters(model=address), timeout=2.0) as inputs,
        pytest.raises(TargetError),
    ):
        inputs.model.target().probabilities(rows)


def test_an_endpoint_is_asked_at_its_address() -> None:
    rows = records(20, 3, noise=1.0)[FEATURES]
    body = b'{"predictions": [' + b"[0.25,0.75]," * 19 + b"[0.25,0.75]]}"
    with (
        listening(reply(body)) as address,
        inputs_with(parameters(model=address, classes=["0", "1"]), timeout=2.0) as inputs,
    ):
        assert inputs.model.kind == "endpoint" and inputs.model.recipe() is None
        assert (inputs.model.target().labels(rows) == 1).all()


@pytest.mark.parametrize("address", ["ftp://host/x", "file:///etc/passwd", "http://example.org/score"])
def test_other_addresses_are_refused(address: str) -> None:
    with ExitStack() as stack, pytest.raises(UserError, match="https://"):
        open_model(parameters(model=address), stack)


@pytest.mark.parametrize("token", ["", "two words", None])
def test_a_wrong_token_file_is_refused(tmp_path: Path, token: str | None) -> None:
    path = tmp_path / "token"
    if token is not None:
        path.write_text(token)
    with ExitStack() as stack, pytest.raises(UserError, match="token_file"):
        open_model(parameters(model="https://host/score", token_file=str(path)), stack)


def test_onnx_is_known_by_its_content_and_needs_its_runtime(folder: Path, tmp_path: Path) -> None:
    content = b"\x08\x0a\x12\x08skl2onnx" + b"\x00" * 20
    assert looks_like_onnx(content) and not looks_like_onnx((folder / "model.skops").read_bytes())
    (tmp_path / "m.onnx").write_bytes(content)
    with ExitStack() as stack, pytest.raises(UserError, match="ONNX model"):
        open_model(parameters(model=str(tmp_path / "m.onnx")), stack)


def test_records_come_from_two_tables_or_from_one_with_a_column(folder: Path) -> None:
    with opened(folder, "model.skops") as two:
        first = two.cases
    given = parameters(model=str(folder / "model.skops"), data=str(folder / "both.csv"), member="seen")
    with Inputs(given) as one:
        second = one.cases
    for cases in (first, second):
        assert cases.training is not None and cases.held_out is not None
        assert (len(cases.training), len(cases.held_out)) == (120, 130)
        assert list(cases.known.rows.columns) == FEATURES and "ward" in cases.known.columns
    assert first.training is not None and second.training is not None
    pd.testing.assert_frame_equal(first.training.rows, second.training.rows)


def test_what_is_missing_is_a_reason(folder: Path) -> None:
    with Inputs(parameters(model=str(folder / "model.skops"), data=str(folder / "inside.csv"))) as inputs:
        found = model_and_cases(inputs, both=True)
        assert isinstance(found, Unassessed) and "held_out" in found.reason
        assert not isinstance(model_and_cases(inputs), Unassessed)
    plain = parameters(model=str(folder / "model.skops"), data=str(folder / "inside.csv"), target=None)
    with Inputs(plain) as inputs:
        found = model_and_cases(inputs)
        assert isinstance(found, Unassessed) and "target" in found.reason
    with Inputs(parameters(model=str(folder / "model.joblib"), data=str(folder / "inside.csv"))) as inputs:
        assert isinstance(model_and_cases(inputs), Unassessed)


def test_only_so_many_records_are_read_the_same_for_the_same_seed(folder: Path) -> None:
    with opened(folder, "model.skops") as inputs:
        first, second = (read_model_cases(inputs, most=50) for _ in range(2))
    assert first.training is not None and second.training is not None
    assert (len(first.training), first.training.total) == (50, 120)
    pd.testing.assert_frame_equal(first.training.rows, second.training.rows)
    assert any("50 of 120" in note for note in first.notes)
    attacked, rest = first.attacked_rows(20), first.reference_rows(20)
    assert len(attacked) == 20 and len(attacked) + len(rest) == len(first.known)


def test_unusable_records_are_left_out_and_counted(folder: Path, tmp_path: Path) -> None:
    inside, outside = records(120, 1, noise=0.5), records(60, 2, noise=0.5).astype({"dose": float})
    outside.loc[:4, "dose"] = np.nan
    outside.loc[5:6, "outcome"] = 9
    outside = pd.concat([outside, inside.head(10)])
    given = parameters(
        model=str(folder / "model.skops"),
        training=str(folder / "inside.csv"),
        held_out=written(outside, tmp_path, "outside.csv"),
    )
    with Inputs(given) as inputs:
        cases = inputs.cases
    assert cases.held_out is not None and len(cases.held_out) == 60 - 5 - 2
    text = " ".join(cases.notes)
    assert "5 of 70" in text and "2 of 70" in text and "10 of 63" in text


def test_columns_that_are_not_the_models_are_refused(folder: Path, tmp_path: Path) -> None:
    less = written(records(60, 2, noise=0.5).drop(columns="dose"), tmp_path, "Maria Huber.csv")
    given = parameters(model=str(folder / "model.skops"), training=less)
    with Inputs(given) as inputs, pytest.raises(UserError, match="lacks 1 of the 4") as told:
        _ = inputs.cases
    assert "Maria" not in str(told.value)


def test_classes_are_known_however_a_table_writes_them() -> None:
    assert known_classes(pd.Series([1.0, 0.0, np.nan]), (0, 1)).tolist() == [1, 0, -1]
    assert known_classes(pd.Series([True, False]), (0, 1)).tolist() == [1, 0]
    assert known_classes(pd.Series(["yes", " no", "?"]), ("no", "yes")).tolist() == [1, 0, -1]
    assert known_classes(pd.Series(["1", "2"]), (1.0, 2.0)).tolist() == [0, 1]


def test_yes_and_no_stay_the_words_that_the_model_learned(tmp_path: Path) -> None:
    frame = records(60, 2, noise=0.5).assign(smoker=lambda f: f["smoker"].map({1: "yes", 0: "no"}))
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    coder = make_column_transformer((OneHotEncoder(), ["smoker"]), remainder="passthrough")
    model = make_pipeline(coder, LogisticRegression(max_iter=500)).fit(frame[FEATURES], frame["outcome"])
    save_skops(model, tmp_path / "m.skops")
    given = parameters(model=str(tmp_path / "m.skops"), data=written(frame, tmp_path, "t.csv"))
    with Inputs(given) as inputs:
        rows = inputs.cases.known.rows
        assert set(rows["smoker"]) == {"yes", "no"}
        np.testing.assert_allclose(
            inputs.model.target().probabilities(rows), model.predict_proba(frame[FEATURES])
        )


def test_an_onnx_model_is_asked_and_answers_as_what_it_was_made_of(folder: Path, tmp_path: Path) -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    frame = records(120, 1, noise=0.5)
    model = LogisticRegression(max_iter=500).fit(frame[FEATURES].to_numpy(), frame["outcome"])
    made = to_onnx(model, initial_types=[("X", FloatTensorType([None, len(FEATURES)]))])
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    tables = {"training": str(folder / "inside.csv"), "held_out": str(folder / "outside.csv")}
    given = parameters(
        model=str(tmp_path / "m.onnx"), drop=["ward"], groups=["ward"], queries=200, rows=20, **tables
    )
    with Inputs(given) as inputs:
        assert (inputs.model.kind, inputs.model.classes) == ("onnx", (0, 1)) and inputs.model.recipe() is None
        rows = inputs.cases.known.rows
        np.testing.assert_allclose(
            inputs.model.target().probabilities(rows), model.predict_proba(rows.to_numpy()), atol=1e-4
        )
        for part in ("model.file", "model.fairness", "model.membership", "model.extraction"):
            section = part_of(part).run(inputs, Progress())
            assert section.findings[0].outcome is not Outcome.UNASSESSED, part


def test_a_model_that_is_too_slow_in_all_is_asked_no_more() -> None:
    class Slow:
        alive = True
        asked = 0

        def ask(self, rows: pd.DataFrame) -> np.ndarray:
            self.asked += 1
            return np.full((len(rows), 2), 0.5)

        def close(self) -> None:
            self.alive = False

    slow = Slow()
    model = BoundedModel(lambda: slow, [0, 1], "probabilities", most_seconds=1e-12)
    assert model.ask(records(20, 3, noise=1.0)).shape == (20, 2)
    for _ in range(2):
        with pytest.raises(TargetError, match="too slow"):
            model.ask(records(20, 3, noise=1.0))
    assert slow.asked == 1 and not slow.alive


def test_a_recipe_whose_training_does_not_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = records(120, 1, noise=0.5)
    honest = HistGradientBoostingClassifier(max_iter=3).fit(frame[FEATURES], frame["outcome"])
    assert honest.n_iter_ == 3
    honest.max_iter = 10**9
    monkeypatch.setattr(contained, "TRIAL_CPU_SECONDS", 6)
    trial = contained.Trial(skops.io.dumps(honest), (), (), QUICK)
    trial.on(frame[FEATURES], frame["outcome"].to_numpy())
    assert not trial.passed()


def test_errors_of_a_models_own_are_not_named() -> None:
    assert error_name("ValueError") == "ValueError"
    assert error_name("v73551") == error_name("os") == error_name("print") == "an error of its own"
