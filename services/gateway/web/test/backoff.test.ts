import { describe, expect, test } from "vitest";
import { backoffMs } from "../src/backoff.ts";

const LIMITS = { firstMs: 500, capMs: 10_000 };

describe("backoff", () => {
  test("doubles with each failure up to its cap", () => {
    const longest = [1, 2, 3, 4, 5, 6, 7].map((failures) => backoffMs(failures, LIMITS, () => 1));
    expect(longest).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  test("spreads over the upper half, so that it is neither zero nor above the cap", () => {
    for (const random of [0, 0.25, 0.999]) {
      for (const failures of [1, 4, 40, 100_000]) {
        const waitMs = backoffMs(failures, LIMITS, () => random);
        expect(waitMs).toBeGreaterThanOrEqual(LIMITS.firstMs / 2);
        expect(waitMs).toBeLessThanOrEqual(LIMITS.capMs);
      }
    }
  });

  test("takes no failure for the first", () => {
    expect(backoffMs(0, LIMITS, () => 0)).toBe(250);
  });
});
