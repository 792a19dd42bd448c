"""Files of any size, encrypted in authenticated chunks."""
