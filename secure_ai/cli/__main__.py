"""Run ``python -m secure_ai.cli``."""

from secure_ai.cli import main

main()
