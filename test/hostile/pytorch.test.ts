/**
 * Malformed files of torch.save, each with its one error. Archives that are wrong as archives are in zip.test.ts. In a
 * pickle, `one(value)` is a file whose state_dict is {"a": value}.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, ModelError } from "../../src/errors.ts";
import { type PytorchLimits, type PytorchOptions, readPytorchTensors } from "../../src/formats/pytorch.ts";
import {
  bytes,
  call,
  counts,
  dict,
  int,
  type Member,
  NO_HOOKS,
  named,
  one,
  type Part,
  pickle,
  pt,
  storage,
  str,
  stream,
  tensor,
  tuple,
  u32,
  u64,
  zip,
} from "./files.ts";

const VALID = one(tensor());
const FLOATS: Member = { name: "x/data/0", data: 8 };
const raw = (...parts: Part[]) => pt(bytes(...parts));
const value = (...parts: Part[]) => pt(pickle(...parts));
const bare = (...parts: Part[]) => pt(pickle(...parts), []);
const sized = (size: number[], stride: number[], offset = 0) =>
  one(tensor({ size: counts(size), stride: counts(stride), offset: int(offset) }));
const kept = (...parts: Parameters<typeof storage>) => one(tensor({ storage: storage(...parts) }));
const beside = (name: string, data: Part = "1") => pt(pickle(dict([str("a"), tensor()])), [FLOATS, { name, data }]);
const TYPED = "torch._utils._rebuild_tensor_v3";
const untyped = (type: string, count = 8, more: Part = dict()) =>
  one(
    tensor({
      of: TYPED,
      storage: storage({ type: named("torch.storage.UntypedStorage"), count: int(count) }),
      more: bytes(type === "" ? [] : named(type), more),
    }),
  );
const long = (length: number, byte: number) => bytes([0x8a, length], Array(length).fill(byte));

type Case = [name: string, file: Uint8Array, code: string, message: string, options?: PytorchOptions];
const limits = (some: Partial<PytorchLimits>): PytorchOptions => ({ limits: some });

/** Opcodes of pickles that hold more than data, by pickletools' names; those without are in no protocol. */
const OPCODES: [string, number[]][] = [
  ["INST", [0x69]],
  ["OBJ", [0x6f]],
  ["NEWOBJ", [0x81]],
  ["NEWOBJ_EX", [0x92]],
  ["EXT1", [0x82, 1]],
  ["EXT2", [0x83, 1, 0]],
  ["EXT4", [0x84, 1, 0, 0, 0]],
  ["STACK_GLOBAL", [0x93]],
  ["FRAME", [0x95, 1, 0, 0, 0, 0, 0, 0, 0]],
  ["MEMOIZE", [0x94]],
  ["BYTEARRAY8", [0x96, 0, 0, 0, 0, 0, 0, 0, 0]],
  ["NEXT_BUFFER", [0x97]],
  ["READONLY_BUFFER", [0x98]],
  ["EMPTY_SET", [0x8f]],
  ["ADDITEMS", [0x90]],
  ["FROZENSET", [0x91]],
  ["LONG4", [0x8b, 0, 0, 0, 0]],
  ["SHORT_BINUNICODE", [0x8c, 0]],
  ["BINUNICODE8", [0x8d, 0, 0, 0, 0, 0, 0, 0, 0]],
  ["BINBYTES8", [0x8e, 0, 0, 0, 0, 0, 0, 0, 0]],
  ["BINBYTES", [0x42, 0, 0, 0, 0]],
  ["SHORT_BINBYTES", [0x43, 0]],
  ["BINSTRING", [0x54, 0, 0, 0, 0]],
  ["PERSID", [0x50, 0x30, 10]],
  ["INT", [0x49, 0x30, 10]],
  ["LONG", [0x4c, 0x30, 10]],
  ["FLOAT", [0x46, 0x30, 10]],
  ["STRING", [0x53, 0x27, 0x27, 10]],
  ["UNICODE", [0x56, 10]],
  ["DICT", [0x64]],
  ["LIST", [0x6c]],
  ["GET", [0x67, 0x30, 10]],
  ["PUT", [0x70, 0x30, 10]],
  ["POP", [0x30]],
  ["POP_MARK", [0x31]],
  ["DUP", [0x32]],
  ["a byte that is no opcode", [0xff]],
  ["NUL", [0]],
];

const GLOBALS = [
  "os.system",
  "posix.system",
  "nt.system",
  "builtins.eval",
  "builtins.exec",
  "builtins.getattr",
  "__builtin__.eval",
  "subprocess.Popen",
  "torch.load",
  "torch.hub.load",
  "torch.jit.load",
  "torch.nn.modules.rnn.GRU",
  "torch.nn.parameter.Parameter",
  "collections.defaultdict",
  "collections.OrderedDict.__init__",
  "numpy.core.multiarray._reconstruct",
  "numpy.core.multiarray.scalar",
  "argparse.Namespace",
  "__main__.Net",
  "copyreg._reconstructor",
  "copy_reg._reconstructor",
  "_codecs.encode",
  "toString.constructor",
  "__proto__.__proto__",
];
const KINDS = [
  "torch.ComplexFloatStorage",
  "torch.QInt8Storage",
  "torch.cuda.FloatStorage",
  "torch.storage.TypedStorage",
  "torch.complex64",
  "torch.qint8",
  "torch.float8_e4m3fn",
  "torch._utils._rebuild_sparse_tensor",
  "torch._utils._rebuild_qtensor",
  "torch._utils._rebuild_meta_tensor_no_storage",
  "torch._utils._rebuild_wrapper_subclass",
];

