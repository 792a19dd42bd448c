"""Releases with differential privacy: noisy answers, a budget that runs out, and private learning."""
