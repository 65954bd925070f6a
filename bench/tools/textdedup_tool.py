"""text-dedup: the steps of its `minhash` command, one after the other; it needs Python 3.12.

The same work as Tamis' `near_duplicates`: word 5-grams, 112 slots in 14 bands of 8, clusters, of which one document
stays. More: `check_false_positive` computes the exact Jaccard similarity of all pairs of a cluster, of which 0.7 is
asked. It isn't optional here: without it, version 0.4.1 numbers clusters by something else than a document and then
removes every document of a cluster, the one to keep, too. Otherwise: words are runs of `\\w`, lower case. `min_length`
is 1, as the command else drops documents with fewer than 5 words.

Its own table of the corpus is written beforehand, and the result isn't saved. `--workers` is its `num_proc`.
"""

from __future__ import annotations

import logging
import os
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from protocol import Job, main

CONFIG = """
[input]
input_type = "local_hf_dataset"
read_arguments = {{dataset_path = "{table}"}}
[algorithm]
algorithm_name = "minhash"
text_column = "text"
num_perm = 112
bands = 14
rows = 8
ngram_size = 5
min_length = 1
threshold = 0.7
check_false_positive = true
num_proc = {workers}
[output]
output_dir = "{out}"
[debug]
"""


def near_duplicates(job: Job) -> None:
    """Which documents aren't the one of their cluster that stays."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    os.environ["POLARS_MAX_THREADS"] = str(job.workers)
    from datasets import Dataset
    from text_dedup import minhash
    from text_dedup.config.base import load_config_from_toml

    logging.disable(logging.WARNING)
    documents = list(job.documents())
    # Its steps keep what they made beside the table and would find it in a second run.
    with TemporaryDirectory(dir=job.out) as folder:
        table, settings = Path(folder, "corpus"), Path(folder, "config.toml")
        Dataset.from_list([{"id": d["id"], "text": d["text"]} for d in documents]).save_to_disk(table)
        settings.write_text(CONFIG.format(table=table, out=folder, workers=job.workers), encoding="utf-8")
        config = load_config_from_toml(settings)
        with job.timed():
            data, _, _ = minhash.load_and_preprocess(config)
            worded = set(data["id"])
            clusters = minhash.cluster(config, minhash.fingerprint(config, data))
            data, _ = minhash.check_false_positives(config, minhash.assign(config, data, clusters))
            kept = set(minhash.remove_duplicates(config, data)["id"])
    # A document without words isn't compared at all.
    removed = worded - kept
    job.write({"id": document["id"], "removed": document["id"] in removed} for document in documents)


if __name__ == "__main__":
    main(version("text-dedup"), {"near_duplicates": near_duplicates})
