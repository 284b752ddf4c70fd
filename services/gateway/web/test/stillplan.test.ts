import { describe, expect, test } from "vitest";
import { STILLS_AT_ONCE, STILL_EVERY_MS, StillPlan } from "../src/stillplan.ts";

describe("the plan of stills", () => {
  test("asks for a card that comes into sight at once, and again after its time", () => {
    const plan = new StillPlan();
    plan.show("a", 0);
    expect(plan.take(0)).toBe("a");
    plan.done("a", 100);
    expect(plan.take(100 + STILL_EVERY_MS - 1)).toBeNull();
    expect(plan.take(100 + STILL_EVERY_MS)).toBe("a");
  });

  test("never has more than a few under way", () => {
    const plan = new StillPlan();
    for (const id of ["a", "b", "c", "d", "e"]) plan.show(id, 0);
    const taken = [plan.take(0), plan.take(0), plan.take(0), plan.take(0)];
    expect(taken.filter((id) => id !== null)).toHaveLength(STILLS_AT_ONCE);
    plan.done("a", 10);
    expect(plan.take(10)).toBe("d");
  });

  test("takes the one that has waited the longest first", () => {
    const plan = new StillPlan();
    plan.show("late", 20);
    plan.show("early", 10);
    expect(plan.take(30)).toBe("early");
  });

  test("does not ask for a card out of sight, nor twice for one under way", () => {
    const plan = new StillPlan();
    plan.show("a", 0);
    expect(plan.take(0)).toBe("a");
    plan.hide("a");
    plan.show("a", 1);
    expect(plan.take(1)).toBeNull();
    plan.done("a", 2);
    plan.hide("a");
    expect(plan.take(60_000)).toBeNull();
  });
});
