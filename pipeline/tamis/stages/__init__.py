"""One file a stage. `STAGES` holds them in the recommended order: cheap and decisive ones first."""

from __future__ import annotations

from tamis.corpus.stage import Registry
from tamis.stages import (
    c4,
    category,
    datatrove,
    exact_duplicates,
    fineweb,
    gopher_quality,
    gopher_repetition,
    language,
    near_duplicates,
    pii,
    source,
    tokenize,
)

STAGES = Registry(
    module.STAGE
    for module in (
        source,
        category,
        language,
        gopher_quality,
        gopher_repetition,
        c4,
        fineweb,
        datatrove,
        exact_duplicates,
        near_duplicates,
        pii,
        tokenize,
    )
)
