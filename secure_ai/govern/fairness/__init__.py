"""Fairness: rates and errors of decisions by group, what each definition asks for, and what it costs."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "cases": ("GroupedCases", "group_cases"),
        "charts": ("plot_rates", "plot_trade_off", "rates_finding", "trade_off_finding"),
        "definitions": ("DEFINITIONS", "Verdict", "judge_definitions"),
        "drivers": ("gap_drivers", "proxies"),
        "gaps": ("Gap", "compare_groups", "worst_gap"),
        "rates": ("RATES", "GroupRates", "group_rates", "implied_false_positive_rate"),
        "trade_offs": ("TradeOff", "trade_off"),
    },
)
