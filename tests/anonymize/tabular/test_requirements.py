"""What a class must satisfy is checked by itself, whatever the method that made it checks before."""

from __future__ import annotations

import numpy as np

from secure_ai.anonymize.tabular.formulas import ClassHistogram
from secure_ai.anonymize.tabular.requirements import Requirements


def test_a_class_one_record_below_k_does_not_satisfy_it():
    classes, values, counts = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([2, 1, 1, 1])
    histogram = ClassHistogram(classes, values, counts, np.array([3, 2]))
    assert Requirements(k=3, l=2).satisfied(histogram, ordered=False).tolist() == [True, False]
