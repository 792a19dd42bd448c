"""Learning with differential privacy: what it costs, and models trained by DP-SGD."""
