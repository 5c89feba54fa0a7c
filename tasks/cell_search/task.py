"""Search a cell: NAS-Bench-201's 15,625 cells, three data sets, nine device costs; see README.md.

All cells are trained, so an answer is looked up. Cases: quality for 300 or 2,000 queries; the
protocols of two published tables; quality against the cost of a device.
"""

from pathlib import Path

from harness import Budget, Case, Metric, TableTask
from tasks.datasets.nasbench201 import CLOCK, DATASET, DATASETS, SPACE

TITLES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16_120": "ImageNet16-120"}
DEVICES = {
    "hwnas-jetson-tx2-latency": "edgegpu_latency",
    "hwnas-raspberry-pi-4-latency": "raspi4_latency",
    "hwnas-edge-tpu-latency": "edgetpu_latency",
    "hwnas-pixel-3-latency": "pixel3_latency",
    "hwnas-eyeriss-latency": "eyeriss_latency",
    "hwnas-fpga-latency": "fpga_latency",
    "hwnas-jetson-tx2-energy": "edgegpu_energy",
    "hwnas-eyeriss-energy": "eyeriss_energy",
    "hwnas-fpga-energy": "fpga_energy",
}
# NATS-Bench's own budgets, exps/NATS-Bench/draw-table.py lines 164-166; 12,000 s on CIFAR-10 is
# NAS-Bench-201's, scripts-search/NAS-Bench-201-algos. Both ask at 12 epochs.
PUBLISHED_SECONDS = (
    ("cifar10", 12_000, "arXiv:2001.00326"),
    ("cifar10", 20_000, "arXiv:2009.00437"),
    ("cifar100", 40_000, "arXiv:2009.00437"),
    ("imagenet16_120", 120_000, "arXiv:2009.00437"),
)


def _queries(dataset: str, queries: int, suffix: str = "") -> Case:
    return Case(
        name=dataset + suffix,
        title=f"{TITLES[dataset]}, {queries:,} queries",
        dataset=dataset,
        fidelities=(12, 200),
        full_epochs=200,
        budget=Budget(queries=queries, wall_seconds=120),
        seeds=500,
        long=bool(suffix),
    )


def _protocol(dataset: str, seconds: int, source: str) -> Case:
    return Case(
        name=f"{dataset}_{seconds}s",
        title=f"{TITLES[dataset]}, {seconds:,} simulated s at 12 epochs",
        dataset=dataset,
        fidelities=(12,),
        full_epochs=200,
        budget=Budget(simulated_seconds=seconds, wall_seconds=120),
        seeds=500,
        protocol=source,
    )


def _device(dataset: str, profile: str) -> Case:
    name = profile.removeprefix("hwnas-")
    return Case(
        name=f"{dataset}_{name}",
        title=f"{TITLES[dataset]} against {name.replace('-', ' ')}, 150 queries",
        dataset=dataset,
        fidelities=(200,),
        full_epochs=200,
        budget=Budget(queries=150, wall_seconds=120),
        seeds=50,
        device=profile,
    )


TASK = TableTask(
    name="cell_search",
    version=1,
    title="Cell search on NAS-Bench-201",
    modality="image",
    dataset=DATASET,
    space=SPACE,
    metric=Metric(name="top-1 accuracy", chance=0.1),
    cases=(
        *(_queries(name, 300) for name in DATASETS),
        *(_queries(name, 2000, "_long") for name in DATASETS),
        *(_protocol(*one) for one in PUBLISHED_SECONDS),
        *(_device(name, profile) for name in DATASETS for profile in DEVICES),
    ),
    devices=DEVICES,
    clock=CLOCK,
    folder=Path(__file__).parent,
    proxies=Path(__file__).with_name("proxies.safetensors"),
)
