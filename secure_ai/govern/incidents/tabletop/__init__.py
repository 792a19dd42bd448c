"""The tabletop: an incident played minute by minute from logs that the kit's own rooms write.

A scenario is a world (:class:`World`) in which the rooms run under a fixed clock: the policy engine decides,
the gate before a key refuses or opens, files are decrypted, and each writes to one audit trail. What the team
decides changes that world, so that its log changes with it.
"""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "actions": "Action Question",
        "engine": "Answer Decision Tabletop",
        "exposed_store": "ExposedStore",
        "insider": "Insider",
        "teams": "play",
        "report": "AfterAction after_action write_after_action",
        "room": "TabletopRoom",
        "registry": "Scenario make_world register_scenario scenarios",
        "scoring": "Score StepScore score",
        "telling": "drafts_of story_of timeline",
        "world": "Message World",
    },
)
