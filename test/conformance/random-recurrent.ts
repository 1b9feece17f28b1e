/** The random trials of rnn, gru and lstm: a sweep of sizes, every combination of options, every function in every slot. */

import type { ActivationSpec } from "../../src/model.ts";
import type { Layer } from "./models.ts";
import type { Trial } from "./random.ts";

/** Around every edge of a panel of 4 to 48 rows and of a tile, up to past four panels of 32. */
export const SIZES = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 56, 60, 63, 64, 65, 72, 79, 80, 95, 96, 97,
  127, 128, 129,
];

/** One of each function, with parameters that are not the defaults, and slopes that keep a recurrence from growing. */
export const FUNCTIONS: readonly ActivationSpec[] = [
  { name: "identity" },
  { name: "sigmoid" },
  { name: "tanh" },
  { name: "relu" },
  { name: "hardSigmoid", alpha: 0.2, beta: 0.45 },
  { name: "affine", alpha: 0.7, beta: 0.1 },
  { name: "leakyRelu", alpha: 0.3 },
  { name: "elu", alpha: 0.8 },
  { name: "softsign" },
  { name: "softplus" },
  { name: "scaledTanh", alpha: 1.2, beta: 0.8 },
  { name: "thresholdedRelu", alpha: 0.3 },
];

/** The defaults of functions that have some. */
const DEFAULTS: readonly ActivationSpec[] = ["hardSigmoid", "leakyRelu", "elu", "thresholdedRelu"].map((name) => ({
  name,
}));

const CELLS = ["rnn", "gru", "lstm"] as const;

/** What each slot of `activations` holds where nothing else is asked for. */
const SLOTS = {
  rnn: [{ name: "tanh" }],
  gru: [{ name: "sigmoid" }, { name: "tanh" }],
  lstm: [{ name: "sigmoid" }, { name: "tanh" }, { name: "tanh" }],
};

/** The options of one cell alone. */
const OPTIONS: Record<(typeof CELLS)[number], readonly [name: string, options: object][]> = {
  rnn: [
    ["tanh", {}],
    ["relu", { nonlinearity: "relu" }],
  ],
  gru: [
    ["resetAfter", {}],
    ["resetBefore", { resetAfter: false }],
  ],
  lstm: [
    ["plain", {}],
    ["projection", { projSize: 3 }],
    ["peephole", { peephole: true }],
    ["coupled", { coupledInputForget: true }],
    ["peephole-coupled", { peephole: true, coupledInputForget: true }],
    ["peephole-projection", { peephole: true, projSize: 5 }],
    ["coupled-projection", { coupledInputForget: true, projSize: 6 }],
  ],
};

const DIRECTIONS = [
  ["forward", {}],
  ["reverse", { reverse: true }],
  ["bidirectional", { bidirectional: true }],
  ["reverse-computed", { reverse: true, computedOrder: true }],
  ["bidirectional-computed", { bidirectional: true, computedOrder: true }],
] as const;

export function recurrent(): Trial[] {
  return [...CELLS.flatMap(sizes), ...CELLS.flatMap(options), ...CELLS.flatMap(functions), ...initial()];
}

/** Every size as H with an unequal I from the other end, and every size as I before a small H. */
function sizes(type: (typeof CELLS)[number]): Trial[] {
  const trial = (form: string, I: number, H: number, projSize = 0): Trial => ({
    name: `${type}/${form}/I${I}_H${H}${projSize ? `_P${projSize}` : ""}`,
    layers: [cell(type, I, H, projSize ? { projSize } : {})],
    steps: 5,
  });
  const all = SIZES.flatMap((size, i) => {
    const other = SIZES[(i * 11 + 5) % SIZES.length];
    const small = 2 + (i % 7);
    return [
      trial("size", other === size ? other + 1 : other, size),
      trial("columns", size, small === size ? small + 1 : small),
    ];
  });
  if (type !== "lstm") return all;
  // Every second size as H − 1, before a P of each size below.
  const projected = SIZES.filter((_, i) => i % 2 === 1).map((size, i) => trial("size", 2 + i, size + 1, SIZES[i]));
  return [...all, ...projected, trial("size", 3, 97, 64), trial("size", 6, 70, 65)];
}

