"""The best loop that we can write by hand for this one network in PyTorch.

Bytes in memory, one gather per batch, likelihood from logits, fused optimiser, no wait in a step,
freed memory kept. With `--precision onednn` fp32 products are oneDNN's, with bf16 the networks run
in autocast; with `--compile` loss and gradient are one compiled graph.
"""

from __future__ import annotations

import ctypes
from typing import Any

import networks
import torch
from task import LATENT, LR, Laps, Task, report, seconds_of
from torch import nn
from torch.nn import functional as F


class VAE(nn.Module):
    """Bytes (B, *X) to the negative ELBO."""

    def __init__(self, net: str, short: bool) -> None:
        super().__init__()
        self.encoder, self.decoder = networks.encoder(net), networks.decoder(net)
        self.head, self.short = nn.Linear(networks.FEATURES[net], 2 * LATENT), short

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.float()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.short):
            mean, log_variance = self.head(self.encoder(x)).float().chunk(2, 1)
            z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            logits = self.decoder(z).float()
        distortion = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1)
        rate = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        return distortion.sum(1).mean() + rate.sum(1).mean()


def main() -> None:
    task = Task.read("precision", "compile", "layout", "threads")
    keep_freed_memory()
    if task.asked.threads:
        torch.set_num_threads(int(task.asked.threads))
    if task.asked.precision == "onednn":
        torch.set_float32_matmul_precision("medium")
    train, valid = (torch.from_numpy(part) for part in task.parts())
    laps = Laps()

    def run() -> float:
        torch.manual_seed(task.seed)
        model = VAE(task.net, task.asked.precision == "bf16")
        if task.asked.layout == "last":
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        parameters = list(model.parameters())
        optimiser = torch.optim.Adam(parameters, lr=LR, fused=True)
        gradients = gradients_of(model, parameters, task.asked.compile == "on")
        for _ in range(task.epochs):
            model.train()
            for index in torch.randperm(len(train)).split(task.batch_size):
                for parameter, gradient in zip(parameters, gradients(train[index]), strict=True):
                    parameter.grad = gradient
                optimiser.step()
            model.eval()
            with torch.no_grad():
                last = float(model(valid))
            laps.end()
        return last

    loss, seconds = seconds_of(run)
    report(task, seconds, loss, laps)


def gradients_of(model: nn.Module, parameters: list[nn.Parameter], compiled: bool) -> Any:
    """Bytes to gradients; batches of an odd size, such as an epoch's last, are not compiled for."""

    def gradients(x: torch.Tensor) -> Any:
        return torch.autograd.grad(model(x), parameters)

    if not compiled:
        return gradients
    from torch import _dynamo

    traced = _dynamo.config.patch(trace_autograd_ops=True)(
        torch.compile(gradients, fullgraph=True, dynamic=False)
    )
    sizes: list[int] = []

    def chosen(x: torch.Tensor) -> Any:
        sizes[:] = sizes or [len(x)]
        return traced(x) if len(x) == sizes[0] else gradients(x)

    return chosen


def keep_freed_memory() -> None:
    """glibc gives large blocks back to the system and asks for them again at every step."""
    library = ctypes.CDLL(None)
    for name, value in ((-1, 1 << 30), (-2, 1 << 26), (-3, 1 << 30)):  # trim, pad, mmap thresholds
        library.mallopt(name, value)


if __name__ == "__main__":
    main()
