"""Reads a release's token files with the trainers' own libraries; run by the Python of an environment of theirs.

    python library_readers.py FUNCTION RELEASE

Prints JSON: part -> {lengths: tokens of each document, sha256: of all its ids as little-endian int64}, or what else
the function says.
"""

# The script knows nothing of Tamis: its environment doesn't have it.
from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np


def facts(documents: list[Any]) -> dict[str, Any]:
    ids = np.concatenate(documents).astype("<i8")
    return {"lengths": [len(one) for one in documents], "sha256": hashlib.sha256(ids.tobytes()).hexdigest()}


def parts(root: Path, suffix: str) -> dict[str, Path]:
    return {path.relative_to(root).as_posix().removesuffix(suffix): path for path in sorted(root.rglob(f"*{suffix}"))}


def megatron(release: Path) -> dict[str, Any]:
    """Every sequence, mapped to memory and not."""
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    found = {}
    for part, path in parts(release / "megatron", ".bin").items():
        dataset = IndexedDataset(str(path.with_suffix("")), mmap=True)
        assert dataset.document_indices.tolist() == list(range(len(dataset) + 1))
        found[part] = facts([dataset[number] for number in range(len(dataset))])
    return found


def megatron_blend(release: Path) -> dict[str, Any]:
    """Samples that the builder of Megatron's training draws of each part, by the release's blend."""
    import torch.distributed
    from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
    from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
    from megatron.core.datasets.utils import get_blend_from_list

    # Its indexes go to a cache that one process makes for all.
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    os.chdir(release)
    splits = json.loads(Path("megatron/main.per_split.json").read_text())
    assert Path("megatron/main.blend").read_text().split() == splits["train"]
    sequences = json.loads(Path("megatron/sequences.json").read_text())
    config = GPTDatasetConfig(
        random_seed=1,
        sequence_length=64,
        blend_per_split=[get_blend_from_list(splits[name]) for name in ("train", "valid", "test")],
        tokenizer=Tokenizer(),
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        path_to_cache=os.environ["CACHE"],
    )
    samples = 4000
    train, *_ = BlendedMegatronDatasetBuilder(GPTDataset, [samples, 0, 0], lambda: True, config).build()
    drawn = Counter(train.dataset_index[:samples].tolist())
    names = [one.dataset.path_prefix for one in train.datasets]
    assert sorted(names) == sorted(sequences)
    assert len(train[0]["tokens"]) == 64
    return {names[index].removeprefix("megatron/"): count / samples for index, count in drawn.items()}


class Tokenizer:
    """What GPTDataset asks of a tokenizer."""

    eod = 0
    pad = 1
    vocab_size = 1 << 16
    unique_identifiers = {"class": "test"}  # noqa: RUF012  its name and kind are Megatron's


def ds(release: Path) -> dict[str, Any]:
    """Every window of two tokens, with the positions that the index gives; and folders as nanotron opens them."""
    from datatrove.utils.dataset import DatatroveFileDataset, DatatroveFolderDataset

    found = {}
    for part, path in parts(release / "ds", ".ds").items():
        size = int(Path(f"{path}.metadata").read_text().splitlines()[0].rpartition("|")[2])
        tokens = path.stat().st_size // size
        whole = DatatroveFileDataset(str(path), seq_len=tokens - 1, token_size=size, return_positions=True)
        assert len(whole) == 1
        ids, positions = whole[0]["input_ids"].numpy(), whole[0]["positions"].numpy()
        found[part] = facts(np.split(ids, np.flatnonzero(positions == 0)[1:]))
        short = DatatroveFolderDataset(
            str(path.parent), seq_len=6, filename_pattern="*.ds", recursive=False, token_size=size
        )
        windows = [short[number]["input_ids"].numpy() for number in range(len(short))]
        if len(short.files) == 1 and windows:
            assert np.array_equal(np.concatenate(windows), ids[: 7 * len(windows)])
    return found


