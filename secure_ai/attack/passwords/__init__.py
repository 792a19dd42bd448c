"""Cracking of password hashes by dictionary and rules."""
