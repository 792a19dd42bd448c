"""Learn to put AI to work safely, and measure your own systems with the same functions."""

__version__ = "0.1.0"