def npy(release: Path) -> dict[str, Any]:
    """Every document, where the .csv.gz says that it is."""
    from olmo_core.data.utils import iter_document_indices, load_array_slice

    kind = np.uint16 if os.environ["ID_TYPE"] == "uint16" else np.uint32
    found = {}
    for part, path in parts(release / "npy", ".npy").items():
        ranges = iter_document_indices(str(path), use_array_if_local=False, dtype=kind)
        found[part] = facts([load_array_slice(str(path), start, end, kind) for start, end in ranges])
    return found


def npy_mixture(release: Path) -> dict[str, Any]:
    """Tokens that OLMo-core takes of each source, by the release's mixture."""
    from olmo_core.data.source_mixture import SourceMixtureDatasetConfig, SourceMixtureList

    os.chdir(release)
    path = "npy/main.source_mixture.yaml"
    sources = SourceMixtureList.from_yaml(path)
    requested = int(Path(path).read_text().splitlines()[0].rpartition(" ")[2])
    config = SourceMixtureDatasetConfig(
        source_list=sources, requested_tokens=requested, global_batch_size=8, quiet=True, render_tables=False
    )
    kind = np.uint16 if os.environ["ID_TYPE"] == "uint16" else np.uint32
    mixture = config.build(npdtype=kind, sequence_length=4)
    return {source.name: sum(path.tokens for path in source.path_tokens) for source in mixture.sources}


def mds(release: Path) -> dict[str, Any]:
    """Every sample, from files whose digests the library has checked."""
    streaming = import_streaming()
    found = {}
    for path in sorted((release / "mds").rglob("index.json")):
        local = streaming.LocalDataset(str(path.parent))
        stream = streaming.StreamingDataset(
            remote=str(path.parent),
            local=f"{os.environ['CACHE']}/{path.parent.relative_to(release)}",
            validate_hash="sha1",
            shuffle=False,
            batch_size=1,
        )
        samples = [local[number] for number in range(len(local))]
        for sample, other in zip(samples, stream, strict=True):
            assert sample["id"] == other["id"]
            assert np.array_equal(sample["tokens"], other["tokens"])
        told = facts([sample["tokens"] for sample in samples])
        name = path.parent.relative_to(release / "mds").as_posix()
        found[name] = told | {"ids": [sample["id"] for sample in samples], "type": samples[0]["tokens"].dtype.name}
    return found


def mds_writer(release: Path) -> dict[str, Any]:
    """The files that the library's own writer makes of the same samples, as SHA-256 by their paths."""
    streaming = import_streaming()
    found = {}
    for path in sorted((release / "mds").rglob("index.json")):
        part = path.parent.relative_to(release)
        local, out = streaming.LocalDataset(str(path.parent)), Path(os.environ["CACHE"], "written", part)
        kind = local[0]["tokens"].dtype.name
        with streaming.MDSWriter(
            columns={"id": "str", "tokens": f"ndarray:{kind}"}, out=str(out), hashes=["sha1", "xxh3_64"]
        ) as writer:
            for number in range(len(local)):
                writer.write(local[number])
        for file in out.iterdir():
            found[(part / file.name).as_posix()] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def import_streaming() -> Any:
    import torch.library

    # The registry's torchvision, which the library imports, is built for a GPU: beside a CPU build of torch its
    # operators are missing, and telling torch of them fails. Nothing here uses them.
    register = torch.library.register_fake

    def registered(operator: Any, *rest: Any, **options: Any) -> Any:
        if str(operator).startswith("torchvision::"):
            return lambda function: function
        return register(operator, *rest, **options)

    torch.library.register_fake = registered
    import streaming

    return streaming


if __name__ == "__main__":
    functions = (megatron, megatron_blend, ds, npy, npy_mixture, mds, mds_writer)
    read = {function.__name__: function for function in functions}
    print("\n" + json.dumps(read[sys.argv[1]](Path(sys.argv[2]))))  # noqa: T201  its answer
