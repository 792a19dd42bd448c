"""Alerts: severity, deduplication, escalation, acknowledgement, and where they are sent."""
