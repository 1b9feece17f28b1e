/** The row of a table that an id names. */

/** id in 0 … V − 1, weight (V, D) → (D) */
export function embedding(id: number, weight: Float64Array, embeddingDim: number): Float64Array {
  return weight.slice(id * embeddingDim, (id + 1) * embeddingDim);
}
