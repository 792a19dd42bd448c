"""The audit trail: append-only, hash-chained, signed at checkpoints, in SQLite or PostgreSQL."""
