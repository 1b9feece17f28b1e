/**
 * The border between host and kernels: opcodes, record layouts, fixed addresses, tile constants, statuses.
 * AssemblyScript and TypeScript both import this file, so each number is said once.
 *
 * A program is u32 words: the number of rows it was planned for, then records `[opcode, words, operands…]`, then OP_END.
 * `words` counts the whole record. An address operand is 16-byte aligned; with bit 0 set it is relative to the stream's
 * state, else absolute. Strides and columns are bytes, counts are elements, `f` marks the bits of an f32.
 * Rows: an execution of t steps over n members has t · n rows; row s · n + j is step s of member j.
 */

/** Rows in io, scratch and state are padded with zeros to this many elements (one vector). */
export const LANES = 4;

// Statuses of execute and of the baked entry points.
export const STATUS_OK = 0;
export const STATUS_NOT_BAKED = 1;
/** More rows than the program was planned for. */
export const STATUS_STEPS = 2;
/** An id outside its table; nothing was written. */
export const STATUS_ID = 3;

// Fixed addresses. 0 … 1023 stay unused: a null address is then never valid, and the compiler may fold offsets.
/** Header of a baked model (assembly/bake.ts), HEADER_BYTES long. */
export const HEADER = 1024;
export const HEADER_BYTES = 192;
/** The solo stream's entry of a member table: [state address, steps]. */
export const SOLO = 1216;
/** Constants that every kernel reads: COEFFICIENTS as f32, one after another. */
export const CONSTANTS = 1232;
/** First byte that the host may allocate in a release build; `heap_base()` says it for each build. */
export const ARENA = 1536;

// Header words (offsets in bytes from HEADER).
/** "SLCE", little-endian. */
export const BAKE_MAGIC = 0x45434c53;
export const BAKE_VERSION = 1;
export const H_MAGIC = 0;
export const H_VERSION = 4;
export const H_STEP = 8;
export const H_RUN = 12;
export const H_STATE = 16;
export const H_STATE_BYTES = 20;
/** Address of the initial state, H_STATE_BYTES long. */
export const H_INITIAL = 24;
export const H_INPUTS = 28;
export const H_OUTPUTS = 32;
/** Hash of the model, two words (src/members.ts): the wrapper knows its own .wasm by it. */
export const H_HASH = 36;
/** Address of the packed program (below) that becomes H_RUN's, and its bytes: 0 where that stands in the file as it is. */
export const H_PACKED = 44;
export const H_PACKED_BYTES = 48;
/** Addresses of the first H_PORTS inputs, then of the first H_PORTS outputs. */
export const H_PORT_LIST = 64;
export const H_PORTS = 16;

/**
 * A packed program: one number for each item, in LEB128. 2 · word is that word; 2 · (PACKED_RUN · distance + length − 1) + 1 is
 * `length` words, at most PACKED_RUN, that stand `distance` words before.
 */
export const PACKED_RUN = 16;

/** Bytes of one member's entry in a member table: state address, steps. */
export const MEMBER_BYTES = 8;

// Opcodes, numbered once for all kernel sets: 1 … 31 core, 32 … 127 graph, 128 … int8.
export const OP_END = 0;
/** ids, idStride, count: returns STATUS_ID unless every id is in 0 … count − 1. Stands before the first write of state. */
export const OP_CHECK_IDS = 1;
/**
 * y, yStride, w, bias, n, k, x, xStride, q: y ← bias + W·x for every row; W packed in panels, n a multiple of LANES. q: scratch rows
 * for x where W is bytes (assembly/int8.ts), 0 where it is f32.
 */
