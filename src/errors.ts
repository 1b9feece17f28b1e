/**
 * The three errors that Sluice throws for what it is given. Every one has a stable `code`, names the thing that is wrong in
 * its message (`which thing: expected …; got …`), and may carry a `hint`. A caller's own argument of the wrong kind or value
 * is a plain TypeError or RangeError.
 */

/** What an error may carry beside its message. */
export interface ErrorDetails {
  /** What to do about it, one sentence. */
  readonly hint?: string;
  /** Byte offset inside the file. */
  readonly offset?: number;
  /** Where inside the file: a JSON path or a member's name. */
  readonly path?: string;
  /** The node of the graph. */
  readonly node?: string;
  /** The tensor. */
  readonly tensor?: string;
}

abstract class SluiceError<Code> extends Error {
  declare readonly hint?: string;

  constructor(
    readonly code: Code,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(details.hint === undefined ? message : `${message} ${details.hint}`);
    Object.assign(this, details);
  }

  /** By name: every entry of the package, each file that it loads later, and every realm has classes of its own. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: it is the class that stands behind instanceof
    return Object(value).name === this.prototype.name;
  }
}

/** The bytes of a file are wrong: truncated, inconsistent, over a limit, or of another format. */
export class FormatError extends SluiceError<FormatErrorCode> {
  declare readonly offset?: number;
  declare readonly path?: string;

  override get name() {
    return "FormatError" as const;
  }
}

/** Names, shapes or attributes of a model disagree or are not supported. */
export class ModelError extends SluiceError<ModelErrorCode> {
  declare readonly node?: string;
  declare readonly tensor?: string;

  override get name() {
    return "ModelError" as const;
  }
}

/** A session, stream or group cannot do what it was asked: disposed, or given the state of another model. */
export class SessionError extends SluiceError<SessionErrorCode> {
  override get name() {
    return "SessionError" as const;
  }
}

export type FormatErrorCode =
  | "ERR_RESPONSE" // the server did not answer with success
  | "ERR_TRUNCATED" // the file ends before a part that it declares
  | "ERR_LIMIT" // a count or size is over its limit
  | "ERR_UTF8" // text that is not UTF-8
  | "ERR_PROTOBUF" // bytes that are not protobuf, or a field that the format does not have
  | "ERR_EXTERNAL_DATA" // tensors in another file that is not given, or whose name is not allowed
  | "ERR_JSON" // JSON that does not follow its grammar, or is nested too deep
  | "ERR_DUPLICATE" // the same name twice
  | "ERR_HEADER" // a file of no known format, or a header whose parts have the wrong kind
  | "ERR_NAME" // a tensor name that is empty or unusable
  | "ERR_DTYPE" // an element type that is unknown or not supported
  | "ERR_SHAPE" // a shape that is not a list of sizes, or too large
  | "ERR_OFFSETS" // byte ranges that are reversed, overlap, leave holes or pass the end
  | "ERR_SIZE" // a byte range that does not fit its shape and dtype
  | "ERR_VERSION" // a version this release does not know
  | "ERR_GRAPH" // graph JSON with missing or unknown fields
  | "ERR_ZIP" // a zip archive whose parts disagree, or that uses an unsupported feature
  | "ERR_CHECKSUM" // bytes that do not match their checksum
  | "ERR_HDF5" // an HDF5 file whose parts disagree, or that uses an unsupported feature
  | "ERR_PICKLE" // a pickle that holds more than plain data and tensors, or does not follow its grammar
  | "ERR_FOREIGN_FORMAT" // another model format; the hint says how to read it
  | "ERR_STATE_BYTES"; // saved state with the wrong magic, version or length

export type ModelErrorCode =
  | "ERR_SHAPE" // a tensor's or value's shape is not what its layer needs
  | "ERR_DTYPE" // a tensor's or value's dtype is not what its layer needs
  | "ERR_MISSING_TENSOR" // a layer's tensor is not there
  | "ERR_UNUSED_TENSOR" // a tensor that no layer uses
  | "ERR_NON_FINITE" // NaN or infinity among the parameters
  | "ERR_UNSUPPORTED_OP" // an operator that this kernel set does not have
  | "ERR_ATTRIBUTE" // an attribute that is unknown, missing or out of range
  | "ERR_GRAPH" // names that are taken twice, unknown, or not in topological order
  | "ERR_LAYERS_NEEDED" // a file of weights only, read without `layers`
  | "ERR_SIZE_UNKNOWN" // a size that follows from neither the layers nor the tensors
  | "ERR_SEQUENCE_AXIS" // a graph that mixes time steps, so that no step can run by itself
  | "ERR_SEQUENCE_MODEL" // a stream of a model that needs whole sequences
  | "ERR_VARIANT" // the requested variant or precision is not available here
  | "ERR_SAMPLE_RATE"; // audio at another rate than the model was trained at

export type SessionErrorCode =
  | "ERR_DISPOSED" // used after dispose
  | "ERR_STATE" // the state of another model
  | "ERR_MEMORY" // linear memory cannot grow
  | "ERR_EXECUTE" // the kernels returned an error status
  | "ERR_WORKER"; // a worker or worklet did not load, or ended
