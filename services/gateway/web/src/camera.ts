/** A camera as the gateway tells of it, and the reading of that answer. */

export const CAMERA_STATES = [
  "live",
  "connecting",
  "degraded",
  "frozen",
  "dark",
  "moved",
  "withheld",
  "down",
] as const;

/** `unknown` stands for a state that this client is too old to know; it is never shown as live. */
export type CameraState = (typeof CAMERA_STATES)[number] | "unknown";

export interface Camera {
  readonly id: string;
  readonly name: string;
  readonly state: CameraState;
  readonly reason: string | null;
  readonly detail: string;
  readonly since: Date | null;
}

export class Unreadable extends Error {}

/** Reads `{"cameras": [...]}`. Raises Unreadable: half a list would look like cameras gone. */
export function parseCameras(body: unknown): Camera[] {
  const rows = isRecord(body) ? body["cameras"] : undefined;
  if (!Array.isArray(rows)) throw new Unreadable("an answer without a camera list");
  return rows.map(parseCamera);
}

function parseCamera(row: unknown): Camera {
  if (!isRecord(row) || typeof row["id"] !== "string" || row["id"] === "") {
    throw new Unreadable("a camera without an id");
  }
  return {
    id: row["id"],
    name: text(row["name"]) || row["id"],
    state: CAMERA_STATES.find((state) => state === row["state"]) ?? "unknown",
    reason: text(row["reason"]) || null,
    detail: text(row["detail"]),
    since: moment(row["since"]),
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Reads an ISO time; null for anything else. */
export function moment(value: unknown): Date | null {
  const when = new Date(text(value));
  return Number.isNaN(when.getTime()) ? null : when;
}
