# Everything CI does.
check:
    .ci/run

# Format, then regenerate schemas and docs.
fix:
    ruff format .
    ruff check --fix .
    tamis schema --out schemas/recipe.schema.json
    python docs/generate.py
