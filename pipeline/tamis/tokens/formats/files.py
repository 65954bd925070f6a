"""Files of token ids: written piece by piece, and read again without being loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tamis.corpus.commit import Pending
from tamis.tokens.formats.contract import Ids, Lengths


class Growing:
    """A file that grows by appending. It is open only for that: any number of them may be in the making."""

    def __init__(self, path: Path) -> None:
        self._pending = Pending(path)

    def add(self, data: Any) -> None:
        """Appends the bytes of a buffer (an array is one)."""
        with self._pending.temporary.open("ab") as file:
            file.write(memoryview(data).cast("B"))

    def close(self) -> Path:
        """Puts the file in its place."""
        self._pending.commit()
        return self._pending.path

    def discard(self) -> None:
        """Removes the file, unless it is in its place."""
        self._pending.discard()


class FlatPart:
    """Documents that lie end to end in one file of ids without a header."""

    def __init__(self, path: Path, kind: np.dtype[Any], lengths: Lengths) -> None:
        size, told = path.stat().st_size, int(lengths.sum()) * kind.itemsize
        if size != told:
            raise ValueError(f"{size} bytes; the lengths of its documents make {told}")
        self.path, self.type, self.lengths = path, kind, lengths
        self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        self._ids: Ids = np.memmap(path, kind, "r")

    def ids(self, first: int, count: int) -> Ids:
        """Token ids of `count` documents from document `first` on."""
        return self._ids[self._starts[first] : self._starts[first + count]]


def decimal(number: float) -> str:
    """A weight in full, in a spelling that is a number in YAML 1.1, in JSON and to C alike."""
    spelled = repr(float(number))
    return f"{number:.16e}" if "e" in spelled else spelled
