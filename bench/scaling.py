"""`docs/scaling.md`: what was measured of growth, and what follows from it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

Rows = list[dict[str, Any]]
BAND_KEY_BYTES = 16 * 14
"""A (key, document) pair for each of 14 bands."""
SHARD_MB = 32


def page(template: str, growth: Rows, dedup: Rows) -> str:
    """The page, its numbers filled in."""
    runs = [row for row in growth if row["what"] == "run" and row["workers"] == 2]
    first, last = runs[0], runs[-1]
    alone = next(row for row in growth if row["what"] == "run" and row["workers"] == 1)
    of_last = {row["what"]: row for row in growth if row["mb"] == last["mb"] and row["workers"] == 2}
    middle = next(row for row in runs if row["mb"] >= 290)
    parent = 1e6 * (last["parent_mb"] - middle["parent_mb"]) / (last["documents"] - middle["documents"])
    hundred = next(row for row in runs if row["mb"] >= 95)
    largest = dedup[-1]
    return template.format(
        largest=f"{last['mb']:,.0f}",
        growth=_table(
            [
                "text, MB",
                "documents",
                "workers",
                "CPU s",
                "wall s",
                "MB per CPU s",
                "parent, MB",
                "worker, MB",
                "work folder, MB",
            ],
            [
                [
                    f"{row['mb']:,.0f}",
                    f"{row['documents']:,}",
                    str(row["workers"]),
                    f"{row['cpu_s']:.1f}",
                    f"{row['wall_s']:.1f}",
                    f"{row['mb'] / row['cpu_s']:.1f}",
                    f"{row['parent_mb']:,}",
                    f"{row['worker_mb']:,}" if row["workers"] > 1 else "",
                    f"{row['work_disk_mb']:,}",
                ]
                for row in [*runs, alone]
            ],
        ),
        linear=_linear(runs),
        speedup=f"{100 * last['wall_s'] / alone['wall_s']:.0f} % (a factor of {alone['wall_s'] / last['wall_s']:.2f})",
        cpu_overhead=_more(last["cpu_s"] / alone["cpu_s"] - 1),
        worker_small=f"{hundred['worker_mb']:,}",
        worker_large=f"{last['worker_mb']:,}",
        parent_bytes=f"{parent:,.0f}",
        parent_limit=f"{64e9 / parent / 1e6:,.0f}",
        what_if=_share(of_last["what-if"], last),
        change=_share(of_last["threshold changed"], last),
        nothing=of_last["nothing to do"]["wall_s"],
        dedup=_table(
            ["documents", "CPU s", "in memory, bytes a document", "on disk, bytes a document"],
            [
                [
                    f"{row['documents']:,}",
                    f"{row['cpu_s']:.1f}",
                    f"{row['anonymous_bytes_per_document']:,}",
                    f"{row['disk_bytes_per_document']:,}",
                ]
                for row in dedup
            ],
        ),
        facts=largest["of_which_ids_and_facts"],
        doc_kb=f"{last['mb'] * 1e3 / last['documents']:.1f}",
        plan=_plan(last, largest, first),
    )


def _more(share: float) -> str:
    percent = round(100 * abs(share))
    return f"{percent} % {'more' if share > 0 else 'less'}" if percent else "as much"


def _share(part: dict[str, Any], whole: dict[str, Any]) -> str:
    return f"{100 * part['cpu_s'] / whole['cpu_s']:.1f} % ({part['cpu_s']:.1f} s)"


def _linear(runs: Rows) -> str:
    """CPU seconds for each further MB, between neighbouring sizes from 100 MB on."""
    large = [row for row in runs if row["mb"] >= 95]
    steps = [(b["cpu_s"] - a["cpu_s"]) / (b["mb"] - a["mb"]) for a, b in pairwise(large)]
    spread = 100 * (max(steps) / min(steps) - 1)
    listed = ", ".join(f"{1000 * step:.0f}" for step in steps)
    sizes = ", ".join(f"{row['mb']:,.0f}" for row in large)
    return f"each further MB costs {listed} ms of CPU between the sizes {sizes} MB, which differ by {spread:.0f} %"


def _plan(run: dict[str, Any], dedup: dict[str, Any], small: dict[str, Any]) -> str:
    rate = (run["mb"] - small["mb"]) / (run["cpu_s"] - small["cpu_s"])
    per_document = run["mb"] / run["documents"]
    dedup_cpu = dedup["cpu_s"] / dedup["documents"]
    lines = []
    for documents in (10**9, 10**10):
        text = documents * per_document
        lines.append(
            [
                f"{documents / 1e9:.0f} billion",
                f"{text / 1e6:,.1f} TB",
                f"{text / rate / 3600:,.0f} h",
                f"{text / SHARD_MB:,.0f}",
                f"{text / 1e6 * run['work_disk_mb'] / run['mb']:,.1f} TB",
                f"{documents * dedup['anonymous_bytes_per_document'] / 1e9:,.0f} GB",
                f"{documents * dedup['disk_bytes_per_document'] / 1e12:,.1f} TB",
                f"{documents * dedup_cpu / 3600:,.1f} h",
                f"{documents * BAND_KEY_BYTES / 1e12:,.2f} TB",
            ]
        )
    head = [
        "documents",
        "text",
        "CPU time, all stages",
        "tasks",
        "work folder",
        "duplicates: memory",
        "duplicates: disk",
        "duplicates: CPU time",
        "shuffle, where one machine is too small",
    ]
    return _table(head, lines)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["--:"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def figure(growth: Rows) -> str:
    """CPU seconds against megabytes, on logarithmic axes."""
    from matplotlib.figure import Figure

    from drawing import svg

    runs = [row for row in growth if row["what"] == "run" and row["workers"] == 2]
    drawing = Figure(figsize=(6, 3.4), layout="constrained")
    axes = drawing.add_subplot()
    sizes, seconds = [row["mb"] for row in runs], [row["cpu_s"] for row in runs]
    axes.plot(sizes, seconds, marker="o", color="#c2571a", label="measured")
    slope = (seconds[-1] - seconds[0]) / (sizes[-1] - sizes[0])
    start = seconds[0] - slope * sizes[0]
    axes.plot(sizes, [start + slope * size for size in sizes], color="#8c98a4", linestyle=":", label="a straight line")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("MB of text")
    axes.set_ylabel("CPU seconds, two workers")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return svg(drawing)
