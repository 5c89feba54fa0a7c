"""Networks over three modalities: transaction, behaviour log and document image.

`Monolith` is the legacy design: a wide image encoder whose map becomes tokens beside those of the
log and of every column, and one transformer over all (early fusion). `LateFusion` is the light
family: one small encoder a modality, a vector each, fused at the end.

Source: columns as tokens by Gorishniy et al. 2021, arXiv:2106.11959, section 3.3; encoder layers
by Vaswani et al. 2017, arXiv:1706.03762, normalised first as in Xiong et al. 2020,
arXiv:2002.04745; late fusion as surveyed by Baltrusaitis et al. 2019, arXiv:1705.09406.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from tasks.datasets.fraud_documents import BLANK
from tasks.datasets.fraud_logs import EVENTS, LENGTH
from tasks.datasets.fraud_transactions import CATEGORIES, LINEAR, MEANS, NUMBERS, SCALES

SMALL = 8  # requests; smaller batches are encoded whole, so that tracers see the whole network
SIDE = 256  # pixels of a document
WIDTH, LAYERS = 128, 3
CHANNELS, BLOCKS, VIEWS = 256, 2, 2


class Numbers(nn.Module):
    """Raw columns float32 (n, 8), NaN where missing, to float32 (n, 17) around zero."""

    means: Tensor
    scales: Tensor
    linear: Tensor

    features = 2 * len(NUMBERS) + 1

    def __init__(self) -> None:
        super().__init__()
        linear = torch.zeros(len(NUMBERS))
        linear[list(LINEAR)] = 1
        self.register_buffer("linear", linear, persistent=False)
        self.register_buffer("means", torch.tensor(MEANS), persistent=False)
        self.register_buffer("scales", torch.tensor(SCALES), persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        """Standardised values, 1 where one is missing, 1 for an amount of exactly 1.00."""
        missing = torch.isnan(numbers)
        known = torch.where(missing, torch.zeros_like(numbers), numbers).clamp(0.0, 1e9)
        hour = torch.ones_like(self.linear)
        hour[1] = 24.0
        plain = known / hour
        values = torch.where(self.linear > 0, plain, torch.log1p(known))
        values = ((values - self.means) / self.scales).clamp(-6.0, 6.0)
        gone = missing.to(values.dtype)
        one = ((known[:, :1] - 1).abs() < 0.005).to(values.dtype)
        return torch.cat([values * (1 - gone), gone, one], dim=1)


class Categories(nn.Module):
    """Numbers of categories int64 (n, 5) to one vector (n, 5 * width); unknown ones become 0."""

    sizes: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("sizes", torch.tensor(list(CATEGORIES.values())), persistent=False)
        self.tables = nn.ModuleList(nn.Embedding(size, width) for size in CATEGORIES.values())

    def vectors(self, categories: Tensor) -> list[Tensor]:
        """One vector (n, width) a column."""
        known = (categories >= 0) & (categories < self.sizes)
        safe = torch.where(known, categories, torch.zeros_like(categories))
        return [table(safe[:, column]) for column, table in enumerate(self.tables)]

    def forward(self, categories: Tensor) -> Tensor:
        """The vectors side by side."""
        return torch.cat(self.vectors(categories), dim=1)


class Steps(nn.Module):
    """Events int64 (n, 64) and gaps float32 (n, 64) to vectors (n, 64, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kinds = nn.Embedding(len(EVENTS), width)
        self.pauses = nn.Linear(2, width)

    def forward(self, events: Tensor, gaps: Tensor) -> Tensor:
        """Sum of what happened and how long it took, and how unlike the pause before."""
        known = (events >= 0) & (events < len(EVENTS))
        kinds = self.kinds(torch.where(known, events, torch.zeros_like(events)))
        clean = torch.where(torch.isnan(gaps), torch.zeros_like(gaps), gaps).clamp(0.0, 1e6)
        pause = (torch.log(clean + 0.01) + 1.5) / 2
        before = torch.cat([pause[:, :1], pause[:, :-1]], dim=1)
        vectors: Tensor = kinds + self.pauses(torch.stack([pause, pause - before], dim=2))
        return vectors


class Documents(nn.Module):
    """Images uint8 (n, 256, 256) through `encoder`; zeros where there is no document.

    Once trained, the mean over `views` of an image is taken, each moved by two pixels more. In
    torch, blank images are left out of large batches: the outputs are the same. Exported graphs
    and counters see the encoder run on every request.
    """

    def __init__(self, encoder: nn.Module, views: int = 1) -> None:
        super().__init__()
        self.encoder = encoder
        self.views = views

    def forward(self, documents: Tensor) -> Tensor:
        """Whatever the encoder makes of float32 (n, 1, 256, 256) in about [-2.5, 0.5]."""
        if not torch.compiler.is_exporting() and len(documents) > SMALL:
            words = documents.flatten(1).view(torch.int64)  # eight pixels at a time, blank is -1
            rows = torch.nonzero((words != -1).any(1)).flatten()
            if 0 < len(rows) < len(documents):
                made = self._seen(self._pixels(documents[rows]))
                whole = made.new_zeros(len(documents), *made.shape[1:])
                return whole.index_copy(0, rows, made)
        pixels = self._pixels(documents)
        present = (pixels.amin(dim=(1, 2, 3)) < (BLANK - 220.5) / 80).to(pixels.dtype)
        made = self._seen(pixels)
        scaled: Tensor = made * present.view(-1, *[1] * (made.dim() - 1))
        return scaled

    def _seen(self, pixels: Tensor) -> Tensor:
        found: Tensor = self.encoder(pixels)
        if self.training or self.views == 1:
            return found
        for step in range(2, 2 * self.views, 2):
            moved = nn.functional.pad(pixels[:, :, step:, step:], (0, step, 0, step), value=0.4)
            found = found + self.encoder(moved)
        return found / self.views

    @staticmethod
    def _pixels(documents: Tensor) -> Tensor:
        return ((documents.float() - 220) / 80).unsqueeze(1)


def convolution(inputs: int, outputs: int, size: int, stride: int) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2015, arXiv:1512.03385)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels, 3, 1)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, inputs: Tensor) -> Tensor:
        """float32 (n, channels, h, w), the same shape."""
        return torch.relu(inputs + self.norm(self.second(self.first(inputs))))