const PICKLES: Case[] = [
  ...OPCODES.map(
    ([name, opcode]): Case => [
      `opcode ${name}`,
      value("N", opcode),
      "PICKLE",
      "x/data.pkl at byte 43: expected an opcode of plain data; got 0x",
    ],
  ),
  ...GLOBALS.map(
    (name): Case => [
      `global ${name}`,
      value(named(name)),
      "PICKLE",
      `expected a global that tensors need; got "${name}"`,
    ],
  ),
  ...KINDS.map((name): Case => [`global ${name}`, value(named(name)), "DTYPE", `got "${name}". Save dense tensors`]),
  [
    "os.system, called",
    value(named("os.system"), tuple(str("id")), "R"),
    "PICKLE",
    'got "os.system". If it is a whole',
  ],
  ["empty", raw(), "TRUNCATED", "x/data.pkl at byte 40: expected 1 bytes; got 0. Is the file cut short?"],
  ["a STOP alone", raw("."), "PICKLE", "expected PROTO first and once; got 0x2e"],
  ["no PROTO", raw("}."), "PICKLE", "expected PROTO first and once; got 0x7d"],
  ["PROTO alone", raw("\x80"), "TRUNCATED", "at byte 41: expected 1 bytes; got 0"],
  ["two PROTOs", raw("\x80\x02\x80\x02}."), "PICKLE", "expected PROTO first and once; got 0x80"],
  ["protocol 0", raw("\x80\x00}."), "VERSION", "expected protocol 2; got 0. torch.save writes it"],
  ["protocol 1", raw("\x80\x01}."), "VERSION", "protocol 2; got 1."],
  ["protocol 3", raw("\x80\x03}."), "VERSION", "protocol 2; got 3."],
  ["protocol 4", raw("\x80\x04\x95", u64(2), "}."), "VERSION", "protocol 2; got 4."],
  ["protocol 5", raw("\x80\x05}."), "VERSION", "protocol 2; got 5."],
  ["protocol 255", raw("\x80\xff}."), "VERSION", "protocol 2; got 255."],
  ["no STOP", raw("\x80\x02}"), "TRUNCATED", "expected 1 bytes; got 0"],
  ["STOP on an empty stack", value(), "PICKLE", "expected a value on the stack; got none"],
  ["STOP on two values", value("}}"), "PICKLE", "expected one value on the stack; got 2"],
  ["STOP on a mark", value("("), "PICKLE", "expected a value on the stack; got a mark"],
  [
    "a pickle after the pickle",
    raw(pickle("}"), pickle("}")),
    "PICKLE",
    "x/data.pkl: expected its end after STOP; got 4 bytes more",
  ],
  ["a byte after STOP", raw(pickle("}"), "\0"), "PICKLE", "its end after STOP; got 1 bytes more"],
  ["TUPLE without a mark", value("t"), "PICKLE", "expected a mark on the stack; got none"],
  ["TUPLE1 of nothing", value([0x85]), "PICKLE", "a value on the stack; got none"],
  ["TUPLE3 of two", value("NN", [0x87]), "PICKLE", "a value on the stack; got none"],
  ["TUPLE2 over a mark", value("N(N", [0x86]), "PICKLE", "a value on the stack; got a mark"],
  ["SETITEMS without a mark", value("}u"), "PICKLE", "a mark on the stack"],
  ["SETITEMS of a key alone", value("}(Nu"), "PICKLE", "expected keys and values in pairs; got 1 values"],
  ["SETITEM of a key alone", value("}Ns"), "PICKLE", "expected a dict on the stack; got none"],
  ["SETITEM on a tuple", value(")NNs"), "PICKLE", "expected a dict on the stack; got a tuple"],
  ["SETITEM on a tensor", value(tensor(), "NNs"), "PICKLE", 'a dict on the stack; got a call of "torch._utils'],
  ["SETITEM on a list", value("]K\x00Ns"), "PICKLE", "a dict on the stack; got a list"],
  ["SETITEM on a global", value(named("torch.Size"), "NNs"), "PICKLE", 'a dict on the stack; got "torch.Size"'],
  ["SETITEM on a string", value(str("s"), "NNs"), "PICKLE", 'a dict on the stack; got "s"'],
  ["SETITEMS on a mark", value("((u"), "PICKLE", "a dict on the stack; got none"],
  ["a key twice", value(dict([str("a"), "N"], [str("a"), "N"])), "DUPLICATE", 'expected every key once; got "a"'],
  ["a key twice, in two SETITEMs", value("}", str("a"), "Ns", str("a"), "Ns"), "DUPLICATE", 'every key once; got "a"'],
  ["APPEND on a dict", value("}Na"), "PICKLE", "expected a list on the stack; got a dict"],
  ["APPEND on nothing", value("Na"), "PICKLE", "a list on the stack; got none"],
  ["APPENDS on None", value("N(Ne"), "PICKLE", "a list on the stack; got None"],
  ["APPENDS without a mark", value("]Ne"), "PICKLE", "a mark on the stack"],
  ["BINGET of nothing", value("h\x00"), "PICKLE", "expected an index of the memo; got 0"],
  ["LONG_BINGET of 2³² − 1", value("j", u32(2 ** 32 - 1)), "PICKLE", "an index of the memo; got 4294967295"],
  ["BINPUT of nothing", value("q\x00"), "PICKLE", "a value on the stack; got none"],
  ["LONG_BINPUT of a mark", value("(r", u32(0)), "PICKLE", "a value on the stack; got none"],
  ["REDUCE of nothing", value("R"), "PICKLE", "a value on the stack; got none"],
  ["REDUCE of a string", value(str("eval"), ")R"), "PICKLE", 'expected a global to call; got "eval"'],
  ["REDUCE of a dict", value("})R"), "PICKLE", "expected a global to call; got a dict"],
  [
    "REDUCE of a call's result",
    value(call("torch.device", str("cpu")), ")R"),
    "PICKLE",
    'a global to call; got a call of "torch.device"',
  ],
  ["REDUCE with a list", value(named("torch.Size"), "]R"), "PICKLE", "expected a tuple of arguments; got a list"],
  ["REDUCE with None", value(named("torch.Size"), "NR"), "PICKLE", "expected a tuple of arguments; got None"],
  [
    "an OrderedDict of pairs",
    value(call("collections.OrderedDict", "]")),
    "PICKLE",
    "expected an OrderedDict that begins empty; got 1 arguments",
  ],
  [
    "BUILD on a tensor",
    value(tensor(), dict([str("_metadata"), "}"]), "b"),
    "PICKLE",
    "a dict on the stack; got a call of",
  ],
  [
    "BUILD of attributes",
    value("}", dict([str("__class__"), "N"]), "b"),
    "PICKLE",
    'no state but the _metadata of a state_dict; got "__class__"',
  ],
  [
    "BUILD of __dict__",
    value("}", dict([str("_metadata"), "N"], [str("__dict__"), "N"]), "b"),
    "PICKLE",
    'got "_metadata", "__dict__"',
  ],
  ["BUILD of nothing", value("}}b"), "PICKLE", "the _metadata of a state_dict; got none"],
  ["BUILD of a tuple", value("})b"), "PICKLE", "the _metadata of a state_dict; got a tuple"],
  ["GLOBAL without a line feed", value("cos"), "TRUNCATED", "expected a line; got the end"],
  ["GLOBAL with one line", raw("\x80\x02cos\n"), "TRUNCATED", "expected a line; got the end"],
  [
    "GLOBAL of 256 letters",
    value(`c${"a".repeat(256)}\nb\n`),
    "LIMIT",
    "expected a name of at most 255 bytes; got 256",
  ],
  ["GLOBAL that is no UTF-8", value("c\xff\nb\n"), "UTF8", "expected UTF-8"],
  ["GLOBAL with a line of its own", value("ctorch\nSize\r\n"), "PICKLE", 'got "torch.Size\\r"'],
  ["GLOBAL of nothing", value("c\n\n"), "PICKLE", 'a global that tensors need; got "."'],
  ["BINUNICODE of 4 GB", value("X", u32(2 ** 32 - 1), "a"), "TRUNCATED", "expected 4294967295 bytes; got 2"],
  ["BINUNICODE one byte too long", raw("\x80\x02X", u32(3), "ab"), "TRUNCATED", "expected 3 bytes; got 2"],
  ["BINUNICODE that is no UTF-8", value("X", u32(1), [0xc0]), "UTF8", "expected UTF-8"],
  ["BINUNICODE with a surrogate", value("X", u32(3), [0xed, 0xa0, 0x80]), "UTF8", "expected UTF-8"],
  ["SHORT_BINSTRING past the end", value("U\xffab"), "TRUNCATED", "expected 255 bytes; got 3"],
  ["SHORT_BINSTRING that is no UTF-8", value("U\x01\xff"), "UTF8", "expected UTF-8"],
  ["LONG1 past the end", value([0x8a, 255, 1]), "TRUNCATED", "expected 255 bytes; got 2"],
  ["BININT cut short", raw("\x80\x02J\x01"), "TRUNCATED", "expected 4 bytes; got 1"],
  ["BINFLOAT cut short", raw("\x80\x02G\x01"), "TRUNCATED", "expected 8 bytes; got 1"],
  ["BINPERSID of nothing", value("Q"), "PICKLE", "a value on the stack; got none"],
  [
    "more opcodes than the limit",
    value("(", "N".repeat(100), "t"),
    "LIMIT",
    "expected at most 50 opcodes; got more",
    limits({ opcodes: 50 }),
  ],
  ["2²¹ opcodes", value("(", "N".repeat(2 ** 21), "t"), "LIMIT", "at most 2097152 opcodes"],
  [
    "17 MB of pickle",
    value("X", u32(17e6), "a".repeat(17e6)),
    "LIMIT",
    "x/data.pkl: expected at most 16777216 bytes; got 17000008",
  ],
];

