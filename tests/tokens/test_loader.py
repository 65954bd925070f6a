"""Batches for PyTorch: the same for any number of workers and ranks, and going on where they stopped."""

from __future__ import annotations

import json

import pytest
from test_stream import cells

from tamis.errors import OptionError
from tamis.tokens.packing import Packing
from tamis.tokens.stream import Stream, StreamOptions

torch = pytest.importorskip("torch", reason="the loader needs `pip install tamis[torch]`")
from tamis.tokens.loader import Loader  # noqa: E402

Batches = list[dict[str, "torch.Tensor"]]


def stream(seed: int = 3, packing: Packing = "concatenate") -> Stream:
    return Stream(cells(4), [1, 2, 3, 0.5], 50_000, StreamOptions(64, seed, packing))


def same(some: Batches, others: Batches) -> bool:
    return len(some) == len(others) and all(
        a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
        for a, b in zip(some, others, strict=True)
    )


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("packing", ["concatenate", "best_fit"])
def test_any_number_of_workers_reads_the_same(packing: Packing) -> None:
    plain = list(Loader(stream(packing=packing), 16))
    assert len(plain) == 50_000 // 64 // 16
    for workers in (1, 2, 4):
        assert same(list(Loader(stream(packing=packing), 16, workers=workers)), plain)
    assert not same(list(Loader(stream(4, packing), 16)), plain)


def test_ranks_share_the_batches_out() -> None:
    whole = list(Loader(stream(), 16))
    ranks = [list(Loader(stream(), 16, rank, 4, workers=rank % 2)) for rank in range(4)]
    for number, batch in enumerate(whole):
        parts = [rank[number] for rank in ranks]
        for name in ("input_ids", "labels", "positions", "cell", "tokens"):
            assert torch.equal(torch.cat([part[name] for part in parts]), batch[name])


def test_the_edges_of_a_batch_are_those_of_its_samples() -> None:
    some = stream()
    batch = next(iter(Loader(some, 8)))
    edges = [0]
    for number in range(8):
        edges += (some[number].cu_seqlens[1:] + 64 * number).tolist()
    assert batch["cu_seqlens"].dtype == torch.int32
    assert batch["cu_seqlens"].tolist() == edges


@pytest.mark.parametrize("stop", [0, 1, 17, 47])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_stopped_run_goes_on_with_the_next_batch(stop: int, workers: int) -> None:
    whole = list(Loader(stream(), 16))
    first = Loader(stream(), 16, workers=workers)
    if stop:
        for number, _ in enumerate(first, 1):
            if number == stop:
                break
    state = json.loads(json.dumps(first.state_dict()))
    assert state["samples"] == 16 * stop
    assert len(json.dumps(state)) < 400
    second = Loader(stream(), 16, workers=2 - workers)
    second.load_state_dict(state)
    assert same(list(second), whole[stop:])
    uninterrupted = Loader(stream(), 16)
    list(uninterrupted)
    assert second.realised() == uninterrupted.realised()


def test_a_state_serves_another_batch_size_and_number_of_ranks() -> None:
    first = Loader(stream(), 16)
    iterator = iter(first)
    for _ in range(3):
        next(iterator)
    second = Loader(stream(), 8, rank=1, world_size=2)
    second.load_state_dict(first.state_dict())
    assert torch.equal(next(iter(second))["input_ids"][0], torch.from_numpy(stream()[3 * 16 + 4].input_ids))


def test_realised_shares() -> None:
    loader = Loader(stream(), 16)
    list(loader)
    for seen, planned in loader.realised().values():
        assert seen == pytest.approx(planned, abs=0.005)


def test_refusals() -> None:
    with pytest.raises(OptionError, match="16 samples can't be shared out evenly to 3 ranks"):
        Loader(stream(), 16, world_size=3)
    with pytest.raises(OptionError, match="rank 2 of 2"):
        Loader(stream(), 16, 2, 2)
    with pytest.raises(OptionError, match="781 samples, not one batch of 1000"):
        Loader(stream(), 1000)
    loader = Loader(stream(), 16)
    with pytest.raises(OptionError, match="of another stream"):
        Loader(stream(4), 16).load_state_dict(loader.state_dict())
    next(iter(loader))
    with pytest.raises(OptionError, match="16 samples were seen, which are no whole batches of 32"):
        Loader(stream(), 32).load_state_dict(loader.state_dict())
