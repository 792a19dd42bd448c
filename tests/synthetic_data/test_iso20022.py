"""Wires as pacs.008: what is written parses back through pyiso20022 and the totals agree."""

from __future__ import annotations

from decimal import Decimal

import pytest

from synthetic_data import load
from synthetic_data.finance import iso20022
from synthetic_data.generate import write_dataset


@pytest.fixture(scope="module")
def wires():
    return load("finance", seed=7, rows=4_000)["wires"]


def test_messages_parse_back_and_totals_agree(wires, monkeypatch):
    monkeypatch.setattr(iso20022, "BATCH", 30)
    documents = iso20022.messages(wires, 1)
    assert len(documents) == -(-len(wires) // 30)
    bodies = [iso20022.parse(xml).fito_ficstmr_cdt_trf for xml in documents]
    assert sum(int(body.grp_hdr.nb_of_txs) for body in bodies) == len(wires)
    total = sum((body.grp_hdr.ctrl_sum for body in bodies), Decimal(0))
    assert total == sum((Decimal(f"{amount:.2f}") for amount in wires["amount"]), Decimal(0))
    assert len({body.grp_hdr.msg_id for body in bodies}) == len(bodies)


def test_every_field_of_a_wire_is_in_its_transfer(wires):
    body = iso20022.parse(iso20022.messages(wires, 1)[0]).fito_ficstmr_cdt_trf
    for transfer, wire in zip(body.cdt_trf_tx_inf, wires.to_dict("records"), strict=True):
        assert transfer.pmt_id.uetr == wire["uetr"]
        assert transfer.dbtr.nm == wire["debtor_name"]
        assert transfer.cdtr.nm == wire["creditor_name"]
        assert transfer.dbtr_acct.id.iban == wire["debtor_iban"]
        assert transfer.cdtr_acct.id.iban == wire["creditor_iban"]
        assert transfer.dbtr_agt.fin_instn_id.bicfi == wire["debtor_bic"]
        assert transfer.cdtr_agt.fin_instn_id.bicfi == wire["creditor_bic"]
        assert transfer.intr_bk_sttlm_amt.ccy == wire["currency"]
        assert str(transfer.intr_bk_sttlm_dt) == f"{wire['settlement_date']:%Y-%m-%d}"
        assert transfer.rmt_inf.ustrd == [wire["remittance"]]


def test_messages_are_in_the_namespace_of_the_standard(wires):
    xml = iso20022.messages(wires.head(2), 1)[0].decode("utf-8")
    assert xml.startswith("<?xml")
    assert f'xmlns="{iso20022.NAMESPACE}"' in xml


def test_a_message_with_a_changed_amount_is_refused(wires):
    rows = wires.head(3).to_dict("records")
    xml = iso20022.render(rows, "HARBOR-1")
    rows[0]["amount"] += 1
    with pytest.raises(ValueError, match="does not parse back"):
        iso20022.check(xml, rows)


def test_names_with_markup_and_accents_survive(wires):
    rows = wires.head(1).to_dict("records")
    rows[0]["creditor_name"] = 'Müller & Søn <"Ltd">'
    body = iso20022.parse(iso20022.render(rows, "HARBOR-1")).fito_ficstmr_cdt_trf
    assert body.cdt_trf_tx_inf[0].cdtr.nm == 'Müller & Søn <"Ltd">'


def test_no_wires_make_no_message(wires):
    assert iso20022.messages(wires.head(0), 1) == []


def test_files_hold_a_bounded_number_of_transfers(tmp_path, wires, monkeypatch):
    monkeypatch.setattr(iso20022, "BATCH", 40)
    files = write_dataset("finance", rows=4_000, seed=7, out=tmp_path / "d", fmt="iso20022", workers=1)
    messages = [iso20022.parse(path.read_bytes()) for path in files if path.suffix == ".xml"]
    counts = [len(message.fito_ficstmr_cdt_trf.cdt_trf_tx_inf) for message in messages]
    assert max(counts) <= 40 and sum(counts) == len(wires)
