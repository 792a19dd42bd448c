"""The command ``secure-ai``: check the kit, open it, make data, remove personal data, keep keys, assess."""

from secure_ai.cli import access, assessment, encryption, personal_data, playbook, tables  # noqa: F401  (each adds its commands)
from secure_ai.cli.app import invoke, main, root

__all__ = ["invoke", "main", "root"]
