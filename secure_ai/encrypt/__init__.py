"""Keys, encrypted values, files and stores, and what travels over the wire."""
