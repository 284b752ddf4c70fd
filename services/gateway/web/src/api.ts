/** Every call to the gateway; the only module that fetches. Failures are Refused or Unreachable (problems.ts). */

import { type Camera, Unreadable, isRecord, moment, parseCameras, text } from "./camera.ts";
import { Refused, Unreachable } from "./problems.ts";

const TIMEOUT_MS = 8_000;

export type Layer = "main" | "tile";

export interface Person {
  readonly name: string;
  readonly role: string;
  readonly expiresAt: Date | null;
}

export interface Answer {
  readonly sdp: string;
  readonly location: URL;
}

export interface Still {
  readonly jpeg: Blob;
  readonly capturedAt: Date | null;
  /** Age on arrival by the gateway's own clock, so that a screen whose clock is wrong does not misjudge it. */
  readonly ageMs: number;
}

export class Api {
  /** Called for every 401 except those of signing in and of the first question who is there. */
  onExpired: () => void = () => {};

  async signIn(name: string, password: string): Promise<void> {
    const body = JSON.stringify({ name, password });
    await this.#send("/api/sign-in", { method: "POST", body, headers: { "Content-Type": "application/json" } });
  }

  async signOut(): Promise<void> {
    await this.#send("/api/sign-out", { method: "POST" });
  }

  /** Who is signed in, or null. */
  async me(): Promise<Person | null> {
    try {
      const body: unknown = await readJson(await this.#send("/api/me"));
      if (!isRecord(body)) throw new Unreadable("an answer that names nobody");
      return { name: text(body["name"]), role: text(body["role"]), expiresAt: moment(body["expires_at"]) };
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return null;
      throw error;
    }
  }

  async cameras(signal: AbortSignal): Promise<Camera[]> {
    return parseCameras(await readJson(await this.#authorised("/api/cameras", { signal })));
  }

  /** The latest masked still, or null while there is none. */
  async still(camera: string, signal: AbortSignal): Promise<Still | null> {
    let response: Response;
    try {
      response = await this.#authorised(`/api/cameras/${encodeURIComponent(camera)}/still`, { signal });
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return null;
      throw error;
    }
    const capturedAt = moment(response.headers.get("Us-Captured"));
    const answeredAt = moment(response.headers.get("Date")) ?? new Date();
    const ageMs = capturedAt === null ? 0 : Math.max(0, answeredAt.getTime() - capturedAt.getTime());
    return { jpeg: await response.blob().catch(unreachable), capturedAt, ageMs };
  }

  /** Opens a WHEP session: an SDP offer for its answer and the address that ends it. */
  async offer(camera: string, layer: Layer, sdp: string): Promise<Answer> {
    const response = await this.#authorised(`/whep/${encodeURIComponent(camera)}?layer=${layer}`, {
      method: "POST",
      body: sdp,
      headers: { "Content-Type": "application/sdp", Accept: "application/sdp" },
    });
    const location = new URL(response.headers.get("Location") ?? "", window.location.href);
    if (location.origin !== window.location.origin || !location.pathname.startsWith("/whep/")) {
      throw new Refused(502, "unreadable", "The gateway's answer names no session of ours.");
    }
    return { sdp: await response.text().catch(unreachable), location };
  }

  /** Ends a WHEP session; goes out even while the page is being left. The relay would notice by itself, later. */
  endSession(location: URL): void {
    fetch(location, { method: "DELETE", keepalive: true, cache: "no-store" }).catch(() => undefined);
  }

  async #authorised(path: string, init: RequestInit = {}): Promise<Response> {
    try {
      return await this.#send(path, init);
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.onExpired();
      throw error;
    }
  }

  async #send(path: string, init: RequestInit = {}): Promise<Response> {
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
    const response = await fetch(path, {
      ...init,
      signal,
      cache: "no-store",
      credentials: "same-origin",
      redirect: "error",
    }).catch(unreachable);
    if (!response.ok) throw await refusal(response);
    return response;
  }
}

/** Also for a call that was aborted: nobody waits for its answer any more. */
function unreachable(cause: unknown): never {
  throw new Unreachable("the gateway does not answer", { cause });
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    throw new Unreachable("the gateway's answer broke off", { cause });
  }
}

/** Reads `{"error": {"kind", "detail"}}`; a proxy's own error page has none, and its text is not for people. */
async function refusal(response: Response): Promise<Refused | Unreachable> {
  const body: unknown = await response.json().catch(() => null);
  const error = isRecord(body) ? body["error"] : null;
  if (!isRecord(error)) {
    if (response.status === 502 || response.status === 504) return new Unreachable(`status ${response.status}`);
    return new Refused(response.status, response.status === 503 ? "unavailable" : "unreadable", "");
  }
  const retryAfterS = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const wait = Number.isNaN(retryAfterS) ? null : Math.max(0, retryAfterS);
  return new Refused(response.status, text(error["kind"]), text(error["detail"]), wait);
}
