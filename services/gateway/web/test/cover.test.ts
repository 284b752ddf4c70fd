import { describe, expect, test } from "vitest";
import { type Phase, type Situation, coverFor } from "../src/cover.ts";
import type { Sight } from "../src/stale.ts";

const PHASES: readonly Phase[] = ["connecting", "connected", "lost", "waiting", "refused"];
const SIGHTS: readonly Sight[] = ["none", "moving", "stale"];
const AT = new Date(2026, 10, 22, 14, 3, 22);

function situation(changes: Partial<Situation>): Situation {
  return { phase: "connected", sight: "moving", lastPictureAt: AT, retryInMs: 0, problem: "", ...changes };
}

describe("the cover", () => {
  test("is off for a moving picture over a working connection, and on in every other situation", () => {
    const open = PHASES.flatMap((phase) =>
      SIGHTS.filter((sight) => coverFor(situation({ phase, sight })) === null).map((sight) => [phase, sight]),
    );
    expect(open).toEqual([["connected", "moving"]]);
  });

  test("says since when there has been no picture", () => {
    expect(coverFor(situation({ sight: "stale" }))?.title).toBe("No picture since 14:03:22");
    expect(coverFor(situation({ phase: "lost" }))?.title).toBe("No picture since 14:03:22");
  });

  test("keeps that time while a new session connects", () => {
    expect(coverFor(situation({ phase: "connecting", sight: "none" }))?.title).toBe("No picture since 14:03:22");
  });

  test("waits for the first picture where there was none", () => {
    const cover = coverFor(situation({ phase: "connecting", sight: "none", lastPictureAt: null }));
    expect(cover?.title).toBe("Waiting for the first picture");
    expect(cover?.mayRetry).toBe(false);
  });

  test("says what went wrong, when it tries again, and lets a person try at once", () => {
    const cover = coverFor(situation({ phase: "waiting", retryInMs: 2_300, problem: "No relay is free." }));
    expect(cover?.detail).toBe("No relay is free. Trying again in 3 seconds.");
    expect(cover?.mayRetry).toBe(true);
  });

  test("never counts down below one second", () => {
    const cover = coverFor(situation({ phase: "waiting", retryInMs: -40, problem: "Gone." }));
    expect(cover?.detail).toBe("Gone. Trying again in 1 second.");
  });
});
