"""`variata decode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.opening import (
    ConditionOption,
    DeviceOption,
    JsonOption,
    PictureOption,
    RunArgument,
    inputs,
    into,
    open_model,
    written,
)


def decode(
    run: RunArgument,
    latents: Annotated[Path, typer.Argument(metavar="Z", help="A .npy file, (rows, latent).")],
    out: PictureOption = Path("x.npy"),
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Turn latents into means of p(x | z), in the data's own units and shape."""
    from variata.data import read_array
    from variata.tasks.output import write_output
    from variata.tasks.show import sample_picture

    model = open_model(run, device, condition)
    target = into(out, model, latents)
    values = model.decode(read_array(latents), out=target)
    path = target or write_output(
        out,
        lambda: sample_picture(model, values, "decoded row"),
        lambda: values,
        inputs(model, latents),
    )
    written(path, as_json, shape=list(values.shape))
