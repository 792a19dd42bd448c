"""A room for a class: seats on the instructor's machine, labs without solutions, a board, what stays after.

``secure_ai.workshop.hub`` runs in an environment of its own (the dependency group ``workshop``), which does
not have the libraries of the kit; it imports the standard library, Tornado and JupyterHub alone. Everything
else of this package runs in the kit's own environment and knows nothing of JupyterHub. What both must agree
on stands in :mod:`secure_ai.workshop.hub.room`.
"""
