/** How long to wait after failures: doubling, bounded, and jittered so that many screens do not return at once. */

export interface BackoffLimits {
  readonly firstMs: number;
  readonly capMs: number;
}

/** The wait after `failures` in a row (1 or more): between half and the whole of the doubled, capped time. */
export function backoffMs(failures: number, limits: BackoffLimits, random: () => number = Math.random): number {
  const doublings = Math.min(Math.max(failures, 1) - 1, 30);
  const whole = Math.min(limits.capMs, limits.firstMs * 2 ** doublings);
  return (whole / 2) * (1 + random());
}
