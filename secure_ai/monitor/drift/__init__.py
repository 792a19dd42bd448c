"""Drift: PSI, Kolmogorov-Smirnov and ADWIN on inputs and scores, also when labels come late."""
