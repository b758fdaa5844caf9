"""What a model does, as modules that take tensors in own units and return such tensors by name."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from variata.batch import Batch
from variata.conditionals import AutoregressiveHead, DiracPosterior, head_of
from variata.data.units import own_dtype, to_model_space, to_own_units
from variata.distributions import Dirac, Quantised
from variata.errors import ExportError
from variata.models import Trace
from variata.shapes import draw_mean, location_and_scale, numel
from variata.tasks.model import Model
from variata.tasks.moments import means, scales

Tensors = dict[str, Tensor]


class Graph(nn.Module):
    """One of a model's verbs over a copy of its module, on the processor.

    Attributes:
        name: of the verb.
        outputs: names of what `forward` returns.
    """

    name: str
    outputs: tuple[str, ...]

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.schema, self.condition, self.widths = model.schema, model.condition, model.widths
        self.module = copy.deepcopy(model.module).cpu().eval()
        self.dtype = next(self.module.parameters()).dtype
        assumed = None if model.assumed is None else model.assumed.gather(torch.tensor([0]))
        self.register_buffer("assumed", assumed, persistent=False)
        self.eval()

    def batch(self, x: Tensor, condition: Tensor | None) -> Batch:
        """Own values (N, *own) as the module reads them."""
        seen = to_model_space(self.schema, x).to(self.dtype)
        return Batch(seen, seen, self.context(seen.shape[0], condition))

    def context(self, rows: int, condition: Tensor | None) -> Tensor | None:
        """What the module sees of a condition (N, F): positions of classes, numbers as they are."""
        if self.assumed is not None:
            return self.assumed.to(self.dtype).expand(rows, -1)
        if self.condition is None or condition is None:
            return None
        fields, columns = self.condition.fields, condition.unbind(1)
        pairs = zip(fields, columns, strict=True)
        codes = [c if f.classes else (c - f.mean) / f.scale for f, c in pairs]
        return self.condition.to_model(torch.stack(codes, 1)).to(self.dtype)

    def shown(self, trace: Trace) -> Tensor:
        """The likelihood's mean in own units."""
        likelihood: Any = trace.likelihood
        return to_own_units(self.schema, likelihood.point()[0])

    def inputs(self, values: Tensors) -> Tensors:
        """Those of the values that the graph takes.

        Args:
            values: "x" in own units, "z" and "condition".

        Raises:
            ExportError: what the verb does is no graph.
        """
        raise NotImplementedError


class Encode(Graph):
    """x -> mean and standard deviation of q(z | x); of an autoencoder the mean alone."""

    name = "encode"

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        heads = [head_of(level.posterior) for level in model.module.levels]
        point = any(isinstance(head, DiracPosterior) for head in heads)
        self.outputs = ("mean",) if point else ("mean", "scale")

    def forward(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, ...]:
        stages = self.module.infer(self.batch(x, condition), how=draw_mean)
        found = means(stages)
        return (found,) if len(self.outputs) == 1 else (found, scales(stages))

    def inputs(self, values: Tensors) -> Tensors:
        return {name: value for name, value in values.items() if name != "z"}


class Decode(Graph):
    """z -> the likelihood's mean."""

    name, outputs = "decode", ("x",)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> tuple[Tensor, ...]:
        given = dict(enumerate(z.split(self.widths, -1)))
        c = self.context(z.shape[0], condition)
        return (self.shown(self.module.imagine(z.shape[0], c, given)),)

    def inputs(self, values: Tensors) -> Tensors:
        _refuse_pixels(self)
        return {name: value for name, value in values.items() if name != "x"}


class Reconstruct(Graph):
    """x and standard normal noise -> the likelihood's mean at the draw of z that the noise makes.

    Without noise where the posterior is a point or a single code.
    """

    name, outputs = "reconstruct", ("reconstruction",)

    def forward(
        self, x: Tensor, noise: Tensor | None = None, condition: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        batch = self.batch(x, condition)
        return (self.shown(self.module.observe(batch, how=Handed(noise))),)

    def inputs(self, values: Tensors) -> Tensors:
        _refuse_pixels(self)
        x, condition = values["x"], values.get("condition")
        counting = Handed(None)
        self.module.infer(self.batch(x, condition), how=counting)
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(len(x), counting.taken, generator=generator, dtype=self.dtype)
        told = {name: value for name, value in values.items() if name != "z"}
        return told | ({"noise": noise} if counting.taken else {})


class Handed:
    """A way to draw latents (`variata.shapes.Draw`) from noise at hand, (B, W), level by level.

    Args:
        noise: None for zeros, as many as are wanted.

    Attributes:
        taken: columns of noise that were used.

    >>> from torch.distributions import Normal
    >>> Handed(torch.tensor([[0.5], [2.0]]))(Normal(torch.ones(2, 1), 3.0), 1, 2).flatten()
    tensor([2.5000, 7.0000])
    """

    def __init__(self, noise: Tensor | None) -> None:
        self.noise, self.taken = noise, 0

    def __call__(self, distribution: Distribution, k: int, n: int) -> Tensor:
        if isinstance(distribution, Dirac | Quantised):
            return draw_mean(distribution, k, n)
        known: Any = distribution
        event = getattr(known, "noise_shape", known.event_shape)
        made = hasattr(known, "from_normal")
        loc, scale = (known.mean, None) if made else location_and_scale(known)
        noise = self._next(event, n, loc).expand(k, n, *event)
        return known.from_normal(noise) if made else torch.addcmul(loc, scale, noise)

    def _next(self, event: tuple[int, ...], rows: int, like: Tensor) -> Tensor:
        start, self.taken = self.taken, self.taken + numel(event)
        if self.noise is None:
            return like.new_zeros(rows, *event)
        return self.noise[:, start : self.taken].unflatten(1, event)


GRAPHS: dict[str, type[Graph]] = {graph.name: graph for graph in (Encode, Decode, Reconstruct)}


def _refuse_pixels(graph: Graph) -> None:
    if isinstance(getattr(graph.module.decoder, "head", None), AutoregressiveHead):
        raise ExportError(
            f"{graph.name} cannot be exported: the model draws images pixel by pixel, each from "
            "those before it, which a graph would have to repeat for every pixel; export encode "
            "alone (--what encode)."
        )
