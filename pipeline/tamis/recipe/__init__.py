"""The recipe: its model, its loading with file:line errors, its JSON Schema, and overrides of it."""
