"""Which copy of a document stays, and which documents may be compared: shared by the resolvers.

The policy: the higher source priority, then the longer text, then the smaller id. An id is unique, so the
order is total and a result depends on the set of documents alone, never on the order they came in.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

Scope = Literal["source", "language", "corpus"]
"""Documents are compared within one source, within one language, or all with all."""


def rank_order(rows: pa.Table) -> npt.NDArray[np.int64]:
    """Row numbers from the best document to the worst: priority, then chars, both falling; then id rising."""
    keys = [("priority", "descending"), ("chars", "descending"), ("id", "ascending")]
    order: npt.NDArray[np.int64] = pc.sort_indices(rows, sort_keys=keys).to_numpy().astype(np.int64)
    return order


def scope_keys(rows: pa.Table, scope: Scope) -> npt.NDArray[np.uint64]:
    """One value per row, equal where two documents may be compared.

    A value depends on the source's or language's name alone. Documents of unknown language are a group of
    their own.
    """
    if scope == "corpus":
        return np.zeros(rows.num_rows, np.uint64)
    keys = [np.zeros(0, np.uint64)]
    for chunk in rows[scope].chunks:
        names = pc.dictionary_encode(chunk, null_encoding="encode")
        values = [_name_key(name) for name in names.dictionary.to_pylist()]
        keys.append(np.array(values, np.uint64)[names.indices.to_numpy(zero_copy_only=False)])
    return np.concatenate(keys)


def _name_key(name: str | None) -> int:
    return 0 if name is None else xxhash.xxh3_64_intdigest(name.encode())
