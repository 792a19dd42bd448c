"""The quiz of each chapter: one YAML file a chapter, read by :func:`secure_ai.learn.load_quiz`."""
