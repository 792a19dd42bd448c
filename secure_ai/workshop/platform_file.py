"""What a learning platform gave for launches by LTI 1.3, read from a file of the instructor."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from secure_ai.core.errors import UserError, system_reason

LTI = "lti"  # its name in ``Settings.more``
KEYS = ("issuer", "client_id", "authorize_url", "jwks_endpoint")
ADDRESSES = ("issuer", "authorize_url", "jwks_endpoint")
LOCAL = ("127.0.0.1", "localhost", "::1")
LARGEST_FILE = 64 * 2**10
HELP = "workshop/lti/README.md shows one"


def read_platform(file: Path) -> dict[str, Any]:
    """Return the platform's values by name, as the hub takes them.

    Args:
        file: YAML, or JSON, with the four values that :data:`KEYS` names.

    Raises:
        UserError: if it cannot be read, or something in it is missing, too much, or no address.
    """
    import yaml

    try:
        if not file.is_file():
            raise UserError("The platform's file (--lti) is not there, or is no file: check its name.")
        with file.open("rb") as opened:
            raw = opened.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise UserError(f"The platform's file (--lti) is larger than {LARGEST_FILE >> 10} KB: {HELP}.")
        content = yaml.safe_load(raw.decode("utf-8-sig"))
    except OSError as error:
        raise UserError(f"The platform's file (--lti) cannot be read ({system_reason(error)}).") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise UserError(f"The platform's file (--lti) is no YAML and no JSON: {HELP}.") from None
    return check_platform(content)


def check_platform(content: object) -> dict[str, Any]:
    """Return the platform's values, checked; they are not shown in what is raised.

    Raises:
        UserError: as :func:`read_platform`.
    """
    if isinstance(content, dict) and set(content) == {LTI}:
        content = content[LTI]
    if not isinstance(content, dict) or set(content) != set(KEYS):
        raise UserError(f"The platform's file (--lti) must have {', '.join(KEYS)} and nothing else: {HELP}.")
    for key in ADDRESSES:
        if not _is_address(content[key]):
            raise UserError(f"{key} in the platform's file (--lti) must be an https address.")
    client = content["client_id"]
    clients = client if isinstance(client, list) else [client]
    if not clients or not all(isinstance(one, str) and one for one in clients):
        raise UserError(
            "client_id in the platform's file (--lti) is the text that the platform gave this tool, or a "
            "list of such: write a number in quotation marks."
        )
    return {key: content[key] for key in KEYS}


def _is_address(text: object) -> bool:
    try:
        address = urlsplit(text) if isinstance(text, str) else urlsplit("")
        return bool(address.hostname) and (
            address.scheme == "https" or (address.scheme == "http" and address.hostname in LOCAL)
        )
    except ValueError:
        return False
