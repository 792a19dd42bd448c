"""What scanners say of files, beside what the files do."""

from __future__ import annotations

import pickle

import pytest

from secure_ai.attack.supply_chain import honest_files, payload_files, payloads
from secure_ai.core import UserError
from secure_ai.defend.model_files import compare_scanners, plot_scanners

BY_NAME = {payload.name: payload for payload in payloads()}


def test_a_list_of_bad_names_misses_what_is_not_on_it(tmp_path):
    honest = tmp_path / "weights.pkl"
    honest.write_bytes(pickle.dumps({"coef": [0.1]}))
    hostile = {name: BY_NAME[name].write(tmp_path) for name in ("shell command", "timer", "compressed")}
    found = compare_scanners(hostile, {"plain numbers": honest})
    table = found.to_frame().set_index("file")
    assert table.loc["shell command", ["fickling", "modelscan", "names"]].tolist() == ["flagged"] * 3
    assert found.missed("modelscan") == ["timer", "compressed"]
    assert found.missed("fickling") == ["compressed"] and not found.missed("names")
    assert table.loc["plain numbers", ["fickling", "modelscan", "names"]].tolist() == ["passed"] * 3
    assert "Neither fickling nor modelscan flags: compressed." in found.sentence()
    assert [round(m.value, 2) for m in found.measurements()] == [0.67, 0.33, 1.0]
    assert "modelscan misses 2" in plot_scanners(found).axes[0].get_title()


def test_both_groups_are_needed(tmp_path):
    with pytest.raises(UserError, match="give both"):
        compare_scanners({}, {})


@pytest.mark.slow
def test_no_scanner_that_flags_nearly_all_spares_honest_models(tmp_path):
    found = compare_scanners(payload_files(tmp_path), honest_files(tmp_path))
    figures = {m.name.rpartition("_")[2]: m for m in found.measurements()}
    assert figures["names"].value == 1 and figures["names"].control == 0
    assert figures["fickling"].value > 0.8 and figures["fickling"].control > 0.3
    assert figures["modelscan"].value < 0.5 and figures["modelscan"].control == 0
