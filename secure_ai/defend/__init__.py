"""The answer to each attack, with what it costs in accuracy, money and time."""
