"""A sum of which the server learns nothing but the sum: masked updates that survive drop-outs.

What it does not do, see :func:`what_masks_hide`: the sum itself may tell something of a record (few
participants, few records), a participant may lie within the allowed range and nobody can see which one, and
without signing keys a server can play all the other participants.
"""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": "plot_masking_cost plot_what_the_server_sees",
        "errors": "RoundFailed UnfairRequest",
        "fixed_point": "FixedPoint",
        "identities": "Identities",
        "limits": "what_masks_hide",
        "measure": "MaskingCost ServerView masked_view masking_cost what_the_server_sees",
        "participant": "MaskingParticipant least_for",
        "rounds": "SecureMean SecureSum lesson_entropy secure_sum",
        "secret_sharing": "reconstruct split_secret",
        "server": "STAGES AggregationServer",
        "tampering": "TamperedRound server_in_the_middle",
    },
)
