"""Structured pruning keeps the channels that score best, step after step."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from harness.structured import ChannelScores, RandomScores, prune, streams


class Toy(nn.Module):
    """Two layers; the first one's 32 channels are to be cut."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3, padding=1)
        self.classifier = nn.Linear(32, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.first(images).mean((2, 3)))


def problem() -> SimpleNamespace:
    """The part of a Compression problem that pruning needs, for the toy."""
    from harness.run.meter import forward_macs

    example = (torch.randn(2, 3, 8, 8),)
    return SimpleNamespace(
        example=example,
        keep=("classifier",),
        reference=Toy,
        macs=lambda model: forward_macs(model, example),
    )


def test_the_channels_of_best_score_are_kept_although_positions_shift():
    model = Toy()
    before = model.first.weight.detach().clone()
    scores = torch.randperm(32).float()
    prune(problem(), model, ChannelScores({model.first: scores}), 4.0)
    kept = [next(i for i in range(32) if torch.equal(before[i], row)) for row in model.first.weight]
    assert kept == sorted(scores.argsort(descending=True)[: len(kept)].tolist())
    assert len(kept) == 8
    assert model.classifier.out_features == 10


@pytest.mark.parametrize("speed_up", [2.0, 8.0])
@pytest.mark.parametrize(("round_to", "most"), [(None, 1.4), (4, 2)])
def test_pruning_reaches_the_asked_share_of_macs(speed_up, round_to, most):
    task = problem()
    model = prune(task, Toy(), RandomScores(), speed_up, round_to=round_to)
    ratio = task.macs(Toy()) / task.macs(model)
    assert speed_up <= ratio < most * speed_up
    if round_to:
        assert model.first.out_channels % round_to == 0


def test_layers_that_write_a_residual_stream_are_found():
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.into = nn.Conv2d(3, 8, 1)
            self.wide = nn.Conv2d(8, 24, 1)
            self.depthwise = nn.Conv2d(24, 24, 3, padding=1, groups=24)
            self.back = nn.Conv2d(24, 8, 1)
            self.classifier = nn.Linear(8, 10)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            stream = self.into(images)
            stream = stream + self.back(self.depthwise(self.wide(stream)))
            return self.classifier(stream.mean((2, 3)))

    assert set(streams(problem(), Block())) == {"into", "back"}


def test_frozen_layers_are_cut_with_the_stream_that_they_feed_and_stay_frozen():
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Conv2d(3, 16, 1).requires_grad_(False)
            self.layer = nn.Conv2d(16, 16, 1)
            self.classifier = nn.Linear(16, 10)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            stream = self.embed(images)
            stream = stream + self.layer(stream)
            return self.classifier(stream.mean((2, 3)))

    task = problem()
    task.reference = Encoder
    model = prune(task, Encoder(), RandomScores(), 2.0)
    assert model.embed.out_channels == model.layer.in_channels == model.layer.out_channels < 16
    assert not model.embed.weight.requires_grad
    assert model.layer.weight.requires_grad
    assert model(task.example[0]).shape == (2, 10)
