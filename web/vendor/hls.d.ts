// Types of vendor/hls.js, as far as stages/hls.js uses it: vendor.mjs copies it from the package as it is.
export interface Problem {
  fatal: boolean;
  type: string;
  details: string;
  response?: { code: number };
}

export default class Hls {
  static isSupported(): boolean;
  constructor(options: Record<string, unknown>);
  readonly latency: number;
  readonly liveSyncPosition: number | null;
  readonly playingDate: Date | null;
  loadSource(address: string): void;
  attachMedia(media: HTMLMediaElement): void;
  on(event: "hlsError", run: (event: string, problem: Problem) => void): void;
  recoverMediaError(): void;
  destroy(): void;
}
