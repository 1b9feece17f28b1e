"""Makes test/golden/npz: arrays in every form that numpy.savez has, and numpy.save's orders.

    /usr/bin/python3 npz.py                 writes the files and manifest.json into npz/ beside this script
    /usr/bin/python3 npz.py --out FOLDER    writes them there; the same versions give the same arrays

manifest.json: per file, per array, its dtype in our words, its shape and its elements row by row as hex.
"""

import argparse
import json
import os

import numpy as np

SEED = 43
DTYPES = {"f4": "F32", "f8": "F64", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8", "u8": "U64",
          "u4": "U32", "u2": "U16", "u1": "U8", "b1": "BOOL"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "npz"))
    out = parser.parse_args().out
    os.makedirs(out, exist_ok=True)
    random = np.random.default_rng(SEED)
    manifest = {"numpy": np.__version__, "seed": SEED, "files": {}}

    def save(name, write, arrays):
        write(os.path.join(out, name), **arrays)
        manifest["files"][name] = {
            key: {"dtype": DTYPES[a.dtype.str[1:]], "shape": list(a.shape), "bytes": np.ascontiguousarray(a).tobytes().hex()}
            for key, a in arrays.items()
        }

    types = {name: (random.standard_normal((2, 3)) * 50).astype(name) for name in DTYPES}
    save("dtypes.npz", np.savez, types)
    whole = random.standard_normal((3, 4)).astype("f4")
    layouts = {
        "rows": whole,
        "columns": np.asfortranarray(whole),
        "transposed": whole.T,
        "deep": np.asfortranarray(random.standard_normal((2, 3, 4)).astype("f4")),
        "sliced": whole[::2, 1:3],
        "scalar": np.float32(2.5).reshape(()),
        "empty": np.zeros((0, 3), "f4"),
        "emb/weight.0 é": whole[0],
    }
    save("layouts.npz", np.savez, layouts)
    save("layouts-deflated.npz", np.savez_compressed, layouts)
    gru = {
        "rnn.weight_ih_l0": random.standard_normal((12, 3)).astype("f4"),
        "rnn.weight_hh_l0": random.standard_normal((12, 4)).astype("f4"),
        "rnn.bias_ih_l0": random.standard_normal(12).astype("f4"),
        "rnn.bias_hh_l0": random.standard_normal(12).astype("f4"),
    }
    save("gru.npz", np.savez_compressed, gru)
    with open(os.path.join(out, "manifest.json"), "w") as file:
        json.dump(manifest, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
