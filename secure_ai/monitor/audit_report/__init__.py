"""The quarterly audit report, from the log alone."""
