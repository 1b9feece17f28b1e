/** Waiting that an AbortSignal ends, whatever it is waited for. */

/**
 * The promise's end, or the signal's: a source that does not answer keeps nobody from stopping. Not Promise.race with one promise
 * for the signal, which would keep every value that it was raced with.
 */
export async function unlessAborted<T>(promise: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    const settled = Promise.resolve(promise).then(resolve, reject);
    settled.finally(() => signal.removeEventListener("abort", abort));
  });
}

/** What a source gives until it ends or the signal says so; then the source is told, and not waited for. */
export async function* until<T>(source: AsyncIterable<T> | Iterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  signal.throwIfAborted();
  const items = iteratorOf(source);
  try {
    for (;;) {
      const { done, value } = await unlessAborted(items.next(), signal);
      if (done) return;
      yield value;
    }
  } finally {
    (items.return?.() as Promise<unknown> | undefined)?.catch?.(() => {});
  }
}

export function iteratorOf<T>(source: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}
