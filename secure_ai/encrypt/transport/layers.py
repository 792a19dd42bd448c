"""Who on the way sees what: plain HTTP, a VPN, TLS, both, and encryption by the application."""

from __future__ import annotations

import pandas as pd

VPN = "NIST SP 800-77 Rev. 1, 2 and 3 (IPsec tunnel mode between gateways)"
TLS = "NIST SP 800-52 Rev. 2, 2 and 3; RFC 8446, 5.2 and appendix E.3"
APPLICATION = "NIST SP 800-77 Rev. 1, 2.1 (controls at each layer); RFC 9180 (HPKE)"

# Who reads the content; who sees the addresses of both ends; who sees sizes and times.
_OBSERVERS = (
    "someone on the local network",
    "an internet provider",
    "the VPN gateway",
    "the vendor's server",
)
_LAYERS: dict[str, tuple[str, tuple[str, str, str, str]]] = {
    # For each observer: c content, a addresses of both ends, s sizes and times; "-" where it is not on the way.
    "plain HTTP": ("RFC 9110, 17 (security considerations)", ("cas", "cas", "-", "cas")),
    "VPN only": (VPN, ("s", "s", "cas", "cas")),
    "TLS only": (TLS, ("as", "as", "-", "cas")),
    "TLS inside a VPN": (f"{VPN}; {TLS}", ("s", "s", "as", "cas")),
    "encrypted by the application, inside TLS": (APPLICATION, ("as", "as", "-", "as")),
}


def what_each_layer_hides() -> pd.DataFrame:
    """Return what each observer learns under each protection, between a hospital or bank and a vendor.

    It is a table of knowledge, not a measurement; `capture` measures the rows without a VPN. The VPN runs from
    the computer to a gateway of the organization; past the gateway, the traffic goes on without it. With a
    VPN, an observer outside sees the gateway's address and not the vendor's. "The vendor's server" is where TLS
    ends; encryption by the application ends later, where the recipient's private key is.

    Returns:
        ``protection``, ``observer``, ``content``, ``addresses`` (of both ends), ``sizes_and_times`` (each
        "seen", "hidden" or "not on the way"), and ``source``.
    """
    rows = []
    for protection, (source, seen) in _LAYERS.items():
        for observer, letters in zip(_OBSERVERS, seen, strict=True):
            rows.append((protection, observer, *(_word(letters, letter) for letter in "cas"), source))
    columns = ["protection", "observer", "content", "addresses", "sizes_and_times", "source"]
    return pd.DataFrame(rows, columns=columns)


def _word(letters: str, letter: str) -> str:
    if letters == "-":
        return "not on the way"
    return "seen" if letter in letters else "hidden"
