"""Someone is watching: tamper-evident trail, detection in a stream, drift, alerts, quarterly report."""
