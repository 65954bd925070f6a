"""One file a stage. `STAGES` holds them in the recommended order: cheap and decisive ones first."""

from __future__ import annotations

from tamis.corpus.stage import Registry
from tamis.stages import (
    c4,
    category,
    chunks,
    classifier,
    code,
    datatrove,
    exact_duplicates,
    fineweb,
    gopher_quality,
    gopher_repetition,
    language,
    lines,
    near_duplicates,
    opt_out,
    pii,
    source,
    tokenize,
    urls,
    word_lists,
)

STAGES = Registry(
    module.STAGE
    for module in (
        source,
        urls,
        opt_out,
        category,
        language,
        code,
        word_lists,
        gopher_quality,
        gopher_repetition,
        lines,
        c4,
        fineweb,
        chunks,
        classifier,
        datatrove,
        exact_duplicates,
        near_duplicates,
        pii,
        tokenize,
    )
)
