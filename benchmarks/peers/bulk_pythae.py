"""pythae over many rows, without gradients, with its batch sizes and others that suit it."""

from __future__ import annotations

import logging

import torch
from bulk_task import DRAWS, IMAGES, ROWS, Task, answer, given
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.samplers import NormalSampler
from pythae_loop import Decoder, Encoder
from task import LATENT

LOG_VARIANCE_BOUND = 14.0


class BoundedEncoder(Encoder):
    """With the bounds of our posterior: log scales in (-7, 7), smoothly, so that q is the same."""

    def forward(self, x: torch.Tensor) -> ModelOutput:
        given = super().forward(x)
        bounded = LOG_VARIANCE_BOUND * torch.tanh(given.log_covariance / LOG_VARIANCE_BOUND)
        return ModelOutput(embedding=given.embedding, log_covariance=bounded)


def main() -> None:
    logging.disable(logging.CRITICAL)
    images, weights = given()
    config = VAEConfig(input_dim=(784,), latent_dim=LATENT, reconstruction_loss="bce")
    model = VAE(config, encoder=BoundedEncoder(), decoder=Decoder())
    model.load_state_dict(weights, strict=True)
    model.eval()
    x = torch.from_numpy(images[:ROWS]).float()
    sampler = NormalSampler(model)

    def sample(rows: int, draws: bool = False) -> Task:
        def run(seed: int) -> torch.Tensor:
            means = sampler.sample(ROWS, batch_size=rows)
            return torch.bernoulli(means) if draws else means

        return run

    def bound(*size: int) -> Task:
        def run(seed: int) -> float:
            torch.manual_seed(seed)
            return float(model.get_nll(x[:IMAGES], DRAWS, *size))

        return run

    with torch.no_grad():
        answer(
            {
                "embed": lambda _: model.embed(x),
                "embed_500": lambda _: [model.embed(part) for part in x.split(500)],
                "predict": lambda _: model.predict(x).embedding,
                "predict_500": lambda _: [model.predict(part).embedding for part in x.split(500)],
                "sample": sample(500),
                "sample_2000": sample(2_000),
                "sample_and_bernoulli": sample(2_000, draws=True),
                "get_nll": bound(),
                "get_nll_500": bound(DRAWS),
            }
        )


if __name__ == "__main__":
    main()
