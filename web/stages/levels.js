// How loud a microphone is, ten times a second.

const LOOK_MS = 100;
const QUIET_DB = -60;

/**
 * Loudness as a share of the meter, in whole percent. Pure.
 * @param {Float32Array} samples - between -1 and 1
 */
export function percent(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-10);
  return Math.round(100 * Math.min(1, Math.max(0, 1 - decibels / QUIET_DB)));
}

/** Listens to one track at a time; dispatches `level` (detail: percent). */
export class Levels extends EventTarget {
  /** @type {AudioContext | undefined} */
  #context;
  /** @type {MediaStreamAudioSourceNode | undefined} */
  #source;
  /** @type {number | undefined} */
  #timer;

  /** @param {MediaStreamTrack} track */
  listen(track) {
    this.stop();
    this.#context ??= new AudioContext();
    void this.#context.resume();
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 1024;
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      this.dispatchEvent(new CustomEvent("level", { detail: track.enabled ? percent(samples) : 0 }));
    }, LOOK_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#source?.disconnect();
    this.#source = undefined;
  }
}
