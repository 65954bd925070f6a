"""Reviewing a release: its samples, the verdicts people give on them, and the page on which they do."""
