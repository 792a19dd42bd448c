"""Attacks on released tables: who is it, what is their secret, and what do two releases say together."""

from secure_ai.attack.reidentification.background import BackgroundKnowledge, background_knowledge
from secure_ai.attack.reidentification.charts import (
    plot_background_knowledge,
    plot_count_difference,
    plot_homogeneity,
    plot_intersection,
    plot_linkage,
    plot_singling_out,
)
from secure_ai.attack.reidentification.counts import CountDifference, count_table, difference_counts
from secure_ai.attack.reidentification.homogeneity import Homogeneity, homogeneity
from secure_ai.attack.reidentification.intersection import Intersection, intersect_releases
from secure_ai.attack.reidentification.linkage import Linkage, link
from secure_ai.attack.reidentification.singling_out import SinglingOut, single_out

__all__ = [
    "BackgroundKnowledge",
    "CountDifference",
    "Homogeneity",
    "Intersection",
    "Linkage",
    "SinglingOut",
    "background_knowledge",
    "count_table",
    "difference_counts",
    "homogeneity",
    "intersect_releases",
    "link",
    "plot_background_knowledge",
    "plot_count_difference",
    "plot_homogeneity",
    "plot_intersection",
    "plot_linkage",
    "plot_singling_out",
    "single_out",
]
