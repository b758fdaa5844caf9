"""The model card: what a stranger should know before using a saved model."""

from __future__ import annotations

from typing import Any

from variata.models import decodes
from variata.store.saved import Saved

TEMPLATE = """---
library_name: variata
tags: [vae, {recipe}]
---

# {recipe} on {data}

{schema}

| | |
|---|---|
| recipe | `{recipe}` |
| latent dimensions | {latent} |
| network | {network} |
| prior | {prior} |
| training | {training} |
| validation | {valid} |

Likelihoods are in nats per example and refer to the data's own units. The figures above are
bounds on validation rows, which chose the weights; `variata evaluate` measures on test rows.

## Use

```python
from variata import load

model = load("this-folder")
model.sample(16)
```

It knows only data like that which it was trained on, and it may reproduce what is rare or private
in it. Nothing in this folder is executed when it is loaded.
"""


def card(saved: Saved) -> str:
    """The text of the model card."""
    about = saved.about
    return TEMPLATE.format(
        recipe=saved.recipe,
        data=about.get("data", {}).get("name", "data"),
        schema=saved.schema.describe(),
        latent=saved.arguments.get("latent") if decodes(saved.module) else "none",
        network=saved.arguments.get("network"),
        prior="none"
        if not decodes(saved.module)
        else "the recipe's own"
        if saved.prior is None
        else f"{saved.prior['name']}, fitted later",
        training=_training(about),
        valid=_valid(saved.reports),
    )


def _training(about: dict[str, Any]) -> str:
    training = about.get("training", {})
    if not training:
        return "unknown"
    return (
        f"{training['steps']:,} steps, {training['epochs']:.1f} epochs, "
        f"{training['seconds']:.0f} s on {training['device']}, {training['ended']}"
    )


def _valid(reports: list[dict[str, Any]]) -> str:
    best = [report for report in reports if report["best"]]
    if not best or not best[-1]["valid"]:
        return "none"
    return ", ".join(f"{name} {value:.2f}" for name, value in best[-1]["valid"].items()) + " nats"
