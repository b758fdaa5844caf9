"""What each process of `test_processes` runs: a deep VAE in a loop of its own, in shards.

torchrun --nproc-per-node N sharded.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import fully_shard

from variata import recipes
from variata.noise import Place, placed

ROWS, STEPS = 8, 4


class Training(nn.Module):
    """The loss as `forward`, which is what shards are gathered for."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.made = recipes.deep_vae(shape=(1, 8, 8), likelihood="bernoulli", channels=4)
        self.model = self.made.model

    def forward(self, x: Tensor) -> Tensor:
        return self.made.loss(x)


def main(folder: Path) -> None:
    """Losses of the whole batch, and the weights in the end; without torchrun, of one process."""
    several = distributed.is_torchelastic_launched()
    if several:
        distributed.init_process_group("gloo")
    count, rank = (distributed.get_world_size(), distributed.get_rank()) if several else (1, 0)
    training = Training()
    if several:
        for network in (training.model.encoder, training.model.decoder.network):
            fully_shard(network)
        fully_shard(training)  # and all that returns distributions, of which it sees no gradient
    optimiser = torch.optim.AdamW(training.parameters(), lr=1e-2)
    x = torch.randint(0, 2, (ROWS, 1, 8, 8), generator=torch.Generator().manual_seed(1)).float()
    size, losses = ROWS // count, list[float]()
    for step in range(STEPS):
        torch.manual_seed(step)
        place = Place(rank * size, (rank + 1) * size, ROWS)
        with placed(place):
            loss = training(x[place.start : place.stop])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total = loss.detach().clone()
        if several:
            distributed.all_reduce(total)
        losses.append(total.item() / count)
    values = [p.full_tensor() if several else p for p in training.parameters()]
    held = sum(p.to_local().numel() if several else p.numel() for p in training.parameters())
    record = {"losses": losses, "norms": [v.norm().item() for v in values], "held": held}
    (folder / f"{rank}.json").write_text(json.dumps(record))
    if several:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
