"""Baked models in wasmtime, without JavaScript: an answer as program.ts has it, on standard output.

The arguments are the folder of wasmtime's package and the names of models; the folder at hand holds NAME.wasm of each, gru.wasm, and
the rows of the models' inputs: tokens (i32) and frames (5 f32 each).
"""

import json
import struct
import sys
import time

sys.path.insert(0, sys.argv[1])
from wasmtime import Engine, Instance, Module, Store  # noqa: E402

engine = Engine()


def load(path):
    """The exports of a file as functions that need no store, and reading and writing of its memory."""
    store = Store(engine)
    module = Module.from_file(engine, path)
    assert module.imports == []
    exports = Instance(store, module, []).exports(store)
    names = ["input_ptr", "output_ptr", "step", "run"]
    calls = [lambda *args, call=exports[name]: call(store, *args) for name in names]
    memory = exports["memory"]
    return *calls, lambda at, size: memory.read(store, at, at + size), lambda at, data: memory.write(store, data, at)


start = time.perf_counter()
_, _, step, run, _, _ = load("gru.wasm")
assert step() == 0
first = time.perf_counter() - start
times = []
for _ in range(200):
    start = time.perf_counter()
    assert run(64) == 0
    times.append((time.perf_counter() - start) / 64)

tokens, frames = open("tokens", "rb").read(), open("frames", "rb").read()
bits = []
for name in sys.argv[2:]:
    input_ptr, output_ptr, step, run, read, write = load(f"{name}.wasm")
    for t in range(len(tokens) // 4):
        write(input_ptr(0), tokens[4 * t : 4 * t + 4])
        write(input_ptr(1), frames[20 * t : 20 * t + 20])
        assert step() == 0
        bits += struct.unpack("<5I", read(output_ptr(0), 20))

    # An id outside its table, and more steps than there is room for.
    write(input_ptr(0), struct.pack("<i", 13))
    assert step() == 3
    assert run(65) == 2

print(json.dumps({"variant": "simd", "bits": bits, "firstMs": first * 1e3, "stepUs": min(times) * 1e6}))
