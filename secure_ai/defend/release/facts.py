"""What is read out of one fitted estimator: leaves, parameters, records and values that it keeps.

Source: sacroml 2.0.1, structural attack, for the parameters of trees (two of a fork, classes - 1 of a leaf);
    Hastie, Tibshirani & Friedman, The Elements of Statistical Learning (2009), section 2.3, for those of
    nearest neighbors (records over neighbors).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from secure_ai.defend.release.parts import Part, is_defined_in, is_sklearn

Reader = Callable[["Part", float], "Facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What one part holds; None is what cannot be told from this kind, with the reason in ``unknown``.

    Attributes:
        stored: training records that it keeps.
        values: values of single records that it keeps.
        leaves: training records in each leaf (empty without trees).
        least_leaf: the size below which training was told not to make a leaf; None without trees.
        bootstrap: False for a forest whose trees all saw every record; None without a forest.
        parameters: learned numbers.
        records: training records as far as it tells (0 if it does not).
        cell: the smallest count above 0 that can be read from it; None where there are no counts.
        class_counts: training records of each class; None where it does not tell.
        smooth: whether its answers change smoothly with the input.
        unknown: why nothing, or not all, is known.
    """

    stored: int | None = 0
    values: int | None = 0
    leaves: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    least_leaf: float | None = None
    bootstrap: bool | None = None
    parameters: float | None = 0
    records: int = 0
    cell: float | None = None
    class_counts: np.ndarray | None = None
    smooth: bool = False
    unknown: str = ""


def read_facts(part: Part, rare: float) -> Facts:
    """Return what can be read from one part.

    Args:
        part: an estimator that holds no other.
        rare: a category or word of fewer records than this counts as the value of single records.
    """
    reader = _reader(part.model)
    if reader is None:
        name = type(part.model).__name__
        why = "it lives in a process of its own: ask for it in the skops format"
        if name != "ContainedModel":
            why = f"what a {name} keeps is not known to this kit"
        return Facts(None, None, parameters=None, unknown=why)
    try:
        return reader(part, rare)
    except (AttributeError, TypeError, ValueError, IndexError, KeyError):
        name = type(part.model).__name__
        return Facts(None, None, parameters=None, unknown=f"this {name} is not fitted, or not as usual")


def _reader(model: Any) -> Reader | None:
    name = type(model).__name__
    if not is_sklearn(model):
        own = is_defined_in(model, "secure_ai.attack.networks", "secure_ai.anonymize.differential_privacy")
        return OWN.get(name) if own else None
    return READERS.get(name)


def _linear(part: Part, _: float) -> Facts:
    return Facts(parameters=_size(part.model.coef_) + _size(part.model.intercept_), smooth=True)


def _plain(part: Part, _: float) -> Facts:
    seen = getattr(part.model, "n_samples_seen_", 0)
    prior = getattr(part.model, "class_prior_", ())
    return Facts(parameters=max(len(prior) - 1, 0), records=int(np.max(seen)))


def _trees(trees: Iterable[Any], least: float, *, boosted: bool = False) -> Facts:
    leaves, parameters, cells, roots = [], 0, [], []
    for one in trees:
        tree = one.tree_
        leaf = tree.children_left == tree.children_right
        sizes = tree.n_node_samples[leaf]
        classifies = hasattr(one, "classes_") and not boosted
        outputs = int(np.sum(np.asarray(one.n_classes_) - 1)) if classifies else int(tree.n_outputs)
        parameters += 2 * int((~leaf).sum()) + int(leaf.sum()) * outputs
        leaves.append(sizes)
        roots.append(int(tree.n_node_samples[0]))
        if classifies:
            counts = tree.value[leaf] * tree.weighted_n_node_samples[leaf][:, None, None]
            cells += _smallest_count(counts)
    most = max(roots)
    return Facts(
        leaves=np.concatenate(leaves),
        least_leaf=least if least >= 1 and float(least).is_integer() else math.ceil(least * min(roots)),
        parameters=parameters,
        records=most,
        cell=min(cells, default=None),
    )


def _smallest_count(counts: np.ndarray) -> list[float]:
    """Return the smallest count above 0; none where records were weighted, so that there are no counts."""
    whole = np.round(counts)
    if np.abs(counts - whole).max() > 1e-6 or not (whole > 0).any():
        return []
    return [float(whole[whole > 0].min())]


def _tree(part: Part, _: float) -> Facts:
    model = part.model
    facts = _trees([model], model.min_samples_leaf)
    tree = model.tree_
    counted = hasattr(model, "classes_") and tree.n_outputs == 1
    counts = tree.value[0, 0] * tree.weighted_n_node_samples[0] if counted else None
    return _with(facts, class_counts=counts)


