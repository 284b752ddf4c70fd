/** The words, symbols and tones of a camera's state. Colour alone never tells anything. */

import type { Camera, CameraState } from "./camera.ts";
import { dayAndTime } from "./clock.ts";
import type { Phase } from "./cover.ts";
import type { Sight } from "./stale.ts";

export type Tone = "good" | "busy" | "caution" | "withheld" | "bad";

export interface StateSign {
  readonly word: string;
  readonly symbol: string;
  readonly tone: Tone;
}

const SIGNS: Readonly<Record<CameraState, StateSign>> = {
  live: { word: "Live", symbol: "●", tone: "good" },
  connecting: { word: "Connecting", symbol: "◌", tone: "busy" },
  degraded: { word: "Degraded", symbol: "◐", tone: "caution" },
  frozen: { word: "Frozen", symbol: "‖", tone: "caution" },
  dark: { word: "Dark", symbol: "◑", tone: "caution" },
  moved: { word: "Moved", symbol: "↔", tone: "withheld" },
  withheld: { word: "Withheld", symbol: "■", tone: "withheld" },
  down: { word: "Down", symbol: "✕", tone: "bad" },
  unknown: { word: "Unknown", symbol: "?", tone: "caution" },
};

const REASONS: ReadonlyMap<string, string> = new Map([
  ["bad-address", "its address cannot be used"],
  ["unreachable", "it does not answer"],
  ["bad-credentials", "it refuses our user name or password"],
  ["not-found", "it has no stream at its address"],
  ["no-video", "it sends no video"],
  ["unsupported-codec", "it sends video in a form that we cannot read"],
  ["unsupported-size", "its picture is a size that we cannot use"],
  ["garbage", "what it sends is not video"],
  ["stalled", "it has stopped sending"],
  ["closed-by-camera", "it closed the connection"],
  ["no-ring-space", "there is no memory left for its pictures"],
  ["no-mask-set", "its privacy masks have not been approved"],
  ["mask-unreadable", "its privacy masks cannot be read"],
  ["mask-misfit", "its privacy masks were made for another picture shape"],
  ["revoked", "its privacy masks were withdrawn"],
  ["kill-switch", "it was switched off here"],
  ["damaged-input", "its video arrives damaged"],
  ["mask-fault", "the masking service has failed"],
  ["no-signal", "no picture comes from it"],
]);

const USUAL: Readonly<Partial<Record<CameraState, string>>> = {
  frozen: "it sends the same picture again and again",
  dark: "its picture is black",
  moved: "it no longer looks where its privacy masks were made for",
};

export function stateSign(state: CameraState): StateSign {
  return SIGNS[state];
}

/** Why the camera is in its state, in words, or null when there is nothing to say. */
export function stateReason(camera: Pick<Camera, "state" | "reason" | "detail">): string | null {
  if (camera.state === "live") return null;
  const known = REASONS.get(camera.reason ?? "");
  return known ?? (camera.detail || USUAL[camera.state] || camera.reason?.replaceAll("-", " ") || null);
}

/** "Live", or "Down: it does not answer, since 14:03". */
export function stateSentence(camera: Camera, now: Date): string {
  const { word } = stateSign(camera.state);
  if (camera.state === "live") return word;
  const reason = stateReason(camera);
  const since = camera.since === null ? null : `since ${dayAndTime(camera.since, now)}`;
  const tail = [reason, since].filter((part) => part !== null).join(", ");
  return tail === "" ? word : `${word}: ${tail}`;
}

/** Whether a still may stand on the camera's card: never for a withheld picture, nor where the last one is stale. */
export function mayShowStill(state: CameraState): boolean {
  return state === "live" || state === "degraded" || state === "dark" || state === "frozen";
}

/**
 * What a player says of its picture. Only a moving picture of a camera that sends one is LIVE: a slate moves too,
 * and while a camera is withheld or down a slate is what is seen.
 */
export function playerSign(phase: Phase, sight: Sight, state: CameraState): StateSign {
  if (phase === "connected" && sight === "moving") {
    if (state === "live") return { word: "LIVE", symbol: "●", tone: "good" };
    if (state === "degraded") return { word: "LIVE, degraded", symbol: "◐", tone: "caution" };
    return stateSign(state);
  }
  const hasNone = sight === "none" && (phase === "connecting" || phase === "connected");
  return hasNone ? SIGNS.connecting : { word: "No picture", symbol: "✕", tone: "bad" };
}

/** "12 cameras: 10 live, 1 withheld, 1 down", worst last. */
export function summary(states: readonly CameraState[]): string {
  const counts = new Map<CameraState, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  const order = Object.keys(SIGNS) as CameraState[];
  const parts = order
    .filter((state) => counts.has(state))
    .map((state) => `${counts.get(state)} ${SIGNS[state].word.toLowerCase()}`);
  const total = `${states.length} ${states.length === 1 ? "camera" : "cameras"}`;
  return parts.length === 0 ? total : `${total}: ${parts.join(", ")}`;
}
