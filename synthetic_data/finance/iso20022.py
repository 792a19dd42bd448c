"""Wire transfers as ISO 20022 messages: pacs.008.001.08, FI to FI customer credit transfer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"
BATCH = 500
"""Transfers to a message: bounds the size of a file and the memory to build it."""


def messages(wires: pd.DataFrame, first_number: int) -> list[bytes]:
    """The wires as pacs.008 messages of at most ``BATCH`` transfers each, in order.

    Args:
        wires: rows of the table ``wires``.
        first_number: of the first message; it is part of the message id.

    Returns:
        UTF-8 XML documents. Each was parsed back and its count and control sum compared.

    Raises:
        ValueError: a message that was parsed back differs from what went in.
    """
    documents = []
    for offset in range(0, len(wires), BATCH):
        rows = wires.iloc[offset : offset + BATCH].to_dict("records")
        xml = render(rows, f"HARBOR-{first_number + len(documents):08d}")
        check(xml, rows)
        documents.append(xml)
    return documents


def render(rows: list[Mapping[str, Any]], message_id: str) -> bytes:
    """One message with a credit transfer for each row."""
    from pyiso20022.pacs import pacs_008_001_08 as pacs
    from xsdata.formats.dataclass.serializers import XmlSerializer
    from xsdata.formats.dataclass.serializers.writers import XmlEventWriter
    from xsdata.models.datatype import XmlDateTime

    latest = max(row["timestamp"] for row in rows)
    header = pacs.GroupHeader93(
        msg_id=message_id,
        cre_dt_tm=XmlDateTime.from_string(f"{latest:%Y-%m-%dT%H:%M:%S}Z"),
        nb_of_txs=str(len(rows)),
        ctrl_sum=sum((_money(row["amount"]) for row in rows), Decimal(0)),
        sttlm_inf=pacs.SettlementInstruction7(sttlm_mtd=pacs.SettlementMethod1Code.CLRG),
    )
    document = pacs.Document(
        fito_ficstmr_cdt_trf=pacs.FitoFicustomerCreditTransferV08(
            grp_hdr=header, cdt_trf_tx_inf=[_transfer(pacs, row) for row in rows]
        )
    )
    # The standard library's writer is named, so that an installed lxml cannot change the bytes.
    text = XmlSerializer(writer=XmlEventWriter).render(document, ns_map={None: NAMESPACE})
    return text.encode("utf-8")


def parse(xml: bytes) -> Any:
    """A pacs.008 document as pyiso20022 objects."""
    from pyiso20022.pacs.pacs_008_001_08 import Document
    from xsdata.formats.dataclass.parsers import XmlParser
    from xsdata.formats.dataclass.parsers.handlers import XmlEventHandler

    return XmlParser(handler=XmlEventHandler).from_bytes(xml, Document)


def check(xml: bytes, rows: list[Mapping[str, Any]]) -> None:
    """Parse a message and compare count, sum and every reference with the rows it was made from.

    Raises:
        ValueError: they differ.
    """
    body = parse(xml).fito_ficstmr_cdt_trf
    transfers = body.cdt_trf_tx_inf
    total = sum((transfer.intr_bk_sttlm_amt.value for transfer in transfers), Decimal(0))
    expected = sum((_money(row["amount"]) for row in rows), Decimal(0))
    references = [transfer.pmt_id.end_to_end_id for transfer in transfers]
    same = (
        int(body.grp_hdr.nb_of_txs) == len(transfers) == len(rows)
        and body.grp_hdr.ctrl_sum == total == expected
        and references == [row["end_to_end_id"] for row in rows]
    )
    if not same:
        raise ValueError(
            f"The message {body.grp_hdr.msg_id} does not parse back to the wires that it was made from; "
            "please report this as a fault of the generator."
        )


def _transfer(pacs: Any, row: Mapping[str, Any]) -> Any:
    from xsdata.models.datatype import XmlDate

    return pacs.CreditTransferTransaction39(
        pmt_id=pacs.PaymentIdentification7(
            instr_id=row["wire_id"],
            end_to_end_id=row["end_to_end_id"],
            tx_id=row["transaction_id"],
            uetr=row["uetr"],
        ),
        intr_bk_sttlm_amt=pacs.ActiveCurrencyAndAmount(value=_money(row["amount"]), ccy=row["currency"]),
        intr_bk_sttlm_dt=XmlDate.from_date(_date(row["settlement_date"])),
        chrg_br=pacs.ChargeBearerType1Code(row["charge_bearer"]),
        dbtr=pacs.PartyIdentification135(nm=row["debtor_name"][:140]),
        dbtr_acct=_account(pacs, row["debtor_iban"]),
        dbtr_agt=_agent(pacs, row["debtor_bic"]),
        cdtr_agt=_agent(pacs, row["creditor_bic"]),
        cdtr=pacs.PartyIdentification135(nm=row["creditor_name"][:140]),
        cdtr_acct=_account(pacs, row["creditor_iban"]),
        rmt_inf=pacs.RemittanceInformation16(ustrd=[row["remittance"][:140]]),
    )


def _account(pacs: Any, iban: str) -> Any:
    return pacs.CashAccount38(id=pacs.AccountIdentification4Choice(iban=iban))


def _agent(pacs: Any, bic: str) -> Any:
    return pacs.BranchAndFinancialInstitutionIdentification6(
        fin_instn_id=pacs.FinancialInstitutionIdentification18(bicfi=bic)
    )


def _money(amount: float) -> Decimal:
    return Decimal(f"{amount:.2f}")


def _date(value: Any) -> date:
    return pd.Timestamp(value).date()
