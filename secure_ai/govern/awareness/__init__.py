"""Awareness: the phishing trainer, its adapting score, and a reporting culture that is measured."""
