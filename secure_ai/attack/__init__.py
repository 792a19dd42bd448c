"""Attacks that show what a table, a model or an assistant gives away, so that the defense can be measured."""
