"""The instructor's board: a service of the hub that says who is where, and speaks to the seats."""