export const OP_LINEAR = 2;
/** y, yStride, table, tableStride, ids, idStride: y ← table[id], tableStride bytes. */
export const OP_LOOKUP = 3;
// The cells: their operands have names, C_… and RNN_…, GRU_…, LSTM_… below.
export const OP_RNN = 4;
export const OP_GRU = 5;
export const OP_LSTM = 6;
/** y, yStride, n, function, alpha f, beta f: in place over every row. */
export const OP_ACTIVATE = 7;
/** y, yStride, x, xStride, n, weight (0: none), bias (0: none), eps f. */
export const OP_LAYER_NORM = 8;
/** y, yStride, x, xStride, n, scale, shift: y ← scale ∘ x + shift. */
export const OP_SCALE_SHIFT = 9;
/** y, yStride, x, xStride, n. */
export const OP_SOFTMAX = 10;
/** y, yStride, x, xStride, n. */
export const OP_LOG_SOFTMAX = 11;
/** y, yStride, a, aStride, b, bStride, n. */
export const OP_ADD = 12;
/** y, yStride, yColumn, x, xStride, n: n elements of each row to column yColumn of y's row. */
export const OP_COPY = 13;
/** ring, ringStride, ringColumn, capacity, counter, advance, x, xStride, n: each step's row into a ring (assembly/rows.ts). */
export const OP_TRACE = 14;

/** y, x, n, k, units: panels ← a matrix (n, k) row by row, n a multiple of LANES; units 1: those of a GRU (assembly/gemm.ts). Runs while loading. */
export const OP_PACK = 15;
/** y, x, scales, n, k: panels ← a matrix (n, k) of bytes row by row. Runs while loading. */
export const OP_PACK_INT8 = 128;

// What the three cells' records begin with (word offsets; 0 and 1 are opcode and words).
/** Rows for the input products with bias, (rows, gates · H padded); overwritten. */
export const C_GX = 2;
export const C_GX_STRIDE = 3;
/** Output rows and the column in them. */
export const C_Y = 4;
export const C_Y_STRIDE = 5;
export const C_Y_COLUMN = 6;
/** State h, relative to the stream; LSTM's c likewise (0 where there is none). */
export const C_H = 7;
export const C_C = 8;
/** Scratch rows for the gathered h and c of a group. */
export const C_H_ROWS = 9;
export const C_C_ROWS = 10;
/** Hidden size H; each gate's rows are padded to LANES. */
export const C_HIDDEN = 11;
/** Size of h: H, or P where an LSTM projects. */
export const C_WIDTH = 12;
/** 1: from the last step to the first. 2: and its outputs stand in the order in which they are computed. */
export const C_REVERSE = 13;
/** Limit of the pre-activations as f; +∞ where there is none. */
export const C_CLIP = 14;
/** 1: sigmoid, tanh, tanh, no clip, no peepholes, not coupled, reset after: the short gate passes (plainGates of gru.ts, lstm.ts). */
export const C_PLAIN = 15;
/** Scratch rows for the quantised h where the matrices are bytes (assembly/int8.ts); 0: they are f32. */
export const C_Q = 16;
/** Input rows, their stride and elements, W in panels (by units where U is), its bias. W 0: the products stand in gx. */
export const C_X = 17;
export const C_X_STRIDE = 18;
export const C_K = 19;
export const C_W = 20;
export const C_BIAS = 21;
/** Three functions: of the gates, of the candidate, of the output. Each is FUNCTION_WORDS: function, alpha f, beta f. */
export const C_GATE = 22;
export const C_CANDIDATE = 25;
export const C_OUTPUT = 28;
export const FUNCTION_WORDS = 3;
/** Words before the cell's own operands. */
export const CELL_WORDS = 31;

export const RNN_U = 31;
export const RNN_WORDS = 32;

/** U of r and z; where C_PLAIN is 1 and U is f32, U of all three gates by units (assembly/gemm.ts). */
export const GRU_U_RZ = 31;
/** U of n; 0 where GRU_U_RZ has it. */
export const GRU_U_N = 32;
/** b_hn; 0: reset before the product. */
export const GRU_BIAS_HN = 33;
/** Scratch rows for U_n·h + b_hn, or for r ∘ h. */
export const GRU_N_ROWS = 34;
/** 1: the last step walked the panels from the last to the first. The kernel turns it. */
export const GRU_BACK = 35;
export const GRU_WORDS = 36;

