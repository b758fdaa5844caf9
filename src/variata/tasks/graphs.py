"""What a model does, as modules that take tensors in own units and return such tensors by name."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from variata.batch import Batch
from variata.conditionals import DiracPosterior, head_of
from variata.data.units import to_model_space, to_own_units
from variata.distributions import Dirac, Quantised
from variata.errors import ExportError, NoDensityError
from variata.models import LatentModel, Trace
from variata.shapes import draw_mean, location_and_scale, numel
from variata.tasks.abilities import reads_values, require_encoder
from variata.tasks.model import Model
from variata.tasks.moments import means, scales

Tensors = dict[str, Tensor]


class Graph(nn.Module):
    """One of a model's verbs over a copy of its module, on the processor.

    Attributes:
        name: of the verb.
        takes, outputs: names of what `forward` takes and returns.
        noise: numbers of standard normal noise that it takes for every row.
    """

    name: str
    takes: tuple[str, ...]
    outputs: tuple[str, ...]
    noise = 0
    assumed: Tensor | None
    module: LatentModel

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.schema, self.condition, self.widths = model.schema, model.condition, model.widths
        self.module = copy.deepcopy(model.module).cpu()
        self.dtype = next(self.module.parameters()).dtype
        assumed = None if model.assumed is None else model.assumed.gather(torch.tensor([0]))
        self.register_buffer("assumed", assumed, persistent=False)
        self.eval()

    def inputs(self, values: Tensors) -> Tensors:
        """What the graph takes of values by name ("x", "z", "condition"), and noise for them."""
        taken = {name: value for name, value in values.items() if name in self.takes}
        if self.noise:
            generator = torch.Generator().manual_seed(0)
            shape = (len(values["x"]), self.noise)
            taken["noise"] = torch.randn(shape, generator=generator, dtype=self.dtype)
        return taken

    def batch(self, x: Tensor, condition: Tensor | None) -> Batch:
        """Own values (N, *own) as the module reads them."""
        seen = to_model_space(self.schema, x).to(self.dtype)
        return Batch(seen, seen, self.context(seen.shape[0], condition))

    def blank(self) -> Batch:
        """Two rows that say nothing, to see what the module makes of any."""
        fields = () if self.condition is None else self.condition.fields
        return self.batch(torch.zeros(2, *self.schema.own_shape), torch.zeros(2, len(fields)))

    def context(self, rows: int, condition: Tensor | None) -> Tensor | None:
        """What the module sees of a condition (N, F): places of classes, numbers as they are."""
        if self.assumed is not None:
            return self.assumed.to(self.dtype).expand(rows, -1)
        if self.condition is None or condition is None:
            return None
        pairs = zip(self.condition.fields, condition.unbind(1), strict=True)
        codes = [c if f.classes else (c - f.mean) / f.scale for f, c in pairs]
        return self.condition.to_model(torch.stack(codes, 1)).to(self.dtype)


class Encode(Graph):
    """x -> mean and standard deviation of q(z | x), or the mean alone where it has no other.

    An autoencoder's is a point; that of a flow, or in hyperbolic space, has no closed form.
    """

    name, takes = "encode", ("x", "condition")

    def __init__(self, model: Model) -> None:
        require_encoder(model.recipe, model.module, "encode")
        super().__init__(model)
        heads = [head_of(level.posterior) for level in model.module.levels]
        point = any(isinstance(head, DiracPosterior) for head in heads)
        self.outputs = ("mean",) if point or not self._has_scales() else ("mean", "scale")

    def _has_scales(self) -> bool:
        try:
            scales(self.module.infer(self.blank(), how=draw_mean))
        except NoDensityError:
            return False
        return True

    def forward(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, ...]:
        stages = self.module.infer(self.batch(x, condition), how=draw_mean)
        found = means(stages)
        return (found,) if len(self.outputs) == 1 else (found, scales(stages))


class Showing(Graph):
    """A verb whose result is the likelihood's mean.

    Raises:
        ExportError: the likelihood makes images pixel by pixel.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        if reads_values(self.module):
            raise ExportError(
                f"{self.name} cannot be exported: {model.recipe} makes images pixel by pixel, each "
                "from those before it, which is no graph; export encode alone (--what encode)."
            )

    def shown(self, trace: Trace) -> tuple[Tensor]:
        """The mean in own units."""
        likelihood: Any = trace.likelihood
        return (to_own_units(self.schema, likelihood.point()[0]),)


class Decode(Showing):
    """z -> the likelihood's mean."""

    name, takes, outputs = "decode", ("z", "condition"), ("x",)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> tuple[Tensor]:
        given = dict(enumerate(z.split(self.widths, -1)))
        c = self.context(z.shape[0], condition)
        return self.shown(self.module.imagine(z.shape[0], c, given))


class Reconstruct(Showing):
    """x and standard normal noise -> the likelihood's mean at the draw of z that the noise makes.

    Without noise where the posterior is a point or a single code.

    Raises:
        ExportError: draws of the posterior are no function of such noise.
    """

    name, takes, outputs = "reconstruct", ("x", "condition"), ("reconstruction",)

    def __init__(self, model: Model) -> None:
        require_encoder(model.recipe, model.module, "reconstruct")
        super().__init__(model)
        counting = Handed(None)
        try:
            self.module.infer(self.blank(), how=counting)
        except NoDensityError as error:
            raise ExportError(
                f"reconstruct cannot be exported: draws of z from the posterior of {model.recipe} "
                "are no function of standard noise; export encode and decode (--what encode --what "
                "decode)."
            ) from error
        self.noise = counting.taken

    def forward(
        self, x: Tensor, noise: Tensor | None = None, condition: Tensor | None = None
    ) -> tuple[Tensor]:
        return self.shown(self.module.observe(self.batch(x, condition), how=Handed(noise)))


class Handed:
    """A way to draw latents (`variata.shapes.Draw`) from noise at hand, (B, W), level by level.

    Args:
        noise: None for zeros, as many as are wanted.

    Attributes:
        taken: columns of noise that were used.

    >>> from variata.distributions import Gaussian
    >>> q = Gaussian(torch.ones(2, 1), torch.tensor(3.0))
    >>> Handed(torch.tensor([[0.5], [2.0]]))(q, 1, 2).flatten()
    tensor([2.5000, 7.0000])
    """

    def __init__(self, noise: Tensor | None) -> None:
        self.noise, self.taken = noise, 0

    def __call__(self, distribution: Distribution, k: int, n: int) -> Tensor:
        if isinstance(distribution, Dirac | Quantised):
            return draw_mean(distribution, k, n)
        known: Any = distribution
        event = getattr(known, "noise_shape", known.event_shape)
        if hasattr(known, "from_normal"):
            return known.from_normal(self._next(event, n, known.mean).expand(k, n, *event))
        loc, scale = location_and_scale(known)
        return torch.addcmul(loc, scale, self._next(event, n, loc).expand(k, n, *event))

    def _next(self, event: tuple[int, ...], rows: int, like: Tensor) -> Tensor:
        start, self.taken = self.taken, self.taken + numel(event)
        if self.noise is None:
            return like.new_zeros(rows, *event)
        return self.noise[:, start : self.taken].unflatten(1, event)


GRAPHS: dict[str, type[Graph]] = {graph.name: graph for graph in (Encode, Decode, Reconstruct)}
