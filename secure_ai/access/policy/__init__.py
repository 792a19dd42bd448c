"""Policies in Cedar for the hospital and the bank: decisions, their reasons, and what nobody uses."""