export const LSTM_U = 31;
/** Peephole weights i, f, o, each padded; 0: none. */
export const LSTM_PEEPHOLE = 32;
/** 1: f = 1 − i. */
export const LSTM_COUPLED = 33;
/** W_hr in panels; 0: none. */
export const LSTM_PROJECTION = 34;
/** W_hr has no bias: zeros in its place. */
export const LSTM_ZEROS = 35;
/** Scratch rows for o ∘ tanh(c) before the projection. */
export const LSTM_M_ROWS = 36;
export const LSTM_WORDS = 37;

// Functions of OP_ACTIVATE and of the cells (docs/numerics.md has the equations).
export const F_IDENTITY = 0;
export const F_SIGMOID = 1;
export const F_TANH = 2;
export const F_RELU = 3;
export const F_HARD_SIGMOID = 4;
export const F_AFFINE = 5;
export const F_LEAKY_RELU = 6;
export const F_ELU = 7;
export const F_SOFTSIGN = 8;
export const F_SOFTPLUS = 9;
export const F_SCALED_TANH = 10;
export const F_THRESHOLDED_RELU = 11;

// Functions of the graph set's OP_UNARY beside those (docs/operators.md has the equations).
export const F_ABS = 32;
export const F_NEG = 33;
export const F_SQRT = 34;
export const F_RECIPROCAL = 35;
export const F_FLOOR = 36;
export const F_CEIL = 37;
export const F_ROUND = 38;
export const F_CLIP = 39;
export const F_POW2 = 40;
export const F_SILU = 41;
export const F_GELU_TANH = 42;
export const F_SIGN = 43;
export const F_HARD_SWISH = 44;
export const F_EXP = 45;
// From F_LOG on a scalar function in f64.
export const F_LOG = 48;
export const F_ERF = 49;
export const F_GELU = 50;
export const F_SIN = 51;
export const F_COS = 52;
export const F_MISH = 53;
/** I32: 1 where x is 0. */
export const F_NOT = 64;
/** F32 → I32 and back. */
export const F_TO_INTEGER = 65;
export const F_TO_FLOAT = 66;

// The graph set. "steps" are signed bytes from one index of an axis to the next; "line": n elements, `inner` · 4 bytes apart,
// of outer · inner lines. Every record does its work for each row of the execution: what lies in rows comes first, as places
// and strides.
/** y, yStride, x, xStride, rank, then for each axis count, y step, x step: elements from places to places. */
export const OP_MOVE = 32;
/** y, yStride, n, bits: n elements. */
export const OP_FILL = 33;
/** y, yStride, x, xStride, n, function, alpha f, beta f; y may be x. */
export const OP_UNARY = 34;
/** y, yStride, a, aStride, b, bStride, function, rank, then for each axis count, a step, b step; y contiguous. */
export const OP_BINARY = 35;
/** y, yStride, condition, stride, a, aStride, b, bStride, n: condition ≠ 0 ? a : b. */
export const OP_SELECT = 36;
/** y, yStride, x, xStride, yInner, w, bias, n, k, xInner, count: OP_LINEAR in f32 over `count` vectors of each row. */
export const OP_PRODUCT = 37;
/** Sums of taps, T_… below. */
export const OP_TAPS = 38;
/** y, yStride, x, xStride, kind, outer, n, inner: each line → one element; kind REDUCE_…. */
export const OP_REDUCE = 39;
/** values (0: none), stride, places (0: none), stride, x, xStride, outer, n, inner, k, largest: each line → k elements and where they stood. */
export const OP_TOP_K = 40;
/** y, yStride, x, xStride, outer, n, inner, log: softmax of each line, or its logarithm. */
export const OP_SOFTMAX_LINES = 41;
/** y, yStride, x, xStride, n, weight (0: none), bias (0: none), eps f, count: OP_LAYER_NORM over `count` vectors of each row. */
export const OP_LAYER_NORMS = 42;
/** y, yStride, x, xStride, outer, n, inner, scale, shift: a batch norm along lines. */
export const OP_SCALE_SHIFT_LINES = 43;
/** y, yStride, x, xStride, ids, idStride, outer, n, count, inner: y[o, i] ← x[o, ids[i]], `inner` elements each; −1 is the last. */
export const OP_GATHER = 44;
/** ids, idStride, count, low, high, kept, bytes: STATUS_ID unless low ≤ id < high; what OP_KEEP kept comes back then. */
export const OP_CHECK_COMPUTED = 45;
/** A recurrent layer over an axis of its input, S_… below. */
export const OP_SCAN = 46;
/** y, yStride, offset, n: n elements of each member's state, from `offset` on. One step. */
export const OP_STATE_READ = 47;
/** x, xStride, offset, n: the same back, for members that take the step. */
export const OP_STATE_WRITE = 48;
/** kept, bytes: every member's state as it is. */
export const OP_KEEP = 49;
/** y, yStride, x, xStride, planes, plane step, rows, row step, n, taps, offsets, over: each window's sum divided by `over`; 0: its largest element. */
export const OP_POOL = 50;

