"""Access rules that PostgreSQL enforces: row-level security, column grants, views, service accounts."""
