"""De-identify texts and tables with one policy, one key and one set of made-up people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from secure_ai.anonymize.deidentify.actions import Actions
from secure_ai.anonymize.deidentify.geography import SMALL_ZIP3
from secure_ai.anonymize.deidentify.policy import Policy, load_policy
from secure_ai.anonymize.deidentify.receipt import Journal, Receipt
from secure_ai.anonymize.deidentify.text import TextCleaner
from secure_ai.anonymize.deidentify.vault import TokenVault
from secure_ai.core.errors import UserError
from secure_ai.core.sources import Source, open_source
from secure_ai.encrypt.secret_keys import Key, load_key

if TYPE_CHECKING:
    import pandas as pd


def _as_text(value: object) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value)


class Deidentifier:
    """De-identifies texts and tables; the same person gets the same made-up name in all of them.

    Args:
        policy: a policy, the name of one of the kit's, or the path of a YAML file.
        key: a key, or the path of a key file; needed where the policy computes anything from a value.
        vault: a vault, or the path of its file, to keep random tokens and codes beyond the run.
        seed: makes random tokens and codes repeatable, for tests and lessons only.
        as_of: year for the rule of ages over 89; this year if not given.
        small_zip3: three-digit ZIP areas that become 000; the 17 of HHS's guidance if not given.

    Raises:
        UserError: if the policy is not valid, needs a key that is missing, or the vault does not open.
    """

    def __init__(
        self,
        policy: str | Path | Policy,
        key: Key | str | Path | None = None,
        *,
        vault: TokenVault | str | Path | None = None,
        seed: int | None = None,
        as_of: int | None = None,
        small_zip3: frozenset[str] = SMALL_ZIP3,
    ) -> None:
        self.policy = load_policy(policy)
        key = load_key(key) if isinstance(key, str | Path) else key
        if isinstance(vault, str | Path):
            vault = TokenVault(vault, key, seed=seed)
        self.actions = Actions(self.policy, key, vault=vault, seed=seed, as_of=as_of, small_zip3=small_zip3)
        self.journal = Journal()
        self._cleaner = TextCleaner(self.actions)

    def text(self, texts: Iterable[str], person_ids: Sequence[object] | None = None) -> list[str]:
        """Return ``texts`` without what the policy removes, each looked at again afterwards.

        Args:
            texts: documents; names are linked within each of them.
            person_ids: whose document each is, so that all dates of a person move by the same days;
                if not given, the person whom a document mentions most often.

        Raises:
            UserError: if ``texts`` is one string or the ids are not as many.
        """
        if isinstance(texts, str):
            raise UserError("text() takes a list of texts, not one string: write text([note]).")
        texts = [_as_text(text) for text in texts]
        ids = None if person_ids is None else [str(person) for person in person_ids]
        cleaned = self._cleaner.clean(texts, ids)
        for document in cleaned:
            self.journal.tally.add(document.tally)
        self.journal.rows += len(texts)
        return [document.text for document in cleaned]

    def table(self, table: pd.DataFrame | pa.Table | Source | str | Path, person_column: str | None = None):
        """Return a table without what the policy removes, column by column.

        Args:
            table: a DataFrame or Arrow table, which comes back as what it was; a source or path, which
                comes back as a DataFrame.
            person_column: column that says whose record a row is, for shifted dates; found by name and
                content if not given.

        Raises:
            UserError: if the table cannot be read, or the policy's rule for a column is not permitted.
        """
        from secure_ai.anonymize.deidentify.tables import clean_table

        source = table if isinstance(table, Source) else open_source(table)
        cleaned, _ = clean_table(self.actions, source, self.journal, person=person_column)
        return cleaned if isinstance(table, pa.Table) else cleaned.to_pandas()

    def receipt(self) -> Receipt:
        """Return the receipt of everything that was de-identified so far."""
        return self.journal.receipt(self.policy, self.actions.as_of)
