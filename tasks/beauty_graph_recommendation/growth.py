"""How the reference grows: generated catalogues of any size, timed part by part."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness import Growth
from tasks import ranking

ITEMS, ATTRIBUTES, NEIGHBOURS = 12_101, 637, 5  # of the real data set; attributes an item, median
USERS, LENGTH, CLICKS = 256, 50, 8  # a training batch; histories are 8 clicks long on average
DRAWN = 1_024


def catalogue(items: int, neighbours: int) -> dict[str, np.ndarray]:
    """A graph of as many attributes an item; attributes are as uneven as the real ones."""
    random = np.random.default_rng(0)
    attributes = max(2, round(items * ATTRIBUTES / ITEMS))
    shares = 1 / np.arange(1, attributes + 1)
    drawn = random.choice(attributes, (items, neighbours), p=shares / shares.sum())
    numbers = np.repeat(np.arange(1, items + 1), neighbours)
    edges = np.stack([numbers, drawn.ravel()]).astype(np.int32)
    return {"sizes": np.array([1, items, attributes], np.int32), "item_attribute": edges}


def parts(varied: str, size: int) -> Mapping[tuple[str, str], Callable[[], Any]]:
    """One training step and one request of the reference, part by part, at one size."""
    import torch
    from torch.nn import functional

    from tasks.models import recommender

    items = size if varied == "items" else ITEMS
    neighbours = size if varied == "neighbours" else NEIGHBOURS
    model: Any = recommender.build(catalogue(items, neighbours)).train()
    history = torch.zeros(USERS, LENGTH, dtype=torch.int64)
    history[:, -CLICKS:] = torch.randint(1, items + 1, (USERS, CLICKS))
    seen = torch.unique(torch.cat([history[history > 0], torch.randint(1, items + 1, (DRAWN,))]))
    with torch.no_grad():
        table = model.items()
        asked = model.encode(history[:1], table, last=True)[:, 0]
        scores = functional.linear(asked, table)
    local = torch.randint(1, len(seen), history[:, -CLICKS:].shape)
    some = torch.randn(len(seen), table.shape[1], requires_grad=True)
    many = torch.randn(USERS * CLICKS, table.shape[1], requires_grad=True)

    def trained(compute: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: torch.autograd.backward(compute().sum())

    def served(compute: Callable[[], Any]) -> Callable[[], Any]:
        def call() -> None:
            model.eval()
            with torch.no_grad():
                compute()

        return call

    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0)

    def updated() -> None:
        for parameter in model.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        optimizer.step()

    return {
        ("training", "item graph"): trained(lambda: model.items.some(seen)),
        ("training", "encoder"): trained(lambda: model.encode(local, some)),
        ("training", "scores and loss"): trained(
            lambda: functional.linear(many, some[:DRAWN]).logsumexp(1)
        ),
        ("training", "optimizer"): updated,
        ("serving", "item graph, when not cached"): served(model.items),
        ("serving", "encoder"): served(lambda: model.encode(history[:1], table, last=True)),
        ("serving", "scores"): served(lambda: functional.linear(asked, table)),
        ("serving", "top 10"): served(lambda: scores.topk(ranking.TOP)),
    }


GROWTH = Growth(
    sizes={
        "items": (1_000, 3_000, 12_101, 30_000, 100_000, 300_000, 1_000_000),
        "neighbours": (1, 2, 5, 10, 20, 50),
    },
    parts=parts,
    steps=87,
)
