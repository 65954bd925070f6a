"""What the paths of a release's files tell."""

from __future__ import annotations


def source_of(path: str) -> str:
    """The source of a shard, from its name `SOURCE-00000-of-000NN.parquet`."""
    return path.rpartition("/")[2].rsplit("-", 3)[0]
