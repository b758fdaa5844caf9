"""The loop of PyTorch's own VAE example: a DataLoader over floats, plain Adam, `.item()` a step."""

from __future__ import annotations

import networks
import torch
from task import LATENT, LR, Laps, Task, report, seconds_of
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class VAE(nn.Module):
    def __init__(self, net: str) -> None:
        super().__init__()
        self.encoder, self.decoder = networks.encoder(net), networks.decoder(net)
        width = networks.FEATURES[net]
        self.mean, self.log_variance = nn.Linear(width, LATENT), nn.Linear(width, LATENT)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return torch.sigmoid(self.decoder(z)), mean, log_variance


def loss_of(
    x: torch.Tensor, p: torch.Tensor, mean: torch.Tensor, logvar: torch.Tensor
) -> torch.Tensor:
    distortion = F.binary_cross_entropy(p, x, reduction="sum")
    return distortion - 0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())


def main() -> None:
    task = Task.read()
    train, valid = (TensorDataset(torch.from_numpy(part).float()) for part in task.parts())
    torch.manual_seed(task.seed)
    model, laps = VAE(task.net), Laps()
    optimiser = torch.optim.Adam(model.parameters(), lr=LR)

    def run() -> float:
        total = 0.0
        for _ in range(task.epochs):
            model.train()
            for (x,) in DataLoader(train, batch_size=task.batch_size, shuffle=True):
                optimiser.zero_grad()
                loss = loss_of(x, *model(x))
                loss.backward()
                total += loss.item()
                optimiser.step()
            model.eval()
            with torch.no_grad():
                loader = DataLoader(valid, batch_size=task.batch_size)
                last = sum(loss_of(x, *model(x)).item() for (x,) in loader) / len(valid)
            laps.end()
        return last

    loss, seconds = seconds_of(run)
    report(task, seconds, loss, laps)


if __name__ == "__main__":
    main()
