# Everything CI does.
check:
    .ci/run

# Format, then regenerate schemas and docs.
fix:
    ruff format .
    ruff check --fix .
    tamis schema --out schemas/recipe.schema.json
    python docs/generate.py

# Measure Tamis beside its peers (an hour and a half), then how it grows (a quarter of an hour); writes docs/.
bench:
    pip install -q '.[bench]'
    python bench/dedup_memory.py
    python bench/growth.py
    python bench/run.py

# What a trainer's process reads a second, on a release with the formats megatron, npy and mds.
bench-loader release:
    python bench/loader.py {{release}}

# The documents of bench/ from the results that are there.
bench-docs:
    python bench/report.py
