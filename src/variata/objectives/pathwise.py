"""Importance bounds whose gradient for the encoder is not the one for the decoder."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from variata.distributions import detached
from variata.errors import UsageError
from variata.models import LatentModel, Stage, Trace
from variata.objectives.importance import grouped, log_mean_weight
from variata.schedules import Moment

LEAST = 1e-12  # share of a draw in the decoder's gradient under which it is not let fall


@dataclass(frozen=True)
class DoublyReparametrised:
    """The importance bound, (B,), in nats, with a gradient for the encoder of less noise.

    With w_k = p(x, z_k) / q(z_k | x) and shares s_k = w_k / sum_j w_j, the decoder and the prior
    have the bound's own gradient, sum_k s_k grad log w_k. The encoder has
    sum_k s_k^2 (d log w_k / d z_k) (d z_k / d encoder), of the same expectation. Near the posterior
    it has less noise, and its ratio of signal to noise grows with K, where the other's falls.

    The factor s_k is a hook on the trace's z, so it also meets what other terms send through z:
    let it be the only term of its objective, and take one gradient of a trace.

    Raises:
        UsageError: for a model with several levels.
        NoDensityError: for a posterior that is not known to `distributions.detached`.

    Reference:
        Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives (Tucker et al.,
        2018), arXiv:1810.04152
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        log_weight = _log_weight_through_z(trace)
        _scale_at_z(_stage(trace), log_weight.detach().softmax(0))
        return -log_mean_weight(log_weight)


@dataclass(frozen=True)
class PartiallyImportanceWeighted:
    """The importance bound of all draws, (B,), in nats; the encoder has a looser one's gradient.

    The K draws of the trace are M groups of K / M. The decoder and the prior have the gradient of
    the bound of all K draws, the tighter one. The encoder has that of the mean over groups of the
    bounds of K / M draws, whose ratio of signal to noise is better. The value is the former's.

    What holds for the hook of `DoublyReparametrised` holds here.

    Args:
        groups: M.

    Raises:
        UsageError: for a model with several levels, or draws that are no multiple of M.
        NoDensityError: for a posterior that is not known to `distributions.detached`.

    Reference:
        Tighter Variational Bounds are Not Necessarily Better (Rainforth et al., 2018),
        arXiv:1802.04537
    """

    groups: int = 1

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        stage, log_weight = _stage(trace), _log_weight_through_z(trace)
        held = log_weight.detach()
        decoder = held.softmax(0).clamp_min(LEAST)
        encoder = grouped(held, self.groups).softmax(1).flatten(0, 1) / self.groups
        _scale_at_z(stage, encoder / decoder)
        through_q = encoder * stage.q.log_prob(stage.z.detach())  # type: ignore[union-attr]
        surrogate = (decoder * log_weight - through_q).sum(0)
        return -(log_mean_weight(held) + surrogate - surrogate.detach())


def _stage(trace: Trace) -> Stage:
    """The only level, whose posterior was drawn from."""
    stages = trace.stages
    if len(stages) != 1 or stages[0].q is None:
        raise UsageError(
            f"This gradient is for one latent level with a posterior; the model has {len(stages)} "
            "levels or a latent that was given. Use the plain iwae."
        )
    return stages[0]


def _log_weight_through_z(trace: Trace) -> Tensor:
    """log p(x, z) - log q(z | x), (K, B), which the encoder feels through z alone."""
    stage = _stage(trace)
    q = detached(stage.q)  # type: ignore[arg-type]
    return stage.p.log_prob(stage.z) - q.log_prob(stage.z) - trace.distortion()


def _scale_at_z(stage: Stage, factor: Tensor) -> None:
    """Multiply the gradient that arrives at z by a factor (K, B), where there will be one."""
    if stage.z.requires_grad:
        each = factor.reshape(*factor.shape, *(1 for _ in stage.z.shape[2:]))
        stage.z.register_hook(lambda gradient: gradient * each)
