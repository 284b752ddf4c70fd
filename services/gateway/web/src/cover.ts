/** The safety rule of the player: what covers the picture, and when nothing may. */

import { clockTime } from "./clock.ts";
import type { Sight } from "./stale.ts";

/** `lost` is a peer that no longer hears the relay; `waiting` is the pause before the next try. */
export type Phase = "connecting" | "connected" | "lost" | "waiting" | "refused";

export interface Cover {
  readonly title: string;
  readonly detail: string;
  readonly mayRetry: boolean;
}

export interface Situation {
  readonly phase: Phase;
  readonly sight: Sight;
  /** Wall-clock time of the newest picture that this player has shown, in any of its sessions. */
  readonly lastPictureAt: Date | null;
  readonly retryInMs: number;
  readonly problem: string;
}

/** Null, the open picture, for a moving picture over a working connection alone. */
export function coverFor(situation: Situation): Cover | null {
  if (situation.phase === "connected" && situation.sight === "moving") return null;
  const { lastPictureAt } = situation;
  return {
    title: lastPictureAt === null ? beforeFirst(situation.phase) : `No picture since ${clockTime(lastPictureAt)}`,
    detail: detail(situation),
    mayRetry: situation.phase === "waiting" || situation.phase === "refused",
  };
}

function beforeFirst(phase: Phase): string {
  return phase === "waiting" || phase === "refused" ? "No picture yet" : "Waiting for the first picture";
}

function detail({ phase, sight, retryInMs, problem }: Situation): string {
  switch (phase) {
    case "connecting":
      return "Connecting.";
    case "connected":
      return sight === "stale" ? STOPPED : "Connected. Waiting for the picture.";
    case "lost":
      return "The connection is interrupted. Waiting for it to come back.";
    case "waiting":
      return `${problem} Trying again in ${seconds(retryInMs)}.`;
    case "refused":
      return problem;
  }
}

const STOPPED = "The picture has stopped moving. It comes back by itself.";

function seconds(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms / 1_000));
  return whole === 1 ? "1 second" : `${whole} seconds`;
}
