"""Phishing: generated mail with its cues, lookalike domains, and the evasion of a filter."""
