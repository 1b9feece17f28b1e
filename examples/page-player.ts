/**
 * The buttons of a page: a model's file, then a recording or the microphone through what the page does with it, until it ends
 * or is stopped.
 */

import { askMicrophone, element, onFile, openContext, say } from "./page-parts.ts";

export interface PlayerOptions {
  /** What to call the model's file. */
  readonly model: string;
  /** Of the context. */
  readonly options?: AudioContextOptions;
  /** Of the microphone: where the page plays what it hears. */
  readonly echoCancellation: boolean;
  /** What the status says while the microphone is open. */
  readonly listening: string;
  /** ms that a recording goes on in silence. */
  readonly tail: number;
  /** Takes a model's file. What is wrong with it is thrown. */
  load(file: File): Promise<void>;
  /** Does its work with a source; gives what ends that. `live`: it is a microphone. */
  connect(context: AudioContext, source: AudioNode, live: boolean): Promise<() => void>;
}

export function startPlayer({ model, options, echoCancellation, listening, tail, load, connect }: PlayerOptions): void {
  const [play, microphone, stop] = ["play", "microphone", "stop"].map((id) => element<HTMLButtonElement>(id));
  let ready = false;
  let recording: File | undefined;
  let playing: { readonly context: AudioContext; readonly release: () => void } | undefined;
  /** While something opens or ends, the buttons wait; what was chosen last comes after it. */
  let busy = false;
  let next: (() => void) | undefined;

  function show(): void {
    const free = ready && !busy && playing === undefined;
    play.disabled = !free || recording === undefined;
    microphone.disabled = !free;
    stop.disabled = playing === undefined;
  }

  /** Runs what a person asked for; what goes wrong is told in words. */
  async function attempt(what: string, work: () => Promise<void>): Promise<void> {
    if (busy) return;
    busy = true;
    const focused = document.activeElement as HTMLElement | null;
    show();
    try {
      await work();
    } catch (error) {
      say(`${what} ${(error as Error).message}`, true);
    } finally {
      busy = false;
      show();
      // A button that had to wait has lost it.
      if (document.activeElement === document.body) focused?.focus();
    }
    const waited = next;
    next = undefined;
    waited?.();
  }

  /** As `attempt`, after what is at work: a file that was chosen is not forgotten. */
  function attemptNext(what: string, work: () => Promise<void>): void {
    if (busy) next = () => attempt(what, work);
    else attempt(what, work);
  }

  async function begin(open: (context: AudioContext) => Promise<Sound>, live: boolean): Promise<void> {
    say("Opening the sound output …");
    const context = await openContext(options);
    let release = () => {};
    try {
      const [source, giveBack] = await open(context);
      release = giveBack;
      const disconnect = await connect(context, source, live);
      release = () => {
        disconnect();
        giveBack();
      };
      if (source instanceof AudioBufferSourceNode) {
        const ended = () => playing?.context === context && finish("The recording has ended.");
        source.addEventListener("ended", () => setTimeout(ended, tail));
        source.start();
      }
    } catch (error) {
      release();
      await context.close();
      throw error;
    }
    playing = { context, release };
    stop.disabled = false;
    stop.focus();
  }

  async function end(): Promise<void> {
    if (playing === undefined) return;
    const { context, release } = playing;
    playing = undefined;
    release();
    await context.close();
  }

  const finish = (text: string) =>
    attempt("It does not stop.", async () => {
      const focused = document.activeElement === stop;
      await end();
      say(text);
      if (focused) setTimeout(() => (play.disabled ? microphone : play).focus());
    });

  onFile("model", (file) =>
    attemptNext(`${file.name} is not a model that this page can run.`, async () => {
      await end();
      ready = false;
      say(`Reading ${file.name} …`);
      await load(file);
      ready = true;
      say(`${file.name} is ready. ${recording ? "Play the recording" : "Choose a recording"}, or use the microphone.`);
    }),
  );
  onFile("sound", (file) => {
    // Also while a model is being read: what is said after that counts on it.
    recording = file;
    attemptNext(`${file.name} cannot be played.`, async () => {
      await end();
      say(`${file.name} is ready. ${ready ? "Play it." : `Now choose ${model}.`}`);
    });
  });
  play.addEventListener("click", () =>
    attempt("The recording does not play.", async () => {
      const file = recording as File;
      await begin(async (context) => [await openRecording(context, file), () => {}], false);
      say(`Playing ${file.name}.`);
    }),
  );
  microphone.addEventListener("click", () =>
    attempt("The microphone does not play.", async () => {
      await begin((context) => openMicrophone(context, echoCancellation), true);
      say(listening);
    }),
  );
  stop.addEventListener("click", () => finish("Stopped."));
}

/** A source in the context, and what gives it back. */
type Sound = readonly [source: AudioNode, release: () => void];

/** As the room sounds; with `echoCancellation`, without what the speakers play. */
async function openMicrophone(context: AudioContext, echoCancellation: boolean): Promise<Sound> {
  const audio = { echoCancellation, noiseSuppression: false, autoGainControl: false };
  const mediaStream = await askMicrophone(audio);
  const release = () => {
    for (const track of mediaStream.getTracks()) track.stop();
  };
  try {
    return [new MediaStreamAudioSourceNode(context, { mediaStream }), release];
  } catch {
    release();
    throw new Error(`This browser does not bring a microphone to ${context.sampleRate} Hz. A recording works.`);
  }
}

async function openRecording(context: AudioContext, file: File): Promise<AudioBufferSourceNode> {
  const buffer = await context.decodeAudioData(await file.arrayBuffer()).catch(() => {
    throw new Error("This browser does not know its format: try WAV, MP3 or Opus.");
  });
  return new AudioBufferSourceNode(context, { buffer });
}