class Attention(nn.Module):
    """Scaled dot products among tokens; heads of 32 numbers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.output = nn.Linear(width, width), nn.Linear(width, width)
        self.heads = width // 32

    def forward(self, tokens: Tensor, bias: Tensor) -> Tensor:
        """float32 (n, t, width) and (n, 1, 1, t), added to the scores."""
        query, key, value = (
            layer(tokens).unflatten(2, (self.heads, 32)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )  # (n, heads, t, 32)
        scores = query @ key.transpose(2, 3) * 32**-0.5 + bias
        mixed = torch.softmax(scores, dim=3) @ value
        found: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return found


class Layer(nn.Module):
    """One layer of the transformer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width), Attention(width)
        self.hidden_norm = nn.LayerNorm(width)
        self.hidden, self.output = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor, bias: Tensor) -> Tensor:
        """float32 (n, t, width) and the attention's bias; the same shape."""
        tokens = tokens + self.attention(self.attention_norm(tokens), bias)
        hidden = nn.functional.gelu(self.hidden(self.hidden_norm(tokens)))
        found: Tensor = tokens + self.output(hidden)
        return found


class Map(nn.Module):
    """The wide image encoder: a map of 4x4 tokens, (n, 16, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolution(1, 64, 7, 4), convolution(64, CHANNELS, 3, 2))
        self.blocks = nn.Sequential(*(Residual(CHANNELS) for _ in range(BLOCKS)))
        self.reduce = nn.Sequential(
            convolution(CHANNELS, CHANNELS, 3, 2), nn.AdaptiveMaxPool2d(4), nn.Flatten(2)
        )
        self.token = nn.Linear(CHANNELS, width)

    def forward(self, pixels: Tensor) -> Tensor:
        """float32 (n, 1, 256, 256) to tokens."""
        found: Tensor = self.token(self.reduce(self.blocks(self.stem(pixels))).transpose(1, 2))
        return found


class Monolith(nn.Module):
    """Early fusion: tokens of all modalities in one transformer."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.prepare = Numbers()
        self.numbers = nn.ModuleList(nn.Linear(2, WIDTH) for _ in NUMBERS)
        self.one = nn.Linear(1, WIDTH)
        self.categories = Categories(WIDTH)
        self.steps = Steps(WIDTH)
        self.positions = nn.Embedding(LENGTH, WIDTH)
        self.image = Documents(Map(WIDTH), VIEWS)
        self.layers = nn.ModuleList(Layer(WIDTH) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.classifier = nn.Linear(WIDTH, classes)

    def forward(
        self, categories: Tensor, document: Tensor, events: Tensor, gaps: Tensor, numbers: Tensor
    ) -> Tensor:
        """The raw bytes of n requests to logits (n, classes)."""
        values = self.prepare(numbers)  # (n, 17)
        count = len(NUMBERS)
        columns = [
            token(values[:, [place, count + place]]) for place, token in enumerate(self.numbers)
        ]
        columns += [self.one(values[:, 2 * count :]), *self.categories.vectors(categories)]
        table = torch.stack(columns, dim=1)  # (n, 14, width)
        order = torch.arange(LENGTH, device=events.device)
        log = self.steps(events, gaps) + self.positions(order)  # (n, 64, width)
        image = self.image(document)  # (n, 16, width)
        tokens = torch.cat([image, log, table], dim=1)
        seen = (image.abs().amax(2) > 0).to(tokens.dtype)
        happened = (events != 0).to(tokens.dtype)
        present = torch.cat([seen, happened, torch.ones_like(table[:, :, 0])], dim=1)
        bias = (present[:, None, None, :] - 1) * 1e4
        for layer in self.layers:
            tokens = layer(tokens, bias)
        weights = present[:, :, None]
        mean = (self.norm(tokens) * weights).sum(1) / weights.sum(1)
        logits: Tensor = self.classifier(mean)
        return logits


class TableBranch(nn.Module):
    """Columns to one vector (n, features)."""

    def __init__(self, hidden: int, features: int, depth: int) -> None:
        super().__init__()
        self.numbers, self.categories = Numbers(), Categories(8)
        sizes = [Numbers.features + 8 * len(CATEGORIES), *[hidden] * depth]
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, features))

    def forward(self, categories: Tensor, numbers: Tensor) -> Tensor:
        """int64 (n, 5) and float32 (n, 8)."""
        found: Tensor = self.layers(
            torch.cat([self.numbers(numbers), self.categories(categories)], dim=1)
        )
        return found


