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
from secure_ai.anonymize.tabular.full_domain import generalize
from secure_ai.anonymize.tabular.hierarchies import Hierarchy, read_hierarchy, value_texts
from secure_ai.anonymize.tabular.hierarchy_builders import ranges, suggest_hierarchies
from secure_ai.anonymize.tabular.level_search import Loss
from secure_ai.anonymize.tabular.partitioning import NO_CLASS
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
    """Return whether a class (its sensitive values, attribute by attribute) satisfies; from the definitions."""
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
        groups = np.arange(len(texts)) if level == 0 else tree.nodes(level)[at]
        columns.append(groups[places])
    return list(zip(*columns, strict=True))


def released(result, table):
    """Return the table as it is released: one text for each quasi-identifier of each row."""
    part = result.partitioning
    rows = []
    for codes, records, number in zip(part.codes, part.records, part.class_of_combination, strict=True):
        texts = ["*"] * len(codes)
        if number != NO_CLASS:
            texts = [part.released(i)[number] for i in range(len(codes))]
        rows.append((tuple(int(code) for code in codes), tuple(texts), int(records)))
    return rows


@settings(max_examples=300, deadline=None)
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
        with pytest.raises(UserError, match="No levels of these hierarchies"):
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
    seen = Counter()
    for _, texts, records in released(result, table):
        seen[texts] += records
    assert min(seen.values()) >= requirements.k
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
