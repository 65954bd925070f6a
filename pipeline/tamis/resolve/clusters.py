"""The signals of a cluster of duplicates: shared by the resolvers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def cluster_columns(rows: pa.Table, kept: npt.NDArray[np.int64]) -> dict[str, pa.Array | pa.ChunkedArray]:
    """`is_duplicate`, `duplicate_of` and `cluster_size` of every row, from the row each is a copy of.

    `kept[i]` is the row that stays of row i's cluster; i itself where row i stays.
    """
    duplicate = kept != np.arange(len(kept))
    # Only duplicates look an id up: a null index gives a null id.
    copies = pa.array(kept, pa.int64(), mask=~duplicate)
    sizes = np.bincount(kept, minlength=len(kept)).astype(np.int64)
    return {
        "is_duplicate": pa.array(duplicate),
        "duplicate_of": pc.take(rows["id"], copies).cast(pa.string()),
        "cluster_size": pa.array(sizes[kept], pa.int64()),
    }
