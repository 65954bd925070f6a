"""How fast a trainer's process gets tokens: `python bench/loader.py RELEASE` writes `bench/loader.json`.

RELEASE has the formats megatron, npy and mds. Beside Tamis' loader: MosaicML streaming on the same documents, and
random windows of a plain memory map. Alternating runs, medians, one process each, files in the page cache.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
from pathlib import Path
from typing import Any

from corpus import ROOT
from run import HERE, environment, pip

TOOLS = {"tamis": "tamis", "tamis_best_fit": "tamis", "streaming": "streaming", "memmap": "streaming"}
"""Tool -> the environment it runs in."""
ONE_CORE = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench")
    parser.add_argument("--tokens", type=int, default=50_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    cache = options.cache.resolve()
    pythons = {name: environment(cache, name) for name in sorted(set(TOOLS.values()))}
    pip(pythons["tamis"], "torch==2.13.0")
    runs: dict[str, list[dict[str, Any]]] = {tool: [] for tool in TOOLS}
    for _ in range(options.runs):
        for tool, name in TOOLS.items():
            command = [pythons[name], HERE / "tools" / "loader_tool.py", tool, options.release.resolve()]
            command += ["--tokens", str(options.tokens)]
            done = subprocess.run(command, check=True, capture_output=True, env=ONE_CORE)
            runs[tool].append(json.loads(done.stdout.decode().splitlines()[-1]))
            print(tool, runs[tool][-1], flush=True)
    rows = [
        {
            "tool": tool,
            "version": found[0]["version"],
            "tokens": found[0]["tokens"],
            "million_tokens_per_cpu_s": round(statistics.median(r["tokens"] / r["cpu_s"] for r in found) / 1e6, 1),
            "million_tokens_per_wall_s": round(statistics.median(r["tokens"] / r["wall_s"] for r in found) / 1e6, 1),
        }
        for tool, found in runs.items()
    ]
    (HERE / "loader.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
