"""From a prediction to its model, data, code, approval and consent in one call, with every gap said."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": "plot_trail",
        "code": "code_version",
        "entries": "Approval ModelRecord Withdrawal",
        "people": "Touched trace_person",
        "predictions": "trace_prediction",
        "register": "ModelRegister approve_model record_model withdraw_approval",
        "trail": "Fact Trail",
    },
)
