"""Someone is watching: tamper-evident trail, detection in a stream, drift, alerts, and the quarterly audit report."""
