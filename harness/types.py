"""Every noun of slimbench; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from random import Random

    from torch import Tensor, nn

    from harness.problems import Compression

Scale = Literal["smoke", "standard", "full"]
Setting = Mapping[str, Any]
Architecture = tuple[int, ...]
Change = Callable[[Mapping[str, np.ndarray], np.random.Generator], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Metric:
    """The quality a task is judged by, for example top-1 accuracy as a fraction."""

    name: str
    unit: str = "fraction"
    higher_is_better: bool = True
    chance: float = 0.0


@dataclass(frozen=True)
class Limit:
    """A finish line: `quantity` of a record must be at least or at most `bound`."""

    quantity: str
    kind: Literal["at_least", "at_most"]
    bound: float


@dataclass(frozen=True)
class Input:
    """One input of the deployed model; `shape` leaves out the batch."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Split:
    """Aligned examples: `inputs[name]` is (n, *shape), `targets` is (n, ...).

    `context` is what all examples share, for example the edges of a graph; of a data set's splits
    the training split alone has it.
    """

    inputs: Mapping[str, np.ndarray]
    targets: np.ndarray
    context: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class DataSet:
    """Where data comes from: official files to splits, and a generated stand-in for smoke runs.

    `read(folder)` returns the splits train, validation and test from official files and raises
    DataError when one is missing or damaged; `generate(seed)` returns the same shapes, tiny.
    `really(folder)` names the data set that the files in a folder are of, when it is another one;
    `remark(folder)` says in a sentence what a reader of the prepared data should know.
    Where no official files exist, `generated` says so and `read` makes the splits itself.
    `preprocess(folder)` returns what makes the model's inputs of one raw request, such as a
    tokenizer, its library's name, and the raw test requests; it costs every row the same.
    """

    name: str
    origin: str
    licence: str
    read: Callable[[Path], dict[str, Split]]
    generate: Callable[[int], dict[str, Split]]
    really: Callable[[Path], str | None] | None = None
    remark: Callable[[Path], str] | None = None
    generated: bool = False
    preprocess: Callable[[Path], tuple[Callable[[str], Any], str, Sequence[str]]] | None = None


@dataclass(frozen=True)
class Budget:
    """What one run may spend; None means unlimited.

    `train_macs` counts multiply-accumulates: forward 1x, forward and backward 3x, dense.
    `most_epochs`: no one training passes over the data more often; keeps smoke runs of small
    networks, whose steps cost time rather than multiplications, in seconds.
    """

    train_macs: float | None = None
    most_epochs: float | None = None
    queries: int | None = None
    simulated_seconds: float | None = None
    wall_seconds: float = 3600.0
    memory_bytes: int = 12 * 10**9


@dataclass(frozen=True)
class Recipe:
    """How a task trains a network; one training loop reads it (harness/run/training.py).

    `finetune_factor` scales the learning rate where training starts from trained weights,
    `reference_factor` where the reference itself starts from pretrained ones.
    `augment(inputs, generator)` changes a batch at random. `lengths(inputs)` groups sequences of
    like length into one batch, and `shorten(inputs)` cuts what is padding in all of them.
    `examples(model, inputs, targets)` makes of one batch the logits (m, classes) and their targets
    (m,) that the loss compares, where that is not one row an input: a sequence model predicts at
    every position. Training compute is then counted on such a batch.
    `most_epochs`: no one training passes over the data more often, whatever the budget allows;
    small networks could otherwise do so hundreds of times.
    """

    optimizer: Literal["muon", "adamw"]
    learning_rate: float
    weight_decay: float
    batch_size: int
    vector_learning_rate: float = 0.1
    warmup: float = 0.2
    label_smoothing: float = 0.0
    finetune_factor: float = 0.3
    reference_factor: float = 1.0
    augment: Callable[[list[Tensor], Any], list[Tensor]] | None = None
    lengths: Callable[[list[Tensor]], Tensor] | None = None
    shorten: Callable[[list[Tensor]], list[Tensor]] | None = None
    examples: Callable[[nn.Module, list[Tensor], Tensor], tuple[Tensor, Tensor]] | None = None
    most_epochs: float = float("inf")


