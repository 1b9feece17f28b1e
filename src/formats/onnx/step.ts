/**
 * One operator applied to values: what the rows of the operator table read, and what they give. A row says which opsets and
 * attributes it knows, the shapes of its outputs, how it folds where its inputs are known, and what it becomes.
 */

import { ModelError, type ModelErrorCode } from "../../errors.ts";
import type { ActivationSpec } from "../../model.ts";
import { show } from "../json.ts";
import type { Emitter } from "./emitter.ts";
import type { AttributeValues, OnnxNode } from "./proto.ts";
import type { Constant } from "./tensor.ts";
import { axesText, type Elements, type Info, TIME, type Value } from "./value.ts";
import type { Message } from "./wire.ts";

export interface OnnxOp {
  /** The oldest opset whose meaning the row has; 7 unless it says so. */
  readonly since?: number;
  /** Least and most inputs. */
  readonly inputs: readonly [number, number];
  /** Most outputs. */
  readonly outputs?: number;
  /** Attributes that it reads; any other is an error. */
  readonly attrs?: readonly string[];
  infer(step: Step): Info[];
  /** Elements of the outputs; every input is known. */
  fold?(step: Step, infos: readonly Info[]): Elements[];
  /** Its fold moves elements and computes nothing, so it may move places of states too. */
  readonly moves?: boolean;
  /** Its output is its first input under another shape. */
  readonly renames?: boolean;
  /** Inputs that may be states or lengths. */
  readonly readsStates?: readonly number[];
  /** It folds what it needs of values that are not known: their shapes. */
  readonly shapesOnly?: boolean;
  /** The function of one element that it is. */
  activation?(step: Step): ActivationSpec;
  /** What it becomes; without it there is nothing that computes it. */
  emit?(step: Step, to: Emitter): void;
}

/** What all steps of a reading share. */
export interface Reading {
  decode(message: Message): Constant;
  /** The free axis has size 1 in the file: it is one step of a stream, whichever axis a recurrent node has it in. */
  readonly eitherAxis: boolean;
  readonly gruReset: "after" | undefined;
}

export class Step {
  /** Undefined where an optional input is absent. */
  inputs: (Value | undefined)[] = [];
  outputs: Value[] = [];

  constructor(
    readonly node: OnnxNode,
    readonly row: OnnxOp,
    /** The opset. */
    readonly version: number,
    readonly reading: Reading,
  ) {}

  error(code: ModelErrorCode, message: string, hint?: string): ModelError {
    return new ModelError(code, `${this.node.text}: ${message}`, { node: this.node.name, hint });
  }

  /** An input that must be there. */
  input(i: number): Value {
    const value = this.inputs[i];
    if (value) return value;
    throw this.error("ERR_GRAPH", `expected input ${i}; got none.`);
  }

  private attribute<T extends keyof AttributeValues>(name: string, type: T): AttributeValues[T] | undefined {
    const found = this.node.attributes.get(name);
    if (found === undefined) return undefined;
    if (found.type === type) return found.value as AttributeValues[T];
    throw this.error("ERR_ATTRIBUTE", `${name}: expected ${type}; got ${found.type}.`);
  }

  has(name: string): boolean {
    return this.node.attributes.has(name);
  }

  /** An integer in min … max. */
  int(name: string, otherwise: number, min: number = -Infinity, max: number = Infinity): number {
    const value = this.attribute(name, "int") ?? otherwise;
    if (value >= min && value <= max) return value;
    throw this.error("ERR_ATTRIBUTE", `${name}: expected ${min} … ${max}; got ${value}.`);
  }

  float(name: string, otherwise: number): number {
    const value = this.attribute(name, "float") ?? otherwise;
    if (Number.isFinite(value)) return value;
    throw this.error("ERR_ATTRIBUTE", `${name}: expected a finite number; got ${value}.`);
  }

  /** One of some words; the first is the default. */
  word<T extends string>(name: string, ...words: readonly T[]): T {
    const value = this.attribute(name, "string") ?? words[0];
    if (words.includes(value as T)) return value as T;
    throw this.error(
      "ERR_ATTRIBUTE",
      `${name}: expected ${words.map((word) => `"${word}"`).join(" or ")}; got ${show(value)}.`,
    );
  }

  text(name: string): string {
    return this.attribute(name, "string") ?? "";
  }

  ints(name: string): readonly number[] | undefined {
    return this.attribute(name, "ints");
  }

  floats(name: string): readonly number[] | undefined {
    return this.attribute(name, "floats");
  }

  strings(name: string): readonly string[] | undefined {
    return this.attribute(name, "strings");
  }

  tensor(name: string): Constant | undefined {
    const found = this.attribute(name, "tensor");
    return found && this.reading.decode(found);
  }

  /** The known elements of an input; undefined where the input is absent. */
  known(i: number, what: string): Elements | undefined {
    const value = this.inputs[i];
    if (value === undefined) return undefined;
    if (value.data && !value.places) return value.data;
    throw this.error(
      "ERR_SHAPE",
      `${what}: expected what is known before it runs; got ${show(value.name)}, which is computed.`,
    );
  }

  /** Known integers of an input, or of the attribute that older opsets have in its place. */
  knownInts(i: number, name: string): readonly number[] | undefined {
    if (this.row.attrs?.includes(name) && this.has(name)) return this.ints(name);
    const data = this.known(i, name);
    return data && [...data];
  }

  /** An axis of a rank, counted from the end where it is negative. */
  axis(value: number, rank: number): number {
    if (Number.isInteger(value) && value >= -rank && value < rank) return value < 0 ? value + rank : value;
    throw this.error("ERR_ATTRIBUTE", `axis: expected ${-rank} … ${rank - 1}; got ${value}.`);
  }

  /** The attribute axis, of the first input. */
  axisSaid(otherwise: number): number {
    return this.axis(this.int("axis", otherwise), this.input(0).shape.length);
  }

  /** Axes of a rank, each once. */
  axes(values: readonly number[], rank: number): number[] {
    const axes = values.map((value) => this.axis(value, rank));
    if (new Set(axes).size === axes.length) return axes;
    throw this.error("ERR_ATTRIBUTE", `axes: expected each once; got ${axes.join(", ")}.`);
  }

  /** What a file that leaves its sizes open does not let an operator do. */
  freeAxis(message: string): ModelError {
    return this.error("ERR_SEQUENCE_AXIS", message, "Give shapes.");
  }

  /** Throws where the operator would mix steps of the free axis. */
  apart(shape: readonly number[], axes: readonly number[]): void {
    if (!axes.some((axis) => shape[axis] === TIME)) return;
    throw this.error(
      "ERR_SEQUENCE_AXIS",
      `computes along the free axis T of ${axesText(shape)}.`,
      "Give the shape of the model's inputs: shapes.",
    );
  }

  /** Throws unless all are floats. */
  floats32(...values: readonly Value[]): void {
    if (values.every(({ kind }) => kind === "F32")) return;
    throw this.error("ERR_DTYPE", `expected floats; got ${values.map(({ kind }) => kind).join(" and ")}.`);
  }

  shapeError(expected: string, ...shapes: (readonly number[])[]): ModelError {
    return this.error("ERR_SHAPE", `expected ${expected}; got ${shapes.map(axesText).join(" and ")}.`);
  }
}
