"""Hand-over packages: what is in them, for whom and what for, signed by the sender and by the recipient."""
