"""The model: a small GPT. Needs the extra `torch`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tamis.tokens.stream import IGNORED


@dataclass(frozen=True)
class Shape:
    """Size of the model."""

    vocabulary: int
    length: int
    """Tokens of a sample, at most."""
    width: int = 128
    layers: int = 4
    heads: int = 4


class Block(nn.Module):
    """Attention within the document and a two-layer perceptron, each after a norm and around a residual."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.norms = nn.ModuleList([nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)])
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.out = nn.Linear(shape.width, shape.width, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(shape.width, 4 * shape.width), nn.GELU(), nn.Linear(4 * shape.width, shape.width)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`x` (samples, length, width) after the block; `mask` says who sees whom."""
        samples, length, width = x.shape
        parts = self.qkv(self.norms[0](x)).view(samples, length, 3, self.heads, width // self.heads)
        q, k, v = (part.transpose(1, 2) for part in parts.unbind(2))
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(seen.transpose(1, 2).reshape(samples, length, width))
        return x + self.mlp(self.norms[1](x))


class Model(nn.Module):
    """A GPT with learned positions, which begin anew with every document."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.places = nn.Embedding(shape.length, shape.width)
        self.blocks = nn.ModuleList([Block(shape) for _ in range(shape.layers)])
        self.norm = nn.LayerNorm(shape.width)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Logits, (samples, length, vocabulary), for ids and positions of (samples, length)."""
        # A token sees those before it in its own document: documents are told apart by where positions begin.
        document = (positions == 0).cumsum(1)
        same = document[:, :, None] == document[:, None, :]
        mask = (same & torch.ones_like(same[0]).tril())[:, None]
        x = self.tokens(ids) + self.places(positions)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x) @ self.tokens.weight.T

    @property
    def size(self) -> int:
        """Parameters in all."""
        return sum(parameter.numel() for parameter in self.parameters())


def nats(model: Model, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """For each sample of a batch: the loss of all its tokens that have a label, and how many these are."""
    logits = model(batch["input_ids"], batch["positions"])
    labels = batch["labels"]
    each = functional.cross_entropy(
        logits.flatten(0, 1).float(), labels.flatten(), reduction="none", ignore_index=IGNORED
    )
    return each.view_as(labels).sum(1), (labels != IGNORED).sum(1)


def device() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"
