"""Reads the token files of a release batch by batch, as a trainer would, and says how fast:

    python bench/tools/loader_tool.py TOOL RELEASE --tokens N

TOOL is `tamis` or `tamis_best_fit` (the loader, on Megatron's files), `streaming` (MosaicML's StreamingDataset on
MDS) or `memmap` (random windows of one memory map: no documents, no mixture; the floor). A pass in this process,
after a first batch that isn't timed; files are in the page cache. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

LENGTH, BATCH = 2048, 16


def tamis(release: Path, tokens: int, packing: Any = "concatenate") -> Iterator[int]:
    from tamis.tokens.loader import Loader
    from tamis.tokens.release import open_release

    stream = open_release(release).stream(LENGTH, tokens, packing=packing)
    for batch in Loader(stream, BATCH):
        yield int(batch["tokens"].sum())


def streaming(release: Path, tokens: int) -> Iterator[int]:
    _without_torchvision()
    from streaming import Stream, StreamingDataset
    from torch.utils.data import DataLoader

    streams = [Stream(local=str(path.parent)) for path in sorted(release.glob("mds/*/*/*/index.json"))]
    dataset = StreamingDataset(streams=streams, shuffle=True, batch_size=BATCH)
    loader = DataLoader(dataset, batch_size=BATCH, collate_fn=lambda rows: sum(_size(row) for row in rows))
    seen = 0
    for count in loader:
        yield count
        seen += count
        if seen >= tokens:
            return


def _without_torchvision() -> None:
    """A torchvision that is built for a GPU fails to load beside a CPU build of torch; nothing here uses it."""
    import torch.library

    register = torch.library.register_fake

    def registered(operator: Any, *rest: Any, **options: Any) -> Any:
        if str(operator).startswith("torchvision::"):
            return lambda function: function
        return register(operator, *rest, **options)

    torch.library.register_fake = registered


def _size(row: dict[str, Any]) -> int:
    return max(len(value) for value in row.values() if hasattr(value, "dtype"))


def memmap(release: Path, tokens: int) -> Iterator[int]:
    import numpy as np
    import torch
    from torch.utils.data import DataLoader

    path = max(release.glob("npy/*/*/*.npy"), key=lambda path: path.stat().st_size)
    ids = np.memmap(path, np.uint16, "r")

    class Windows(torch.utils.data.Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return (len(ids) - 1) // LENGTH

        def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
            window = torch.from_numpy(ids[number * LENGTH : (number + 1) * LENGTH + 1].astype(np.int64))
            return window[:-1], window[1:]

    seen = 0
    while seen < tokens:
        for inputs, _ in DataLoader(Windows(), batch_size=BATCH, shuffle=True):
            yield inputs.numel()
            seen += inputs.numel()
            if seen >= tokens:
                return


TOOLS = {
    "tamis": (tamis, "tamis"),
    "tamis_best_fit": (lambda release, tokens: tamis(release, tokens, "best_fit"), "tamis"),
    "streaming": (streaming, "mosaicml-streaming"),
    "memmap": (memmap, "torch"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("release", type=Path)
    parser.add_argument("--tokens", type=int, required=True)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    read, package = TOOLS[options.tool]
    batches = read(options.release, options.tokens)
    next(batches)
    cpu, wall = time.process_time(), time.perf_counter()
    seen = sum(itertools.chain(batches))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    said = {"tokens": seen, "cpu_s": cpu, "wall_s": wall, "version": version(package)}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
