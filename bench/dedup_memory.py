"""Memory and time of finding near duplicates among many documents: `python bench/dedup_memory.py`.

Signatures are made up: random ones, a tenth of them copies with some slots changed. What is measured is the step of
the whole corpus alone (bands, buckets, clusters), in a process of its own: anonymous memory per document, which is
what has to stay in memory; pages of the spilled files belong to the system, which takes them back when it likes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PIECE = 50_000
SLOTS = 112


def anonymous_bytes() -> int:
    """Memory of this process that is backed by no file."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")))


class Made:
    """A `SketchReader` over made-up documents: ids as long as paths are, signatures by a seed."""

    def __init__(self, documents: int) -> None:
        import numpy as np
        import pyarrow as pa

        self.documents = documents
        numbers = pa.array(np.arange(documents)).cast(pa.string())
        import pyarrow.compute as pc

        self.rows = pa.table(
            {
                "id": pc.binary_join_element_wise("web:crawl-2026-04/part-00017/", numbers, ""),
                "source": pa.DictionaryArray.from_arrays(np.zeros(documents, np.int8), ["web"]).cast(pa.string()),
                "language": pa.nulls(documents, pa.string()),
                "content_hash": pa.array([b"0" * 16]).take(pa.array(np.zeros(documents, np.int8))).cast(pa.binary(16)),
                "priority": pa.array(np.zeros(documents, np.int32)),
                "chars": pa.array(np.full(documents, 3000)),
            }
        )

    def pieces(self, _: str) -> Iterator[Any]:
        import numpy as np
        import pyarrow as pa

        kind = pa.binary(4 * SLOTS)
        for start in range(0, self.documents, PIECE):
            rng = np.random.default_rng(start)
            size = min(PIECE, self.documents - start)
            slots = rng.integers(0, 2**32, (size, SLOTS), dtype=np.uint32)
            copies = size // 10
            slots[:copies] = slots[copies : 2 * copies]
            changed = rng.random((copies, SLOTS)) < 0.1
            slots[:copies][changed] = rng.integers(0, 2**32, int(changed.sum()), dtype=np.uint32)
            yield pa.Array.from_buffers(kind, size, [None, pa.py_buffer(np.ascontiguousarray(slots))])


def child(documents: int) -> dict[str, Any]:
    """Resolves so many documents, and watches the memory."""
    from tamis.stages import STAGES

    stage = STAGES.get("near_duplicates")
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], anonymous_bytes())

    with tempfile.TemporaryDirectory(dir=".") as scratch:
        stage.resolve(stage.config(), Made(1000), Path(scratch))
        before = anonymous_bytes()
        reader = Made(documents)
        rows = sum(column.nbytes for column in reader.rows.columns)
        threading.Thread(target=watch, daemon=True).start()
        cpu, wall = time.process_time(), time.perf_counter()
        found = stage.resolve(stage.config(), reader, Path(scratch))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        done.set()
        disk = sum(path.stat().st_size for path in Path(scratch).iterdir())
    return {
        "documents": documents,
        "duplicates": sum(found["is_duplicate"].to_pylist()),
        "cpu_s": round(cpu, 1),
        "wall_s": round(wall, 1),
        "anonymous_bytes_per_document": round((peak[0] - before) / documents),
        "of_which_ids_and_facts": round(rows / documents),
        "disk_bytes_per_document": round(disk / documents),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=(500_000, 1_000_000, 2_000_000, 4_000_000))
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child)))
        return
    rows = []
    for documents in options.documents:
        command = [sys.executable, __file__, "--child", str(documents)]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        print(rows[-1], flush=True)
    (HERE / "dedup_memory.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
