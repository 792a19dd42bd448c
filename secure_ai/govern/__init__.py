"""Decisions about AI that can be checked: what losses cost, who answers for what, what may be used how."""