const VALUES: Case[] = [
  // what was saved
  ["None", bare("N"), "PICKLE", "x/data.pkl: expected a state_dict; got None."],
  ["a tensor", value(tensor()), "PICKLE", 'a state_dict; got a call of "torch._utils._rebuild_tensor_v2".'],
  ["a list of tensors", value("](", tensor(), "e"), "PICKLE", "a state_dict; got a list."],
  ["an empty dict", pt(pickle("}"), []), "PICKLE", "x/data.pkl: expected one state_dict (state_dict, model_state_dict"],
  ["a big integer", bare(long(255, 0x7f)), "PICKLE", "got an integer past 2⁵³"],
  ["a float", bare("G", Array(8).fill(0x40)), "PICKLE", "a state_dict; got 32.5"],
  [
    "tuples that share tuples, 2⁴⁰ to a walk",
    bare(")", Array.from({ length: 40 }, (_, i) => [0x71, i, 0x68, i, 0x86]).flat()),
    "PICKLE",
    "a state_dict; got a tuple",
  ],
  ["a dict in itself", bare("}q\x00", str("a"), "h\x00s"), "PICKLE", 'a checkpoint with one; got "a" in it.'],
  ["a list in itself", bare("]q\x00h\x00a"), "PICKLE", "a state_dict; got a list"],
  [
    "100,000 dicts deep",
    bare("}", Buffer.from("X\x01\0\0\0a}".repeat(1e5), "latin1"), "s".repeat(1e5)),
    "PICKLE",
    'got "a" in it',
  ],
  [
    "tensors beside a number",
    pt(pickle(dict([str("a"), tensor()], [str("n"), int(3)]))),
    "PICKLE",
    'x/data.pkl: "n": expected a tensor; got 3. Name it in ignore',
  ],
  [
    "tensors beside a state_dict",
    pt(pickle(dict([str("a"), tensor()], [str("state_dict"), dict([str("b"), tensor()])]))),
    "PICKLE",
    '"state_dict": expected a tensor; got a dict.',
  ],
  ["a tensor under a number", value(dict([int(1), tensor()])), "NAME", "expected tensor names without NUL; got 1"],
  ["a tensor under a tuple", value(dict([")", tensor()])), "NAME", "tensor names without NUL; got a tuple"],
  ["a tensor under None", value(dict(["N", tensor()])), "NAME", "tensor names without NUL; got None"],
  ["a tensor without a name", value(dict([str(""), tensor()])), "NAME", 'tensor names without NUL; got ""'],
  ["a tensor with NUL in its name", value(dict([str("a\0b"), tensor()])), "NAME", 'got "a\\u0000b"'],
  [
    "a name of 1,025 letters",
    value(dict([str("a".repeat(1025)), tensor()])),
    "LIMIT",
    "names of at most 1024 UTF-16 units; got 1025",
  ],
  [
    "two tensors for one",
    value(dict([str("a"), tensor()], [str("b"), tensor()])),
    "LIMIT",
    "at most 1 tensors; got 2",
    limits({ tensors: 1 }),
  ],
  [
    "a checkpoint without weights",
    pt(pickle(dict([str("epoch"), int(1)])), []),
    "PICKLE",
    "one state_dict (state_dict, model_state_dict",
  ],
  [
    "a checkpoint with an empty state_dict",
    pt(pickle(dict([str("state_dict"), "}"])), []),
    "PICKLE",
    'a checkpoint with one; got "state_dict" in it',
  ],
  [
    "a checkpoint with two state_dicts",
    value(dict([str("model"), dict([str("a"), tensor()])], [str("net"), dict([str("a"), tensor()])])),
    "PICKLE",
    "got model and net. Name in ignore those",
  ],
  [
    "a checkpoint with more weights",
    value(dict([str("model"), dict([str("a"), tensor()])], [str("ema"), dict([str("a"), tensor()])])),
    "PICKLE",
    'a checkpoint with one; got "ema" in it. Name it in ignore',
  ],
  [
    "a checkpoint with a number for a key",
    value(dict([str("model"), dict([str("a"), tensor()])], [int(1), "N"])),
    "PICKLE",
    "a checkpoint with one; got 1 in it",
  ],
  [
    "a state_dict two levels down",
    value(dict([str("model"), dict([str("state_dict"), dict([str("a"), tensor()])])])),
    "PICKLE",
    'got "model" in it',
  ],
  [
    "weight_norm",
    value(dict([str("rnn.weight_hh_l0_raw"), tensor()])),
    "MISSING_TENSOR",
    '"rnn.weight_hh_l0_raw": expected a weight; got what one is computed from. Before saving',
  ],
  ["weight_norm of a linear layer", value(dict([str("a.weight_g"), tensor()])), "MISSING_TENSOR", '"a.weight_g"'],
  [
    "a parametrization",
    value(dict([str("a.parametrizations.weight.original0"), tensor()])),
    "MISSING_TENSOR",
    "remove_parametrizations",
  ],
  ["spectral_norm", value(dict([str("a.weight_orig"), tensor()])), "MISSING_TENSOR", '"a.weight_orig"'],

  // the parts of a tensor
  [
    "a tensor of five parts",
    one(call("torch._utils._rebuild_tensor_v2", storage(), int(0), counts([2]), counts([1]), "\x89")),
    "PICKLE",
    '"a": expected the 6 or 7 parts of a tensor; got 5',
  ],
  ["a tensor of eight parts", one(tensor({ more: "NN" })), "PICKLE", "the 6 or 7 parts of a tensor; got 8"],
  ["a tensor without a storage", one(tensor({ storage: "N" }), []), "PICKLE", "expected a storage; got None"],
  ["a tensor on a tensor", one(tensor({ storage: tensor() })), "PICKLE", "expected a storage; got a call of"],
  [
    "a storage where a tensor is due",
    value(dict([str("b"), tensor()], [str("a"), storage()])),
    "PICKLE",
    "expected a tensor; got a persistent",
  ],
  ["hooks", one(tensor({ hooks: dict([str("h"), "N"]) })), "PICKLE", "expected no hooks and no metadata; got a dict"],
  ["hooks that are a list", one(tensor({ hooks: "]" })), "PICKLE", "expected no hooks and no metadata; got a list"],
  ["metadata", one(tensor({ more: dict([str("neg"), "\x88"]) })), "PICKLE", "no hooks and no metadata; got a dict"],
  [
    "a parameter of nothing",
    one(call("torch._utils._rebuild_parameter"), []),
    "PICKLE",
    "expected a parameter of one tensor; got none",
  ],
  [
    "a parameter of a number",
    one(call("torch._utils._rebuild_parameter", int(1), "\x88", NO_HOOKS), []),
    "PICKLE",
    "a parameter of one tensor; got 1, true, a dict",
  ],
  [
    "a parameter of four parts",
    one(call("torch._utils._rebuild_parameter", tensor(), "\x88", NO_HOOKS, "N")),
    "PICKLE",
    "a parameter of one tensor",
  ],
  [
    "a parameter of a parameter",
    one(
      call(
        "torch._utils._rebuild_parameter",
        call("torch._utils._rebuild_parameter", tensor(), "\x88", NO_HOOKS),
        "\x88",
        NO_HOOKS,
      ),
    ),
    "PICKLE",
    "a parameter of one tensor",
  ],
  [
    "a parameter with hooks",
    one(call("torch._utils._rebuild_parameter", tensor(), "\x88", dict([str("h"), "N"]))),
    "PICKLE",
    "no hooks and no metadata",
  ],
  [
    "an offset of −1",
    sized([2], [1], -1),
    "PICKLE",
    "expected an offset, sizes and as many strides; got -1, a tuple, a tuple",
  ],
  [
    "an offset that is a float",
    one(tensor({ offset: bytes("G", Array(8).fill(0x40)) })),
    "PICKLE",
    "an offset, sizes and as many strides; got 32.5",
  ],
  [
    "an offset past the storage",
    sized([2], [1], 1),
    "OFFSETS",
    '"a": expected a view of the 2 elements of its storage; got offset 1, strides (1), which end at 2',
  ],
  [
    "an offset of 2⁵³",
    one(tensor({ offset: int(2 ** 53) })),
    "PICKLE",
    "an offset, sizes and as many strides; got an integer past 2⁵³",
  ],
  ["a size of −1", sized([-1], [1]), "PICKLE", "an offset, sizes and as many strides"],
  ["a size that is true", one(tensor({ size: tuple("\x88") })), "PICKLE", "an offset, sizes and as many strides"],
  ["a size that is text", one(tensor({ size: tuple(str("2")) })), "PICKLE", "an offset, sizes and as many strides"],
  ["sizes that are a list", one(tensor({ size: "](K\x02e" })), "PICKLE", "got 0, a list, a tuple"],
  [
    "sizes that are a torch.Size of a list",
    one(tensor({ size: call("torch.Size", "]") })),
    "PICKLE",
    "an offset, sizes and as many strides",
  ],
  [
    "sizes that are an empty torch.Size",
    one(tensor({ size: call("torch.Size") })),
    "PICKLE",
    "an offset, sizes and as many strides",
  ],
  [
    "sizes that are another call",
    one(tensor({ size: call("torch.device", counts([2])) })),
    "PICKLE",
    "an offset, sizes and as many strides",
  ],
  ["fewer strides than sizes", sized([1, 2], [1]), "PICKLE", "an offset, sizes and as many strides"],
  ["more strides than sizes", sized([2], [1, 1]), "PICKLE", "an offset, sizes and as many strides"],
  ["a stride of −1", sized([2], [-1], 1), "PICKLE", "an offset, sizes and as many strides"],
  [
    "a stride of 0",
    sized([3], [0]),
    "SHAPE",
    '"a": expected at most the 2 elements of its storage; got (3). Save tensor.contiguous().clone()',
  ],
  ["10⁹ elements from one", sized([1e9], [0]), "SHAPE", "at most the 2 elements"],
  ["2⁴⁰ elements from one", sized([2 ** 20, 2 ** 20], [0, 0]), "SHAPE", "at most the 2 elements"],
  ["2³³⁶ elements", sized(Array(8).fill(2 ** 42), Array(8).fill(0)), "SHAPE", "at most the 2 elements"],
  ["a stride past the storage", sized([2], [2]), "OFFSETS", "strides (2), which end at 2"],
  ["a stride of 2⁵²", sized([2], [2 ** 52]), "OFFSETS", "which end at 4503599627370496"],
  ["more elements than the storage", sized([3], [1]), "SHAPE", "at most the 2 elements"],
  ["nine dimensions", sized(Array(9).fill(1), Array(9).fill(1)), "LIMIT", '"a": expected at most 8 dimensions; got 9'],
  [
    "many transposed views of one storage",
    pt(
      pickle(
        "}(",
        Array.from({ length: 600 }, (_, i) => [
          ...str(`t${i}`),
          ...tensor({ storage: storage({ count: int(65536) }), size: counts([256, 256]), stride: counts([1, 256]) }),
        ]).flat(),
        "u",
      ),
      [{ name: "x/data/0", data: 2 ** 18 }],
    ),
    "LIMIT",
    "x/data.pkl: expected copies of at most",
  ],

  // storages
  [
    "no storage of the key",
    pt(pickle(dict([str("a"), tensor()])), []),
    "TRUNCATED",
    "x/data/0: expected a storage of 8 bytes; got none",
  ],
  [
    "a storage of another key",
    kept({ key: str("1") }),
    "ZIP",
    "x/data/0: expected a member that the pickle refers to; got another",
  ],
  [
    "a storage that nothing refers to",
    pt(pickle(dict([str("a"), tensor()])), [FLOATS, { name: "x/data/1", data: 8 }]),
    "ZIP",
    "x/data/1: expected a member that the pickle refers to",
  ],
  [
    "a key that climbs",
    pt(pickle(dict([str("a"), tensor({ storage: storage({ key: str("../../etc/passwd") }) })])), []),
    "TRUNCATED",
    "x/data/../../etc/passwd: expected a storage of 8 bytes; got none",
  ],
  [
    "a storage one byte short",
    one(tensor(), [{ name: "x/data/0", data: 7 }]),
    "SIZE",
    "x/data/0: expected 8 bytes, as the pickle says; got 7",
  ],
  [
    "a storage one byte long",
    one(tensor(), [{ name: "x/data/0", data: 9 }]),
    "SIZE",
    "8 bytes, as the pickle says; got 9",
  ],
  [
    "a storage with a wrong checksum",
    one(tensor(), [{ ...FLOATS, crc: 1 }]),
    "CHECKSUM",
    "x/data/0: expected bytes with the checksum 0x1",
  ],
  ["a storage of 2⁴⁰ elements", kept({ count: int(2 ** 40) }), "SIZE", "x/data/0: expected 4398046511104 bytes"],
  [
    "a storage of −1 elements",
    kept({ count: int(-1) }),
    "PICKLE",
    'x/data.pkl: expected a persistent id ("storage", class, key, device, elements); got "storage", "torch.FloatStorage", "0", "cpu", -1',
  ],
  ["a storage of 2⁶³ elements", kept({ count: long(9, 1) }), "PICKLE", '"cpu", an integer past 2⁵³'],
  ["a storage of another tag", kept({ tag: str("module") }), "PICKLE", "a persistent id"],
  [
    "a storage without a tag",
    one(tensor({ storage: bytes(str("0"), "Q") })),
    "PICKLE",
    'a persistent id ("storage", class, key, device, elements); got "0"',
  ],
  ["a storage whose key is a number", kept({ key: int(0) }), "PICKLE", "a persistent id"],
  ["a storage on no device", kept({ device: "N" }), "PICKLE", "a persistent id"],
  ["a storage of text for a class", kept({ type: str("torch.FloatStorage") }), "PICKLE", "a persistent id"],
  ["a storage of an OrderedDict", kept({ type: named("collections.OrderedDict") }), "PICKLE", "a persistent id"],
  ["a storage with a view", kept({ more: tuple(str("0"), int(0), int(1)) }), "PICKLE", "a persistent id"],
  ["a storage of seven parts", kept({ more: "NN" }), "PICKLE", "a persistent id"],
  [
    "a storage of two classes",
    value(dict([str("a"), tensor()], [str("b"), tensor({ storage: storage({ type: named("torch.IntStorage") }) })])),
    "PICKLE",
    'the storage "0" to be 8 bytes of F32 each time; got 8 of I32',
  ],
  [
    "a storage of two sizes",
    value(dict([str("a"), tensor()], [str("b"), tensor({ storage: storage({ count: int(1) }) })])),
    "PICKLE",
    "8 bytes of F32 each time; got 4 of F32",
  ],
  [
    "an untyped storage without a type",
    one(tensor({ storage: storage({ type: named("torch.storage.UntypedStorage"), count: int(8) }) })),
    "PICKLE",
    '"a": expected an element type that its storage has; got None',
  ],
  [
    "a typed tensor without a type",
    untyped("", 8, bytes(str("torch.float32"))),
    "PICKLE",
    'an element type that its storage has; got "torch.float32"',
  ],
  ["a typed tensor of six parts", one(tensor({ of: TYPED })), "PICKLE", "expected the 7 or 8 parts of a tensor; got 6"],
  ["a typed tensor of nine parts", untyped("torch.float32", 8, "NN"), "PICKLE", "the 7 or 8 parts of a tensor; got 9"],
  [
    "a typed tensor on another storage",
    one(tensor({ of: TYPED, more: named("torch.int32") })),
    "PICKLE",
    'an element type that its storage has; got "torch.int32"',
  ],
  ["a typed tensor larger than its bytes", untyped("torch.float64"), "SHAPE", "at most the 1 elements"],
];

