import { describe, expect, test } from "vitest";
import { Unreadable, parseCameras } from "../src/camera.ts";

describe("reading the camera list", () => {
  test("takes what the client needs and leaves the rest", () => {
    const since = "2026-11-22T14:03:22Z";
    const row = { id: "cam7", name: "Angel", state: "down", reason: "stalled", detail: "x" };
    const answer = { cameras: [{ ...row, since, site: "islington", mask: { state: "none" } }] };
    expect(parseCameras(answer)).toEqual([{ ...row, since: new Date(since) }]);
  });

  test("never takes a state that it does not know for live", () => {
    for (const state of ["LIVE", "sleeping", "", 7, null, undefined]) {
      expect(parseCameras({ cameras: [{ id: "cam7", state }] })[0]?.state).toBe("unknown");
    }
  });

  test("names a nameless camera by its id, and has no time for one that is no time", () => {
    const [camera] = parseCameras({ cameras: [{ id: "cam7", since: "yesterday" }] });
    expect(camera?.name).toBe("cam7");
    expect(camera?.since).toBeNull();
  });

  test.each([null, [], {}, { cameras: {} }, { cameras: [null] }, { cameras: [{ id: 7 }] }, { cameras: [{ id: "" }] }])(
    "refuses %j whole",
    (body) => {
      expect(() => parseCameras(body)).toThrow(Unreadable);
    },
  );
});
