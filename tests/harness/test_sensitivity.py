"""Probing a reference part by part: what is changed, what is left alone, what is recorded."""

from types import SimpleNamespace

import onnx
import pytest
import torch

from harness import registry, sensitivity
from harness.commands import sensitivity as command
from harness.errors import UsageError
from harness.record import read_records
from harness.record_studies import SensitivityRecord
from tasks.models import bert

TASK = registry.find_task("sst2_bert_compression")


class Probed:
    """A problem that notes what it is asked to validate, instead of scoring it."""

    keep = ("classifier",)

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = bert.build(width=1 / 3, depth=1 / 3).eval()  # 2 layers of 4 heads
        self.seen = []
        ids = torch.randint(1000, 1100, (8, 64))
        self.sentences = ids, torch.ones_like(ids)

    def reference(self):
        return self.model

    def validate(self, model, examples=None):
        self.seen.append(model)
        return len(self.seen) / 1000

    def batches(self, model, count):
        return [(self.sentences, torch.arange(8) % 2)] * 2

    def loss(self, model, inputs, targets):
        return torch.nn.functional.cross_entropy(model(*inputs), targets)

    def calibration(self, count):
        return {"ids": self.sentences[0].numpy(), "mask": self.sentences[1].numpy()}

    def export(self, model):
        from harness.artifact.export import to_onnx

        return to_onnx(model, TASK.inputs, self.sentences)


@pytest.fixture(scope="module")
def probed():
    problem, graphs = Probed(), []

    def runtime(graph: onnx.ModelProto) -> float:
        graphs.append(graph)
        return 0.5

    found = list(sensitivity.probes(problem, runtime))
    return SimpleNamespace(problem=problem, graphs=graphs, found=found)


def of(probed, change):
    return [one for one in probed.found if one.change == change]


def test_every_part_is_probed_once(probed):
    counts = {change: len(of(probed, change)) for change in ("dropped", "heads", "neurons")}
    assert counts == {"dropped": 2, "heads": 2, "neurons": 2}
    assert len({(one.layer, one.operator) for one in of(probed, "pruned")}) == 2 * 6
    assert [one.layer for one in of(probed, "int8")] == [0, 1] + [None] * 7
    assert of(probed, "int8")[2].operator == "attention.self.query"


def test_each_probe_changes_one_layer_of_a_copy(probed):
    whole = probed.problem.model
    dropped, _, fewer_heads, _, _, fewer_neurons = probed.problem.seen[:6]
    assert [len(dropped.layers), len(whole.layers)] == [1, 2]
    assert torch.equal(dropped.layers[0].output.dense.weight, whole.layers[1].output.dense.weight)
    widths = [layer.attention.self.query.weight.shape[0] for layer in fewer_heads.layers]
    assert widths == [64, 128]
    assert [layer.intermediate.dense.out_features for layer in fewer_neurons.layers] == [512, 256]
    query, key = (
        getattr(probed.problem.seen[6].layers[0].attention.self, name).weight
        for name in ("query", "key")
    )
    assert (query == 0).float().mean().item() == pytest.approx(0.8, abs=0.001)
    assert not (key == 0).any()


def test_int8_reaches_only_the_named_products(probed):
    def quantized(graph):
        weights = {tensor.name for tensor in graph.graph.initializer if tensor.data_type == 3}
        names = (n.input[0] for n in graph.graph.node if n.op_type == "DequantizeLinear")
        return {name for name in names if name in weights}

    layer, query = probed.graphs[0], probed.graphs[2]
    assert len(quantized(layer)) == 6
    assert len(quantized(query)) == 2


def test_the_importance_of_a_layers_heads_has_length_one(probed):
    table = torch.tensor(sensitivity.head_table(probed.problem))
    assert table.shape == (2, 4)
    assert table.norm(dim=1).tolist() == pytest.approx([1.0, 1.0], abs=1e-5)
    assert (table >= 0).all()


def test_the_command_writes_a_record_that_is_read_again(place, monkeypatch):
    monkeypatch.setattr(sensitivity, "probes", lambda problem, runtime: iter(()))
    assert command.sensitivity(TASK.name, "smoke", place, as_json=False) == 0
    (record,) = read_records([place.results / TASK.name / "sensitivity.smoke.jsonl"])
    assert isinstance(record, SensitivityRecord)
    assert (record.examples, len(record.heads)) == (256, 2)
    assert record.quality > 0.6


def test_a_reference_without_attention_is_refused(place):
    with pytest.raises(UsageError, match="no encoder of layers with attention heads"):
        command.sensitivity("mnist_mlp_microcontroller", "smoke", place, as_json=False)
