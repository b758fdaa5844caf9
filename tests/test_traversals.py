"""Moving along one dimension, also where there are several levels of latents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from variata import fit
from variata.tasks.model import Model
from variata.tasks.show import observe_some
from variata.tasks.source import reopened
from variata.tasks.traversals import traversal_values

SMALL: dict[str, Any] = {"hidden": (8,), "epochs": 1, "threads": 1}
KINDS: dict[str, dict[str, Any]] = {
    "ladder_vae": {"latent": 2, "steps": 3, "width": 8},
    "deep_vae": {"latent": 2, "depth": 3, "width": 4},
    "m2": {"latent": 3},
}


def trained(recipe: str) -> tuple[Model, Any]:
    model = fit("digits", recipe, **SMALL, **KINDS[recipe])
    return model, observe_some(model, reopened(model.saved.about["data"]).test)[1]


@pytest.mark.parametrize("recipe", KINDS)
def test_every_level_can_move_and_what_lies_below_follows(
    recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, observed = trained(recipe)
    decoded: list[np.ndarray] = []

    def watched(self: Model, z: np.ndarray, **more: Any) -> Any:
        decoded.append(z)
        return decode(self, z, **more)

    decode = Model.decode
    monkeypatch.setattr(Model, "decode", watched)
    shown, order = traversal_values(model, observed, None, 1_000)
    classes = 10 if recipe == "m2" else 0
    assert sorted(order) == list(range(classes, model.latent))
    assert shown.shape == (len(order), 9, 8, 8)
    ends = np.cumsum(model.widths)
    for d, z in zip(order, decoded, strict=True):
        assert z[:, d] == pytest.approx(np.linspace(z[0, d], z[-1, d], 9), abs=1e-4)
        assert z[-1, d] > z[0, d]
        level = int((d >= ends).sum())
        before = z[:, : ends[level - 1] if level else 0]
        assert np.ptp(before, axis=0) == pytest.approx(0)
        if classes:
            assert sorted(z[0, :10]) == [0] * 9 + [1]
    first = next(z for d, z in zip(order, decoded, strict=True) if d == classes)
    below = first[:, ends[int((classes >= ends).sum())] :]
    assert not below.size or np.ptp(below, axis=0).max() > 0


def test_below_a_level_lie_the_means_of_its_priors() -> None:
    model, observed = trained("ladder_vae")
    values = (-1.0, 0.0, 2.0)
    shown, order = traversal_values(model, observed, None, 100, values)
    top = torch.zeros(3, 2)
    top[:, 0] = torch.tensor(values)
    mean = lambda p, k, n: p.mean.expand(k, n, *p.event_shape)  # noqa: E731
    with torch.no_grad():
        stages = model.module.eval().imagine(3, given={0: top}, how=mean).stages
    want = model.decode(torch.cat([stage.z[0] for stage in stages], -1).numpy())
    assert shown[order.index(0)] == pytest.approx(want, abs=1e-3)
