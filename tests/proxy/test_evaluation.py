"""The held-out loss: the sum over documents that a plain loop finds, each document once."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the small model needs `pip install tamis[torch]`")

from tamis.proxy.evaluation import losses  # noqa: E402
from tamis.proxy.model import Model, Shape  # noqa: E402
from tamis.tokens.release import open_release  # noqa: E402


def test_it_is_that_of_every_document_alone(tiny_release: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    opened = open_release(tiny_release)
    model = Model(Shape(opened.vocabulary, 16, width=32, layers=1))
    cells = opened.held_out_cells(0.3)
    found = losses(model, cells, 16, 8, opened.end_of_document)
    assert found.keys() == {cell.name for cell in cells}
    for cell in cells:
        total, tokens = 0.0, 0
        for document, size in enumerate(cell.lengths.tolist()):
            ids = torch.from_numpy(cell.piece(document, 0, size).astype("int64"))
            for start in range(0, size, 16):
                piece, labels = ids[start : start + 16], ids[start + 1 : start + 17]
                logits = model(piece[None], torch.arange(len(piece))[None])[0, : len(labels)]
                if len(labels):
                    total += torch.nn.functional.cross_entropy(logits, labels, reduction="sum").item()
                tokens += len(labels)
        assert found[cell.name].tokens == tokens == cell.tokens - len(cell.lengths)
        assert found[cell.name].nats == pytest.approx(total, rel=1e-4)


def test_so_many_tokens_of_a_cell_at_most(tiny_release: Path) -> None:
    opened = open_release(tiny_release)
    every = {cell.name: cell for cell in opened.held_out_cells(0.5)}
    for cell in opened.held_out_cells(0.5, most=300):
        assert abs(cell.tokens - 300) <= cell.lengths.max()
        assert set(cell.chosen.tolist()) < set(every[cell.name].chosen.tolist())
