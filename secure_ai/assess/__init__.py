"""From measurements to findings to a report that a committee can read."""

from secure_ai.assess.assessment import Assessment, assess, conclude
from secure_ai.assess.parameters import AssessmentParameters, parameters_of_notebook, read_parameters
from secure_ai.assess.run import AssessmentResult, run_assessment

__all__ = [
    "Assessment",
    "AssessmentParameters",
    "AssessmentResult",
    "assess",
    "conclude",
    "parameters_of_notebook",
    "read_parameters",
    "run_assessment",
]
