"""Chooses the numbers of the alarm rule in detector.ts on the series of the training, labels included.

A forecaster is less surprised by series that it was trained on than by new ones. So four are trained here, each on three
quarters of those series, and every series is scored by the one that has not seen it. What train.py holds out is not read.

    python3 choose.py FOLDER SURPRISES.json      trains where SURPRISES.json is not there yet; then prints the best rules
"""

import csv
import glob
import itertools
import json
import os
import sys
from datetime import datetime

import torch
from train import NARROWEST, Forecaster, read, train

FOLDS, STEPS, SEED = 4, 1000, 1
WARM_UP, QUIET = 150, 288
SMOOTHING = [4, 8, 16, 32]
THRESHOLDS = [2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 10, 12, 15]
FORGETTING = [288, 1000, 4000, 16000]
RELATIVE = [0, 1000, 4000]  # 0: bits; else bits over their own mean, which looks back over so many readings


@torch.no_grad()
def surprises(model, v):
    """As detector.ts has it: two-sided, in bits, at most 64."""
    logits, means, widths = model.double()(v[:-1, None, None])[:, 0].chunk(3, dim=-1)
    u = (v[1:, None] - means) / (NARROWEST + torch.nn.functional.softplus(widths))
    weights = torch.softmax(logits, -1)
    tail = torch.minimum((weights * torch.sigmoid(u)).sum(-1), (weights * torch.sigmoid(-u)).sum(-1))
    return [0.0] + (-(2 * tail).clamp(max=1).log2()).clamp(max=64).tolist()


def smoothed(values, smoothing, relative):
    result, mean, usual = [], 0.0, 1.0
    for count, value in enumerate(values):
        mean += (value - mean) / smoothing
        result.append(mean / max(usual, 1) if relative else mean)
        if relative:
            usual += (value - usual) * max(1 / relative, 1 / (count + 1))
    return result


def alarms(values, threshold, forgetting):
    peak, quiet, decay = 0.0, 0, 0.5 ** (1 / forgetting)
    for i, value in enumerate(values):
        if value > threshold and value > peak and i >= WARM_UP and quiet == 0:
            yield i
            quiet = QUIET
        else:
            quiet = max(quiet - 1, 0)
        peak = max(peak * decay, value)


def main():
    folder, kept = sys.argv[1:]
    data = os.path.join(folder, "data")
    paths = sorted(glob.glob(os.path.join(data, "*", "*.csv")))
    paths = [path for i, path in enumerate(paths) if i % 3 != 2]
    if not os.path.exists(kept):
        torch.set_num_threads(1)
        scores = {}
        for fold in range(FOLDS):
            torch.manual_seed(SEED)
            model = Forecaster()
            train(model, [read(p) for i, p in enumerate(paths) if i % FOLDS != fold], STEPS, SEED)
            for path in paths[fold::FOLDS]:
                scores[os.path.relpath(path, data)] = surprises(model, read(path))
        with open(kept, "w", encoding="utf-8") as file:
            json.dump(scores, file)
    with open(kept, encoding="utf-8") as file:
        scores = json.load(file)
    with open(os.path.join(folder, "labels", "combined_windows.json"), encoding="utf-8") as file:
        labels = json.load(file)

    marked = {}
    for name in scores:
        with open(os.path.join(data, name), newline="", encoding="utf-8") as file:
            times = [datetime.fromisoformat(row["timestamp"]) for row in csv.DictReader(file)]
        windows = [tuple(map(datetime.fromisoformat, window)) for window in labels[name]]
        marked[name] = [{i for i, t in enumerate(times) if start <= t <= end} for start, end in windows]

    rules = []
    for smoothing, relative in itertools.product(SMOOTHING, RELATIVE):
        values = {name: smoothed(scores[name], smoothing, relative) for name in scores}
        for threshold, forgetting in itertools.product(THRESHOLDS, FORGETTING):
            right = count = found = total = 0
            for name, windows in marked.items():
                raised = list(alarms(values[name], threshold, forgetting))
                count += len(raised)
                right += sum(any(i in window for window in windows) for i in raised)
                found += sum(any(i in window for i in raised) for window in windows)
                total += len(windows)
            if found > 0:
                precision, recall = right / count, found / total
                f1 = 2 * precision * recall / (precision + recall)
                rules.append((f1, precision, recall, smoothing, threshold, forgetting, relative))
    print("   F1  precision  recall  smoothing  threshold  forgetting  relative to")
    for f1, precision, recall, *rule in sorted(rules, reverse=True)[:20]:
        print(f"{f1:.3f}  {precision:9.3f}  {recall:6.3f}  {rule[0]:9}  {rule[1]:9}  {rule[2]:10}  {rule[3]:11}")


if __name__ == "__main__":
    main()
