"""A function of tensors as one compiled graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from variata.training.memory import out_of_memory


class NotCompiledError(RuntimeError):
    """There is no compiler, or an operation that it does not know; the message is one line."""


def graph_of(function: Callable[..., Any], tensors: Sequence[Tensor]) -> Callable[..., Any]:
    """Trace `function` on tensors of these shapes, and compile all that it does to them.

    The operations are recorded one by one, gradients taken inside among them, and given to torch's
    compiler as they are: the Python code is not read, as `torch.compile` does, and nothing has to
    be checked again at each call. The price: whatever is no tensor argument is fixed. Tensors may
    be changed in place. On a processor, noise is torch's own, which is drawn faster than the
    compiler's, and is that of the function itself.

    Args:
        function: of tensors alone; its result is a tuple of tensors.
        tensors: examples of its arguments. They are left as they are.

    Returns:
        The same function, for arguments of the same shapes, types and devices, without gradients.

    Raises:
        NotCompiledError: whatever the compiler says.
    """
    with errors_of_compiler():
        return _compiled(function, tensors)


@contextmanager
def errors_of_compiler() -> Iterator[None]:
    """Whatever the compiler says is a `NotCompiledError`; memory that ran out is none."""
    try:
        yield
    except Exception as error:
        if out_of_memory(error):
            raise
        raise NotCompiledError(why(error)) from error


def why(error: BaseException) -> str:
    """What the compiler said, in a line.

    >>> why(RuntimeError("no compiler\\nsecond line")), why(NotCompiledError("KeyError: 3"))
    ('RuntimeError: no compiler', 'KeyError: 3')
    """
    reason = (str(error).strip() or "no reason").splitlines()[0][:120]
    return reason if isinstance(error, NotCompiledError) else f"{type(error).__name__}: {reason}"


def _compiled(function: Callable[..., Any], tensors: Sequence[Tensor]) -> Callable[..., Any]:
    from torch._inductor import compile as compiled
    from torch.fx.experimental.proxy_tensor import make_fx

    from variata.training.graph_pass import Simpler

    with warnings.catch_warnings():  # torch's compiler warns about its own parts
        warnings.simplefilter("ignore")
        traced = make_fx(function, tracing_mode="fake", _allow_non_fake_inputs=True)(*tensors)
        with torch.no_grad():
            here = all(tensor.device.type == "cpu" for tensor in tensors)
            options = {"post_grad_custom_pre_pass": Simpler(), "fallback_random": here}
            run: Any = compiled(traced, [tensor.detach() for tensor in tensors], options=options)

    def call(*arguments: Tensor) -> Any:
        with torch.no_grad():
            return run(*arguments)

    return call
