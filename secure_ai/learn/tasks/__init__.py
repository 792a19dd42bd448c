"""The tasks of each chapter: one module a chapter, named as its notebook without the number."""
