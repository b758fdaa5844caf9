"""What is done to a graph before torch's compiler writes code for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._inductor.custom_graph_pass import CustomGraphPass, get_hash_for_files
from torch.fx import Graph, Node, Proxy
from torch.utils._pytree import tree_flatten

MERGED = {  # sums, and what stands before them; nothing random, nothing that changes a tensor
    *("aten.sum", "aten.view", "aten.reshape", "aten.permute", "aten.squeeze", "aten.unsqueeze"),
    *("aten.expand", "aten._to_copy", "prims.convert_element_type"),
}
ODD = (11, 9, 7, 5, 3)  # of the series, after 13; the next term is under 2e-8 of the sum


class Simpler(CustomGraphPass):
    """The graph with less to compute, and without what the compiler stumbles over."""

    def __call__(self, graph: Graph) -> None:
        _take_sums_once(graph)
        _take_logarithms_by_series(graph)

    def uuid(self) -> bytes:
        """What compiled code is kept by."""
        return get_hash_for_files((__file__,))


def log1p_of_share(share: Any) -> Any:
    """log(1 + e) for 0 <= e <= 1 by a series in e / (2 + e), as exact as float32 is.

    It needs a division, products and sums, which take less time than the processor's log1p.

    >>> e = torch.linspace(0, 1, 1001)
    >>> bool(((log1p_of_share(e) - e.double().log1p()).abs() <= 2e-7 * e).all())
    True
    """
    of = torch.ops.aten  # which takes the nodes of a graph, too
    s = of.div.Tensor(share, of.add.Tensor(share, 2.0))
    square = of.mul.Tensor(s, s)
    series = of.mul.Tensor(square, 1 / 13)
    for k in ODD:
        series = of.mul.Tensor(square, of.add.Tensor(series, 1 / k))
    return of.mul.Tensor(of.mul.Tensor(s, 2.0), of.add.Tensor(series, 1.0))


def _take_sums_once(graph: Graph) -> None:
    """Sums that are taken twice alike, such as gradients of two biases that are added, become one.

    The compiler merges them too, and then, where they are in bf16, declares a variable of C++
    twice (seen with torch 2.13).
    """
    known: dict[Any, Node] = {}
    for node in list(graph.nodes):
        if _name(node) in MERGED:
            first = known.setdefault(_key(node), node)
            if first is not node:
                node.replace_all_uses_with(first)
                graph.erase_node(node)


def _take_logarithms_by_series(graph: Graph) -> None:
    """log1p(exp(-|x|)), which every likelihood of logits takes for every element."""
    for node in list(graph.nodes):
        if _name(node) == "aten.log1p" and _is_share(node.args[0]) and _in_float32_here(node):
            with graph.inserting_before(node):
                series = log1p_of_share(Proxy(node.args[0])).node
            series.meta = dict(node.meta)
            node.replace_all_uses_with(series)
            graph.erase_node(node)


def _is_share(node: Any) -> bool:
    """Whether it is exp(-|x|)."""
    for name in ("aten.exp", "aten.neg", "aten.abs"):
        if not isinstance(node, Node) or _name(node) != name:
            return False
        node = node.args[0]
    return True


def _in_float32_here(node: Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.dtype == torch.float32 and value.device.type == "cpu"


def _name(node: Node) -> str:
    return str(getattr(node.target, "overloadpacket", ""))


def _key(node: Node) -> tuple[Any, ...]:
    leaves: Sequence[Any]
    leaves, shape = tree_flatten((node.args, node.kwargs))
    return node.target, str(shape), *((type(leaf), leaf) for leaf in leaves)
