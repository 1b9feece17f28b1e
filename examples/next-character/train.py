"""Trains the next-character model of this example: from any text to `state_dict.safetensors` and `manifest.json`.

The model reads one character (as an id) and predicts the next one:

    id → embedding (65 → 64) → GRU (64 → 256) → linear (256 → 65) → logits

65 is the number of different characters in the text; their sorted list is the vocabulary, and a character's id is its
place in that list. The vocabulary is stored in the weights file, as JSON in the metadata key `vocabulary`.

The text is cut in three: the first 85.5 % trains, the next 4.5 % (validation) picks the best moment of the training,
and the last 10 % is held out: nothing looks at it until the one measurement at the end. That measurement is in bits per
character: the mean over the held-out characters 1 … N−1 of −log2 p(character t | characters 0 … t−1), in one pass from
a zero state. 6.02 is what guessing among 65 would cost.

Training is truncated back-propagation through time: the text is laid out as 64 lanes that are read side by side, 128
characters a step; the state is carried from step to step, the gradient is not. Every epoch starts at another offset, so
that the cuts fall elsewhere. On one core the training takes about half an hour with an optimised BLAS. The same seed on
the same machine and library gives the same weights, unless the time limit ends it early.

    python3 train.py tinyshakespeare.txt
    python3 train.py tinyshakespeare.txt --out /somewhere --minutes 5 --seed 2

Ctrl-C ends the training and keeps the best weights so far.
"""

import argparse
import hashlib
import json
import math
import os
import time

import numpy as np
import torch
from torch import nn

EMBEDDING, HIDDEN = 64, 256
LANES, CHUNK = 64, 128  # sequences side by side; characters between two updates of the weights
STEPS, EVALUATE_EVERY = 6000, 200
LEARNING_RATE, WARM_UP = 3e-3, 100
DROPOUT_IN, DROPOUT_OUT = 0.1, 0.3  # of the embedding and of the GRU's output; training only
CLIP_NORM = 1.0


class NextCharacter(nn.Module):
    """Logits of the next character. The names of the three layers are the prefixes of the tensors in the file."""

    def __init__(self, vocabulary_size):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, EMBEDDING)
        self.rnn = nn.GRU(EMBEDDING, HIDDEN)
        self.head = nn.Linear(HIDDEN, vocabulary_size)
        self.dropout_in, self.dropout_out = nn.Dropout(DROPOUT_IN), nn.Dropout(DROPOUT_OUT)

    def forward(self, ids, state=None):  # ids (T, B), state (1, B, HIDDEN) or None for zero
        output, state = self.rnn(self.dropout_in(self.embedding(ids)), state)
        return self.head(self.dropout_out(output)), state


@torch.no_grad()
def bits_per_character(model, ids, dtype):
    """The mean of −log2 p over all but the first id, computed in `dtype`, in one pass from a zero state."""
    copy = NextCharacter(model.embedding.num_embeddings).to(dtype)
    copy.load_state_dict(model.state_dict())
    copy.eval()
    bits, state = 0.0, None
    for start in range(0, len(ids) - 1, 4096):
        x, y = ids[start : start + 4096], ids[start + 1 : start + 4097]
        logits, state = copy(x[: len(y), None], state)
        log_p = torch.log_softmax(logits[:, 0], dim=-1)
        bits -= log_p.gather(1, y[:, None]).double().sum().item() / math.log(2)
    return bits / (len(ids) - 1)


def lanes(ids, generator):
    """The chunks of one epoch: (x, y) of shape (CHUNK, LANES), y one character ahead of x; lanes run on over chunks."""
    offset = int(torch.randint(CHUNK, (1,), generator=generator))
    length = (len(ids) - 1 - offset) // LANES
    x = ids[offset : offset + LANES * length].view(LANES, length).t()
    y = ids[offset + 1 : offset + 1 + LANES * length].view(LANES, length).t()
    for start in range(0, length - CHUNK + 1, CHUNK):
        yield x[start : start + CHUNK].contiguous(), y[start : start + CHUNK].contiguous()