class LogBranch(nn.Module):
    """Events to one vector: convolutions over time, then mean and maximum."""

    def __init__(self, hidden: int, features: int, depth: int) -> None:
        super().__init__()
        self.steps = Steps(hidden)
        self.layers = nn.Sequential()
        for _ in range(depth):
            self.layers.append(nn.Conv1d(hidden, hidden, 5, padding=2, bias=False))
            self.layers.append(nn.BatchNorm1d(hidden))
            self.layers.append(nn.ReLU())
        self.output = nn.Linear(2 * hidden, features)

    def forward(self, events: Tensor, gaps: Tensor) -> Tensor:
        """int64 (n, 64) and float32 (n, 64)."""
        present = (events != 0).to(gaps.dtype)[:, None]  # (n, 1, 64)
        found = self.layers(self.steps(events, gaps).transpose(1, 2) * present) * present
        mean = found.sum(2) / present.sum(2).clamp_min(1.0)
        both: Tensor = self.output(torch.cat([mean, found.amax(2)], dim=1))
        return both


def light_encoder(width: float, depth: float, features: int) -> nn.Sequential:
    """A small convolutional network, (n, 1, 256, 256) to (n, features)."""
    channels = [max(4, round(width * each / 4) * 4) for each in (12, 24, 48, 96)]
    layers = [convolution(1, channels[0], 5, 2)]
    for stage, (inputs, outputs) in enumerate(itertools.pairwise(channels)):
        layers.append(convolution(inputs, outputs, 3, 2))
        for _ in range(round(depth * (0, 1, 1)[stage])):
            layers.append(convolution(outputs, outputs, 3, 1))
    pool = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())
    return nn.Sequential(*layers, pool, nn.Linear(channels[-1], features))


