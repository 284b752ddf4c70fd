/** One camera being watched: keeps a WHEP session open, and the picture covered unless it moves. */

import type { Announcer } from "./announce.ts";
import type { Api, Layer } from "./api.ts";
import { backoffMs } from "./backoff.ts";
import type { Camera } from "./camera.ts";
import { type Phase, coverFor } from "./cover.ts";
import { NoPicture, Refused, Unsupported, isWorthRetrying, watchingProblem } from "./problems.ts";
import { Stage } from "./stage.ts";
import { StaleWatch } from "./stale.ts";
import { type StateSign, playerSign } from "./states.ts";
import { WhepSession } from "./whep.ts";

const RETRY = { firstMs: 500, capMs: 10_000 };
/** A relay sends a slate after a second without a picture, so a session silent for longer than these is broken. */
const FIRST_PICTURE_LIMIT_MS = 10_000;
const SILENCE_LIMIT_MS = 5_000;
/** A picture that has kept moving for this long makes the next failure a first one again. */
const STEADY_MS = 5_000;
const TICK_MS = 100;

const CONNECTION_WORDS: Readonly<Record<Phase, string>> = {
  connecting: "connecting",
  connected: "connected",
  lost: "interrupted",
  waiting: "lost",
  refused: "refused",
};

export interface PlayerContext {
  readonly api: Api;
  readonly announcer: Announcer;
  readonly onClose: (player: Player) => void;
  /** What is asked for until somebody chooses otherwise. */
  readonly layer: Layer;
}

export class Player {
  readonly #context: PlayerContext;
  readonly #stage: Stage;
  readonly #watch = new StaleWatch();
  #camera: Camera;
  #layer: Layer;
  #session: WhepSession | null = null;
  #phase: Phase = "connecting";
  #failures = 0;
  #problem = "";
  #retryAtMs = 0;
  #askedAtMs = 0;
  #firstPictureAtMs: number | null = null;
  #lastPictureAt: Date | null = null;
  #said = "";
  #ticker: number | undefined;