@dataclass(frozen=True)
class Task:
    """A problem with hidden test data, as a value; see CONTRIBUTING.md for how to add one.

    `build(**shape)` returns an untrained reference (torch is imported inside); where the training
    split has a context, it is given as `build(context=..., **shape)`. `choices` names what `build`
    takes beside width and depth, and the words that it knows. `deploy(model)` wraps a model by what
    the deployed graph does behind it, such as ranking, and `output` is what that graph returns
    where it is not float logits (classes,). `keep` names the modules whose outputs must not be
    cut. `predict(outputs)` turns the artifact's outputs into compact per-example predictions;
    `example_scores(predictions, targets)` scores each example, float (n,) in [0, 1], and the metric
    is their mean. Where it is no mean, `aggregate(predictions, targets)` is given, and the example
    scores may be pseudo-values, whose mean is the metric, so that intervals and paired tests hold.
    `figures(predictions, targets)` are further figures by name. `slices(targets)` names groups of
    examples whose quality is reported beside the whole.
    `reference_recipe` is what the reference is trained with where that is not `recipe`: a longer
    training asks for more augmentation.
    `threads` caps the threads a run trains on: a small network is slower on two than on one.
    `preload` names slow modules that its runs import, loaded once for all of them.
    `variant(name)` is the same task with another pretrained reference, by hub name or folder; of
    such a task `checkpoint` is the folder of the weights that its runs must read.
    `throughput_batch` is how many requests are served at once for the throughput, where it is not
    the profile's number; `mask` names the input that is 1 where a padded request has something.
    `changes` names random changes of the inputs that leave every target as it is: a model that
    knows the test examples by heart loses by them. Between kinds of processors two outputs closer
    than `numeric_tolerance` of the largest one count as equal. `search` is what search methods are
    asked to find on this task, `growth` how its reference is timed as its data grow. `modalities`
    names parts that a request may come without: {input: the value that stands for missing}.
    `stands_for(targets)` is how many requests of the real traffic each test example stands for,
    where that differs: timed requests are drawn by it.
    """

    name: str
    version: int
    title: str
    modality: str
    dataset: DataSet
    inputs: tuple[Input, ...]
    classes: int
    metric: Metric
    limits: tuple[Limit, ...]
    budgets: Mapping[Scale, Budget]
    recipe: Recipe
    build: Callable[..., nn.Module]
    predict: Callable[[Sequence[np.ndarray]], np.ndarray]
    example_scores: Callable[[np.ndarray, np.ndarray], np.ndarray]
    folder: Path
    keep: tuple[str, ...] = ("classifier",)
    smoke_shape: Setting = field(default_factory=dict)
    threads: int | None = None
    reference_epochs: float = 15.0
    reference_recipe: Recipe | None = None
    reference_train_macs: float = 0.0
    aggregate: Callable[[np.ndarray, np.ndarray], float] | None = None
    figures: Callable[[np.ndarray, np.ndarray], Mapping[str, float]] | None = None
    slices: Callable[[np.ndarray], Mapping[str, np.ndarray]] | None = None
    deploy: Callable[[nn.Module], nn.Module] | None = None
    output: Input | None = None
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    poses: tuple[str, ...] = ("Compression",)
    preload: tuple[str, ...] = ()
    changes: Mapping[str, Change] = field(default_factory=dict)
    numeric_tolerance: float = 0.02
    variant: Callable[[str], Task] | None = None
    checkpoint: Path | None = None
    throughput_batch: int | None = None
    mask: str | None = None
    search: TrainedSpace | None = None
    growth: Growth | None = None
    modalities: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    stands_for: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def answer(self) -> Input:
        """What the deployed graph returns for one request."""
        return self.output or Input("logits", "float32", (self.classes,))


@dataclass(frozen=True)
class Space:
    """Architectures as one choice for each decision: `choices[d]` names what decision d may be.

    An architecture is a tuple of choice numbers. `canonical(architecture)` is equal for
    architectures that compute the same function; `text(architecture)` is how papers write it.
    `features(architectures)` turns int (n, decisions) into float64 (n, features): what can be
    counted without training, such as depth.
    """

    name: str
    choices: tuple[tuple[str, ...], ...]
    canonical: Callable[[Architecture], Hashable]
    text: Callable[[Architecture], str]
    features: Callable[[np.ndarray], np.ndarray]

    def all(self) -> np.ndarray:
        """Every architecture, int64 (n, decisions); for spaces small enough to list."""
        grids = np.indices([len(names) for names in self.choices])
        return grids.reshape(len(self.choices), -1).T

    def sample(self, random: Random) -> Architecture:
        """A random architecture."""
        return tuple([random.randrange(len(names)) for names in self.choices])

    def outside(self, architecture: object) -> str:
        """What is wrong with an architecture that is none of the space, in a sentence."""
        sizes = [len(names) for names in self.choices]
        return (
            f"{str(architecture)[:80]} is outside the space {self.name}: give a tuple of "
            f"{len(sizes)} whole numbers, each from 0 to below {sizes}"
        )

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """All architectures that differ in exactly one decision."""
        return [
            (*architecture[:place], choice, *architecture[place + 1 :])
            for place, names in enumerate(self.choices)
            for choice in range(len(names))
            if choice != architecture[place]
        ]


