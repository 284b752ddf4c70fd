/** Which still to fetch next. Pure: only cards in sight, each every few seconds, few at once. */

/** The mask service makes one still of a camera in this time (proto.limits.STILL_INTERVAL_S). */
export const STILL_EVERY_MS = 5_000;
/** Browsers hold six connections to one HTTP/1.1 host; signalling must find some of them free. */
export const STILLS_AT_ONCE = 3;
/** An older still says nothing of now, and is taken off the card. */
export const STILL_TOO_OLD_MS = 30_000;

export class StillPlan {
  readonly #dueAtMs = new Map<string, number>();
  readonly #underWay = new Set<string>();

  show(id: string, nowMs: number): void {
    if (!this.#dueAtMs.has(id)) this.#dueAtMs.set(id, nowMs);
  }

  hide(id: string): void {
    this.#dueAtMs.delete(id);
  }

  /** The one that has been due the longest, now under way; null when none is due or enough are under way. */
  take(nowMs: number): string | null {
    if (this.#underWay.size >= STILLS_AT_ONCE) return null;
    let next: string | null = null;
    let nextDueMs = nowMs;
    for (const [id, dueMs] of this.#dueAtMs) {
      if (this.#underWay.has(id) || dueMs > nextDueMs) continue;
      if (next !== null && dueMs === nextDueMs) continue;
      next = id;
      nextDueMs = dueMs;
    }
    if (next !== null) this.#underWay.add(next);
    return next;
  }

  /** It was answered, or failed: either way it is not asked for again before its time. */
  done(id: string, nowMs: number): void {
    this.#underWay.delete(id);
    if (this.#dueAtMs.has(id)) this.#dueAtMs.set(id, nowMs + STILL_EVERY_MS);
  }
}
