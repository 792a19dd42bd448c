"""Model files are recognized by content and opened so that they can do no harm."""

from __future__ import annotations

import io
import pickle
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from secure_ai.attack.supply_chain import Limits, payloads
from secure_ai.attack.targets import TargetError, check_target, open_target
from secure_ai.core import UserError
from secure_ai.defend.model_files import inspect_model_file, load_model, load_skops, save_skops
from secure_ai.defend.model_files.formats import format_of
from secure_ai.defend.model_files.skops_files import tree_problem

BY_NAME = {payload.name: payload for payload in payloads()}


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    return x, np.where(x[:, 0] + rng.normal(size=120) / 2 > 0, "yes", "no")


@pytest.fixture(scope="module")
def linear(rows):
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(*rows)


def _zip(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "acts"),
    [
        (pickle.dumps({"a": 1}, 4), "pickle", "yes"),
        (pickle.dumps({"a": [1, 2, 3], "b": "text"}, 0), "pickle", "yes"),
        (BY_NAME["compressed"].content(), "compressed pickle", "yes"),
        (BY_NAME["object array"].content(), "npy", "yes"),
        (_zip(data=BY_NAME["exec"].content()), "zip", "yes"),
        (_zip(data=b"text"), "zip", "not known"),
        (b"PK\x03\x04broken", "zip", "not known"),
        (b"\x89HDF\r\n\x1a\nrest", "hdf5", "not known"),
        ((2).to_bytes(8, "little") + b"{}" + bytes(8), "safetensors", "no"),
        (b'{"trees": []}', "json", "no"),
        (b"age,income\n1,2\n", "unknown", "not known"),
    ],
)
def test_a_file_is_what_its_content_says(content, name, acts):
    found = format_of(content)
    assert (found.name, found.acts) == (name, acts)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_have_a_format(content):
    for start in (b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x80\x04"):
        assert format_of(start + content).acts in ("yes", "no", "not known")


def test_an_archive_that_unpacks_without_end_is_not_unpacked(tmp_path):
    file = tmp_path / "bomb.skops"
    file.write_bytes(_zip(**{"schema.json": bytes(1 << 27)}))
    assert "times its size" in inspect_model_file(file).sentence()
    with pytest.raises(UserError, match="times its size"):
        load_model(file)


@pytest.mark.parametrize("name", ["annotation", "compressed", "broken after the call", "object array"])
def test_names_beyond_models_are_found_without_running_them(tmp_path, name):
    found = inspect_model_file(BY_NAME[name].write(tmp_path))
    assert found.suspicious() and found.unexpected()
    assert "canary" not in found.sentence()


def test_an_ending_that_hides_the_content_is_said(tmp_path):
    file = tmp_path / "weights.skops"
    file.write_bytes(BY_NAME["exec"].content())
    assert "'.skops' says something else" in inspect_model_file(file).sentence()


@pytest.mark.parametrize("compress", [pytest.param(0, marks=pytest.mark.slow), 3])
def test_an_honest_forest_asks_for_data_and_estimators_only(tmp_path, rows, compress):
    file = tmp_path / "forest.joblib"
    joblib.dump(RandomForestClassifier(3, max_depth=2, random_state=0).fit(*rows), file, compress=compress)
    found = inspect_model_file(file)
    assert not found.suspicious() and not found.problem and len(found.names) > 5
    assert found.format.acts == "yes"


def test_a_pickle_is_not_opened_without_trust(tmp_path):
    with pytest.raises(UserError, match="--trust-pickle"):
        load_model(BY_NAME["exec"].write(tmp_path))
    assert not (tmp_path / "canary.txt").exists()


def test_a_trusted_pickle_answers_as_the_model_does_from_a_process_of_its_own(tmp_path, rows, linear):
    import pandas as pd

    frame = pd.DataFrame(rows[0], columns=["a", "b", "c"])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, rows[1])
    file = tmp_path / "linear.pkl"
    file.write_bytes(pickle.dumps(model))
    with load_model(file, trust_pickle=True) as contained:
        target = open_target(contained)
        np.testing.assert_array_equal(target.probabilities(frame), model.predict_proba(frame))
        assert list(check_target(target, frame)) == list(model.predict(frame))
        assert contained.features == ("a", "b", "c") and not contained.guards.open()
        with pytest.raises(TargetError, match="columns that it was trained on"):
            target.labels(frame[["a"]])
        assert target.labels(frame[:3]).tolist() == model.predict(frame[:3]).tolist()


LIARS = """
import os, time
class Base:
    classes_ = [0, 1]
    def predict_proba(self, rows): return [[0.5, 0.5]] * len(rows)
class Hangs(Base):
    def predict_proba(self, rows): time.sleep(99)
class Leaves(Base):
    def predict_proba(self, rows): os._exit(0)
class Short(Base):
    def predict_proba(self, rows): return [[0.5, 0.5]]
class Wild(Base):
    def predict_proba(self, rows): return [[float("nan"), 7.0]] * len(rows)
class Endless(Base):
    def predict_proba(self, rows): return [[0.5, 0.5]] * (len(rows) * 100)
class Prints(Base):
    def predict_proba(self, rows):
        print("x" * 100_000)
        return [[0.5, 0.5]] * len(rows)
class Forges(Base):
    def predict_proba(self, rows):
        for fd in range(3, 20):
            try: os.write(fd, b"\\xff" * 64)
            except OSError: pass
        return [[0.5, 0.5]] * len(rows)
class OneClass(Base):
    classes_ = [1]
class Nothing: pass
class Unlimited(Base):
    classes_ = list(range(100_000))
"""