const CONTAINERS: Case[] = [
  ["no bytes", bytes(), "HEADER", 'file: expected a file of torch.save; got 0 bytes that begin ""'],
  ["text", bytes("hello, this is text"), "HEADER", 'a file of torch.save; got 19 bytes that begin "hello, t"'],
  ["zeros", new Uint8Array(64), "HEADER", "a file of torch.save"],
  ["safetensors", bytes(u64(2), "{}"), "FOREIGN_FORMAT", 'got safetensors. Import from "sluice"'],
  ["HDF5", bytes([0x89], "HDF\r\n\x1a\n"), "FOREIGN_FORMAT", "a file of torch.save; got HDF5 (.h5)."],
  [
    "a pickle of protocol 4",
    bytes([0x80, 4, 0x95], u64(2), "}."),
    "FOREIGN_FORMAT",
    "a pickle that torch.save did not write.",
  ],
  [
    "a pickle of protocol 2",
    pickle("}"),
    "FOREIGN_FORMAT",
    "a pickle that torch.save did not write. Load it in PyTorch and save it again",
  ],
  [
    "a tar archive",
    bytes("sys_info", new Uint8Array(249), "ustar\0", new Uint8Array(249)),
    "FOREIGN_FORMAT",
    "a tar archive, as before 0.1.10.",
  ],
  ["an empty archive", zip([]), "FOREIGN_FORMAT", "with NAME/data.pkl; got another zip archive."],
  ["a Keras model", zip([{ name: "config.json", data: "{}" }]), "FOREIGN_FORMAT", "got a Keras model."],
  ["an .npz", zip([{ name: "a.npy", data: "x" }]), "FOREIGN_FORMAT", "got NumPy arrays (.npz)."],
  ["another archive", zip([{ name: "a/b.txt", data: "x" }]), "FOREIGN_FORMAT", "got another zip archive."],
  ["a pickle without a folder", zip([{ name: "data.pkl", data: pickle("}") }]), "FOREIGN_FORMAT", "with NAME/data.pkl"],
  [
    "TorchScript",
    zip([
      { name: "x/data.pkl", data: pickle("}") },
      { name: "x/constants.pkl", data: "x" },
    ]),
    "FOREIGN_FORMAT",
    "a state_dict; got a TorchScript program. Save its weights",
  ],
  ["TorchScript by its code", zip([{ name: "x/code/a.py", data: "x" }]), "FOREIGN_FORMAT", "a TorchScript program."],
  ["two pickles", beside("y/data.pkl"), "ZIP", "y/data.pkl: expected a member that the pickle refers to"],
  ["a member of another folder", beside("y/data/0"), "ZIP", "y/data/0: expected a member that the pickle refers to"],
  ["a member that torch does not write", beside("x/extra/run.py"), "ZIP", "x/extra/run.py: expected a member"],
  ["a folder", beside("x/data/", ""), "ZIP", "x/data/: expected a member"],
  [
    "no version",
    zip([{ name: "x/data.pkl", data: pickle(dict([str("a"), tensor()])) }, FLOATS]),
    "VERSION",
    "x/version: expected 1 to 10; got null",
  ],
  ["version 0", pt(pickle("}"), [], "0"), "VERSION", 'x/version: expected 1 to 10; got "0"'],
  ["version 11", pt(pickle("}"), [], "11\n"), "VERSION", 'got "11"'],
  ["version x", pt(pickle("}"), [], "x"), "VERSION", 'got "x"'],
  [
    "a version of 100 bytes",
    pt(pickle("}"), [], "3".padEnd(100)),
    "LIMIT",
    "x/version: expected at most 99 bytes; got 100",
  ],
  ["a version that is no UTF-8", pt(pickle("}"), [], [0xff]), "UTF8", "x/version at byte"],
  [
    "a version with a wrong checksum",
    zip([
      { name: "x/data.pkl", data: pickle("}") },
      { name: "x/version", data: "3", crc: 1 },
    ]),
    "CHECKSUM",
    "x/version",
  ],
  ["another .format_version", beside("x/.format_version", "2"), "VERSION", 'x/.format_version: expected 1; got "2"'],
  [
    "big endian",
    beside("x/byteorder", "big"),
    "VERSION",
    'x/byteorder: expected little; got "big". Load it in PyTorch on a machine of today',
  ],
  ["another byte order", beside("x/byteorder", "pdp"), "VERSION", 'x/byteorder: expected little; got "pdp"'],
  [
    "a pickle with a wrong checksum",
    zip([
      { name: "x/data.pkl", data: pickle("}"), crc: 1 },
      { name: "x/version", data: "3" },
    ]),
    "CHECKSUM",
    "x/data.pkl",
  ],
  ["more bytes than the limit", VALID, "LIMIT", "file: expected at most 99 bytes", limits({ fileBytes: 99 })],
  ["more members than the limit", VALID, "LIMIT", "at most 2 members; got 3", limits({ members: 2 })],

  // the stream
  [
    "a stream of more bytes than the limit",
    stream({}),
    "LIMIT",
    "file: expected at most 99 bytes",
    limits({ fileBytes: 99 }),
  ],
  [
    "a stream that ends after its magic",
    stream({}).slice(0, 15),
    "TRUNCATED",
    "protocol at byte 15: expected 1 bytes; got 0",
  ],
  ["a stream of another protocol", stream({ protocol: int(1000) }), "VERSION", "protocol: expected 1001; got 1000"],
  [
    "a stream of a protocol in words",
    stream({ protocol: str("1001") }),
    "VERSION",
    'protocol: expected 1001; got "1001"',
  ],
  [
    "a stream of a big-endian machine",
    stream({ system: dict([str("little_endian"), "\x89"]) }),
    "VERSION",
    "system: expected little_endian True; got false",
  ],
  ["a stream of a machine unknown", stream({ system: "}" }), "VERSION", "little_endian True; got none"],
  ["a stream whose machine is a list", stream({ system: "]" }), "VERSION", "little_endian True; got none"],
  [
    "a stream of a whole module",
    stream({ value: storage({ tag: str("module") }) }),
    "PICKLE",
    "pickle: expected a persistent id",
  ],
  ["a stream that calls", stream({ value: call("os.system", str("id")) }), "PICKLE", 'got "os.system"'],
  ["a stream without keys", stream({ keys: "]" }), "PICKLE", "keys: expected the keys of 1 storages; got 0 keys"],
  ["a stream whose keys are a dict", stream({ keys: "}" }), "PICKLE", "the keys of 1 storages; got 0 keys"],
  [
    "a stream of another key",
    stream({ keys: bytes("](", str("1"), "e") }),
    "PICKLE",
    'keys: expected keys that the pickle refers to; got "1"',
  ],
  [
    "a stream with a key that is a number",
    stream({ keys: "](K\x00e" }),
    "PICKLE",
    "keys that the pickle refers to; got 0",
  ],
  [
    "a stream with a key twice",
    stream({
      value: dict([str("a"), tensor()], [str("b"), tensor({ storage: storage({ key: str("1") }) })]),
      keys: bytes("](", str("0"), str("0"), "e"),
    }),
    "PICKLE",
    "the keys of 2 storages; got 2 keys",
  ],
  [
    "a stream without data",
    stream({ data: [] }),
    "TRUNCATED",
    'storage "0": expected 16 bytes; got 0. Is the file cut short?',
  ],
  ["a stream one byte short", stream({}).slice(0, -1), "TRUNCATED", 'storage "0": expected 16 bytes; got 15.'],
  ["a stream one byte long", bytes(stream({}), 1), "SIZE", "file: expected its end at"],
  [
    "a stream whose storage says another count",
    stream({ data: bytes(u64(3), 8) }),
    "SIZE",
    'storage "0": expected 2 elements, as the pickle says; got 3',
  ],
  [
    "a stream whose storage says −1",
    stream({ data: bytes(u64(2n ** 64n - 1n), 8) }),
    "SIZE",
    "as the pickle says; got -1",
  ],
  [
    "a stream of 2⁴⁰ elements",
    stream({ value: dict([str("a"), tensor({ storage: storage({ count: int(2 ** 40) }) })]) }),
    "TRUNCATED",
    "expected 4398046511112 bytes",
  ],
  [
    "a stream with a pickle over the limit",
    stream({ value: bytes("X", u32(5000), "a".repeat(5000)) }),
    "TRUNCATED",
    "pickle at byte",
    limits({ pickleBytes: 1000 }),
  ],
];

