"""Forged and replayed tokens."""
