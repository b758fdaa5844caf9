"""What is done to a graph before torch's compiler writes code for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch._inductor.custom_graph_pass import CustomGraphPass, get_hash_for_files
from torch.fx import Graph, Node
from torch.utils._pytree import tree_flatten

MERGED = {  # sums, and what stands before them; nothing random, nothing that changes a tensor
    *("aten.sum", "aten.view", "aten.reshape", "aten.permute", "aten.squeeze", "aten.unsqueeze"),
    *("aten.expand", "aten._to_copy", "prims.convert_element_type"),
}


class SumsOnce(CustomGraphPass):
    """Sums that are taken twice alike, such as gradients of two biases that are added, become one.

    The compiler merges them too, and then, where they are in bf16, declares a variable of C++
    twice (seen with torch 2.13).
    """

    def __call__(self, graph: Graph) -> None:
        known: dict[Any, Node] = {}
        for node in list(graph.nodes):
            if str(getattr(node.target, "overloadpacket", "")) in MERGED:
                first = known.setdefault(_key(node), node)
                if first is not node:
                    node.replace_all_uses_with(first)
                    graph.erase_node(node)

    def uuid(self) -> bytes:
        """What compiled code is kept by."""
        return get_hash_for_files((__file__,))


def _key(node: Node) -> tuple[Any, ...]:
    leaves: Sequence[Any]
    leaves, shape = tree_flatten((node.args, node.kwargs))
    return node.target, str(shape), *((type(leaf), leaf) for leaf in leaves)
