"""Full-domain generalization: the optimum by brute force, and nothing released that does not satisfy."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.tabular import rollup
from secure_ai.anonymize.tabular.apply import released_frame
from secure_ai.anonymize.tabular.full_domain import generalize
from secure_ai.anonymize.tabular.hierarchies import Hierarchy, read_hierarchy, value_texts
from secure_ai.anonymize.tabular.hierarchy_builders import ranges, suggest_hierarchies
from secure_ai.anonymize.tabular.level_search import Loss
from secure_ai.anonymize.tabular.requirements import Diversity, Requirements
from secure_ai.core import UserError
from secure_ai.core.sources import open_source

REQUIREMENTS = [
    Requirements(1),
    Requirements(2),
    Requirements(3),
    Requirements(2, l=2),
    Requirements(2, l=1.5, diversity=Diversity.ENTROPY),
    Requirements(2, l=2, diversity=Diversity.RECURSIVE, c=2.0),
    Requirements(2, t=0.3),
    Requirements(2, alpha=0.6),
    Requirements(1, beta=1.0),
]
POOLS = [
    [1, 2, 3, 4, 7],
    [-1.5, 0.0, 2.25, 1e6],
    ["a", "b", "*", "missing", ""],
    ["日本", "Österreich", "مصر", "Ελλάδα"],
    [True, False],
    ["only"],
    [pd.Timestamp("2020-01-31"), pd.Timestamp("2020-02-01"), pd.Timestamp("1999-12-31")],
]


@st.composite
def hierarchy_of(draw, name, pool):
    """Groups of groups of the values of ``pool``; single values often."""
    texts, _ = value_texts(pd.Series(pool))
    groups = list(range(len(texts)))
    levels = [tuple(texts)]
    for level in range(draw(st.integers(0, 2))):
        merged = draw(st.lists(st.integers(0, 4), min_size=5, max_size=5))
        groups = [merged[group] for group in groups]
        levels.append(tuple(f"{level}:{group}" for group in groups))
    missing = (("missing",) * len(levels) + ("*",)) if draw(st.booleans()) else ()
    if len(levels) > 1 and draw(st.booleans()):
        missing = ("missing", *(level[0] for level in levels[1:]), "*")
    return Hierarchy(name, (*levels, ("*",) * len(texts)), missing)


@st.composite
def problems(draw):
    """A table, hierarchies of its quasi-identifiers, sensitive attributes, requirements and a limit."""
    n = draw(st.integers(1, 25))
    names = [f"q{i}" for i in range(draw(st.integers(1, 3)))]
    table, trees = {}, {}
    for name in names:
        pool = draw(st.sampled_from(POOLS))
        choice = st.none() | st.sampled_from(pool) if draw(st.booleans()) else st.sampled_from(pool)
        values = draw(st.lists(choice, min_size=n, max_size=n))
        kind = "datetime64[us]" if isinstance(pool[0], pd.Timestamp) else None
        kind = "Float64" if isinstance(pool[0], int | float) and not isinstance(pool[0], bool) else kind
        kind = "boolean" if isinstance(pool[0], bool) else kind
        table[name] = pd.Series(values, dtype=kind or "string")
        trees[name] = draw(hierarchy_of(name, pool))
    requirements = draw(st.sampled_from(REQUIREMENTS))
    sensitive = []
    for i in range(draw(st.integers(1, 2)) if requirements.needs_sensitive else draw(st.integers(0, 1))):
        sensitive.append(f"s{i}")
        table[f"s{i}"] = pd.Series(
            draw(st.lists(st.sampled_from(["flu", "cold", None]), min_size=n, max_size=n)), dtype="string"
        )
    limit = draw(st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]))
    return pd.DataFrame(table), trees, sensitive, requirements, limit


def satisfied(rows, everyone, requirements):
    """Return whether a class (the sensitive values of its rows) satisfies, by the definitions."""
    if len(rows) < requirements.k:
        return False
    for values, overall in zip(zip(*rows, strict=True), zip(*everyone, strict=True), strict=True):
        p = Counter(values)
        q = {value: count / len(overall) for value, count in Counter(overall).items()}
        shares = sorted((count / len(values) for count in p.values()), reverse=True)
        if requirements.l is not None:
            match requirements.diversity:
                case Diversity.DISTINCT:
                    met = len(p) >= requirements.l
                case Diversity.ENTROPY:
                    met = math.exp(-sum(s * math.log(s) for s in shares)) >= requirements.l - 1e-9
                case Diversity.RECURSIVE:
                    counts = sorted(p.values(), reverse=True)
                    met = counts[0] < requirements.c * sum(counts[int(requirements.l) - 1 :])
            if not met:
                return False
        gains = {value: p[value] / len(values) - q[value] for value in q}
        if requirements.t is not None and sum(map(abs, gains.values())) / 2 > requirements.t + 1e-9:
            return False
        if requirements.alpha is not None and shares[0] > requirements.alpha + 1e-9:
            return False
        if requirements.beta is not None and any(
            gains[value] > q[value] * min(requirements.beta, -math.log(q[value])) + 1e-9 for value in p
        ):
            return False
    return True


def generalized(table, trees, node):
    """Return the rows with each quasi-identifier as its group, missing ones apart as the hierarchy says."""
    columns = []
    for (name, tree), level in zip(trees.items(), node, strict=True):
        texts, places = value_texts(table[name])
        at = tree.places(texts, numeric=pd.api.types.is_float_dtype(table[name].dtype))
        if level == 0:
            order, distinct = pd.factorize(table[name], sort=True)
            columns.append(np.where(order < 0, len(distinct), order))
        else:
            columns.append(tree.nodes(level)[at][places])
    return list(zip(*columns, strict=True))


@settings(max_examples=40, deadline=None)
@given(problems())
def test_the_release_satisfies_and_nothing_better_does(problem):
    table, trees, sensitive, requirements, limit = problem
    everyone = [tuple(row) for row in table[sensitive].astype(object).fillna("gap").to_numpy().tolist()]
    most = math.floor(limit * len(table) + 1e-9)

    def outcome(node):
        """Return suppressed rows and loss at a node, from the definitions; None if it is not admissible."""
        keys = generalized(table, trees, node)
        classes = defaultdict(list)
        for row, key in enumerate(keys):
            classes[key].append(row)

        def good(rows):
            return satisfied([everyone[row] for row in rows], everyone, requirements)

        suppressed = [row for rows in classes.values() if not good(rows) for row in rows]
        kept = [rows for rows in classes.values() if good(rows)]
        if suppressed and not good(suppressed):
            # The smallest classes join until the suppressed ones satisfy; of equal size, the first by groups.
            for key in sorted(
                (key for key in classes if good(classes[key])), key=lambda key: (len(classes[key]), key)
            ):
                suppressed += classes[key]
                kept.remove(classes[key])
                if good(suppressed):
                    break
        if len(suppressed) > most or not kept or (suppressed and not good(suppressed)):
            return None
        return suppressed, kept

    if requirements.k > len(table):
        with pytest.raises(UserError, match="smaller k"):
            generalize(table, list(trees), requirements, trees, sensitive=sensitive, suppression_limit=limit)
        return
    nodes = list(itertools.product(*(range(tree.height) for tree in trees.values())))
    admissible = {}
    for node in nodes:
        found = outcome(node)
        if found is not None:
            suppressed, kept = found
            admissible[node] = (len(suppressed), len(kept), ncp(table, trees, node, suppressed))
    if not admissible:
        with pytest.raises(UserError, match="choose"):
            generalize(table, list(trees), requirements, trees, sensitive=sensitive, suppression_limit=limit)
        return
    result = generalize(table, list(trees), requirements, trees, sensitive=sensitive, suppression_limit=limit)
    assert {node.levels for node in result.admissible} == set(admissible)
    for node in result.admissible:
        suppressed, classes, loss = admissible[node.levels]
        assert (node.suppressed_records, node.classes) == (suppressed, classes)
        assert node.loss == pytest.approx(loss, abs=1e-9)
    assert result.chosen.loss == pytest.approx(min(loss for *_, loss in admissible.values()), abs=1e-9)
    assert result.suppressed_records <= most
    part = result.partitioning
    assert part.suppressed_records == result.suppressed_records
    if len(part.class_sizes):
        cells = (part.class_sizes @ part.widths()).sum() + part.suppressed_records * len(trees)
        assert result.chosen.loss == pytest.approx(cells / (len(table) * len(trees)), abs=1e-9)
    shared = released_frame(part, table)
    assert len(shared) == len(table)
    assert shared.groupby(list(trees), dropna=False).size().min() >= requirements.k
    fewer = generalize(
        table.sample(frac=1, random_state=1),
        list(trees),
        requirements,
        trees,
        sensitive=sensitive,
        suppression_limit=limit,
        every_node=False,
    )
    assert fewer.chosen == result.chosen
    assert fewer.checked_nodes <= result.checked_nodes
    assert (fewer.partitioning.class_of_combination == part.class_of_combination).all()


def ncp(table, trees, node, suppressed):
    """Return the NCP from its definition, cell by cell."""
    total = 0.0
    for (name, tree), level in zip(trees.items(), node, strict=True):
        values = table[name]
        present = values.dropna()
        number = pd.api.types.is_float_dtype(values.dtype) or values.dtype.kind == "M"
        groups = [key[0] for key in generalized(table[[name]], {name: tree}, (level,))]
        for row in range(len(values)):
            if row in suppressed:
                total += 1
                continue
            alike = values[[group == groups[row] for group in groups]]
            if number:
                known = alike.dropna()
                whole = present.max() - present.min() if len(present) else 0
                mixed = 0 < len(known) < len(alike)
                total += 1 if mixed else (known.max() - known.min()) / whole if len(known) and whole else 0
            else:
                size = values.nunique(dropna=False)
                total += (alike.nunique(dropna=False) - 1) / (size - 1) if size > 1 else 0
    return total / (len(table) * len(trees))


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(problems())
def test_no_class_of_any_release_is_below_k_and_no_more_is_suppressed_than_allowed(problem):
    table, trees, sensitive, requirements, limit = problem
    try:
        result = generalize(
            table, list(trees), requirements, trees, sensitive=sensitive, suppression_limit=limit
        )
    except UserError:
        return
    shared = released_frame(result.partitioning, table)
    assert shared.groupby(list(trees), dropna=False).size().min() >= requirements.k
    assert result.suppressed_records <= limit * len(table) + 1e-9


def patients(n=2000, seed=3):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 95, n),
            "zip": [f"0{z}" for z in rng.integers(2100, 2199, n)],
            "ward": rng.choice(["surgery", "eyes", "heart", "skin"], n),
            "diagnosis": rng.choice(["flu", "cold", "asthma", "fracture"], n, p=[0.4, 0.3, 0.2, 0.1]),
        }
    )


COLUMNS = ["age", "zip", "ward"]


@pytest.mark.parametrize("loss", list(Loss))
@pytest.mark.parametrize("limit", [0.0, 0.05])
def test_each_loss_is_the_least_of_all_admissible_levels(loss, limit):
    table = patients()
    result = generalize(table, COLUMNS, Requirements(5), suppression_limit=limit, loss=loss)
    frontier = result.frontier()
    assert result.chosen.loss == frontier["loss"].min()
    part = result.partitioning
    n, sizes, suppressed = part.n_records, part.class_sizes, part.suppressed_records
    heights = [hierarchy.height - 1 for hierarchy in result.hierarchies]
    steps = np.mean([level / height for level, height in zip(result.chosen.levels, heights, strict=True)])
    by_hand = {
        Loss.NCP: ((sizes @ part.widths()).sum() / len(COLUMNS) + suppressed) / n,
        Loss.PRECISION: (steps * (n - suppressed) + suppressed) / n,
        Loss.DISCERNIBILITY: (sizes**2).sum() + suppressed * n,
        Loss.AVERAGE_CLASS_SIZE: sizes.mean(),
    }
    assert result.chosen.loss == pytest.approx(by_hand[loss])
    fewer = generalize(table, COLUMNS, Requirements(5), suppression_limit=limit, loss=loss, every_node=False)
    assert fewer.chosen == result.chosen


@pytest.mark.parametrize(("name", "figure"), [("KEY_SPACE", 1), ("COUNTED_KEYS", 0), ("CACHED_CELLS", 0)])
def test_the_way_in_which_classes_are_grouped_does_not_change_the_answer(monkeypatch, name, figure):
    table = patients(300)
    wanted = Requirements(3, l=2)
    found = generalize(table, COLUMNS, wanted, sensitive=["diagnosis"], suppression_limit=0.1)
    monkeypatch.setattr(rollup, name, figure)
    if name == "KEY_SPACE":
        monkeypatch.setattr(rollup, "COUNTED_KEYS", 0)
    again = generalize(table, COLUMNS, wanted, sensitive=["diagnosis"], suppression_limit=0.1)
    assert again.admissible == found.admissible
    assert (again.partitioning.class_of_combination == found.partitioning.class_of_combination).all()


def test_more_combinations_than_a_key_can_hold_are_still_told_apart():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({f"q{i}": rng.permutation(400) for i in range(8)})
    trees = {name: ranges(name, table[name], [200]) for name in table.columns}
    result = generalize(table, list(trees), Requirements(1), trees)
    assert result.chosen.levels == (0,) * 8
    assert result.partitioning.n_classes == 400
    assert generalize(table, list(trees), Requirements(400), trees).chosen.levels == (2,) * 8


def test_suppressed_records_are_a_class_that_satisfies_as_well():
    table = pd.DataFrame({"city": ["a"] * 10 + ["b"] * 6 + ["c"] * 2})
    trees = {"city": Hierarchy("city", (("a", "b", "c"), ("*",) * 3))}
    result = generalize(table, ["city"], Requirements(5), trees, suppression_limit=0.5)
    # The two of c are too few by themselves, so those of b join them.
    assert released_frame(result.partitioning, table)["city"].value_counts().to_dict() == {"a": 10, "*": 8}
    assert result.suppressed_records == 8


def test_every_sensitive_attribute_must_satisfy():
    table = pd.DataFrame({"city": list("aabb"), "illness": ["flu", "cold"] * 2, "drug": ["x", "x", "x", "y"]})
    trees = {"city": Hierarchy("city", (("a", "b"), ("*", "*")))}
    wanted = Requirements(2, l=2)
    assert generalize(table, ["city"], wanted, trees, sensitive=["illness"]).levels == {"city": 0}
    both = generalize(table, ["city"], wanted, trees, sensitive=["illness", "drug"])
    assert both.levels == {"city": 1}


def test_values_at_level_0_stay_as_they_are_and_others_show_their_group():
    table = patients(500)
    result = generalize(table, COLUMNS, Requirements(5))
    shared = released_frame(result.partitioning, table)
    for hierarchy, level in zip(result.hierarchies, result.chosen.levels, strict=True):
        group = dict(zip(hierarchy.levels[0], hierarchy.levels[level], strict=True))
        expected = table[hierarchy.column].map(str).map(group)
        assert (shared[hierarchy.column].map(str) == expected).all()
    assert (shared["diagnosis"] == table["diagnosis"]).all()


def test_the_words_of_a_result_are_its_figures():
    result = generalize(patients(), COLUMNS, Requirements(12), suppression_limit=0.3)
    assert result.suppressed_records > 0
    assert f"{result.checked_nodes:,} checked" in result.sentence()
    assert f"{result.suppressed_records:,} of 2,000 records" in result.sentence()
    frame = result.to_frame()
    assert frame["level"].tolist() == list(result.chosen.levels)
    assert (frame["released_values"] <= frame["values"]).all()


def test_a_file_and_a_frame_give_the_same_answer(tmp_path):
    table = patients(500)
    table.to_parquet(tmp_path / "t.parquet")
    results = [
        generalize(source, COLUMNS, Requirements(5), suppression_limit=0.02)
        for source in (table, str(tmp_path / "t.parquet"), open_source(table))
    ]
    assert len({result.chosen for result in results}) == 1


TREES = {"city": Hierarchy("city", (("a", "b"), ("*", "*")))}
CITY = pd.DataFrame({"city": list("aaab"), "illness": ["secretvalue"] * 4, "x": [1.0, 2.0, 3.0, np.inf]})
REFUSED = {
    "no hierarchy": (["city", "x"], Requirements(1), {}, "'x' has no hierarchy"),
    "no column": ([], Requirements(1), {}, "No quasi-identifier"),
    "k above n": (["city"], Requirements(5), {}, "smaller k"),
    "both roles": (["city"], Requirements(1), {"sensitive": ["city"]}, "choose one of the two"),
    "no sensitive": (["city"], Requirements(1, l=2), {}, "none is named"),
    "limit": (["city"], Requirements(1), {"suppression_limit": 1.5}, "share of the records"),
    "limit in words": (["city"], Requirements(1), {"suppression_limit": "some"}, "share of the records"),
    "limit nan": (["city"], Requirements(1), {"suppression_limit": math.nan}, "share of the records"),
    "loss": (["city"], Requirements(1), {"loss": "beauty"}, "choose ncp"),
    "never": (["city"], Requirements(1, l=2), {"sensitive": ["illness"]}, "choose l of at most 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_a_sentence_without_values(case):
    columns, requirements, options, message = REFUSED[case]
    with pytest.raises(UserError, match=message) as error:
        generalize(CITY, columns, requirements, TREES, **options)
    assert "secretvalue" not in str(error.value)


def test_infinite_numbers_are_refused():
    with pytest.raises(UserError, match=r"'x'.*infinite"):
        generalize(CITY, ["x"], Requirements(1))


def test_values_that_a_hierarchy_lacks_are_counted_and_not_shown():
    table = pd.DataFrame({"city": ["a", "b", "Secretplace", "Otherplace"]})
    with pytest.raises(UserError, match="'city' lacks 2 of the 4 different values") as error:
        generalize(table, ["city"], Requirements(1), TREES)
    assert "place" not in str(error.value)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Requirements(2, l=3), "choose l of at most 2"),
        (Requirements(2, l=2, diversity=Diversity.ENTROPY), r"choose l of at most 1\.75\."),
        (Requirements(2, l=2, diversity=Diversity.RECURSIVE, c=1.0), "choose c above 3"),
        (Requirements(2, alpha=0.7), "choose at least 0.75"),
    ],
)
def test_a_refusal_says_what_is_possible(wanted, message):
    table = pd.DataFrame({"city": list("aaaabbbb"), "illness": ["flu"] * 6 + ["cold"] * 2})
    with pytest.raises(UserError, match=message):
        generalize(table, ["city"], wanted, TREES, sensitive=["illness"], suppression_limit=0.9)


@pytest.fixture(scope="module")
def adult(shared_data):
    columns = ["sex", "age", "race", "marital-status", "education", "native-country"]
    source = open_source(shared_data / "adult.csv", delimiter=";")
    trees = {name: read_hierarchy(shared_data / f"adult_hierarchy_{name}.csv", name) for name in columns}
    return source, columns, trees


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("limit", "levels", "suppressed"), [(0.0, (0, 4, 1, 1, 2, 2), 0), (0.05, (0, 3, 0, 1, 1, 1), 1077)]
)
def test_anjana_chooses_levels_that_are_admissible_and_lose_more(adult, limit, levels, suppressed):
    """anjana 1.2 with k=10 on the same columns and hierarchies: its levels, and how many records it drops."""
    source, columns, trees = adult
    result = generalize(source, columns, Requirements(10), trees, suppression_limit=limit)
    theirs = next(node for node in result.admissible if node.levels == levels)
    assert theirs.suppressed_records == suppressed
    assert result.chosen.loss < theirs.loss
    assert result.partitioning.class_sizes.min() >= 10


@pytest.mark.shared_data
def test_hierarchies_are_proposed_for_adult_and_satisfy_all_that_is_required(adult):
    source, columns, _ = adult
    wanted = Requirements(10, l=3, t=0.4)
    result = generalize(
        source,
        columns,
        wanted,
        suggest_hierarchies(source, columns),
        sensitive=["occupation"],
        suppression_limit=0.05,
        every_node=False,
    )
    table = source.to_pandas()
    shared = released_frame(result.partitioning, table)
    classes = shared.groupby(columns)["occupation"]
    overall = table["occupation"].value_counts(normalize=True)
    assert classes.size().min() >= 10
    assert classes.nunique().min() >= 3
    for _, values in classes:
        share = values.value_counts(normalize=True).reindex(overall.index, fill_value=0)
        assert (share - overall).abs().sum() / 2 <= 0.4 + 1e-9