const ODD: [name: string, file: Uint8Array, names: readonly string[], options?: PytorchOptions][] = [
  ["a tensor", VALID, ["a"]],
  [
    "an OrderedDict with _metadata",
    value(NO_HOOKS, "(", str("a"), tensor(), "u", dict([str("_metadata"), "}"]), "b"),
    ["a"],
  ],
  ["a parameter", one(call("torch._utils._rebuild_parameter", tensor(), "\x88", NO_HOOKS)), ["a"]],
  ["sizes in a torch.Size", one(tensor({ size: call("torch.Size", counts([2])) })), ["a"]],
  ["hooks of None, empty metadata", one(tensor({ hooks: "N", more: "}" })), ["a"]],
  ["a typed tensor", untyped("torch.float32"), ["a"]],
  ["a typed tensor on a typed storage", one(tensor({ of: TYPED, more: named("torch.float32") })), ["a"]],
  [
    "u16, which only typed tensors have",
    one(
      tensor({
        of: TYPED,
        storage: storage({ type: named("torch.storage.UntypedStorage"), count: int(8) }),
        more: named("torch.uint16"),
      }),
    ),
    ["a"],
  ],
  ["a name as Python 2 wrote it", value(dict([bytes("U\x01a"), tensor()])), ["a"]],
  [
    "a tensor called __proto__",
    value(dict([str("__proto__"), tensor()], [str("constructor"), tensor()])),
    ["__proto__", "constructor"],
  ],
  ["a stride on an axis of one", sized([1, 2], [99, 1]), ["a"]],
  ["no elements, anywhere", sized([0, 5], [5, 1], 2), ["a"]],
  ["a view that shows an element twice", sized([2], [0]), ["a"]],
  ["the wrapper of DataParallel", value(dict([str("module.a"), tensor()], [str("module.b"), tensor()])), ["a", "b"]],
  [
    "a module called module beside others",
    value(dict([str("module.a"), tensor()], [str("b"), tensor()])),
    ["module.a", "b"],
  ],
  ["a tensor called like a wrapper", value(dict([str("module."), tensor()])), ["module."]],
  ["a number that is ignored", value(dict([str("a"), tensor()], [str("n"), int(3)])), ["a"], { ignore: ["n"] }],
  [
    "weights that are ignored",
    value(dict([str("model"), dict([str("a"), tensor()])], [str("ema"), dict([str("b"), tensor()])])),
    ["a"],
    { ignore: ["ema"] },
  ],
  [
    "a checkpoint with settings",
    value(dict([str("model"), dict([str("a"), tensor()])], [str("device"), "N"], [str("lr"), "N"])),
    ["a"],
    { ignore: ["device", "lr"] },
  ],
  [
    "what newer versions add",
    zip([
      { name: "x/data.pkl", data: pickle(dict([str("a"), tensor()])) },
      { name: "x/.format_version", data: "1" },
      { name: "x/.storage_alignment", data: "64" },
      { name: "x/byteorder", data: "little" },
      FLOATS,
      { name: "x/version", data: "3\n" },
      { name: "x/.data/serialization_id", data: "1234" },
    ]),
    ["a"],
  ],
  ["a stream", stream({}), ["a"]],
];

