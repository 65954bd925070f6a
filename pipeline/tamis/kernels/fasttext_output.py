"""The output layer of a fastText model: from the mean of a document's rows to its best label."""

from __future__ import annotations

import numpy as np

from tamis.kernels.fasttext_model import HIERARCHICAL, SOFTMAX
from tamis.kernels.jit import kernel

_FLOOR = 1e-5
"""What the library adds to every probability whose logarithm it takes, and the least that its search follows."""


@kernel(fastmath={"reassoc", "contract"})
def _search(mean, output, tree, stack, reached):  # type: ignore[no-untyped-def]
    """Best leaf of the tree and its probability: branches that can't beat the best leaf so far are left out.

    The likelier branch comes first, so that few others are followed. Of equal leaves the last one counts.
    """
    size = len(tree.left) // 2 + 1
    best = -1.0
    label = -1
    depth = 1
    stack[0] = 2 * size - 2
    reached[0] = 1.0
    while depth > 0:
        depth -= 1
        node = stack[depth]
        score = reached[depth]
        if score < _FLOOR or score < best:
            continue
        if node < size:
            if score > best or tree.rank[node] > tree.rank[label]:
                best = score
                label = node
            continue
        x = np.float32(0.0)
        for k in range(len(mean)):
            x += mean[k] * output[node - size, k]
        right = 1.0 / (1.0 + np.exp(-np.float64(x)))
        to_right = score * (right + _FLOOR)
        to_left = score * (1.0 - right + _FLOOR)
        last = np.int64(to_right > to_left)
        stack[depth + last] = tree.right[node]
        reached[depth + last] = to_right
        stack[depth + 1 - last] = tree.left[node]
        reached[depth + 1 - last] = to_left
        depth += 2
    return label, best


@kernel()
def _label_values(mean, output, loss, values):  # type: ignore[no-untyped-def]
    """Probability of every label, without the tree of a hierarchical softmax."""
    size = len(values)
    values[:] = 0.0
    for k in range(len(mean)):
        for j in range(size):
            values[j] += mean[k] * output[k, j]
    if loss == SOFTMAX:
        top = values.max()
        total = 0.0
        for j in range(size):
            values[j] = np.exp(values[j] - top)
            total += values[j]
        for j in range(size):
            values[j] /= total
    else:
        for j in range(size):
            z = np.float64(values[j])
            at = np.floor((z + 8.0) * 32.0) / 32.0
            values[j] = 0.0 if z < -8.0 else 1.0 if z > 8.0 else 1.0 / (1.0 + np.exp(8.0 - at))


@kernel()
def best_labels(hidden, totals, output, loss, tree, labels, scores):  # type: ignore[no-untyped-def]
    """Best label and probability from each document's summed rows, of which it has `totals`.

    `output` is (inner nodes, dim) for the hierarchical softmax, (dim, labels) for the others. As in the
    library, probabilities carry its 1e-5, and the sigmoid is a table of 512 steps.
    """
    dim = hidden.shape[1]
    size = len(tree.left) // 2 + 1 if loss == HIERARCHICAL else output.shape[1]
    mean = np.empty(dim, np.float32)
    values = np.empty(size, np.float32)
    stack = np.empty(size + 1, np.int64)
    reached = np.empty(size + 1, np.float64)
    for document in range(len(totals)):
        labels[document] = -1
        scores[document] = 0.0
        if totals[document] == 0:
            continue
        share = np.float32(1.0 / totals[document])
        for k in range(dim):
            mean[k] = hidden[document, k] * share
        label = -1
        if loss == HIERARCHICAL:
            label, best = _search(mean, output, tree, stack, reached)
        else:
            _label_values(mean, output, loss, values)
            best = -1.0
            for j in range(size):
                if values[j] >= best:
                    best = np.float64(values[j])
                    label = j
            best += _FLOOR
        if label >= 0:
            labels[document] = label
            scores[document] = min(1.0, best)


@kernel(fastmath={"reassoc", "contract"})
def _leaves(mean, output, tree, reached):  # type: ignore[no-untyped-def]
    """Probability of every leaf of the tree, in `reached`; nothing below a branch that the library gives up."""
    size = len(tree.left) // 2 + 1
    reached[:] = 0.0
    reached[2 * size - 2] = 1.0
    # A node's number is higher than those of the nodes below it.
    for node in range(2 * size - 2, size - 1, -1):
        if reached[node] >= _FLOOR:
            x = np.float32(0.0)
            for k in range(len(mean)):
                x += mean[k] * output[node - size, k]
            right = 1.0 / (1.0 + np.exp(-np.float64(x)))
            reached[tree.right[node]] = reached[node] * (right + _FLOOR)
            reached[tree.left[node]] = reached[node] * (1.0 - right + _FLOOR)


@kernel()
def label_scores(hidden, totals, output, loss, tree, wanted, scores):  # type: ignore[no-untyped-def]
    """Probability of each of the labels `wanted`, of every document: `scores` is (documents, wanted).

    The other arguments are those of `best_labels`.
    """
    dim = hidden.shape[1]
    size = len(tree.left) // 2 + 1 if loss == HIERARCHICAL else output.shape[1]
    mean = np.empty(dim, np.float32)
    values = np.empty(size, np.float32)
    reached = np.empty(2 * size - 1, np.float64)
    for document in range(len(totals)):
        if totals[document] == 0:
            scores[document, :] = 0.0
            continue
        share = np.float32(1.0 / totals[document])
        for k in range(dim):
            mean[k] = hidden[document, k] * share
        if loss == HIERARCHICAL:
            _leaves(mean, output, tree, reached)
            for j in range(len(wanted)):
                found = reached[wanted[j]]
                scores[document, j] = min(1.0, found) if found >= _FLOOR else 0.0
        else:
            _label_values(mean, output, loss, values)
            for j in range(len(wanted)):
                scores[document, j] = min(1.0, np.float64(values[wanted[j]]) + _FLOOR)
