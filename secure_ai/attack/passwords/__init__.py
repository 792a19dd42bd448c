"""Cracking of password hashes by dictionary and rules."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": ("plot_equal_time", "plot_share_by_guesses"),
        "comparison": (
            "EqualTime",
            "EqualWork",
            "GuessCurve",
            "compare_equal_time",
            "compare_equal_work",
            "share_by_guesses",
        ),
        "cracking": ("Crack", "crack", "crack_for", "guess_list"),
        "guesses": ("base_words",),
        "schemes": ("Scheme", "password_schemes"),
        "staff_passwords": ("HABITS", "StaffPassword", "make_staff_passwords"),
    },
)
