"""Single values, encrypted and bound to their row and column; tokens by which they can be searched."""

from secure_ai.encrypt.fields.charts import plot_frequency_attack, plot_truncation
from secure_ai.encrypt.fields.cipher import FieldCipher, describe, is_encrypted
from secure_ai.encrypt.fields.columns import decrypt_columns, encrypt_columns
from secure_ai.encrypt.fields.errors import FieldError, ValueDoesNotOpen, ValueNotEncrypted
from secure_ai.encrypt.fields.files import FieldsWritten, decrypt_table_file, encrypt_table_file
from secure_ai.encrypt.fields.frequency import (
    FrequencyAttack,
    dictionary_attack,
    frequency_attack,
    truncation_tradeoff,
)
from secure_ai.encrypt.fields.search import SearchTokens
from secure_ai.encrypt.wrapped_keys import DataKeyMissing, WrappedKeys

__all__ = [
    "DataKeyMissing",
    "FieldCipher",
    "FieldError",
    "FieldsWritten",
    "FrequencyAttack",
    "SearchTokens",
    "ValueDoesNotOpen",
    "ValueNotEncrypted",
    "WrappedKeys",
    "decrypt_columns",
    "decrypt_table_file",
    "describe",
    "dictionary_attack",
    "encrypt_columns",
    "encrypt_table_file",
    "frequency_attack",
    "is_encrypted",
    "plot_frequency_attack",
    "plot_truncation",
    "truncation_tradeoff",
]
