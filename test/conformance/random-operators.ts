/** The random trials of the operators beside the cells, each alone, and of graphs that put them together. */

import type { Layer } from "./models.ts";
import type { Trial } from "./random.ts";
import { cell, FUNCTIONS, SIZES } from "./random-recurrent.ts";

export function operators(): Trial[] {
  return [...linear(), ...lookup(), ...norms(), ...softmaxes(), ...joins(), ...graphs()];
}

function dense(name: string, inFeatures: number, outFeatures: number, more: object = {}): Layer {
  return { type: "linear", name, inFeatures, outFeatures, ...more } as Layer;
}

function layer(type: string, name: string, more: object = {}): Layer {
  return { type, name, ...more } as Layer;
}

/** A model input of one axis. */
function input(name: string, size: number) {
  return { name, dtype: "F32" as const, shape: [size] };
}

function linear(): Trial[] {
  const sizes = SIZES.flatMap((size, i): Trial[] => {
    const other = SIZES[(i * 5 + 9) % SIZES.length];
    return [
      { name: `linear/size/I${other}_O${size}`, layers: [dense("", other, size)] },
      { name: `linear/size/I${size}_O${(i % 5) + 1}/noBias`, layers: [dense("", size, (i % 5) + 1, { bias: false })] },
    ];
  });
  const fused = FUNCTIONS.map(
    (activation): Trial => ({
      name: `linear/activation/${activation.name}`,
      layers: [dense("", 6, 11, { activation })],
      gain: 2,
    }),
  );
  const named: Trial = { name: "linear/activation/by-name", layers: [dense("", 6, 11, { activation: "relu" })] };
  return [...sizes, ...fused, named];
}

/** Two ids are the first and the last of a table of two; a longer table has its edges hit by chance and by the seed. */
function lookup(): Trial[] {
  const table = (numEmbeddings: number, embeddingDim: number) =>
    layer("embedding", "embed", { numEmbeddings, embeddingDim });
  // A short table may be multiplied with the next layer's weights once and for all, a long one is not worth it.
  const readers = ([V, D]: readonly [number, number]): Trial[] => [
    { name: `embedding/V${V}_D${D}/rnn`, layers: [table(V, D), cell("rnn", D, 5, { name: "rnn" })], ids: V },
    { name: `embedding/V${V}_D${D}/gru`, layers: [table(V, D), cell("gru", D, 7, { name: "gru" })], ids: V },
    {
      name: `embedding/V${V}_D${D}/gru-before-noBias`,
      layers: [table(V, D), cell("gru", D, 9, { name: "gru", resetAfter: false, bias: false })],
      ids: V,
    },
    {
      name: `embedding/V${V}_D${D}/lstm`,
      layers: [table(V, D), cell("lstm", D, 10, { name: "lstm", numLayers: 2, projSize: 3 })],
      ids: V,
    },
    {
      name: `embedding/V${V}_D${D}/gru-bidirectional`,
      layers: [table(V, D), cell("gru", D, 6, { name: "gru", bidirectional: true, numLayers: 2 })],
      ids: V,
    },
    {
      name: `embedding/V${V}_D${D}/linear`,
      layers: [table(V, D), dense("head", D, 9, { activation: "tanh" })],
      ids: V,
    },
    {
      name: `embedding/V${V}_D${D}/two-readers`,
      layers: [
        table(V, D),
        cell("gru", D, 6, { name: "gru" }),
        layer("concat", "both", { inputs: ["embed", "gru"] }),
        dense("head", D + 6, 4),
      ],
      options: { outputs: ["head", "embed"] },
      ids: V,
    },
    {
      name: `embedding/V${V}_D${D}/norm`,
      layers: [table(V, D), layer("layerNorm", "norm", { size: D }), cell("rnn", D, 5, { name: "rnn" })],
      ids: V,
    },
  ];
  return [
    ...[1, 3, 4, 5, 8, 17, 33].flatMap((width): Trial[] => [
      { name: `embedding/V2_D${width}`, layers: [table(2, width)], ids: 2 },
      { name: `embedding/V5_D${width}`, layers: [table(5, width)], ids: 5, steps: 20 },
    ]),
    { name: "embedding/V1_D6", layers: [table(1, 6)], ids: 1 },
    ...(
      [
        [2, 9],
        [3, 17],
        [9, 6],
        [70, 3],
      ] as const
    ).flatMap(readers),
  ];
}

