"""Numbers of a step: products may be short, probabilities are not, and nothing global changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rows import Rows
from test_training import rows
from variata import recipes
from variata.errors import UsageError
from variata.models import LatentModel, Trace
from variata.objectives import Distortion, Objective, Rate
from variata.recipes import Composition
from variata.schedules import Moment, constant
from variata.training import Phase, Settings, fit
from variata.training.machine import How
from variata.training.precision import chosen_precision, exact_by, multiplies_bf16, products_by
from variata.training.work import Work

CPU = torch.device("cpu")


class Watched(Distortion):
    """Notes the types of what it is given."""

    seen: set[torch.dtype] = set()

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        cost = trace.distortion()
        parameters = {p.dtype for p in model.parameters()}
        self.seen |= {cost.dtype, trace.stages[0].z.dtype, trace.rate().dtype} | parameters
        return cost


def composition(network: str = "mlp") -> Composition:
    torch.manual_seed(0)
    shape = (1, 8, 8) if network == "conv" else (5,)
    return recipes.vae(shape=shape, latent=2, hidden=(16,), channels=8, network=network)


def gradient(made: Composition, x: Tensor, precision: str) -> tuple[dict[str, Tensor], Tensor]:
    objective = Objective(distortion=(constant(1), Watched()), rate=(constant(1), Rate()))
    Watched.seen = set()
    torch.manual_seed(0)
    work = Work(made.model, objective, [list(made.model.parameters())], How(precision=precision))
    result = work(Rows(x).gather(torch.arange(len(x))), Moment(1, 0.5))
    terms = dict(zip(work.names, result.figures[1:], strict=True))
    return terms, torch.cat([g.reshape(-1) for g in result.gradients[0]])


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_short_products_change_gradients_by_their_rounding_alone(network: str) -> None:
    """bf16 keeps 8 bits: a product is off by some 0.4 %, a gradient through several by a few."""
    made = composition(network)
    x = torch.randn(64, *((1, 8, 8) if network == "conv" else (5,)))
    terms, exact = gradient(made, x, "fp32")
    short, rounded = gradient(made, x, "bf16")
    assert Watched.seen == {torch.float32}
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).norm() < 0.05 * exact.norm()
    for name, value in terms.items():
        assert short[name] == pytest.approx(float(value), rel=0.02, abs=0.02)
    assert not torch.is_autocast_enabled("cpu")


def test_double_precision_is_double_throughout_and_ends_in_single() -> None:
    made = composition()
    Watched.seen = set()
    phases = [Phase(Objective(distortion=(constant(1), Watched()), rate=(constant(1), Rate())))]
    settings = Settings(epochs=2, batch_size=8, precision="fp64")
    history = fit(made.model, phases, rows(), rows(), settings)
    assert history.ended == "finished"
    assert Watched.seen == {torch.float64}
    assert {p.dtype for p in made.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("precision", ["bf16", "fp64"])
def test_every_precision_learns_what_single_precision_learns(precision: str) -> None:
    """Other noise is drawn in fp64, so that the figures differ as those of two seeds do."""
    last, generator = [], torch.Generator().manual_seed(0)
    x = rows(400).x + 0.3 * torch.randn(400, 5, generator=generator)
    for choice in ("fp32", precision):
        made = composition()
        settings = Settings(epochs=30, batch_size=20, lr=1e-2, precision=choice, patience=1.0)
        last.append(fit(made.model, made.phases, Rows(x), Rows(x), settings).reports[-1])
    assert last[1].valid["elbo"] == pytest.approx(last[0].valid["elbo"], abs=0.3)


def test_auto_takes_short_products_only_where_they_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_precision("auto", CPU, large=False) == "fp32"
    for able in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: {"amx_bf16": able})
        assert multiplies_bf16(CPU) is able
        assert chosen_precision("auto", CPU, large=True) == ("bf16" if able else "fp32")
    assert chosen_precision("fp32", CPU, large=True) == "fp32"
    with pytest.raises(UsageError, match="precision must be one of auto, fp32, bf16, fp64"):
        Settings(precision="fp8")


def test_a_library_of_products_is_set_only_inside_and_only_if_exact() -> None:
    before = torch.get_float32_matmul_precision()
    with pytest.raises(RuntimeError, match="inside"), products_by("onednn"):
        raise RuntimeError("inside")
    assert torch.get_float32_matmul_precision() == before
    assert exact_by("usual")