// OP_TAPS: y[g, m, r, p] = bias[g, m] + Σ_k a[g, m, k] · x[g · group step + r · row step + offsets[k] + 4 · p].
// A convolution over rows that lie contiguous, and the product of two matrices.
export const T_Y = 2;
export const T_Y_STRIDE = 3;
export const T_X = 4;
export const T_X_STRIDE = 5;
export const T_A = 6;
export const T_A_STRIDE = 7;
/** 0: none. */
export const T_BIAS = 8;
/** Bytes, one for each k. */
export const T_OFFSETS = 9;
export const T_K = 10;
/** Outputs m of a group. */
export const T_OUTPUTS = 11;
export const T_GROUPS = 12;
export const T_X_GROUP = 13;
export const T_A_GROUP = 14;
/** Rows r, and from one to the next in x. */
export const T_ROWS = 15;
export const T_X_ROW = 16;
/** Places p of a row. */
export const T_PLACES = 17;
export const TAPS_WORDS = 18;

// OP_SCAN: its words, then the record of the cell.
export const S_Y = 2;
export const S_Y_STRIDE = 3;
export const S_X = 4;
export const S_X_STRIDE = 5;
/** Steps of the scan, and members that take them together. */
export const S_STEPS = 6;
export const S_COUNT = 7;
/** Initial and last h, then c: (count, size) each, 0 where there is none; strides of rows. */
export const S_H0 = 8;
export const S_H0_STRIDE = 9;
export const S_C0 = 10;
export const S_C0_STRIDE = 11;
export const S_HN = 12;
export const S_HN_STRIDE = 13;
export const S_CN = 14;
export const S_CN_STRIDE = 15;
/** A member table of `count` entries, and their states. */
export const S_MEMBERS = 16;
export const S_STATES = 17;
/** The cell's record. */
export const S_CELL = 18;

/** Kinds of OP_REDUCE. */
export const REDUCE_SUM = 0;
export const REDUCE_MEAN = 1;
export const REDUCE_MAX = 2;

/** Functions of OP_BINARY; on I32 they are BINARY_INTEGER more. */
export const B_ADD = 0;
export const B_SUB = 1;
export const B_MUL = 2;
export const B_DIV = 3;
export const B_MINIMUM = 4;
export const B_MAXIMUM = 5;
export const B_GREATER = 6;
export const B_GREATER_EQUAL = 7;
export const B_LESS = 8;
export const B_LESS_EQUAL = 9;
export const B_EQUAL = 10;
export const B_AND = 11;
export const B_OR = 12;
export const B_PRELU = 13;
export const B_POW = 14;
export const BINARY_INTEGER = 16;
