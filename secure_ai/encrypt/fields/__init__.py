"""Single values, encrypted and bound to their row and column; tokens by which they can be searched."""
