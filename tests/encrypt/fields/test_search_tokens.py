"""Search tokens find rows, show frequencies, and fall with their key."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.core.errors import UserError
from secure_ai.encrypt.fields import SearchTokens, dictionary_attack, frequency_attack, truncation_tradeoff
from secure_ai.encrypt.fields.charts import plot_frequency_attack, plot_truncation
from secure_ai.encrypt.secret_keys import Key

KEY = Key(bytes(range(64)))


def test_equal_values_have_equal_tokens_in_one_column_only():
    tokens = SearchTokens(KEY, table="t", column="c")
    assert tokens.token("I10") == SearchTokens(KEY, table="t", column="c").token("I10")
    others = [
        SearchTokens(KEY, table="t", column="d"),
        SearchTokens(KEY, table="u", column="c"),
        SearchTokens(KEY, table="t c", column=""),
        SearchTokens(Key(bytes(64)), table="t", column="c"),
    ]
    assert len({tokens.token("I10"), *(other.token("I10") for other in others)}) == 5
    assert tokens.token("1") != tokens.token(1) != tokens.token(True)
    assert len(tokens.token("I10")) == 32


def test_a_search_finds_exactly_the_rows_of_a_value(diagnoses):
    tokens = SearchTokens(KEY, table="diagnoses", column="icd10_code")
    stored = tokens.tokens(diagnoses["icd10_code"])
    for code in diagnoses["icd10_code"].unique()[:20]:
        assert np.array_equal(tokens.matches(stored, code), diagnoses["icd10_code"] == code)


def test_short_tokens_never_lose_a_row(diagnoses):
    tokens = SearchTokens(KEY, table="t", column="c", bits=5)
    stored = tokens.tokens(diagnoses["icd10_code"])
    assert stored.nunique() <= 32
    for code in diagnoses["icd10_code"].unique()[:20]:
        wanted = (diagnoses["icd10_code"] == code).to_numpy()
        assert tokens.matches(stored, code)[wanted].all()


def test_missing_has_no_token_and_case_can_be_folded():
    tokens = SearchTokens(KEY, table="t", column="c", fold_case=True)
    stored = tokens.tokens(pd.Series(["Müller ", None, "MÜLLER", float("nan")], index=[5, 6, 7, 8]))
    assert stored.isna().tolist() == [False, True, False, True]
    assert stored.index.tolist() == [5, 6, 7, 8]
    assert tokens.matches(stored, "müller").tolist() == [True, False, True, False]
    with pytest.raises(UserError, match="missing value"):
        tokens.matches(stored, None)
    with pytest.raises(UserError, match="list"):
        tokens.token(["x"])
    with pytest.raises(UserError, match="1 to 128"):
        SearchTokens(KEY, table="t", column="c", bits=0)


@pytest.mark.parametrize("table", ["diagnoses", "transactions"])
def test_frequencies_of_an_older_table_read_much_of_a_newer_one(request, table):
    frame = request.getfixturevalue(table)
    values = frame["chapter" if table == "diagnoses" else "mcc"]
    half = len(values) // 2
    stored = SearchTokens(KEY, table="t", column="c").tokens(values[half:])
    found = frequency_attack(stored, values[:half].value_counts(), values[half:])
    assert found.success > found.baseline
    assert "%" in found.sentence()
    assert "token" not in found.to_frame()
    axes = plot_frequency_attack(found).axes[0]
    assert "%" in axes.get_title(loc="left")
    shown = found.guesses["right"].head(12)
    told = {True: "guessed right", False: "guessed wrong"}
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {told[hit] for hit in shown}


def test_the_attack_with_the_exact_and_distinct_frequencies_reads_all():
    values = pd.Series(["a"] * 5 + ["b"] * 3 + ["c"])
    stored = SearchTokens(KEY, table="t", column="c").tokens(values)
    found = frequency_attack(stored, values.value_counts(), values)
    assert (found.success, found.baseline, found.leading) == (1.0, 5 / 9, 3)
    unknown = frequency_attack(stored, {"a": 0.5, "b": 0.3})
    assert np.isnan(unknown.success) and "not known" in unknown.sentence()


def test_with_the_key_few_possible_values_are_all_read(patients):
    tokens = SearchTokens(KEY, table="patients", column="birth_date")
    stored = tokens.tokens(patients["birth_date"])
    every_day = pd.date_range("1920-01-01", "2026-12-31", unit="us")
    assert dictionary_attack(stored, every_day, tokens) == 1.0
    other = SearchTokens(Key(bytes(64)), table="patients", column="birth_date")
    assert dictionary_attack(stored, every_day[-5000:], other) == 0.0
    assert dictionary_attack(stored, every_day[-5000:], tokens) > 0


def test_shorter_tokens_hide_more_and_return_more(diagnoses):
    values = diagnoses["icd10_code"]
    table = truncation_tradeoff(values, values.value_counts(), KEY, bits=(2, 6, 128)).set_index("bits")
    assert table["wanted_share"].is_monotonic_increasing
    assert table.loc[128, "wanted_share"] == 1
    assert table.loc[2, "attack_success"] < table.loc[128, "attack_success"]
    assert table.loc[2, "tokens"] <= 4
    assert "2 bits" in plot_truncation(table.reset_index()).axes[0].get_title(loc="left")


def test_bad_input_of_the_attack_is_a_sentence():
    with pytest.raises(UserError, match="needs tokens"):
        frequency_attack([], {"a": 1})
    with pytest.raises(UserError, match="one for each row"):
        frequency_attack(["x"], {"a": 1}, ["a", "b"])
    with pytest.raises(UserError, match="no tokens"):
        dictionary_attack(pd.Series([], dtype="str"), ["a"], SearchTokens(KEY, table="t", column="c"))
    with pytest.raises(UserError, match="no values"):
        truncation_tradeoff(pd.Series([None]), {"a": 1}, KEY)
