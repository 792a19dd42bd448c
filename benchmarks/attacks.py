"""Attacks on models beside ART's on the same models: evasion within rules, and extraction.

Run ``python benchmarks/attacks.py`` (``--help`` lists the options; ART is in the group ``bench``). Adult
and German credit come from ``../shared/data``; logistic regression, forest, gradient boosting, network.
"""

from __future__ import annotations

import argparse
import os

import attacks_evasion


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("evasion", "extraction"), help="one half alone")
    parser.add_argument("--rows", type=int, default=200, help="rows attacked by us (200)")
    parser.add_argument("--peer-rows", type=int, default=20, help="of them, attacked by ART as well (20)")
    parser.add_argument("--budget", type=int, default=500, help="questions for each row (500)")
    parser.add_argument("--seed", type=int, default=0, help="of splits, models and attacks (0)")
    options = parser.parse_args()
    if hasattr(os, "getloadavg"):
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if options.only != "extraction":
        attacks_evasion.report(options.rows, options.peer_rows, options.budget, options.seed)
    if options.only != "evasion":
        import attacks_extraction

        attacks_extraction.report(options.seed)


if __name__ == "__main__":
    main()
