/**
 * What an AnalyserNode hears → a picture that moves to the left, one column at a time, 0 Hz at the bottom; or, where
 * the reader asked for less motion, one that stands and is written over from the left.
 */

export class Spectrogram {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #column: ImageData;
  readonly #levels: Uint8Array<ArrayBuffer>;
  readonly #calm = matchMedia("(prefers-reduced-motion: reduce)");
  /** The newest column. */
  #at = -1;

  /** A row of the canvas for each bin: `canvas.height` is half of the analyser's fftSize. */
  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) throw new Error("This browser draws no canvas.");
    this.#canvas = canvas;
    this.#context = context;
    this.#column = context.createImageData(1, canvas.height);
    this.#levels = new Uint8Array(canvas.height);
  }

  draw(analyser: AnalyserNode): void {
    const { width, height } = this.#canvas;
    const { data } = this.#column;
    analyser.getByteFrequencyData(this.#levels);
    for (let y = 0; y < height; y++) {
      // Black, violet, orange, pale yellow: lightness grows with the level, for readers who see colours otherwise too.
      const level = this.#levels[height - 1 - y] / 255;
      data[4 * y] = 255 * Math.min(1, level * 1.7);
      data[4 * y + 1] = 255 * Math.max(0, level * 1.8 - 0.8);
      data[4 * y + 2] = 255 * (level < 0.5 ? level * 1.1 : Math.max(0.2, 1.1 - level) + Math.max(0, level - 0.8));
      data[4 * y + 3] = 255;
    }
    if (this.#calm.matches) {
      this.#at = (this.#at + 1) % width;
    } else {
      this.#context.drawImage(this.#canvas, -1, 0);
      this.#at = width - 1;
    }
    this.#context.putImageData(this.#column, this.#at, 0);
  }

  clear(): void {
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#at = -1;
  }
}
