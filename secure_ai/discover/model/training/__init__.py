"""How the names model is made; needs the dependency group ``model`` in an environment of its own."""
