"""Prints what masks cost: ``python -m secure_ai.defend.federated.secure_aggregation [clients] [numbers]``."""

from __future__ import annotations

import sys

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.secure_aggregation.measure import masking_cost


def main(arguments: list[str]) -> int:
    """Print the table; both arguments are whole numbers."""
    if len(arguments) > 2 or not all(argument.isdigit() for argument in arguments):
        print("Give the number of participants and of numbers in an update, such as 9 2000.", file=sys.stderr)
        return 2
    try:
        cost = masking_cost(*map(int, arguments))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(cost.to_frame().to_string(index=False))
    print(cost.sentence())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
