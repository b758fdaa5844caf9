"""The loop of PyTorch's own VAE example: a DataLoader over floats, plain Adam, `.item()` a step."""

from __future__ import annotations

import torch
from task import HIDDEN, LATENT, Task, report, seconds_of
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class VAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, HIDDEN)
        self.fc21, self.fc22 = nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)
        self.fc3, self.fc4 = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, 784)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        h = F.relu(self.fc1(x))
        mean, log_variance = self.fc21(h), self.fc22(h)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mean, log_variance


def loss_of(
    x: torch.Tensor, p: torch.Tensor, mean: torch.Tensor, logvar: torch.Tensor
) -> torch.Tensor:
    distortion = F.binary_cross_entropy(p, x, reduction="sum")
    return distortion - 0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())


def main() -> None:
    task = Task.read()
    train, valid = (TensorDataset(torch.from_numpy(part).float()) for part in task.parts())
    model = VAE()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

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
        return last

    loss, seconds = seconds_of(run)
    report(task, seconds, loss)


if __name__ == "__main__":
    main()