function norms(): Trial[] {
  const sizes = SIZES.filter((size) => size > 1).flatMap((size): Trial[] => [
    { name: `layerNorm/N${size}`, layers: [layer("layerNorm", "", { size })] },
    { name: `batchNorm/N${size}`, layers: [layer("batchNorm", "", { size })] },
  ]);
  return [
    ...sizes,
    { name: "layerNorm/noAffine", layers: [layer("layerNorm", "", { size: 6, affine: false })] },
    { name: "layerNorm/noBias", layers: [layer("layerNorm", "", { size: 6, bias: false })] },
    { name: "layerNorm/eps", layers: [layer("layerNorm", "", { size: 6, eps: 0.5 })] },
    // One element: the variance is 0 and the result the bias, whatever goes in.
    { name: "layerNorm/N1", layers: [layer("layerNorm", "", { size: 1 })] },
    { name: "layerNorm/large", layers: [layer("layerNorm", "", { size: 13 })], gain: 1e4 },
    { name: "layerNorm/small", layers: [layer("layerNorm", "", { size: 13 })], gain: 1e-3 },
    { name: "batchNorm/noAffine", layers: [layer("batchNorm", "", { size: 6, affine: false })] },
    { name: "batchNorm/eps", layers: [layer("batchNorm", "", { size: 6, eps: 0.5 })] },
    { name: "batchNorm/after-linear", layers: [dense("fc", 5, 9), layer("batchNorm", "norm", { size: 9 })] },
    {
      name: "batchNorm/after-linear-activation",
      layers: [dense("fc", 5, 9, { activation: "relu" }), layer("batchNorm", "norm", { size: 9 })],
    },
    {
      name: "batchNorm/after-linear-noBias",
      layers: [dense("fc", 5, 9, { bias: false }), layer("batchNorm", "norm", { size: 9 })],
    },
    {
      name: "batchNorm/before-linear",
      layers: [
        layer("batchNorm", "norm", { size: 9 }),
        dense("fc", 9, 5),
        layer("activation", "act", { activation: "tanh" }),
      ],
    },
    {
      name: "batchNorm/after-gru",
      layers: [cell("gru", 5, 9, { name: "gru" }), layer("batchNorm", "norm", { size: 9 })],
    },
    {
      name: "batchNorm/linear-is-an-output",
      layers: [dense("fc", 5, 9), layer("batchNorm", "norm", { size: 9 })],
      options: { outputs: ["norm", "fc"] },
    },
    {
      name: "batchNorm/twice-after-linear",
      layers: [dense("fc", 5, 9), layer("batchNorm", "a", { size: 9 }), layer("batchNorm", "b", { size: 9 })],
    },
    {
      name: "batchNorm/linear-has-two-readers",
      layers: [
        dense("fc", 5, 9),
        layer("batchNorm", "norm", { size: 9 }),
        layer("add", "sum", { inputs: ["norm", "fc"] }),
      ],
    },
  ];
}

function softmaxes(): Trial[] {
  return ["softmax", "logSoftmax"].flatMap((type) => [
    ...[...SIZES].map(
      (size): Trial => ({
        name: `${type}/N${size}`,
        layers: [layer(type, "soft")],
        options: { inputs: [input("x", size)] },
      }),
    ),
    ...[1, 4, 7].map(
      (size): Trial => ({
        name: `${type}/large/N${size}`,
        layers: [layer(type, "soft")],
        options: { inputs: [input("x", size)] },
        gain: 5e3,
      }),
    ),
    { name: `${type}/after-linear`, layers: [dense("fc", 6, 11), layer(type, "soft")], gain: 4 },
  ]);
}

