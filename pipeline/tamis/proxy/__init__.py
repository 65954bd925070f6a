"""A small GPT that stands for a large one: trained on a release, and on the variants of a recipe."""
