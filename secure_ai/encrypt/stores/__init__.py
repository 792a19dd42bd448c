"""Databases and Parquet files that encrypt themselves."""

from secure_ai.encrypt.stores.database import encrypted_database
from secure_ai.encrypt.stores.errors import (
    StoreDamaged,
    StoreError,
    StoreKeysMissing,
    StoreNotEncrypted,
    WrongStoreKey,
)
from secure_ai.encrypt.stores.measure import measure_stores
from secure_ai.encrypt.stores.parquet import (
    read_encrypted_parquet,
    readable_columns,
    write_encrypted_parquet,
)
from secure_ai.encrypt.stores.sidecar import keys_path, rewrap_store

__all__ = [
    "StoreDamaged",
    "StoreError",
    "StoreKeysMissing",
    "StoreNotEncrypted",
    "WrongStoreKey",
    "encrypted_database",
    "keys_path",
    "measure_stores",
    "read_encrypted_parquet",
    "readable_columns",
    "rewrap_store",
    "write_encrypted_parquet",
]
