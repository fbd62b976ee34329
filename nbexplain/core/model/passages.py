"""Which outputs everything goes through on its way from the explained input to the score."""

from __future__ import annotations

from collections import Counter

from torch import Tensor

from nbexplain.core import hooks


class Passages:
    """The places of the graph that no path from `source` to `score` goes around.

    The output of a stage or a block is one; a branch, a query of an attention, or what a residual connection is added
    to is none.
    """

    def __init__(self, score: Tensor, source: Tensor) -> None:
        depends = hooks.Source(source)
        depends(score)
        nodes = {id(node): node for node in hooks.graph_nodes(score) if depends.node(node)}  # held: ids stay valid
        before = {key: [id(p) for p in hooks.parents(node) if id(p) in nodes] for key, node in nodes.items()}
        incoming = Counter(parent for parents in before.values() for parent in parents)
        self._nodes = nodes
        self._passed: set[int] = set()
        waiting, edges = [id(score.grad_fn)], 0  # edges to nodes that are still to come
        arrived: Counter[int] = Counter()
        while waiting:
            key = waiting.pop()
            edges -= arrived[key]
            if edges == 0:
                self._passed.add(key)
            for parent in before.get(key, ()):
                edges += 1
                arrived[parent] += 1
                if arrived[parent] == incoming[parent]:
                    waiting.append(parent)

    def __call__(self, output: Tensor) -> bool:
        """Whether everything goes through this output."""
        return id(output.grad_fn) in self._passed and output.grad_fn is self._nodes.get(id(output.grad_fn))
