"""ONNX files of what a model does, each compared with the model before it is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from variata.atomic import make_folder, write_bytes
from variata.data import Context
from variata.data.units import to_own_units
from variata.errors import ExportError, UsageError, did_you_mean
from variata.models import encodes
from variata.store import weights_digest
from variata.tasks.abilities import require_latents
from variata.tasks.graphs import GRAPHS, Graph, Tensors
from variata.tasks.model import Model
from variata.tasks.output import refuse_to_replace
from variata.tasks.traced import require_packages, traced
from variata.version import __version__

TOLERANCE = 1e-5  # of values, or of what is one in model space, whichever is larger
ROWS = (1, 3)  # batches that are compared


def export(model: Model, out: str | Path, what: Sequence[str] | None = None) -> list[Path]:
    """Write graphs of some verbs; nothing is written unless all of them are right.

    Args:
        out: a folder for `encode.onnx` and so on, or a single `.onnx` file.
        what: of encode, decode and reconstruct; None for all three, or what the name of the file
            says.

    Raises:
        ExportError: a verb is no graph, or onnxruntime computes something else than PyTorch.
        MissingExtraError: the packages of the extra `onnx` are not installed.
        UsageError: an unknown verb, several for one file, or a file that must stay.
    """
    targets = _targets(Path(out), what)
    for target in targets.values():
        refuse_to_replace(target, model.reads())
    require_packages()
    with torch.no_grad():
        values, about = examples(model, sum(ROWS)), _about(model)
        files = {targets[name]: _made(GRAPHS[name](model), values, about) for name in targets}
    for target, content in files.items():
        make_folder(target.parent)
        write_bytes(target, content)
    return list(files)


def examples(model: Model, rows: int) -> Tensors:
    """What a model meets in use, from its own samples: "x", "z" and, if it takes one, "condition".

    Classes of a condition take turns, and numbers are about as far from their mean as in the data.
    """
    context, told = None, {}
    if model.condition is not None and model.assumed is None:
        fields, far = model.condition.fields, torch.linspace(-1, 1, rows)
        codes = [torch.arange(rows) % f.width if f.classes else far for f in fields]
        pairs = zip(fields, codes, strict=True)
        own = [c if f.classes else f.mean + f.scale * c for f, c in pairs]
        context = Context(model.condition, torch.stack(codes, 1).float())
        told = {"condition": torch.stack(own, 1).double()}
    x = model.sample(rows, condition=context)
    require_latents(model.recipe, model.module, "be exported")
    coded = encodes(model.module)
    z = model.encode(x, condition=context) if coded else torch.randn(rows, model.latent).numpy()
    return {"x": torch.tensor(x), "z": torch.tensor(z), **told}


def difference(graph: Graph, file: bytes, inputs: Tensors) -> float:
    """How far onnxruntime is from PyTorch at most, relative to what values are or might be.

    Raises:
        ExportError: onnxruntime cannot run the graph, such as convolutions in double precision.
    """
    apart = []
    for part in torch.arange(sum(ROWS)).split(ROWS):
        given = {name: value[part] for name, value in inputs.items()}
        pairs = zip(graph(**given), _run(graph.name, file, given), strict=True)
        apart += [_relative(ours, theirs, _unit(graph, ours)) for ours, theirs in pairs]
    return float(torch.stack(apart).max())


def _run(name: str, file: bytes, inputs: Tensors) -> list[Tensor]:
    runtime: Any = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    given = {name: value.numpy() for name, value in inputs.items()}
    try:
        session = runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        return [torch.from_numpy(value) for value in session.run(None, given)]
    except Exception as error:  # its errors have no base of their own
        reason = str(error).splitlines()[0]
        raise ExportError(f"{name} was not written: onnxruntime cannot run it: {reason}") from error


def _made(graph: Graph, values: Tensors, about: dict[str, str]) -> bytes:
    inputs = graph.inputs(values)
    file = traced(graph, inputs, about | {"variata.graph": graph.name})
    found = difference(graph, file, inputs)
    if not found <= TOLERANCE:
        raise ExportError(
            f"{graph.name} was not written: onnxruntime differs from PyTorch by {found:.1e} of the "
            f"values, more than {TOLERANCE:g}."
        )
    return file


def _relative(ours: Tensor, theirs: Tensor, unit: Tensor) -> Tensor:
    """The largest difference; half precision may differ in its last digit."""
    type_ = torch.finfo(ours.dtype)
    size = (ours.abs() + unit).double().clamp_min(type_.tiny)
    apart = (ours.double() - theirs.double()).abs() / size
    return apart.max() * min(1.0, TOLERANCE / type_.eps)


def _unit(graph: Graph, values: Tensor) -> Tensor:
    """Of latents the largest; of own values what a step of one in model space is."""
    if graph.name == "encode":
        return values.abs().max()
    one = torch.ones(1, *graph.schema.shape)
    return (to_own_units(graph.schema, one) - to_own_units(graph.schema, 0 * one)).abs()


def _about(model: Model) -> dict[str, str]:
    """The metadata of every file."""
    condition = None if model.condition is None else model.condition.to_json()
    told = {
        "recipe": model.recipe,
        "schema": json.dumps(model.schema.to_json()),
        "condition": json.dumps(condition),
        "version": __version__,
        "weights_sha256": weights_digest(model.module),
    }
    return {f"variata.{name}": value for name, value in told.items()}


def _targets(out: Path, what: Sequence[str] | None) -> dict[str, Path]:
    """Where every verb's graph goes."""
    single = out.suffix == ".onnx"
    names = list(dict.fromkeys(what or ([out.stem] if single else GRAPHS)))
    for name in names:
        if name not in GRAPHS:
            known = ", ".join(GRAPHS)
            hint = did_you_mean(name, GRAPHS)
            raise UsageError(f"There is no graph '{name}' (--what), but {known}.{hint}")
    if single and len(names) > 1:
        raise UsageError(f"'{out}' is one file for {len(names)} graphs: name a folder.")
    return {name: out if single else out / f"{name}.onnx" for name in names}
