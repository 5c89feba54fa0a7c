"""Real architectures that the counter is compared on: name -> (module, example inputs)."""

import torch
from torch import nn

import harness.torchvision_ops  # noqa: F401  (must come before torchvision)

IMAGE = (1, 3, 224, 224)
TORCHVISION = (
    "resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
    "efficientnet_b0", "vgg11_bn", "squeezenet1_1", "shufflenet_v2_x1_0", "densenet121",
    "convnext_tiny", "vit_b_16",
)  # fmt: skip


class First(nn.Module):
    """The first output of a model that returns several."""

    def __init__(self, model, **options):
        super().__init__()
        self.model, self.options = model, options

    def forward(self, *inputs):
        return self.model(*inputs, **self.options)[0]


def bert():
    from transformers import BertConfig, BertModel

    model = First(BertModel(BertConfig(), add_pooling_layer=False), return_dict=False)
    return model, (torch.randint(0, 1000, (1, 64)),)


def gru():
    return First(nn.GRU(40, 128, num_layers=2, batch_first=True)), (torch.randn(1, 50, 40),)


def lstm():
    return First(nn.LSTM(40, 64, bidirectional=True, batch_first=True)), (torch.randn(1, 50, 40),)


class Sage(nn.Module):
    """Two GraphSAGE layers over a graph whose 200 edges are an input."""

    def __init__(self):
        from torch_geometric.nn import SAGEConv

        super().__init__()
        self.first, self.second = SAGEConv(64, 32), SAGEConv(32, 7)

    def forward(self, x, edges):
        return self.second(torch.relu(self.first(x, edges)), edges)


def graphsage():
    return Sage(), (torch.randn(50, 64), torch.randint(0, 50, (2, 200)))


def build(name):
    """(module in eval mode, example inputs) of one architecture."""
    torch.manual_seed(0)
    if name in TORCHVISION:
        from torchvision import models

        return getattr(models, name)(weights=None).eval(), (torch.randn(IMAGE),)
    model, inputs = {"bert": bert, "gru": gru, "lstm": lstm, "graphsage": graphsage}[name]()
    return model.eval(), inputs


NAMES = (*TORCHVISION, "bert", "gru", "lstm", "graphsage")