@dataclass(frozen=True)
class TrainedSpace:
    """Architectures of a task that search methods train for real, a few epochs each.

    `network(problem, architecture)` is one of them, untrained, or cut out of `problem.reference()`
    where `inherits` says that it keeps trained weights. `fidelities` are the epochs that may be
    asked for, the fewest first; `search_macs` is what one search may spend by scale. `supernet`
    makes all networks in one, as Search.supernet says; what a choice costs must not depend on other
    decisions there. `table` names a table task of the same space, whose trained accuracies then
    stand beside what was found. A network costs what `device` says: a profile whose latency is
    predicted, or `macs`. `limits` are shares of the reference's cost: each becomes a row of its
    own. What was found has the task's budget and, where it starts untrained, the reference's
    training compute besides, but sees the data no more than `most_epochs` times.
    """

    space: Space
    network: Callable[[Compression, Architecture], nn.Module]
    fidelities: tuple[float, ...]
    search_macs: Mapping[Scale, float]
    limits: tuple[float, ...]
    most_epochs: float
    device: str = "macs"
    inherits: bool = False
    supernet: Callable[[Compression], nn.Module] | None = None
    table: str | None = None


@dataclass(frozen=True)
class Growth:
    """How a task's reference is timed part by part as its world grows.

    `sizes` are the values of each thing that varies, for example `items`. `parts(varied, size)`
    makes an untrained model and generated inputs of that size and returns, by phase (`training` or
    `serving`) and part, a call that computes it once. `steps` are training steps in an epoch.
    """

    sizes: Mapping[str, tuple[int, ...]]
    parts: Callable[[str, int], Mapping[tuple[str, str], Callable[[], Any]]]
    steps: int


@dataclass(frozen=True)
class Case:
    """One question to a table: which data set, what may be spent, and against which device.

    `fidelities` are the epochs that may be asked for, cheapest first. A query of fewer epochs
    than `full_epochs` counts as that share of a query. `device` None asks for quality alone.
    """

    name: str
    title: str
    dataset: str
    fidelities: tuple[int, ...]
    full_epochs: int
    budget: Budget
    seeds: int
    device: str | None = None
    protocol: str = ""
    long: bool = False

    @property
    def kind(self) -> str:
        """`quality`, `long` (quality with a budget for cheap methods only), or `trade_off`."""
        if self.device:
            return "trade_off"
        return "long" if self.long else "quality"


@dataclass(frozen=True)
class TableTask:
    """A search space whose architectures were all trained before; an answer is looked up.

    The data set's splits are columns over architectures. `validation` holds what may be queried:
    `DATASET_validation_EPOCHS` (quality), `DATASET_seconds_EPOCHS` (estimated training time) and
    `DATASET_DEVICE` (cost); `test` holds `DATASET_test`. Both have the architectures as targets,
    int8 (architectures, decisions). `devices` maps profiles to DEVICE; `clock` says what the
    simulated seconds are. `proxies` is a file of zero-cost scores, see harness/run/proxies.py.
    """

    name: str
    version: int
    title: str
    modality: str
    dataset: DataSet
    space: Space
    metric: Metric
    cases: tuple[Case, ...]
    devices: Mapping[str, str]
    clock: str
    folder: Path
    poses: tuple[str, ...] = ("Search",)
    proxies: Path | None = None


@dataclass(frozen=True)
class Method:
    """A published way to solve one kind of problem.

    `solve(problem, **setting)` returns an nn.Module or an ONNX ModelProto, or, for a Search, the
    chosen architecture (several where a device's cost counts); each entry of `settings` is one
    operating point, together they draw the method's curve. `modalities` limits a method to kinds
    of data, or of Search cases: `quality`, `long`, `trade_off`, and `trained`, where a task's own
    networks are trained for every query, of those `supernet`, that have one; `uses_proxies` to
    spaces that have zero-cost scores.
    """

    name: str
    version: int
    solves: type
    solve: Callable[..., Any]
    settings: tuple[Setting, ...]
    source: str
    modalities: tuple[str, ...] = ()
    small_baseline: bool = False
    uses_proxies: bool = False
