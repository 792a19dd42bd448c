"""A month of activity: who opened, exported, asked and paid what, with planted incidents and their truth."""
