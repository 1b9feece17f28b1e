/** What an ONNX file may ask for; more is ERR_LIMIT. docs/onnx.md shows the table. */

export interface OnnxLimits {
  readonly fileBytes: number;
  readonly messages: number;
  readonly depth: number;
  readonly nodes: number;
  readonly rank: number;
  readonly nameLength: number;
  readonly elements: number;
  readonly folded: number;
  readonly repeated: number;
  readonly states: number;
}

export const ONNX_LIMITS: OnnxLimits = {
  // Protobuf itself stops at 2 GiB. Largest realistic: 374 MB, ELMo.
  fileBytes: 2 ** 31,
  // A message costs about 460 bytes whatever its size. Largest realistic: 3,900, GTCRN with every shape computed.
  messages: 2 ** 17,
  // The decoder recurses; an If inside an If is three messages deeper. Largest realistic: 16, Silero VAD (If, three deep).
  depth: 64,
  // Each costs a step of the specialisation. Largest realistic: 1,800, GTCRN.
  nodes: 2 ** 16,
  // Messages print whole shapes. Largest realistic: 6, a patch of images.
  rank: 8,
  // Names are keys and stand in messages. Largest realistic: 150 UTF-16 units, modules wrapped ten deep.
  nameLength: 1024,
  // Of one value. Largest realistic: 7.8e7, an embedding of 2.6e5 words.
  elements: 2 ** 28,
  // Elements that folding makes, all nodes together, beyond 16 for each that the file gives: 12 bytes each. Largest realistic: 1 for
  // each, where all weights are transposed.
  folded: 2 ** 22,
  // Elements of known inputs that an earlier node reads too, beyond 128 for each that the file gives: each node gets weights of
  // its own. Largest realistic: 1.3e7 where the file gives 1e5, a cell of 128 units written out for 100 steps.
  repeated: 2 ** 22,
  // Elements of all states of a graph along a free axis: 8 bytes each. Largest realistic: 65,536, h and c of 16 layers of 2,048 units.
  states: 2 ** 20,
};
