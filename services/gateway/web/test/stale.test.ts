import { describe, expect, test } from "vitest";
import { STALE_AFTER_MS, StaleWatch } from "../src/stale.ts";

function watchWithFrames(...presentedMs: number[]): StaleWatch {
  const watch = new StaleWatch();
  watch.begin(0);
  presentedMs.forEach((ms, key) => watch.frame(ms, key));
  return watch;
}

describe("a stale watch", () => {
  test("has no sight of a picture before the first frame, however long it waits", () => {
    const watch = watchWithFrames();
    expect(watch.sight(0)).toBe("none");
    expect(watch.sight(60_000)).toBe("none");
    expect(watch.ageMs(60_000)).toBeNull();
  });

  test("calls a picture moving until one second has passed without a new frame, then stale", () => {
    const watch = watchWithFrames(100, 140);
    expect(watch.sight(140)).toBe("moving");
    expect(watch.sight(140 + STALE_AFTER_MS - 1)).toBe("moving");
    expect(watch.sight(140 + STALE_AFTER_MS)).toBe("stale");
  });

  test("calls it moving again with the next new frame alone", () => {
    const watch = watchWithFrames(100);
    expect(watch.sight(5_000)).toBe("stale");
    expect(watch.frame(5_000, 1)).toBe(true);
    expect(watch.sight(5_001)).toBe("moving");
  });

  test("is not deceived by the same frame presented again", () => {
    const watch = watchWithFrames(100);
    expect(watch.frame(900, 0)).toBe(false);
    expect(watch.sight(1_100)).toBe("stale");
    expect(watch.ageMs(1_100)).toBe(1_000);
  });

  test("forgets the last session's frames when a new one begins, its keys among them", () => {
    const watch = watchWithFrames(100);
    watch.begin(200);
    expect(watch.sight(201)).toBe("none");
    expect(watch.frame(300, 0)).toBe(true);
  });

  test("judges a frame that was presented long before the page could look at it as stale", () => {
    const watch = watchWithFrames();
    watch.frame(100, 0);
    expect(watch.sight(4_000)).toBe("stale");
  });

  test("counts the wait from the newest of begin, frame and the page's return", () => {
    const watch = watchWithFrames(1_000);
    expect(watch.waitedMs(3_000)).toBe(2_000);
    watch.resume(3_000);
    expect(watch.waitedMs(3_500)).toBe(500);
    expect(watch.sight(3_500)).toBe("stale");
  });
});
