"""Attacks on released tables: who is it, what is their secret, and what do two releases say together."""