class Concatenation(nn.Module):
    """Vectors of the modalities side by side, then one hidden layer."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(3 * features, hidden)

    def forward(self, table: Tensor, log: Tensor, image: Tensor) -> Tensor:
        """Three of float32 (n, features) to (n, hidden)."""
        return torch.relu(self.hidden(torch.cat([table, log, image], dim=1)))


class Gated(nn.Module):
    """Each modality's vector times a gate that sees all three, then one hidden layer.

    Source: gates as in Arevalo et al. 2017, arXiv:1702.01992, section 3.1.
    """

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Linear(3 * features, 3 * features)
        self.hidden = nn.Linear(3 * features, hidden)

    def forward(self, table: Tensor, log: Tensor, image: Tensor) -> Tensor:
        """Three of float32 (n, features) to (n, hidden)."""
        joined = torch.cat([table, log, image], dim=1)
        return torch.relu(self.hidden(torch.sigmoid(self.gates(joined)) * joined))


FUSIONS: dict[str, type[nn.Module]] = {"concatenation": Concatenation, "gated": Gated}


class LateFusion(nn.Module):
    """`table`, `log` and `image` make a vector each, `fusion` one of them, `classifier` logits.

    `features` is the length of a modality's vector.
    """

    def __init__(
        self,
        branches: tuple[nn.Module, nn.Module, nn.Module],
        features: int,
        classes: int,
        fusion: str,
    ) -> None:
        super().__init__()
        self.features = features
        self.table, self.log, self.image = branches
        self.fusion: nn.Module = FUSIONS[fusion](features, 2 * features)
        self.classifier = nn.Linear(2 * features, classes)

    def vectors(
        self, categories: Tensor, document: Tensor, events: Tensor, gaps: Tensor, numbers: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The vectors of table, log and image, each float32 (n, features)."""
        return self.table(categories, numbers), self.log(events, gaps), self.image(document)

    def forward(
        self, categories: Tensor, document: Tensor, events: Tensor, gaps: Tensor, numbers: Tensor
    ) -> Tensor:
        """The raw bytes of n requests to logits (n, classes)."""
        vectors = self.vectors(categories, document, events, gaps, numbers)
        logits: Tensor = self.classifier(self.fusion(*vectors))
        return logits


def light(width: float, depth: float, fusion: str, classes: int) -> LateFusion:
    """An untrained late fusion whose branches are all of one width and depth."""
    hidden = max(8, round(width * 16) * 4)
    blocks = max(1, round(2 * depth))
    branches = (
        TableBranch(2 * hidden, hidden, blocks),
        LogBranch(hidden, hidden, blocks),
        Documents(light_encoder(width, depth, hidden)),
    )
    return LateFusion(branches, hidden, classes, fusion)


def uneven(
    table: int, log: int, image: float, depth: float, resolution: int, classes: int = 2
) -> LateFusion:
    """An untrained gated late fusion whose branches have sizes of their own.

    The image is averaged down to `resolution` before its encoder, which is `image` times as wide.
    """
    features = 64
    blocks = max(1, round(2 * depth))
    shrink = nn.AvgPool2d(SIDE // resolution) if resolution < SIDE else nn.Identity()
    branches = (
        TableBranch(table, features, blocks),
        LogBranch(log, features, blocks),
        Documents(nn.Sequential(shrink, light_encoder(image, depth, features))),
    )
    return LateFusion(branches, features, classes, "gated")


def build(
    width: float = 1.0, depth: float = 1.0, fusion: str | None = None, classes: int = 2
) -> nn.Module:
    """The untrained monolith; with a fusion or another size, an untrained light late fusion."""
    if (width, depth, fusion) == (1.0, 1.0, None):
        return Monolith(classes)
    return light(width, depth, fusion or "concatenation", classes)
