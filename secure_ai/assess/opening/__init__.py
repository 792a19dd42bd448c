"""Open what the parameters name, whatever its kind, bounded and without a word of its content in errors."""
