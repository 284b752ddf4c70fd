import { describe, expect, test } from "vitest";
import { CAMERA_STATES, type Camera, type CameraState } from "../src/camera.ts";
import type { Phase } from "../src/cover.ts";
import type { Sight } from "../src/stale.ts";
import { mayShowStill, playerSign, stateSentence, stateSign, summary } from "../src/states.ts";

const NOW = new Date(2026, 10, 22, 14, 3, 22);
const ALL: readonly CameraState[] = [...CAMERA_STATES, "unknown"];

function camera(changes: Partial<Camera>): Camera {
  return { id: "cam7", name: "Angel", state: "live", reason: null, detail: "", since: null, ...changes };
}

describe("state words", () => {
  test("give every state a word and a symbol of its own", () => {
    expect(new Set(ALL.map((state) => stateSign(state).word)).size).toBe(ALL.length);
    expect(new Set(ALL.map((state) => stateSign(state).symbol)).size).toBe(ALL.length);
  });

  test("say only that a live camera is live", () => {
    expect(stateSentence(camera({ since: NOW, detail: "25 fps" }), NOW)).toBe("Live");
  });

  test("say why and since when a camera is withheld", () => {
    const withheld = camera({ state: "withheld", reason: "no-mask-set", since: new Date(2026, 10, 22, 9, 5) });
    expect(stateSentence(withheld, NOW)).toBe("Withheld: its privacy masks have not been approved, since 09:05");
  });

  test("name the day when it is not today", () => {
    const down = camera({ state: "down", reason: "unreachable", since: new Date(2026, 10, 21, 23, 59) });
    expect(stateSentence(down, NOW)).toBe("Down: it does not answer, since 21 November, 23:59");
  });

  test("fall back on the gateway's own words, then on the reason's name", () => {
    expect(stateSentence(camera({ state: "down", reason: "on-fire", detail: "smoke" }), NOW)).toBe("Down: smoke");
    expect(stateSentence(camera({ state: "down", reason: "on-fire" }), NOW)).toBe("Down: on fire");
    expect(stateSentence(camera({ state: "connecting" }), NOW)).toBe("Connecting");
  });

  test("do not take a reason for a name that every object has", () => {
    expect(stateSentence(camera({ state: "down", reason: "constructor" }), NOW)).toBe("Down: constructor");
  });
});

describe("a still", () => {
  test("is never shown of a camera that is withheld, moved, down or unknown", () => {
    expect(ALL.filter(mayShowStill)).toEqual(["live", "degraded", "frozen", "dark"]);
  });
});

describe("a player's sign", () => {
  test("says LIVE only for a moving picture, connected, of a camera that sends one", () => {
    const phases: readonly Phase[] = ["connecting", "connected", "lost", "waiting", "refused"];
    const sights: readonly Sight[] = ["none", "moving", "stale"];
    const live = phases.flatMap((phase) =>
      sights.flatMap((sight) =>
        ALL.filter((state) => playerSign(phase, sight, state).word.startsWith("LIVE")).map((state) => [phase, sight, state]),
      ),
    );
    expect(live).toEqual([
      ["connected", "moving", "live"],
      ["connected", "moving", "degraded"],
    ]);
  });

  test("names the camera's state while its slate moves", () => {
    expect(playerSign("connected", "moving", "withheld").word).toBe("Withheld");
  });

  test("says that there is no picture when it has stopped or the connection is gone", () => {
    expect(playerSign("connected", "stale", "live").word).toBe("No picture");
    expect(playerSign("waiting", "none", "live").word).toBe("No picture");
    expect(playerSign("lost", "moving", "live").word).toBe("No picture");
  });
});

describe("the summary", () => {
  test("counts the states that there are", () => {
    expect(summary(["live", "down", "live"])).toBe("3 cameras: 2 live, 1 down");
    expect(summary(["live"])).toBe("1 camera: 1 live");
    expect(summary([])).toBe("0 cameras");
  });
});
