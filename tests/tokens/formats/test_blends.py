"""What trainers are told of cells: their names, and their weights in every format's own spelling."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tamis.tokens.formats import FORMATS
from tamis.tokens.formats.cells import PartFacts, cell_name, main_phase, part_name, phase_of
from tamis.tokens.formats.contract import Vocabulary
from tamis.tokens.formats.megatron import blend, sequences

VOCABULARY = Vocabulary(32_768, 0)


def facts(cell: str, number: int, tokens: int, mixed: int) -> PartFacts:
    language, _, rest = cell.partition("/")
    source, _, category = rest.rpartition("--")
    return PartFacts(part_name(cell, number), language, source, category, 3, tokens, 4, mixed, 0)


def parts() -> list[PartFacts]:
    return [
        facts("de/web--web", 0, 1, 1),
        facts("fr/press--news", 0, 2_000, 5_000),
        facts("fr/press--news", 1, 1_000, 2_500),
        facts("und/code--code", 0, 10**15, 10**15),
    ]


def yaml(text: bytes) -> Any:
    """Read as trainers read it: in YAML 1.1, where 1e-05 is a string."""
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)  # type: ignore[assignment]
    return reader.load(text.decode())


names = st.text(max_size=100)
sources = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,12}", fullmatch=True)
cells = st.tuples(st.sampled_from(["fr", "und", "zh-Hant"]), sources, names)


@settings(max_examples=100, deadline=None)
@given(st.lists(cells, unique=True, max_size=20))
def test_no_two_cells_share_a_name(cells: list[tuple[str, str, str]]) -> None:
    found = [cell_name(*cell) for cell in cells]
    assert len(set(found)) == len(found)
    for name, (language, source, _) in zip(found, cells, strict=True):
        assert re.fullmatch(rf"{language}/{re.escape(source)}--[A-Za-z0-9][A-Za-z0-9._-]*", name)
        assert len(name.partition("/")[2]) < 200
        assert name.rpartition("--")[0] == f"{language}/{source}"


def test_names_of_cells() -> None:
    assert cell_name("fr", "press", "news") == "fr/press--news"
    assert cell_name("fr", "press", "open-data.v2") == "fr/press--open-data.v2"
    odd = [cell_name("fr", "press", name) for name in ("a/b", "a b", "a--b", "", "é", "../x", "a" * 300, "a-0123abcd")]
    assert all(re.fullmatch(r"fr/press--[A-Za-z0-9.-]+-[0-9a-f]{8}", name) for name in odd), odd
    assert len(set(odd)) == len(odd)
    # The last two dashes part source and category.
    assert cell_name("fr", "a--b", "c") != cell_name("fr", "a", "b--c")
    assert part_name("fr/press--news", 12) == "fr/press--news/00012"


def test_the_main_phase_weighs_as_the_mix_does() -> None:
    phase = main_phase(parts())
    assert (phase.name, phase.tokens) == ("main", 10**15 + 7_501)
    assert [cell.cell for cell in phase.cells] == ["de/web--web", "fr/press--news", "und/code--code"]
    press = phase.cells[1]
    assert press.share == 7_500 / phase.tokens
    assert press.by_part == [
        ("fr/press--news/00000", press.share * 2 / 3),
        ("fr/press--news/00001", press.share * (1 / 3)),
    ]


def test_a_phase_of_other_weights_leaves_out_what_weighs_nothing() -> None:
    phase = phase_of("annealing", parts(), {"fr/press--news": 3, "de/web--web": 1, "und/code--code": 0}, 1_000)
    assert [(cell.cell, cell.share) for cell in phase.cells] == [("de/web--web", 0.25), ("fr/press--news", 0.75)]
    written = {path for name in FORMATS for path in FORMATS[name].blend(phase, VOCABULARY)}
    assert written == {
        "megatron/annealing.blend",
        "megatron/annealing.per_split.json",
        "ds/annealing.data_stages.yaml",
        "npy/annealing.source_mixture.yaml",
        "mds/annealing.streams.yaml",
    }
    with pytest.raises(KeyError, match="xx/none--none"):
        phase_of("annealing", parts(), {"xx/none--none": 1}, 1_000)


def test_megatron() -> None:
    phase = main_phase(parts())
    files = FORMATS["megatron"].blend(phase, VOCABULARY)
    words = files["megatron/main.blend"].decode().split()
    weights, prefixes = [float(word) for word in words[::2]], words[1::2]
    assert prefixes == [f"megatron/{part.part}" for part in parts()]
    assert weights[0] == 1 / phase.tokens > 0
    assert abs(sum(weights) - 1) < 1e-12
    assert weights[1] == pytest.approx(2 * weights[2], rel=1e-15)
    assert json.loads(files["megatron/main.per_split.json"]) == {"train": words, "valid": None, "test": None}
    counts = json.loads(sequences([("megatron/fr/press--news/00000", 3)])["megatron/sequences.json"])
    assert counts == {"megatron/fr/press--news/00000": [3, 4]}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1e-300, 1), min_size=1, max_size=20))
def test_a_weight_is_written_in_full(weights: list[float]) -> None:
    words = blend([(f"p{number}", weight) for number, weight in enumerate(weights)])
    assert words[1::2] == [f"p{number}" for number in range(len(weights))]
    assert [float(word) for word in words[::2]] == weights
    assert [yaml(f"w: {word}".encode())["w"] for word in words[::2]] == weights


def test_nanotron() -> None:
    [stage] = yaml(FORMATS["ds"].blend(main_phase(parts()), VOCABULARY)["ds/main.data_stages.yaml"])
    dataset = stage["data"]["dataset"]
    assert dataset["dataset_folder"] == ["ds/de/web--web", "ds/fr/press--news", "ds/und/code--code"]
    assert dataset["dataset_weights"] == [cell.share for cell in main_phase(parts()).cells]
    assert (stage["name"], dataset["token_size_in_bytes"], dataset["vocab_size"]) == ("main", 2, 32_768)


def test_mosaic() -> None:
    streams = yaml(FORMATS["mds"].blend(main_phase(parts()), VOCABULARY)["mds/main.streams.yaml"])["streams"]
    assert {name: stream["local"] for name, stream in streams.items()} == {
        part.part: f"mds/{part.part}" for part in parts()
    }
    assert abs(sum(stream["proportion"] for stream in streams.values()) - 1) < 1e-12


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 10**13), st.floats(0.01, 900)), min_size=1, max_size=12))
def test_olmo_core_finds_tokens_enough(cells: list[tuple[int, float]]) -> None:
    made = [facts(f"fr/s{n}--c", 0, tokens, max(1, int(tokens * epochs))) for n, (tokens, epochs) in enumerate(cells)]
    phase = main_phase(made)
    text = FORMATS["npy"].blend(phase, VOCABULARY)["npy/main.source_mixture.yaml"]
    assert text.decode().startswith(f"# requested_tokens: {phase.tokens}\n")
    tokens = {part.cell: part.tokens for part in made}
    sources = yaml(text)["sources"]
    assert abs(sum(source["target_ratio"] for source in sources) - 1) < 1e-9
    for source in sources:
        assert source["paths"] == [f"npy/{source['source_name']}/00000.npy"]
        assert source["max_repetition_ratio"] >= 1
        # How OLMo-core compares what there is with what is asked for.
        there = int(tokens[source["source_name"]] * 1.0 * source["max_repetition_ratio"])
        assert there >= int(phase.tokens * source["target_ratio"])
