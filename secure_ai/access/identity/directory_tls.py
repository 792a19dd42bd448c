"""TLS for ldap3 with the name check of Python's own ssl: ldap3's knows no IP addresses from 3.12 on."""

from __future__ import annotations

import ssl
from pathlib import Path

from ldap3 import Connection, Tls


class CheckedTls(Tls):
    """TLS 1.2 or later, with the server's certificate and name checked in the handshake.

    Args:
        ca: the PEM file of the authority to trust; None trusts what the system trusts.
    """

    def __init__(self, ca: str | Path | None) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = ssl.create_default_context(cafile=None if ca is None else str(ca))
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:
        """Put TLS around the connection's socket."""
        connection.socket = self._context.wrap_socket(
            connection.socket, do_handshake_on_connect=do_handshake, server_hostname=connection.server.host
        )