def _forest(part: Part, _: float) -> Facts:
    model = part.model
    facts = _trees(model.estimators_, model.min_samples_leaf)
    records = int(getattr(model, "_n_samples", 0)) or facts.records
    return _with(facts, bootstrap=bool(model.bootstrap), records=records)


def _boosting(part: Part, _: float) -> Facts:
    model = part.model
    facts = _trees(model.estimators_.ravel(), model.min_samples_leaf, boosted=True)
    if model.init is None or model.init == "zero":
        return facts
    return _with(facts, stored=None, parameters=None, unknown="it starts from a model of your own")


def _histograms(part: Part, _: float) -> Facts:
    nodes = [tree.nodes for stage in part.model._predictors for tree in stage]
    ends = [n["is_leaf"].astype(bool) for n in nodes]
    return Facts(
        leaves=np.concatenate([n["count"][end] for n, end in zip(nodes, ends, strict=True)]).astype(int),
        least_leaf=part.model.min_samples_leaf,
        parameters=sum(2 * int((~end).sum()) + int(end.sum()) for end in ends),
        records=max(int(n["count"][0]) for n in nodes),
    )


def _neighbors(part: Part, _: float) -> Facts:
    records = int(part.model.n_samples_fit_)
    neighbors = getattr(part.model, "n_neighbors", None) or 1
    return Facts(stored=records, parameters=records / neighbors, records=records)


def _vectors(part: Part, _: float) -> Facts:
    model = part.model
    linear = model.kernel == "linear"
    parameters = (_size(model.coef_) if linear else _size(model.dual_coef_)) + _size(model.intercept_)
    return Facts(
        stored=len(model.support_vectors_),
        parameters=parameters,
        records=int(model.shape_fit_[0]),
        smooth=True,
    )


def _process(part: Part, _: float) -> Facts:
    inner = getattr(part.model, "base_estimator_", part.model)
    kept = max(len(one.X_train_) for one in getattr(inner, "estimators_", [inner]))
    return Facts(stored=kept, parameters=kept, records=kept, smooth=True)


def _keeps(attribute: str, *, prepares: bool = False, some: bool = False) -> Reader:
    def read(part: Part, _: float) -> Facts:
        kept = int(getattr(part.model, attribute).shape[0])
        return Facts(
            stored=kept, parameters=0 if prepares else kept, records=0 if some else kept, smooth=not prepares
        )

    return read


def _perceptron(part: Part, _: float) -> Facts:
    model = part.model
    return Facts(parameters=sum(_size(a) for a in (*model.coefs_, *model.intercepts_)), smooth=True)


def _network(part: Part, _: float) -> Facts:
    return Facts(parameters=sum(_size(a) for a in part.model.weights_), smooth=True)


def _layers(part: Part, _: float) -> Facts:
    return Facts(parameters=_size(part.model.layers_), smooth=True)


def _gaussian(part: Part, _: float) -> Facts:
    model = part.model
    sizes = _size(model.theta_) + _size(model.var_) + len(model.classes_) - 1
    return Facts(parameters=sizes, class_counts=model.class_count_, smooth=True)


def _counting(part: Part, _: float) -> Facts:
    model = part.model
    counts = np.concatenate(
        [np.ravel(c) for c in getattr(model, "category_count_", [])] or [model.feature_count_.ravel()]
    )
    whole = counts[counts > 0]
    return Facts(
        parameters=_size(model.feature_log_prob_) + len(model.classes_) - 1,
        class_counts=model.class_count_,
        cell=float(whole.min()) if len(whole) else None,
    )


