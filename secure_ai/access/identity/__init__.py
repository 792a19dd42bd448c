"""Passwords, second factors, lock-out, and the directory that says who belongs to which group."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": ("plot_lockout",),
        "directory": ("DirectoryClient", "DirectoryPasswords", "DirectoryPerson"),
        "directory_data": ("DirectoryContent", "group_name"),
        "directory_errors": ("DirectoryError",),
        "directory_server": ("DirectoryServer", "directory_available", "why_no_directory"),
        "lockout": ("SignInThrottle", "ThrottlePolicy"),
        "lockout_simulation": ("LockoutComparison", "compare_lockout_policies"),
        "password_hashing": ("HashProfile", "hash_secret", "verify_hash"),
        "password_rules": ("PasswordRefused", "PasswordRules", "compare_rules", "read_blocklist"),
        "passwords": ("PasswordCheck", "PasswordStore", "ResetRefused", "WrongPassword"),
        "roles": ("RoleMapping", "read_role_mapping"),
        "sealing": ("KeySealer", "RingSealer"),
        "second_factor": ("PHISHING_CAVEAT", "Enrollment", "FactorCheck", "SecondFactors", "current_code"),
        "sign_in": ("SignIn", "SignInResult"),
    },
)
