"""Makes test/golden/transformer: small Transformers as PyTorch exports them to ONNX, and what PyTorch computes with them.

    /usr/bin/python3 transformer.py                 writes the files and manifest.json into transformer/ beside this script
    /usr/bin/python3 transformer.py --out FOLDER    writes them there; the same versions give the same bytes

encoder.onnx   nn.TransformerEncoder of two layers over a window of T rows, with a causal mask of -inf
cached.onnx    two layers that take one row a call and keep keys and values of the last CONTEXT rows: caches and mask come in and
               go out, as programs for streams export them

manifest.json: versions, per file its input and output as flat lists of float32.
"""

import argparse
import json
import math
import os

import numpy as np
import torch
from torch import nn

SEED = 71
OPSET = 14
D, HEADS, FEED, OUT = 8, 2, 16, 3
T, CONTEXT, STEPS = 6, 4, 11


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(D, HEADS, FEED, batch_first=True), 2)
        self.head = nn.Linear(D, OUT)
        self.register_buffer("mask", torch.full((T, T), -math.inf).triu(1))

    def forward(self, x):
        return self.head(self.layers(x, mask=self.mask))


class CachedLayer(nn.Module):
    """A layer with its norms first (Xiong et al. 2020, arXiv:2002.04745): x (1, 1, D), caches (1, CONTEXT, D), mask (1, CONTEXT)."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(D, D) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.feed = nn.Sequential(nn.Linear(D, FEED), nn.GELU(), nn.Linear(FEED, D))

    def forward(self, x, keys, values, mask):
        heads = lambda a: a.view(1, -1, HEADS, D // HEADS).transpose(1, 2)
        z = self.norm1(x)
        keys = torch.cat([keys[:, 1:], self.k(z)], 1)
        values = torch.cat([values[:, 1:], self.v(z)], 1)
        scores = heads(self.q(z)) @ heads(keys).transpose(2, 3) / math.sqrt(D // HEADS)
        scores = scores.masked_fill(mask.view(1, 1, 1, -1) == 0, -math.inf)
        mixed = (torch.softmax(scores, -1) @ heads(values)).transpose(1, 2).reshape(1, 1, D)
        x = x + self.out(mixed)
        return x + self.feed(self.norm2(x)), keys, values


class Cached(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = CachedLayer(), CachedLayer()
        self.head = nn.Linear(D, OUT)

    def forward(self, x, keys0, values0, keys1, values1, mask):
        mask = torch.cat([mask[:, 1:], torch.ones(1, 1)], 1)
        x, keys0, values0 = self.first(x, keys0, values0, mask)
        x, keys1, values1 = self.second(x, keys1, values1, mask)
        return self.head(x), keys0, values0, keys1, values1, mask


def export(model, inputs, path, names, outputs):
    torch.onnx.export(model, inputs, path, opset_version=OPSET, input_names=names, output_names=outputs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "transformer"))
    out = parser.parse_args().out
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(SEED)
    flat = lambda a: [float(v) for v in a.numpy().ravel()]
    cases = []

    # Training mode takes PyTorch's own path of plain operators; dropout is none of it.
    encoder = Encoder()
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    encoder.eval()
    x = torch.randn(1, T, D)
    with torch.no_grad():
        y = encoder(x)
    export(encoder, (x,), os.path.join(out, "encoder.onnx"), ["x"], ["y"])
    cases.append({"file": "encoder.onnx", "input": flat(x), "output": flat(y)})

    cached = Cached().eval()
    states = [torch.zeros(1, CONTEXT, D) for _ in range(4)] + [torch.zeros(1, CONTEXT)]
    xs = torch.randn(STEPS, 1, 1, D)
    names = ["keys0_cache", "values0_cache", "keys1_cache", "values1_cache", "mask_state"]
    export(cached, (xs[0], *states), os.path.join(out, "cached.onnx"), ["x", *names], ["y", *[f"{n}_out" for n in names]])
    ys = []
    with torch.no_grad():
        for x in xs:
            y, *states = cached(x, *states)
            ys.append(y)
    cases.append({"file": "cached.onnx", "input": flat(xs), "output": flat(torch.stack(ys))})

    manifest = {"script": "transformer.py", "torch": torch.__version__, "numpy": np.__version__, "seed": SEED, "cases": cases}
    with open(os.path.join(out, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