def _discriminant(part: Part, _: float) -> Facts:
    model = part.model
    if type(model).__name__ == "LinearDiscriminantAnalysis":
        return Facts(parameters=_size(model.coef_) + _size(model.intercept_), smooth=True)
    classes, columns = model.means_.shape
    return Facts(parameters=classes * (columns + columns * (columns + 1) // 2), smooth=True)


def _centroid(part: Part, _: float) -> Facts:
    return Facts(parameters=_size(part.model.centroids_))


def _sigmoid(part: Part, _: float) -> Facts:
    return Facts(parameters=_size([part.model.a_, part.model.b_]), smooth=True)


def _isotonic(part: Part, _: float) -> Facts:
    steps = len(part.model.X_thresholds_)
    return Facts(values=0 if part.last else steps, parameters=steps)


def _extremes(attributes: str) -> Reader:
    def read(part: Part, _: float) -> Facts:
        kept = sum(_size(getattr(part.model, name)) for name in attributes.split())
        return Facts(values=kept, records=int(np.max(getattr(part.model, "n_samples_seen_", 0))))

    return read


def _spline(part: Part, _: float) -> Facts:
    given = not isinstance(part.model.knots, str)
    return Facts(values=0 if given else sum(spline.c.shape[0] > 0 for spline in part.model.bsplines_) * 2)


def _encoder(part: Part, rare: float) -> Facts:
    model = part.model
    if not isinstance(model.categories, str):
        return Facts(values=0)
    if part.rows is None:
        return Facts(values=None, unknown="how frequent the stored categories are needs the training records")
    import pandas as pd

    columns = pd.DataFrame(part.rows)
    count = sum(
        int((columns.iloc[:, i].value_counts(dropna=False) < rare).sum()) for i in range(columns.shape[1])
    )
    return Facts(values=count)


def _vectorizer(part: Part, rare: float) -> Facts:
    model = part.model
    if model.vocabulary is not None or (isinstance(model.min_df, int) and model.min_df >= rare):
        return Facts(values=0)
    if part.rows is None:
        return Facts(values=None, unknown="how frequent the stored words are needs the training texts")
    texts_with = np.asarray((model.transform(part.rows) > 0).sum(axis=0)).ravel()
    return Facts(values=int((texts_with < rare).sum()))


def _function(part: Part, _: float) -> Facts:
    functions = (part.model.func, part.model.inverse_func)
    if all(f is None or type(f).__module__ == "numpy" or type(f).__name__ == "ufunc" for f in functions):
        return Facts()
    return Facts(None, None, unknown="what a function of your own keeps is not known to this kit")


def _with(facts: Facts, **changes: Any) -> Facts:
    return replace(facts, **changes)


def _size(values: Any) -> int:
    if isinstance(values, list | tuple):
        return sum(_size(value) for value in values)
    return int(np.size(values.toarray() if hasattr(values, "toarray") else values))


BY_KIND: dict[str, Reader] = {
    "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor": _tree,
    "RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor": _forest,
    "GradientBoostingClassifier GradientBoostingRegressor": _boosting,
    "HistGradientBoostingClassifier HistGradientBoostingRegressor": _histograms,
    "KNeighborsClassifier KNeighborsRegressor RadiusNeighborsClassifier": _neighbors,
    "RadiusNeighborsRegressor": _neighbors,
    "SVC NuSVC SVR NuSVR": _vectors,
    "GaussianProcessClassifier GaussianProcessRegressor": _process,
    "MLPClassifier MLPRegressor": _perceptron,
    "MultinomialNB BernoulliNB ComplementNB CategoricalNB": _counting,
    "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis": _discriminant,
    "OneHotEncoder OrdinalEncoder TargetEncoder": _encoder,
    "CountVectorizer TfidfVectorizer": _vectorizer,
    "LabelPropagation LabelSpreading": _keeps("X_"),
    "KernelRidge": _keeps("X_fit_"),
    "KernelPCA": _keeps("X_fit_", prepares=True),
    "KNNImputer": _keeps("_fit_X", prepares=True),
    "Nystroem": _keeps("components_", prepares=True, some=True),
    "GaussianNB": _gaussian,
    "NearestCentroid": _centroid,
    "_SigmoidCalibration": _sigmoid,
    "_TemperatureScaling": lambda part, _: Facts(parameters=1, smooth=True),
    "IsotonicRegression": _isotonic,
    "MinMaxScaler": _extremes("data_min_ data_max_"),
    "MaxAbsScaler": _extremes("max_abs_"),
    "QuantileTransformer": _extremes("quantiles_"),
    "KBinsDiscretizer": lambda part, _: Facts(values=sum(len(edges) for edges in part.model.bin_edges_)),
    "SplineTransformer": _spline,
    "FunctionTransformer": _function,
    # Linear models.
    "BayesianRidge ElasticNet ElasticNetCV GammaRegressor HuberRegressor Lasso LassoCV": _linear,
    "LinearRegression LinearSVC LinearSVR LogisticRegression LogisticRegressionCV": _linear,
    "PassiveAggressiveClassifier PassiveAggressiveRegressor Perceptron PoissonRegressor": _linear,
    "QuantileRegressor Ridge RidgeCV RidgeClassifier RidgeClassifierCV SGDClassifier": _linear,
    "SGDRegressor TweedieRegressor": _linear,
    # Fitted to sums over all records, or to nothing.
    "Binarizer DummyClassifier DummyRegressor FeatureHasher GaussianRandomProjection": _plain,
    "HashingVectorizer IncrementalPCA LabelBinarizer LabelEncoder MissingIndicator Normalizer PCA": _plain,
    "PolynomialCountSketch PolynomialFeatures PowerTransformer RBFSampler RobustScaler": _plain,
    "SelectFdr SelectFpr SelectFwe SelectKBest SelectPercentile SimpleImputer": _plain,
    "SkewedChi2Sampler SparseRandomProjection StandardScaler TfidfTransformer TruncatedSVD": _plain,
    "VarianceThreshold": _plain,
}
READERS: dict[str, Reader] = {name: reader for names, reader in BY_KIND.items() for name in names.split()}
OWN: dict[str, Reader] = {
    "Network": _network,
    "PrivateLogisticRegression": _layers,
    "PrivateNetwork": _layers,
}