def train(model, ids, validation, minutes, seed, keep):
    """Trains in place; calls keep(step) whenever the validation text has become cheaper. Returns the steps done."""
    optimizer = torch.optim.Adam(model.parameters())
    generator = torch.Generator().manual_seed(seed)
    best, started, step, chunks, state = math.inf, time.monotonic(), 0, iter(()), None
    while step < STEPS:
        x, y = next(chunks, (None, None))
        if x is None:  # the next epoch
            chunks, state = lanes(ids, generator), None
            continue
        # The rate falls along half a cosine, over the steps or over the time, whichever ends first.
        done = max(step / STEPS, (time.monotonic() - started) / (60 * minutes))
        if done >= 1:
            break
        rate = LEARNING_RATE * min(1, (step + 1) / WARM_UP) * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate
        model.train()
        logits, state = model(x, state)
        state = state.detach()
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        step += 1
        if step % EVALUATE_EVERY == 0 or step == STEPS:
            bits = bits_per_character(model, validation, torch.float32)
            minute = (time.monotonic() - started) / 60
            training = loss.item() / math.log(2)
            print(f"{minute:5.1f} min  step {step:5d}  training {training:.3f}  validation {bits:.4f}", flush=True)
            if bits < best:
                best = bits
                keep(step)
    return step


def safetensors(tensors, metadata):
    """The bytes of a safetensors file: u64 header length, JSON header padded to a multiple of 8, little-endian data."""
    header, offset = {"__metadata__": metadata}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(a.astype("<f4").tobytes() for a in tensors.values())


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Trains the next-character model of this example on a text file.")
    parser.add_argument("text", help="a plain text file, UTF-8")
    parser.add_argument("--out", default=here, help="output folder (default: the script's)")
    parser.add_argument("--minutes", type=float, default=60, help="time limit of the training (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="seed of weights, dropout and offsets (default: 1)")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    with open(arguments.text, "rb") as file:
        data = file.read()
    text = data.decode("utf-8")
    vocabulary = sorted(set(text))
    id_of = {character: i for i, character in enumerate(vocabulary)}
    ids = torch.tensor([id_of[character] for character in text])
    train_length = len(ids) * 9 // 10
    fit_length = train_length * 95 // 100

    weights_path = os.path.join(arguments.out, "state_dict.safetensors")
    best = {}

    def keep(step):
        best.update(step=step, weights={k: v.clone() for k, v in model.state_dict().items()})
        arrays = {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in best["weights"].items()}
        with open(weights_path, "wb") as file:
            file.write(safetensors(arrays, {"vocabulary": json.dumps(vocabulary)}))

    model = NextCharacter(len(vocabulary))
    try:
        train(model, ids[:fit_length], ids[fit_length:train_length], arguments.minutes, arguments.seed, keep)
    except KeyboardInterrupt:
        print("stopped; the best weights so far are kept")
    if not best:
        raise SystemExit(f"ended before the first evaluation, at step {EVALUATE_EVERY}: nothing to keep")

    model.load_state_dict(best["weights"])
    held_out = ids[train_length:]
    precisions = {"f32": torch.float32, "f64": torch.float64}
    bits = {name: round(bits_per_character(model, held_out, dtype), 6) for name, dtype in precisions.items()}
    with open(weights_path, "rb") as file:
        weights = file.read()
    manifest = {
        "script": "train.py",
        "torch": torch.__version__,
        "seed": arguments.seed,
        "text": {
            "name": os.path.basename(arguments.text),
            "sha256": hashlib.sha256(data).hexdigest(),
            "characters": len(ids),
            "trainCharacters": train_length,
            "heldOutCharacters": len(held_out),
        },
        "sizes": {
            "vocabulary": len(vocabulary),
            "embedding": EMBEDDING,
            "hidden": HIDDEN,
            "parameters": sum(p.numel() for p in model.parameters()),
            "bytes": len(weights),
        },
        "steps": best["step"],
        "bitsPerCharacter": bits,
        "weightsSha256": hashlib.sha256(weights).hexdigest(),
    }
    with open(os.path.join(arguments.out, "manifest.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(manifest, indent=2) + "\n")
    print(f"held-out bits per character: {bits['f32']} in f32, {bits['f64']} in f64")


if __name__ == "__main__":
    main()
