"""An assistant over a hospital's or a bank's records, the attacks on it, and the red-team run."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "assistant": "Assistant",
        "chat": "ChatModel ChatReply EndpointError",
        "conversation": "Conversation Document Effect GuardAct ToolCall Turn Usage User",
        "endpoint": "ChatEndpoint",
        "hooks": "Guard Moment Verdict",
        "placeholders": "PLACEHOLDERS fill",
        "stand_in": "StandIn serve_model",
        "tools": "TOOLS Sandbox",
        "world": "KINDS ROLES World",
        "worlds": "stored_world",
    },
)
