"""Trains the forecaster of this example: series of readings → state_dict.safetensors and manifest.json.

What it needs is the Numenta Anomaly Benchmark's layout: a folder `data` with folders of .csv (timestamp,value). Of the
files in the order of their paths every third (2, 5, 8, … counted from 0) is held out: nothing of it is read here except
for the figure at the end. Labels are never read: the forecaster learns what readings do, not what somebody marked.

A reading becomes v = asinh((x − level) / scale), with level and scale the exponential means of the readings before it and
of their distances from the level (the same few lines in detector.ts). The GRU sees v and forecasts the next one as a
mixture of logistic distributions; the loss is −log of its density, in bits.

    python3 train.py FOLDER
    python3 train.py FOLDER --out /somewhere --steps 100 --seed 2

On one core it takes a few minutes. The same seed on the same machine and library gives the same weights.
"""

import argparse
import csv
import glob
import hashlib
import json
import math
import os
import time

import numpy as np
import torch
from torch import nn

HIDDEN, MIXTURE = 32, 3
WINDOW = 288  # readings that level and scale look back over: a day of five minutes each
SMALLEST_SCALE = 1e-3  # of the level: a sensor that does not move has a scale, too
LIMIT = 10  # |v| of an outlier; asinh(1e4) is 9.9
NARROWEST = 0.02  # the smallest width of a logistic: values of a quantised sensor repeat exactly
LANES, CHUNK = 32, 320  # windows side by side, readings in each
LEARNING_RATE, CLIP_NORM = 4e-3, 1.0


class Forecaster(nn.Module):
    """v (T, B, 1) → the raw numbers of the next reading's mixture (T, B, 3 · MIXTURE): logits, means, widths."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(1, HIDDEN)
        self.head = nn.Linear(HIDDEN, 3 * MIXTURE)

    def forward(self, v):
        return self.head(self.rnn(v)[0])


def bits(raw, v):
    """−log₂ of the mixture's density at v, one for each reading. Sizes: raw (T, B, 3 · MIXTURE), v (T, B)."""
    logits, means, widths = raw.chunk(3, dim=-1)
    widths = NARROWEST + nn.functional.softplus(widths)
    u = (v[..., None] - means) / widths
    density = -u - 2 * nn.functional.softplus(-u) - widths.log()
    return -torch.logsumexp(torch.log_softmax(logits, -1) + density, -1) / math.log(2)


def normalised(readings):
    """Each reading in units of those before it; the first is 0."""
    level, scale, result = readings[0], 0.0, []
    for count, x in enumerate(readings):
        v = math.asinh((x - level) / max(scale, SMALLEST_SCALE * abs(level), 1e-9))
        result.append(min(max(v, -LIMIT), LIMIT))
        weight = max(1 / WINDOW, 1 / (count + 1))
        scale += weight * (abs(x - level) - scale)
        level += weight * (x - level)
    return torch.tensor(result, dtype=torch.float64)


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return normalised([float(row["value"]) for row in csv.DictReader(file)])


def train(model, series, steps, seed):
    """Windows of random series at random places, each from a zero state."""
    optimizer = torch.optim.Adam(model.parameters())
    generator = torch.Generator().manual_seed(seed)
    started = time.monotonic()
    for step in range(steps):
        rate = LEARNING_RATE * min(1, (step + 1) / 20) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate
        windows = []
        for which in torch.randint(len(series), (LANES,), generator=generator).tolist():
            start = int(torch.randint(len(series[which]) - CHUNK, (1,), generator=generator))
            windows.append(series[which][start : start + CHUNK])
        v = torch.stack(windows, dim=1).float()
        loss = bits(model(v[:-1, :, None]), v[1:]).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        if (step + 1) % 50 == 0:
            print(f"{time.monotonic() - started:6.0f} s  step {step + 1:5d}  {loss.item():.3f} bits", flush=True)


@torch.no_grad()
def bits_per_reading(model, series):
    """The mean over all but the first reading of each series, in f64, each in one pass from a zero state."""
    model = model.double()
    costs = [bits(model(v[:-1, None, None]), v[1:, None])[:, 0] for v in series]
    return torch.cat(costs).mean().item()


def safetensors(tensors):
    """The bytes of a safetensors file: u64 header length, JSON header padded to a multiple of 8, little-endian data."""
    header, offset = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(a.astype("<f4").tobytes() for a in tensors.values())


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Trains the forecaster of this example on the series of a folder.")
    parser.add_argument("folder", help="the folder that holds data/*/*.csv")
    parser.add_argument("--out", default=here, help="output folder (default: the script's)")
    parser.add_argument("--steps", type=int, default=1000, help="updates of the weights (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of weights and windows (default: 1)")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    paths = sorted(glob.glob(os.path.join(arguments.folder, "data", "*", "*.csv")))
    names = [os.path.relpath(path, os.path.join(arguments.folder, "data")).replace(os.sep, "/") for path in paths]
    held_out = set(range(2, len(paths), 3))

    model = Forecaster()
    train(model, [read(p) for i, p in enumerate(paths) if i not in held_out], arguments.steps, arguments.seed)
    arrays = {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in model.state_dict().items()}
    weights = safetensors(arrays)
    with open(os.path.join(arguments.out, "state_dict.safetensors"), "wb") as file:
        file.write(weights)

    manifest = {
        "script": "train.py",
        "torch": torch.__version__,
        "seed": arguments.seed,
        "steps": arguments.steps,
        "trained": [name for i, name in enumerate(names) if i not in held_out],
        "heldOut": [name for i, name in enumerate(names) if i in held_out],
        "sizes": {"hidden": HIDDEN, "mixture": MIXTURE, "parameters": sum(a.size for a in arrays.values())},
        "heldOutBitsPerReading": round(
            bits_per_reading(model, [read(p) for i, p in enumerate(paths) if i in held_out]), 6
        ),
        "weightsSha256": hashlib.sha256(weights).hexdigest(),
    }
    with open(os.path.join(arguments.out, "manifest.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(manifest, indent=2) + "\n")
    print(f"held-out bits per reading: {manifest['heldOutBitsPerReading']}")


if __name__ == "__main__":
    main()
