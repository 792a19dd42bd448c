"""Who learns what of an update in a masked round of a given size, and what masks cannot do."""

from __future__ import annotations

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.secure_aggregation.participant import LEAST_CLIENTS, least_for


def what_masks_hide(clients: int = 9, threshold: int | None = None) -> pd.DataFrame:
    """Return a row for each observer: observer, plain, masked (what it learns), against_it (what else helps).

    Args:
        clients: participants of the round.
        threshold: how many must stay; two thirds, rounded up, if None.

    Raises:
        UserError: if a masked round of this size and threshold is not possible.

    Source: Bonawitz et al., Practical Secure Aggregation for Privacy-Preserving Machine Learning (2017), 6.
    """
    if clients < LEAST_CLIENTS:
        raise UserError(f"A masked round has at least {LEAST_CLIENTS} participants.")
    needed = least_for(clients) if threshold is None else threshold
    if not least_for(clients) <= needed <= clients:
        raise UserError(
            f"The threshold for {clients} participants lies between {least_for(clients)} and {clients}."
        )
    # Both kinds of shares of one participant: each honest one gives one kind, each ally of the server both.
    allies = min(2 * needed - clients, clients - 1)
    rows = [
        ("somebody on the way", "nothing (TLS)", "nothing (TLS)", "-"),
        (
            "the server, honest",
            "each update",
            f"the sum of at least {needed} updates",
            "noise (DP-FedAvg): the sum may tell of a record",
        ),
        (
            "another participant",
            "nothing",
            "nothing; with the sum, the sum of the others",
            f"more participants than {LEAST_CLIENTS}",
        ),
        (
            "the server that plays all others",
            "each update",
            "each update, unless they sign",
            "signing keys exchanged by another way",
        ),
        (
            f"the server with fewer than {allies} of the {clients}",
            "each update",
            "the sum of the updates of those that are not its allies",
            "-",
        ),
        (
            f"the server with {allies} or more of the {clients}",
            "each update",
            "each update",
            f"a higher threshold (now {needed}; {clients - needed} may drop out)",
        ),
        (
            "a participant that lies",
            "is seen by robust aggregation",
            "is not seen within the allowed range",
            "updates clipped by each participant; audits of their software",
        ),
    ]
    return pd.DataFrame(rows, columns=["observer", "plain", "masked", "against_it"])
