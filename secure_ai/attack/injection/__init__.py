"""SQL injection against a session that the database trusts."""
