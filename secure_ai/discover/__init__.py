"""Find and classify personal data, in text and in tables.

Importing this package is cheap; Presidio and spaCy are loaded when text is first examined.
"""

from secure_ai.discover.classification import ENTITY_CLASSES, HIPAA_NAMES, EntityClass, Tier, classify
from secure_ai.discover.coverage import coverage
from secure_ai.discover.detector import DEFAULT_THRESHOLD, detect, detect_stream, known_entities
from secure_ai.discover.inventory import ColumnProfile, Inventory, inventory
from secure_ai.discover.scoring import as_documents, mask, score_spans

__all__ = [
    "DEFAULT_THRESHOLD",
    "ENTITY_CLASSES",
    "HIPAA_NAMES",
    "ColumnProfile",
    "EntityClass",
    "Inventory",
    "Tier",
    "as_documents",
    "classify",
    "coverage",
    "detect",
    "detect_stream",
    "inventory",
    "known_entities",
    "mask",
    "score_spans",
]