function joins(): Trial[] {
  const inputs = (sizes: readonly number[]) => sizes.map((size, i) => input(`x${i}`, size));
  const names = (sizes: readonly number[]) => sizes.map((_, i) => `x${i}`);
  const join = (type: string, sizes: readonly number[]): Trial => ({
    name: `${type}/${sizes.join("+")}`,
    layers: [layer(type, "join", { inputs: names(sizes) })],
    options: { inputs: inputs(sizes) },
  });
  return [
    ...[1, 3, 4, 7, 33].flatMap((size) => [join("add", [size, size]), join("add", [size, size, size])]),
    ...[
      [3, 5],
      [3, 5, 1],
      [4, 8],
      [1, 1, 1],
      [8, 3, 4],
      [5, 64, 2],
      [7, 33],
    ].map((sizes) => join("concat", sizes)),
    {
      name: "concat/of-activations",
      layers: [
        layer("activation", "a", { activation: "tanh", inputs: ["x"] }),
        layer("activation", "b", { activation: "sigmoid", inputs: ["x"] }),
        layer("concat", "join", { inputs: ["a", "x", "b"] }),
        dense("head", 15, 4),
      ],
      options: { inputs: [input("x", 5)] },
    },
    {
      name: "add/itself",
      layers: [dense("fc", 5, 6), layer("add", "sum", { inputs: ["fc", "fc"] })],
    },
    { name: "last/gru", layers: [cell("gru", 5, 6, { name: "gru" }), layer("last", "end"), dense("head", 6, 3)] },
    {
      name: "last/lstm-bidirectional",
      layers: [cell("lstm", 5, 6, { name: "lstm", bidirectional: true }), layer("last", "end"), dense("head", 12, 3)],
    },
  ];
}

function graphs(): Trial[] {
  return [
    {
      name: "graph/residual",
      layers: [
        dense("in", 5, 9, { activation: "relu" }),
        cell("gru", 9, 9, { name: "gru" }),
        layer("add", "skip", { inputs: ["in", "gru"] }),
        layer("layerNorm", "norm", { size: 9 }),
        dense("out", 9, 4, { activation: "sigmoid" }),
      ],
    },
    {
      // RNNoise: three GRUs, each fed with what the ones before gave.
      name: "graph/rnnoise",
      layers: [
        dense("in", 10, 6, { activation: "tanh", inputs: ["features"] }),
        cell("gru", 6, 6, { name: "vad" }),
        dense("vadOut", 6, 1, { activation: "sigmoid" }),
        layer("concat", "noiseIn", { inputs: ["in", "vad", "features"] }),
        cell("gru", 22, 11, { name: "noise" }),
        layer("concat", "denoiseIn", { inputs: ["vad", "noise", "features"] }),
        cell("gru", 27, 13, { name: "denoise" }),
        dense("gains", 13, 7, { activation: "sigmoid" }),
      ],
      options: { inputs: [input("features", 10)], outputs: ["gains", "vadOut"] },
    },
    {
      name: "graph/two-inputs",
      layers: [
        layer("embedding", "embed", { numEmbeddings: 7, embeddingDim: 3, inputs: ["token"] }),
        layer("concat", "both", { inputs: ["embed", "pitch"] }),
        cell("lstm", 5, 8, { name: "lstm" }),
        dense("head", 8, 7),
        layer("logSoftmax", "soft"),
      ],
      options: { inputs: [{ name: "token", dtype: "I32", shape: [] }, input("pitch", 2)] },
      ids: 7,
    },
    {
      name: "graph/hidden-layer-is-an-output",
      layers: [cell("rnn", 4, 6, { name: "rnn" }), dense("head", 6, 3)],
      options: { outputs: ["head", "rnn"] },
    },
    {
      name: "graph/every-function",
      layers: [
        dense("fc", 4, 10),
        ...FUNCTIONS.filter(({ name }) => name !== "thresholdedRelu").map((activation) =>
          layer("activation", activation.name, { activation }),
        ),
      ],
    },
  ];
}
