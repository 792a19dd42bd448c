"""Passwords, second factors, lock-out, and the directory that says who belongs to which group."""
