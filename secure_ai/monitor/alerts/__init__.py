"""Alerts: severity, deduplication, escalation, acknowledgement, and where they are sent."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "alert": "Alert",
        "charts": "ages_sentence alerts_per_day_sentence plot_ages plot_alerts_per_day",
        "clock": "ManualClock",
        "courier": "Delivery Retry",
        "desk": "AlertDesk",
        "mail": "MailSink",
        "message": "Message",
        "policy": "AlertPolicy load_policy",
        "receiver": "WebhookReceiver",
        "results": "Closing Received",
        "settings": "AlertSettings open_desk read_settings",
        "signing": "verify",
        "sinks": "ConsoleSink FileSink Sink SinkError SinkRefused",
        "store": "AlertStore",
        "webhook": "WebhookSink",
        "workload": "Workload",
    },
)