/** Options of the cell × layers × direction × bias, and the clip. */
function options(type: (typeof CELLS)[number]): Trial[] {
  const trials: Trial[] = [];
  for (const [option, values] of OPTIONS[type]) {
    for (const [direction, way] of DIRECTIONS) {
      for (const numLayers of [1, 2, 3]) {
        for (const bias of [true, false]) {
          trials.push({
            name: `${type}/${option}/${direction}/L${numLayers}${bias ? "" : "/noBias"}`,
            layers: [cell(type, 5, 7, { ...values, ...way, numLayers, bias })],
          });
        }
      }
      trials.push({
        name: `${type}/${option}/${direction}/clip`,
        layers: [cell(type, 6, 9, { ...values, ...way, clip: 0.4 })],
      });
    }
  }
  return trials;
}

/** Steps where a gate may be larger than 1: its products with the state grow from step to step, and the rounding with them. */
const UNBOUNDED = 3;

/** Each function in each slot, those with defaults once more without parameters, and unlike ones in the two directions. */
function functions(type: (typeof CELLS)[number]): Trial[] {
  const slots = SLOTS[type];
  const one = [...FUNCTIONS, ...DEFAULTS].flatMap((spec) =>
    slots.map((_, slot): Trial => {
      const named = `${spec.name}${spec.alpha === undefined && DEFAULTS.includes(spec) ? "-default" : ""}`;
      return {
        name: `${type}/activation/slot${slot}=${named}`,
        layers: [cell(type, 4, 6, { activations: slots.map((usual, i) => (i === slot ? spec : usual)) })],
        steps: UNBOUNDED,
      };
    }),
  );
  const mixed = FUNCTIONS.map((_, i): Trial => {
    const activations = [...slots, ...slots].map((_, slot) => FUNCTIONS[(i + 5 * slot) % FUNCTIONS.length]);
    return {
      name: `${type}/activation/directions/${activations.map(({ name }) => name).join("-")}`,
      layers: [cell(type, 4, 6, { activations, bidirectional: true })],
      steps: UNBOUNDED,
    };
  });
  const clipped: Trial = {
    name: `${type}/activation/identity-clip`,
    layers: [cell(type, 4, 6, { activations: slots.map(() => ({ name: "identity" })), clip: 0.3 })],
  };
  return [...one, ...mixed, clipped];
}

/** Layers with different options after one another, with a stored initial state that the given one overrides. */
function initial(): Trial[] {
  return [
    {
      name: "stack/gru-lstm-rnn",
      layers: [
        cell("gru", 6, 9, { name: "a" }),
        cell("lstm", 9, 5, { name: "b", projSize: 3 }),
        cell("rnn", 3, 11, { name: "c" }),
      ],
      options: { initial: true },
    },
    {
      name: "stack/bidirectional-reverse-forward",
      layers: [
        cell("lstm", 6, 5, { name: "a", bidirectional: true }),
        cell("gru", 10, 7, { name: "b", reverse: true }),
        cell("rnn", 7, 4, { name: "c" }),
      ],
    },
    { name: "gru/long", layers: [cell("gru", 6, 17)], steps: 150 },
    { name: "lstm/long", layers: [cell("lstm", 6, 17)], steps: 150 },
    { name: "lstm/long/bidirectional", layers: [cell("lstm", 3, 6, { bidirectional: true })], steps: 150 },
  ];
}

export function cell(type: (typeof CELLS)[number], inputSize: number, hiddenSize: number, more: object = {}): Layer {
  return { type, name: "", inputSize, hiddenSize, ...more } as Layer;
}
