/** Says whether a picture is moving. Pure: every time is given, in monotonic milliseconds. */

/** A picture that has not moved for this long is no longer shown as live. */
export const STALE_AFTER_MS = 1_000;

export type Sight = "none" | "moving" | "stale";

export class StaleWatch {
  #lastFrameMs: number | null = null;
  #lastFrameKey: number | null = null;
  #waitingSinceMs = 0;

  /** A new session begins: nothing has been seen of it. */
  begin(nowMs: number): void {
    this.#lastFrameMs = null;
    this.#lastFrameKey = null;
    this.#waitingSinceMs = nowMs;
  }

  /** A frame was presented; the same `key` again is the same frame and proves nothing. Returns whether it is new. */
  frame(presentedMs: number, key: number): boolean {
    if (key === this.#lastFrameKey) return false;
    this.#lastFrameKey = key;
    this.#lastFrameMs = presentedMs;
    this.#waitingSinceMs = presentedMs;
    return true;
  }

  /** The page was hidden until now: browsers present no frames to a hidden page, so the wait starts again. */
  resume(nowMs: number): void {
    this.#waitingSinceMs = nowMs;
  }

  sight(nowMs: number): Sight {
    if (this.#lastFrameMs === null) return "none";
    return nowMs - this.#lastFrameMs < STALE_AFTER_MS ? "moving" : "stale";
  }

  /** Age of the newest frame, or null before the first. */
  ageMs(nowMs: number): number | null {
    return this.#lastFrameMs === null ? null : Math.max(0, nowMs - this.#lastFrameMs);
  }

  /** How long somebody who looks has waited for the next frame. */
  waitedMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#waitingSinceMs);
  }
}
