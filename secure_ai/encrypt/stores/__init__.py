"""Databases and Parquet files that encrypt themselves."""
