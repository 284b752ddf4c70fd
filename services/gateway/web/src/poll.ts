/** Asks the same question again and again: steadily while it is answered, ever more slowly while it is not. */

import { backoffMs } from "./backoff.ts";

export interface PollOptions {
  readonly everyMs: number;
  readonly capMs: number;
  readonly ask: (signal: AbortSignal) => Promise<void>;
  /** Told of each failure and of the wait that follows it. */
  readonly onFailure: (error: unknown, retryInMs: number) => void;
}

export class Poll {
  readonly #options: PollOptions;
  readonly #stopped = new AbortController();
  #failures = 0;
  #timer: number | undefined;

  constructor(options: PollOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#ask();
  }

  stop(): void {
    this.#stopped.abort();
    window.clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    const { everyMs, capMs, ask, onFailure } = this.#options;
    let waitMs = everyMs;
    try {
      await ask(this.#stopped.signal);
      this.#failures = 0;
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#failures += 1;
      waitMs = backoffMs(this.#failures, { firstMs: everyMs, capMs });
      onFailure(error, waitMs);
    }
    if (!this.#stopped.signal.aborted) this.#timer = window.setTimeout(() => void this.#ask(), waitMs);
  }
}
