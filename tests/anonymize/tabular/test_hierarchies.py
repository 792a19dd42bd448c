"""Hierarchies: read, written, built and proposed; what is wrong with one is said without its values."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.anonymize.tabular import hierarchy_builders as build
from secure_ai.anonymize.tabular.hierarchies import Hierarchy, from_rows, read_hierarchy, value_texts
from secure_ai.core import UserError

VALUES = st.lists(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8),
    min_size=1,
    max_size=10,
    unique=True,
)


@st.composite
def hierarchies(draw, values=VALUES):
    """Groups of groups, drawn at random."""
    names = draw(values)
    levels = [tuple(names)]
    groups = list(range(len(names)))
    for level in range(draw(st.integers(0, 3))):
        merged = draw(st.lists(st.integers(0, 9), min_size=10, max_size=10))
        groups = [merged[group] for group in groups]
        levels.append(tuple(f"level {level + 1} group {group}" for group in groups))
    return Hierarchy("column", tuple(levels))


@given(hierarchies(), st.sampled_from(";,\t|"))
def test_a_hierarchy_that_was_written_reads_back_the_same(tmp_path_factory, hierarchy, delimiter):
    path = tmp_path_factory.mktemp("hierarchy") / "h.csv"
    hierarchy.write(path, delimiter=delimiter)
    again = read_hierarchy(path, "column", delimiter=delimiter)
    assert (again.levels, again.missing) == (hierarchy.levels, hierarchy.missing)


@given(hierarchies())
def test_groups_of_a_level_are_unions_of_those_below(hierarchy):
    for level in range(hierarchy.height - 1):
        pairs = set(zip(hierarchy.nodes(level), hierarchy.nodes(level + 1), strict=True))
        assert len(pairs) == len({below for below, _ in pairs})
    assert len(set(hierarchy.nodes(hierarchy.height - 1))) == 1


@pytest.mark.parametrize("delimiter", list(";,\t|"))
def test_the_separator_of_a_file_is_recognized(tmp_path, delimiter):
    path = tmp_path / "h.csv"
    rows = [["Rome", "Italy", "*"], ["Paris", "France", "*"]]
    path.write_text("".join(delimiter.join(row) + "\r\n" for row in rows), encoding="utf-8-sig")
    assert read_hierarchy(path, "city").levels == (("Rome", "Paris"), ("Italy", "France"), ("*", "*"))


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("column", "sizes"),
    [
        ("age", [100, 20, 10, 5, 1]),
        ("education", [16, 5, 3, 1]),
        ("marital-status", [7, 2, 1]),
        ("native-country", [41, 5, 1]),
        ("race", [5, 1]),
    ],
)
def test_the_files_of_arx_are_read(shared_data, column, sizes):
    hierarchy = read_hierarchy(shared_data / f"adult_hierarchy_{column}.csv", column)
    assert [len(set(level)) for level in hierarchy.levels] == sizes


WRONG = {
    "empty": ("", "empty"),
    "one field": ("secretname\nothername\n", "one field per row"),
    "uneven": ("secretname;A;*\nothername;*\n", "another length.*row 2"),
    "two parents": ("secretname;A;*\nx;B;*\nsecretname;B;*\n", "two different rows.*row 3"),
    "torn": ("secretname;A;X;*\nothername;A;Y;*\nz;B;Y;*\n", "torn"),
    "missing only": (";A;*\n", "missing values only"),
    "open quote": ('"' + "secretname;" * 40_000, "one field|quotes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_is_no_hierarchy_is_refused_without_its_values(tmp_path, case):
    text, message = WRONG[case]
    path = tmp_path / "h.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as error:
        read_hierarchy(path, "surname")
    assert "secretname" not in str(error.value)


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path):
    for path, reason in ((tmp_path / "none.csv", "no such file"), (tmp_path, "directory")):
        with pytest.raises(UserError, match=reason):
            read_hierarchy(path, "city")
    (tmp_path / "latin.csv").write_bytes("Zürich;*\n".encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8"):
        read_hierarchy(tmp_path / "latin.csv", "city")
    assert read_hierarchy(tmp_path / "latin.csv", "city", encoding="latin-1").levels[0] == ("Zürich",)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "h.csv"
    hierarchy = Hierarchy("x", (("a", "\ud800"), ("*", "*")))
    Hierarchy("x", (("a",), ("*",))).write(path)
    before = path.read_bytes()
    with pytest.raises(UserError, match="surrogates"):
        hierarchy.write(path)
    assert path.read_bytes() == before


def test_a_row_that_is_there_twice_counts_once():
    assert from_rows("x", [("a", "*"), ("a", "*"), ("b", "*")]).levels[0] == ("a", "b")


def test_a_last_level_of_anything_else_gets_one_of_stars_above():
    hierarchy = from_rows("x", [("a", "any"), ("b", "any")])
    assert hierarchy.levels == (("a", "b"), ("any", "any"), ("*", "*"))


@pytest.mark.parametrize("written", ["", "NULL"])
def test_missing_values_have_a_branch_of_their_own(written):
    hierarchy = from_rows("x", [("a", "known", "*"), (written, "unknown", "*")])
    assert hierarchy.missing == ("missing", "unknown", "*")
    assert from_rows("x", [("a", "known", "*")]).missing == ("missing", "missing", "*")
    own = hierarchy.nodes(1)
    assert own[-1] != own[0]


def test_a_missing_value_does_not_fall_in_with_the_word_missing():
    hierarchy = from_rows("x", [("missing", "missing", "other", "*"), ("a", "missing", "other", "*")])
    assert hierarchy.nodes(1)[-1] not in hierarchy.nodes(1)[:-1]
    assert hierarchy.nodes(3)[-1] == hierarchy.nodes(3)[0]


def test_lacking_values_are_counted_and_not_shown():
    hierarchy = from_rows("surname", [("known", "*")])
    with pytest.raises(UserError, match=r"'surname' lacks 2 of the 3") as error:
        hierarchy.places(["known", "Secretname", "Othername"])
    assert "name" not in str(error.value).replace("surname", "")


def test_numbers_are_found_however_they_are_written():
    hierarchy = from_rows("x", [("07", "low", "*"), ("8.0", "low", "*"), ("+1e3", "high", "*")])
    assert hierarchy.places(["1000", "7", "8"], numeric=True).tolist() == [2, 0, 1]
    with pytest.raises(UserError, match="two ways"):
        from_rows("x", [("7", "low", "*"), ("07", "high", "*")]).places(["7"], numeric=True)


def test_values_have_one_text_whatever_their_type():
    values = pd.Series([1.0, 2.5, np.nan, -0.0, 1.0])
    texts, places = value_texts(values)
    assert texts == ["1", "2.5", None, "0"]
    assert places.tolist() == [0, 1, 2, 3, 0]
    assert value_texts(pd.Series([datetime.datetime(2024, 3, 9)]))[0] == ["2024-03-09"]
    with pytest.raises(UserError, match="infinite"):
        value_texts(pd.Series([1.0, np.inf], name="x"))


def test_ranges_nest_and_are_cut_at_bottom_and_top():
    hierarchy = build.ranges("age", [12, 17, 24, 25, 93, None], [5, 10], bottom=17, top=90)
    assert hierarchy.levels == (
        ("12", "17", "24", "25", "93"),
        ("< 17", "[17, 19]", "[20, 24]", "[25, 29]", "≥ 90"),
        ("< 17", "[17, 19]", "[20, 29]", "[20, 29]", "≥ 90"),
        ("*",) * 5,
    )


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    st.floats(0.01, 100),
    st.lists(st.integers(2, 5), max_size=4),
)
def test_a_number_lies_in_each_of_its_ranges(numbers, first, factors):
    widths = [first]
    for factor in factors:
        widths.append(widths[-1] * factor)
    hierarchy = build.ranges("x", numbers, widths)
    for value, *ranges in zip(*hierarchy.levels[:-1], strict=True):
        for text in ranges:
            low, high = (float(end) for end in text[1:-1].split(", ")) if "," in text else (float(text),) * 2
            slack = 1e-9 * max(1, abs(low), abs(high))
            assert low - slack <= float(value) <= high + slack


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [5, 12]), "do not nest"),
        (([1, 2], [10, 5]), "do not nest"),
        (([1, 2], []), "widths"),
        (([1, 2], [0]), "widths"),
        ((["secretname"], [5]), "no numbers"),
        (([None], [5]), "no value"),
        (("secretname", [5]), "not one text"),
    ],
)
def test_ranges_that_cannot_be_built_say_why(arguments, message):
    with pytest.raises(UserError, match=message) as error:
        build.ranges("x", *arguments)
    assert "secretname" not in str(error.value)
    with pytest.raises(UserError, match="exchange"):
        build.ranges("x", [1, 2], [5], bottom=9, top=3)


def test_dates_become_months_quarters_years_and_decades():
    values = [datetime.date(2024, 3, 9), "1929-12-31", None]
    hierarchy = build.dates("born", values, ("month", "quarter", "year", "decade"), bottom=1930)
    assert list(zip(*hierarchy.levels, strict=True)) == [
        ("1929-12-31", *["before 1930"] * 4, "*"),
        ("2024-03-09", "2024-03", "2024-Q1", "2024", "2020-2029", "*"),
    ]
    with pytest.raises(UserError, match="1 different values that are no dates"):
        build.dates("born", ["2024-02-31"])
    with pytest.raises(UserError, match="in this order"):
        build.dates("born", values, ("year", "month"))


def test_prefixes_put_back_the_zero_that_a_spreadsheet_dropped():
    hierarchy = build.prefixes("zip", [2139, 90210], (3, 1), width=5)
    assert hierarchy.levels == (("2139", "90210"), ("021*", "902*"), ("0*", "9*"), ("*", "*"))
    icd = build.prefixes("icd", ["E11", "E11.9", "I10"], (3, 1))
    assert icd.levels[1] == ("E11*", "E11*", "I10*")
    with pytest.raises(UserError, match="fall"):
        build.prefixes("zip", ["02139"], (1, 3))


@given(VALUES, st.sampled_from(["right", "left"]))
def test_masks_of_any_text_are_a_hierarchy(values, side):
    hierarchy = build.masks("x", values, side=side)
    for level in range(1, hierarchy.height - 1):
        for text, masked in zip(hierarchy.levels[0], hierarchy.levels[level], strict=True):
            assert len(masked) == len(text)
            assert masked.count("*") >= min(level, len(text))


def test_masks_begin_on_the_side_that_is_named():
    assert build.masks("x", ["abc"]).levels == (("abc",), ("ab*",), ("a**",), ("*",))
    assert build.masks("x", ["abc"], side="left", steps=[2]).levels == (("abc",), ("**c",), ("*",))
    with pytest.raises(UserError, match="right or left"):
        build.masks("x", ["abc"], side="top")


NESTED = {"Europe": {"South": ["Italy", "Spain"]}, "Asia": ["Japan"]}
PARENTS = {"Italy": "South", "Spain": "South", "South": "Europe", "Europe": "*", "Japan": "Asia"}


@pytest.mark.parametrize("tree", [NESTED, PARENTS])
def test_a_taxonomy_has_terms_at_one_distance_from_the_root_on_one_level(tree):
    hierarchy = build.taxonomy("country", tree)
    assert set(zip(*hierarchy.levels, strict=True)) == {
        ("Italy", "South", "Europe", "*"),
        ("Spain", "South", "Europe", "*"),
        ("Japan", "Japan", "Asia", "*"),
    }


def test_a_taxonomy_takes_values_that_are_no_leaves():
    hierarchy = build.taxonomy("country", NESTED, values=["Europe", "Italy"])
    assert ("Europe", "Europe", "Europe", "*") in set(zip(*hierarchy.levels, strict=True))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({}, "empty"),
        ({"a": "b", "b": "a"}, "circle"),
        ({"a": "b", "b": "c", "c": "b"}, "circle"),
        ({"a": "a"}, "circle"),
        ({"North": ["x"], "South": ["x"]}, "two parents"),
        ({"x": ["x"]}, "two parents"),
    ],
)
def test_a_taxonomy_that_is_no_tree_is_refused(tree, message):
    with pytest.raises(UserError, match=message):
        build.taxonomy("x", tree)


def test_frequency_is_the_last_resort_and_says_so():
    hierarchy = build.frequent_values("job", {"nurse": 90, "judge": 3, "pilot": 3})
    assert hierarchy.levels[1] == ("other", "nurse", "other")
    assert "last resort" in hierarchy.sentence()


def test_a_hierarchy_is_proposed_for_every_kind_of_column():
    rng = np.random.default_rng(5)
    n = 400
    table = pd.DataFrame(
        {
            "age": rng.integers(0, 99, n),
            "zip": [f"{z:05d}" for z in rng.integers(1000, 99999, n)],
            "born": pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 20_000, n), "D"),
            "icd": rng.choice(["E11.9", "E10.1", "I10", "J45.909"], n),
            "income": rng.normal(50_000, 9_000, n),
            "sex": rng.choice(["f", "m"], n),
            "smoker": rng.random(n) < 0.3,
            "ward": rng.choice(["内科", "外科", "眼科", "皮膚科"], n, p=[0.5, 0.44, 0.03, 0.03]),
            "nothing": pd.Series([None] * n, dtype="string"),
        }
    )
    table.loc[:3, ["zip", "income", "ward"]] = None
    proposed = build.suggest_hierarchies(table, list(table.columns))
    notes = {name: hierarchy.note.split(",")[0] for name, hierarchy in proposed.items()}
    assert notes["age"] == "ranges of 5"
    assert proposed["age"].levels[1][-1] == "≥ 90"
    assert notes["zip"] == "the first 3"
    assert notes["born"] == "dates by month"
    assert notes["icd"] == "the first 3"
    assert notes["income"].startswith("ranges of")
    assert notes["sex"] == notes["smoker"] == notes["ward"] == "by frequency alone"
    assert set(proposed["ward"].levels[1]) == {"内科", "外科", "other"}
    for name in table.columns:
        texts, _ = value_texts(table[name])
        proposed[name].places(texts, numeric=name in {"age", "income"})
