"""Where an organization keeps personal data: tables, files, notes, indexes, logs, backups, models."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "backups": ("Backup",),
        "build": ("build_estate",),
        "counted_model": ("CountedModel",),
        "duckdb_table": ("DuckdbTable",),
        "estate": ("Estate",),
        "full_text": ("FullTextIndex",),
        "load": ("load_estate",),
        "mentions": ("Mentions",),
        "people": ("IdentitySource", "People"),
        "pseudonym_log": ("PseudonymLog",),
        "receipt": ("ErasureReceipt",),
        "record_file": ("RecordFile",),
        "sqlite_table": ("SqliteTable",),
        "statistics": ("Statistic", "Statistics"),
        "store": ("Block", "Blocker", "Holding", "Kind", "Removal", "Store"),
        "subject": ("Subject",),
        "suppression": ("Suppression",),
        "text_folder": ("TextFolder",),
        "vector_index": ("VectorIndex",),
    },
)