@pytest.fixture(scope="module")
def liars(tmp_path_factory):
    folder = tmp_path_factory.mktemp("liars")
    (folder / "liars.py").write_text(LIARS)

    def opened(name: str):
        file = folder / f"{name}.pkl"
        file.write_bytes(f"cliars\n{name}\n)R.".encode())
        return load_model(file, trust_pickle=True, limits=Limits(seconds=2), modules=[folder])

    return opened


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Hangs", "within 2 seconds"),
        ("Leaves", "ended by itself"),
        ("Short", "shape"),
        ("Wild", "not finite"),
        ("Endless", "more than was asked for"),
        ("Forges", "more than was asked for"),
    ],
)
def test_a_model_that_hangs_leaves_or_lies_gives_no_answer(liars, name, reason):
    with liars(name) as model, pytest.raises(TargetError, match=reason):
        open_target(model).labels(np.zeros((10, 2)))


def test_a_model_that_prints_does_not_disturb_its_answers(liars):
    with liars("Prints") as model:
        assert open_target(model).probabilities(np.zeros((4, 2))).shape == (4, 2)


@pytest.mark.parametrize("name", ["OneClass", "Nothing", "Unlimited", "Absent"])
def test_what_is_no_classifier_is_said_in_a_sentence(liars, name):
    with pytest.raises(UserError, match=r"classifier\.|cannot be used"):
        liars(name)


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(3, max_depth=3, random_state=0),
        GradientBoostingClassifier(n_estimators=3, random_state=0),
        HistGradientBoostingClassifier(max_iter=3, random_state=0),
    ],
    ids=["forest", "boosting", "histogram"],
)
def test_tree_models_come_back_from_skops_as_they_were(tmp_path, rows, estimator):
    model = make_pipeline(StandardScaler(), estimator).fit(*rows)
    found = load_model(save_skops(model, tmp_path / "model.skops"))
    np.testing.assert_array_equal(found.predict_proba(rows[0]), model.predict_proba(rows[0]))


@pytest.mark.slow
def test_a_skops_file_can_be_asked_in_a_process_of_its_own(tmp_path, rows, linear):
    path = save_skops(linear, tmp_path / "model.skops")
    with load_model(path, contained=True) as found:
        np.testing.assert_array_equal(
            open_target(found).probabilities(rows[0]), linear.predict_proba(rows[0])
        )


def test_a_skops_file_with_a_function_is_refused_by_name(tmp_path):
    import os

    content = skops.io.dumps(FunctionTransformer(func=os.system))
    with pytest.raises(UserError, match=r"not on the list of trusted ones: .*system"):
        load_skops(content, "model.skops")


@pytest.mark.parametrize("change", ["circle", "outside", "feature"])
@pytest.mark.parametrize("kind", ["forest", "histogram"])
def test_a_crafted_tree_is_refused_before_it_is_asked(rows, kind, change):
    if kind == "forest":
        model = RandomForestClassifier(1, max_depth=2, random_state=0).fit(*rows)
        tree = model.estimators_[0].tree_
        state = tree.__getstate__()
        nodes = state["nodes"].copy()
        names = {"circle": ("left_child", 0), "outside": ("right_child", 10**6), "feature": ("feature", 3)}
    else:
        model = HistGradientBoostingClassifier(max_iter=1, random_state=0).fit(*rows)
        nodes = model._predictors[0][0].nodes
        names = {"circle": ("left", 0), "outside": ("right", 10**6), "feature": ("feature_idx", 3)}
    assert tree_problem(model) is None
    field, value = names[change]
    nodes[field][0] = value
    if kind == "forest":
        tree.__setstate__({**state, "nodes": nodes})
    content = skops.io.dumps(make_pipeline(StandardScaler().fit(rows[0]), model))
    with pytest.raises(UserError, match="decision tree that"):
        load_skops(content, "model.skops")


def test_a_file_with_another_digest_is_refused(tmp_path, linear):
    path = save_skops(linear, tmp_path / "model.skops")
    load_model(path, digest=inspect_model_file(path).digest)
    with pytest.raises(UserError, match="digest differs"):
        load_model(path, digest="sha256:" + "0" * 64)


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-50], lambda c: c[:100], lambda c: c.replace(b"loader", b"lOader")]
)
def test_a_broken_skops_file_is_said_in_a_sentence(tmp_path, linear, damage):
    file = tmp_path / "model.skops"
    file.write_bytes(damage(skops.io.dumps(linear)))
    with pytest.raises(UserError, match=r"model\.skops"):
        load_model(file)
