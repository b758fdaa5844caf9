"""From a module to the bytes of an ONNX graph, without noise on the way."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch.export import Dim, export

from variata.errors import ExportError, MissingExtraError
from variata.tasks.graphs import Graph, Tensors

OPSET = 18
LARGEST = 2**31 - 2**20  # bytes of an ONNX file, a message of protobuf
ROWS = "rows"  # the name of the first dimension of everything
LOGGERS = ("torch.onnx", "torch.export", "torch.__trace", "onnxscript", "onnx_ir")


def require_packages() -> None:
    """Refuse to begin without the packages that write and run graphs.

    Raises:
        MissingExtraError: naming the command that installs them.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            with hushed():
                import_module(name)
        except ImportError as error:
            raise MissingExtraError(
                f"Exporting needs {name}, which is not installed: pip install 'variata[onnx]'."
            ) from error


def traced(graph: Graph, inputs: Tensors, about: Mapping[str, str]) -> bytes:
    """The file of a graph whose number of rows is free.

    Args:
        inputs: examples of three rows or more, by name.
        about: the metadata of the file.

    Raises:
        ExportError: the exporter finds something that it cannot express, or it is too large.
    """
    size = sum(t.numel() * t.element_size() for t in graph.state_dict().values())
    if size > LARGEST:
        raise ExportError(
            f"{graph.name} cannot be exported: its weights are {size / 2**30:.1f} GiB, and an ONNX "
            "file holds 2 GiB."
        )
    shapes = {name: {0: Dim(ROWS)} for name in inputs}
    try:
        with hushed(), torch.no_grad():
            program = export(graph, (), inputs, dynamic_shapes=shapes, strict=False)
            names = list(graph.outputs)
            made: Any = torch.onnx.export(
                program, dynamo=True, opset_version=OPSET, output_names=names, verbose=False
            )
            return _file(made.model_proto, about)
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ExportError(f"{graph.name} cannot be exported: {reason}") from error


@contextmanager
def hushed() -> Iterator[None]:
    """Neither warnings nor log lines of the exporter, which are about its own inner life."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _file(proto: Any, about: Mapping[str, str]) -> bytes:
    """The bytes of a model without what only its maker understands: places in source code."""
    whole = proto.graph
    named = [*whole.input, *whole.output]
    for part in (proto, whole, *named, *whole.node, *whole.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del whole.value_info[:]
    for value in named:
        value.type.tensor_type.shape.dim[0].dim_param = ROWS
    proto.producer_name, proto.producer_version = "variata", about["variata.version"]
    for key, value in about.items():
        proto.metadata_props.add(key=key, value=value)
    return proto.SerializeToString()
