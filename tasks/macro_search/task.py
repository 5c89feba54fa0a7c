"""Search a stack of blocks: NAS-Bench-Macro's 6,561 networks on CIFAR-10; see README.md."""

from pathlib import Path

from harness import Budget, Case, Metric, TableTask
from tasks.datasets.nas_bench_macro import DATASET, EPOCHS, SPACE


def _case(name: str, queries: int, device: str | None = None) -> Case:
    return Case(
        name=name,
        title=f"CIFAR-10{' against MACs' if device else ''}, {queries:,} queries",
        dataset="cifar10",
        fidelities=(EPOCHS,),
        full_epochs=EPOCHS,
        budget=Budget(queries=queries, wall_seconds=120),
        seeds=50 if device else 500,
        device=device,
        long=queries > 500,
    )


TASK = TableTask(
    name="macro_search",
    version=1,
    title="Macro search on NAS-Bench-Macro",
    modality="image",
    dataset=DATASET,
    space=SPACE,
    metric=Metric(name="top-1 accuracy", chance=0.1),
    cases=(
        _case("cifar10", 300),
        _case("cifar10_long", 2000),
        _case("cifar10_macs", 150, "macs"),
    ),
    devices={"macs": "macs"},
    clock="not known: no training time was published, so seconds count as 0",
    folder=Path(__file__).parent,
)
