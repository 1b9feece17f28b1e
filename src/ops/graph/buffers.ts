/** Which bytes of the scratch region are taken: those of values that nobody reads any more are given out again. */

/** Rows of a value, and how many of its readers are still to come. */
export interface Buffer {
  readonly at: number;
  readonly bytes: number;
  readers: number;
}

/** @param more - makes the region longer and says where the new bytes begin */
export function createBuffers(more: (bytes: number) => number) {
  const gaps: { at: number; bytes: number }[] = [];
  return {
    /** The smallest gap that is large enough, or new bytes. */
    take(bytes: number): number {
      const size = Math.ceil(bytes / 64) * 64;
      let best: { at: number; bytes: number } | undefined;
      for (const gap of gaps) if (gap.bytes >= size && !(best && best.bytes <= gap.bytes)) best = gap;
      if (best === undefined) return more(size);
      const { at } = best;
      best.at += size;
      best.bytes -= size;
      return at;
    },
    free({ at, bytes }: Buffer): void {
      const gap = { at, bytes: Math.ceil(bytes / 64) * 64 };
      for (let i = gaps.length - 1; i >= 0; i--) {
        const other = gaps[i];
        if (other.bytes > 0 && other.at !== gap.at + gap.bytes && other.at + other.bytes !== gap.at) continue;
        if (other.bytes > 0) {
          gap.at = Math.min(gap.at, other.at);
          gap.bytes += other.bytes;
        }
        gaps.splice(i, 1);
      }
      gaps.push(gap);
    },
  };
}
