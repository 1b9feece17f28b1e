/** Names that are unique, of names that may not be. */

/** A name that is not taken; `taken` counts how often each was asked for. */
export function unique(name: string, taken: Map<string, number>): string {
  let one = name;
  let i = taken.get(name) ?? 2;
  for (; taken.has(one); i++) one = `${name}_${i}`;
  taken.set(name, i);
  taken.set(one, 2);
  return one;
}
