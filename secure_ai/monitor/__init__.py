"""Someone is watching: tamper-evident trail, detection in a stream, drift, alerts, the quarterly audit report."""