function refusal(read: () => unknown): FormatError | ModelError {
  try {
    read();
  } catch (error) {
    expect(error instanceof FormatError || error instanceof ModelError, String(error)).toBe(true);
    return error as FormatError;
  }
  throw new Error("nothing was refused");
}

describe("a malformed file of torch.save", () => {
  const all = [...PICKLES, ...VALUES, ...CONTAINERS];

  it("is in the table once, under a name of its own", () => {
    expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
    const contents = all.map(([, file, , , options]) => Buffer.from(file).toString("latin1") + JSON.stringify(options));
    expect(new Set(contents).size).toBe(all.length);
    expect(all.length).toBeGreaterThanOrEqual(150);
  });

  it.each(all)("is refused: %s", (_, file, code, message, options) => {
    const error = refusal(() => readPytorchTensors(file, options));
    expect(error.message).toContain(message);
    expect(error.message.length).toBeLessThan(600);
    expect(error.code).toBe(`ERR_${code}`);
  });

  it("is refused when it is no Uint8Array", () => {
    expect(() => readPytorchTensors(new ArrayBuffer(8) as unknown as Uint8Array)).toThrow(TypeError);
  });
});

describe("a well-formed file of torch.save", () => {
  it.each(ODD)("is read: %s", (_, file, names, options) => {
    expect([...readPytorchTensors(file, options).keys()]).toEqual(names);
  });

  it("has no prefix that is read as a whole", () => {
    for (const file of [VALID, stream({})]) {
      for (let length = 0; length < file.length; length++) refusal(() => readPytorchTensors(file.slice(0, length)));
    }
  });

  it("changed anywhere is read or refused, never anything else", () => {
    const positions = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(
        fc.constantFrom(VALID, stream({})),
        fc.array(positions, { minLength: 1, maxLength: 4 }),
        (file, changes) => {
          const changed = file.slice();
          for (const [at, byte] of changes) changed[at % changed.length] = byte;
          try {
            readPytorchTensors(changed);
          } catch (error) {
            expect(error instanceof FormatError || error instanceof ModelError, String(error)).toBe(true);
          }
        },
      ),
      { numRuns: 2000, seed: 41 },
    );
  });
});
