"""Who on the way sees what: plain HTTP, a VPN, TLS, both, and encryption by the application."""

from __future__ import annotations

import pandas as pd

VPN = "NIST SP 800-77 Rev. 1, section 2 (VPN architectures)"
TLS = "NIST SP 800-52 Rev. 2, section 2; RFC 8446, appendix E.3 (traffic analysis)"
APPLICATION = "NIST SP 800-77 Rev. 1, section 2 (controls at each layer); RFC 9180 (HPKE)"

_OBSERVERS = (
    "someone on the local network",
    "a provider before the VPN gateway",
    "the VPN gateway",
    "a provider behind the VPN gateway",
    "the vendor's server",
)
# For each observer: c content, a addresses of both ends, s sizes and times; "-" where it is not on the way.
_LAYERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "plain HTTP": ("RFC 9110, 17 (security considerations)", ("cas", "cas", "-", "cas", "cas")),
    "VPN only": (VPN, ("s", "s", "cas", "cas", "cas")),
    "TLS only": (TLS, ("as", "as", "-", "as", "cas")),
    "TLS inside a VPN": (f"{VPN}; {TLS}", ("s", "s", "as", "as", "cas")),
    "encrypted by the application, inside TLS": (APPLICATION, ("as", "as", "-", "as", "as")),
}


def what_each_layer_hides() -> pd.DataFrame:
    """Return what each observer learns under each protection, between a hospital or bank and a vendor.

    It is a table of knowledge, not a measurement; `comparison` measures the rows without a VPN. The VPN runs
    from the computer to a gateway of the organization; behind the gateway, the traffic goes on without it.
    Before it, an observer sees the gateway's address and not the vendor's. "The vendor's server" is where
    TLS ends; encryption by the application ends later, where the recipient's private key is.

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


def what_each_observer_learns() -> pd.DataFrame:
    """Return :func:`what_each_layer_hides` as people read it: what is seen, in one cell for each pair.

    Returns:
        One row for each protection (the index), one column for each observer; a cell lists what is seen of
        "content", "addresses" and "sizes" (and times), or says "nothing" or "not on the way".
    """
    words = {"c": "content", "a": "addresses", "s": "sizes"}
    rows = [
        [_listed([words[letter] for letter in words if letter in letters], letters) for letters in seen]
        for _, seen in _LAYERS.values()
    ]
    return pd.DataFrame(rows, index=pd.Index(_LAYERS, name="protection"), columns=list(_OBSERVERS))


def _listed(seen: list[str], letters: str) -> str:
    return "not on the way" if letters == "-" else ", ".join(seen) or "nothing"


def _word(letters: str, letter: str) -> str:
    if letters == "-":
        return "not on the way"
    return "seen" if letter in letters else "hidden"
