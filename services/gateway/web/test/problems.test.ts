import { describe, expect, test } from "vitest";
import {
  NoPicture,
  Refused,
  Unreachable,
  Unsupported,
  isWorthRetrying,
  signInProblem,
  watchingProblem,
} from "../src/problems.ts";

describe("problems", () => {
  test("are tried again when they may pass by themselves, and only then", () => {
    const passing = [
      new Unreachable(),
      new NoPicture(),
      new Refused(503, "unavailable", ""),
      new Refused(429, "throttled", ""),
    ];
    const lasting = [
      new Unsupported("old"),
      new Refused(400, "invalid", ""),
      new Refused(401, "unauthenticated", ""),
      new Refused(403, "denied", ""),
      new Refused(404, "not-found", ""),
      new Refused(415, "invalid", ""),
    ];
    expect(passing.filter(isWorthRetrying)).toEqual(passing);
    expect(lasting.filter(isWorthRetrying)).toEqual([]);
  });

  test("tell a wrong password, too many tries, and a service that is away apart", () => {
    expect(signInProblem(new Refused(401, "unauthenticated", ""))).toMatch(/name or the password is wrong/);
    expect(signInProblem(new Refused(429, "throttled", "", 45))).toMatch(/too many tries.*Wait 45 seconds/);
    expect(signInProblem(new Refused(429, "throttled", "", 600))).toMatch(/Wait 10 minutes/);
    expect(signInProblem(new Refused(503, "unavailable", ""))).toMatch(/not available just now/);
    expect(signInProblem(new Unreachable())).toMatch(/cannot be reached/);
  });

  test("use the gateway's sentence where the client has none of its own", () => {
    expect(watchingProblem(new Refused(409, "conflict", "camera is moving"))).toBe("Camera is moving.");
    expect(watchingProblem(new Refused(500, "", ""))).toBe("The connection was refused.");
  });
});