  constructor(camera: Camera, context: PlayerContext) {
    this.#camera = camera;
    this.#context = context;
    this.#layer = context.layer;
    this.#stage = new Stage(camera.id, camera.name, context.layer, {
      close: () => this.#context.onClose(this),
      retry: () => this.#connect(),
      chooseLayer: (layer) => this.#chooseLayer(layer),
    });
  }

  get id(): string {
    return this.#camera.id;
  }

  get element(): HTMLElement {
    return this.#stage.element;
  }

  /** Starts watching; also again after `suspend`. */
  open(): void {
    if (this.#ticker !== undefined) return;
    this.#ticker = window.setInterval(() => this.#tick(), TICK_MS);
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#connect();
  }

  /** The camera as the newest list tells of it. */
  update(camera: Camera): void {
    this.#camera = camera;
    this.#render();
  }

  /** Ends the session and every timer; the element stays, covered. */
  suspend(): void {
    window.clearInterval(this.#ticker);
    this.#ticker = undefined;
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#endSession();
    this.#phase = "connecting";
    this.#render();
  }

  readonly #onVisibility = (): void => {
    this.#watch.resume(performance.now());
    this.#render();
  };

  #chooseLayer(layer: Layer): void {
    this.#layer = layer;
    this.#connect();
  }

  #connect(): void {
    this.#endSession();
    this.#phase = "connecting";
    this.#askedAtMs = performance.now();
    this.#firstPictureAtMs = null;
    this.#watch.begin(this.#askedAtMs);
    this.#render();
    void this.#watchOnce();
  }

  async #watchOnce(): Promise<void> {
    let session: WhepSession | null = null;
    try {
      session = this.#openSession();
      await session.start();
    } catch (error) {
      if (this.#session === session) this.#fail(error);
    }
  }

  #openSession(): WhepSession {
    const { video } = this.#stage;
    // Without this call nobody could tell a moving picture from a dead one.
    if (!("requestVideoFrameCallback" in video)) {
      throw new Unsupported("This browser is too old to show live pictures safely. Use a newer one.");
    }
    const session = new WhepSession(this.#context.api, this.id, this.#layer, (state) => {
      if (this.#session === session) this.#onConnection(state);
    });
    this.#session = session;
    video.srcObject = session.stream;
    this.#awaitFrame(session);
    video.play().catch((error: unknown) => {
      if (this.#session === session && isHeldBack(error)) this.#fail(new Unsupported(HELD_BACK));
    });
    return session;
  }

  /** Without a source the element shows nothing, so no frame of an ended session can stay behind the cover. */
  #endSession(): void {
    this.#session?.end();
    this.#session = null;
    this.#stage.video.srcObject = null;
  }

  #onConnection(state: RTCPeerConnectionState): void {
    if (state === "connected") this.#phase = "connected";
    else if (state === "disconnected") this.#phase = "lost";
    else if (state === "failed" || state === "closed") return this.#fail(new Error(state));
    this.#render();
  }

  #awaitFrame(session: WhepSession): void {
    this.#stage.video.requestVideoFrameCallback((_, frame) => {
      if (this.#session !== session) return;
      this.#onFrame(Math.min(frame.presentationTime, performance.now()), frame.rtpTimestamp ?? frame.presentedFrames);
      this.#awaitFrame(session);
    });
  }

  #onFrame(presentedMs: number, key: number): void {
    const now = performance.now();
    const before = this.#watch.sight(now);
    if (!this.#watch.frame(presentedMs, key)) return;
    this.#firstPictureAtMs ??= presentedMs;
    this.#lastPictureAt = new Date(Date.now() - (now - presentedMs));
    if (before !== "moving") this.#render();
  }

  #fail(error: unknown): void {
    this.#endSession();
    this.#problem = watchingProblem(error);
    if (isWorthRetrying(error)) {
      this.#failures += 1;
      const askedWaitMs = error instanceof Refused ? (error.retryAfterS ?? 0) * 1_000 : 0;
      const waitMs = Math.max(backoffMs(this.#failures, RETRY), Math.min(askedWaitMs, RETRY.capMs));
      this.#retryAtMs = performance.now() + waitMs;
      this.#phase = "waiting";
    } else {
      this.#phase = "refused";
    }
    this.#render();
  }

  #tick(): void {
    const now = performance.now();
    if (this.#phase === "waiting" && now >= this.#retryAtMs) return this.#connect();
    if (this.#isHopeless(now)) return this.#fail(new NoPicture());
    const movedMs = this.#firstPictureAtMs === null ? 0 : now - this.#firstPictureAtMs;
    if (movedMs > STEADY_MS && this.#watch.sight(now) === "moving") this.#failures = 0;
    this.#render();
  }

  /** A session that is open on a visible page and has brought no frame for too long. */
  #isHopeless(now: number): boolean {
    if (this.#session === null || document.hidden) return false;
    const limitMs = this.#firstPictureAtMs === null ? FIRST_PICTURE_LIMIT_MS : SILENCE_LIMIT_MS;
    return this.#watch.waitedMs(now) > limitMs;
  }

  #render(): void {
    const now = performance.now();
    const sight = this.#watch.sight(now);
    const phase = this.#phase;
    const cover = coverFor({
      phase,
      sight,
      lastPictureAt: this.#lastPictureAt,
      retryInMs: this.#retryAtMs - now,
      problem: this.#problem,
    });
    const sign = playerSign(phase, sight, this.#camera.state);
    const firstMs = this.#firstPictureAtMs === null ? null : Math.round(this.#firstPictureAtMs - this.#askedAtMs);
    const ageMs = this.#watch.ageMs(now);
    const { video } = this.#stage;
    // What moves while a camera is withheld or down is a slate, whose age says nothing.
    const showsCamera = cover === null && (sign.tone === "good" || sign.tone === "caution");
    this.#stage.showCover(cover);
    this.#stage.showSign(sign);
    this.#stage.showFacts({
      age: !showsCamera || ageMs === null ? "" : `newest picture ${(ageMs / 1_000).toFixed(1)} s ago`,
      connection: CONNECTION_WORDS[phase],
      firstPicture: firstMs === null ? "–" : `after ${firstMs} ms`,
      size: cover !== null || video.videoWidth === 0 ? "–" : `${video.videoWidth} × ${video.videoHeight}`,
    });
    this.#announce(sign);
  }

  /** Each new sign but those of trying: a screen reader need not hear every attempt. */
  #announce({ word, tone }: StateSign): void {
    if (word === this.#said || tone === "busy") return;
    this.#said = word;
    this.#context.announcer.say(`${this.#camera.name}: ${word.toLowerCase()}`);
  }
}

const HELD_BACK = "The browser holds the picture back until you press the button.";

function isHeldBack(error: unknown): boolean {
  return error instanceof DOMException && error.name === "NotAllowedError";
}
