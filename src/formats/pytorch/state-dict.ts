/**
 * What was given to torch.save → the tensors of its state_dict by name. A checkpoint is a dict that has the state_dict under
 * one of the usual names; what else is in it must be on a list of things that are no weights, or be named in `ignore`.
 */

import { ModelError } from "../../errors.ts";
import type { Tensor } from "../../tensor.ts";
import { show } from "../json.ts";
import { failure } from "../safetensors.ts";
import type { Archive } from "./archive.ts";
import { type Dict, describe, kindOf, type Value } from "./pickle.ts";
import { SAVE_WEIGHTS } from "./storage.ts";
import { isTensor, type TensorLimits, tensorReader } from "./tensor.ts";

/** Under which names checkpoints hold their state_dict. */
const WEIGHTS: readonly string[] = [
  "state_dict",
  "model_state_dict",
  "model_state",
  "model",
  "module",
  "net",
  "network",
  "weights",
  "params",
];

/** What stands beside it and is no weights: the optimizer's state, the place in training, its settings and results. */
const BESIDE =
  /^(epochs?|(global_)?steps?|iter(ation)?s?|num_(epochs|steps|iters|updates)|(best|last|train|val(id)?|test|min|max)(_\w+)?|loss(es)?|acc(uracy)?|metrics?|history|optim(izer)?s?(_states?(_dicts?)?)?|(lr_)?schedulers?(_states?(_dicts?)?)?|(grad_)?scaler(_state(_dict)?)?|amp|native_amp_scaling_state|callbacks|loops|hparams(_name)?|(datamodule_)?hparams_name|(datamodule_)?hyper_parameters|pytorch-lightning_version|args|opts?|options|config|cfg|seed|(cuda_)?rng_state\w*|version|torch_version|date|time)$/;

/** Wrappers of whole models: DataParallel, torch.compile. Prefixes of every name, then. */
const WRAPPERS = ["module.", "_orig_mod."];

export function readStateDict(
  archive: Archive,
  fileBytes: number,
  limits: TensorLimits,
  ignore: readonly string[] = [],
): Map<string, Tensor> {
  const { path } = archive;
  const root = entriesOf(archive.value);
  if (root === undefined) {
    throw failure("ERR_PICKLE", path, "a state_dict", `${describe(archive.value)}.`, undefined, SAVE_WEIGHTS);
  }
  const entries = pick(root, path, ignore);
  if (entries.size > limits.tensors) {
    throw failure("ERR_LIMIT", path, `at most ${limits.tensors} tensors`, entries.size);
  }
  const read = tensorReader(archive, fileBytes, limits);
  const tensors = new Map<string, Tensor>();
  for (const [key, value] of entries) {
    if (typeof key === "string" && ignore.includes(key)) continue;
    if (typeof key !== "string" || key === "" || key.includes("\0")) {
      throw failure("ERR_NAME", path, "tensor names without NUL", describe(key));
    }
    if (key.length > limits.nameLength) {
      throw failure("ERR_LIMIT", path, `names of at most ${limits.nameLength} UTF-16 units`, key.length);
    }
    if (!isTensor(value)) {
      const hint = "Name it in ignore if the layers do not need it.";
      throw failure("ERR_PICKLE", `${path}: ${show(key)}`, "a tensor", `${describe(value)}.`, undefined, hint);
    }
    checkPlain(key);
    tensors.set(key, read(key, value));
  }
  return unwrap(tensors);
}

/** The dict that has the tensors: the root itself, or what it holds under one of the names. */
function pick(root: ReadonlyMap<Value, Value>, path: string, ignore: readonly string[]): ReadonlyMap<Value, Value> {
  if ([...root.values()].some(isTensor)) return root;
  const names: string[] = [];
  for (const [key, value] of root) {
    if (typeof key === "string" && ignore.includes(key)) continue;
    const entries = entriesOf(value);
    const weights = entries !== undefined && [...entries.values()].some(isTensor);
    if (typeof key === "string" && weights && WEIGHTS.includes(key)) names.push(key);
    else if (typeof key !== "string" || !BESIDE.test(key)) {
      const hint = "Name it in ignore if the layers do not need it.";
      throw failure(
        "ERR_PICKLE",
        path,
        "a state_dict, or a checkpoint with one",
        `${describe(key)} in it.`,
        undefined,
        hint,
      );
    }
  }
  if (names.length !== 1) {
    const got = names.length === 0 ? `${[...root.keys()].slice(0, 9).map(describe)}` : names.join(" and ");
    const hint = names.length === 0 ? SAVE_WEIGHTS : "Name in ignore those that are not the model.";
    throw failure("ERR_PICKLE", path, `one state_dict (${WEIGHTS.join(", ")})`, `${got}.`, undefined, hint);
  }
  return entriesOf(root.get(names[0]) as Value) as ReadonlyMap<Value, Value>;
}

function entriesOf(value: Value): ReadonlyMap<Value, Value> | undefined {
  return kindOf(value) === "dict" ? ((value as Dict).entries ?? new Map()) : undefined;
}

/** torch.nn.utils.weight_norm and the parametrizations keep what the weight is computed from, not the weight. */
function checkPlain(key: string): void {
  if (!/(^|\.)(parametrizations\.|weight\w*_[gv]$|weight_hh_l\d+_raw$|weight_(orig|u|v)$)/.test(key)) return;
  throw new ModelError("ERR_MISSING_TENSOR", `${show(key)}: expected a weight; got what one is computed from.`, {
    tensor: key,
    hint: "Before saving: torch.nn.utils.parametrize.remove_parametrizations or torch.nn.utils.remove_weight_norm.",
  });
}

/** Names without the prefix that a wrapper puts before every one. */
function unwrap(tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  let names = [...tensors.keys()];
  for (let found = true; found && names.length > 0; ) {
    const prefix = WRAPPERS.find((one) => names.every((name) => name.startsWith(one) && name !== one));
    found = prefix !== undefined;
    names = names.map((name) => name.slice(prefix?.length ?? 0));
  }
  const values = [...tensors.values()];
  return new Map(names.map((name, i) => [name, { ...values[i], name }]));
}
