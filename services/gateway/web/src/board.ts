/** The page of somebody signed in: bar, banner, players and the camera list, kept up to date. */

import type { Announcer } from "./announce.ts";
import type { Api, Person } from "./api.ts";
import { Banner } from "./banner.ts";
import type { Camera } from "./camera.ts";
import { CameraList } from "./cameras.ts";
import { clockTime, dayAndTime } from "./clock.ts";
import { el } from "./dom.ts";
import type { Page } from "./page.ts";
import { Refused } from "./problems.ts";
import { Poll } from "./poll.ts";
import { MOST_PLAYERS, Wall } from "./wall.ts";

const POLL = { everyMs: 3_000, capMs: 30_000 };

export class Board implements Page {
  readonly element: HTMLElement;
  readonly title = "Cameras";
  readonly #api: Api;
  readonly #onSignedOut: () => void;
  readonly #banner = new Banner();
  readonly #notice = new Banner();
  readonly #list: CameraList;
  readonly #wall: Wall;
  readonly #poll: Poll;
  #updatedAt: Date | null = null;

  constructor(api: Api, announcer: Announcer, person: Person, onSignedOut: () => void) {
    this.#api = api;
    this.#onSignedOut = onSignedOut;
    this.#notice.element.classList.add("notice");
    this.#notice.element.dataset["testid"] = "notice";
    this.#list = new CameraList(api, announcer, (camera) => this.#open(camera));
    this.#wall = new Wall(api, announcer, (open, closed) => this.#onPlayers(open, closed));
    this.#poll = new Poll({
      ...POLL,
      ask: async (signal) => this.#update(await api.cameras(signal)),
      onFailure: (error, retryInMs) => this.#showFailure(error, retryInMs),
    });
    this.element = el(
      "div",
      { class: "board" },
      el("a", { class: "skip", href: "#cameras" }, "Skip to cameras"),
      this.#bar(person),
      this.#banner.element,
      this.#notice.element,
      el("main", { class: "room" }, this.#wall.element, this.#list.element),
    );
  }

  start(): void {
    this.#list.element.focus();
    this.#poll.start();
  }

  dispose(): void {
    this.#poll.stop();
    this.#wall.dispose();
    this.#list.dispose();
  }

  #bar(person: Person): HTMLElement {
    const until = person.expiresAt === null ? "" : ` until ${dayAndTime(person.expiresAt, new Date())}`;
    const who = `Signed in as ${person.name} (${person.role.replaceAll("-", " ")})${until}`;
    const signOut = el("button", { type: "button", class: "button", "data-testid": "sign-out" }, "Sign out");
    signOut.addEventListener("click", () => void this.#signOut(signOut));
    return el(
      "header",
      { class: "bar" },
      el("h1", { class: "brand" }, "Upper Street"),
      el("p", { class: "who", "data-testid": "who" }, who),
      signOut,
    );
  }

  #open(camera: Camera): void {
    this.#notice.clear();
    if (this.#wall.open(camera)) return;
    this.#notice.show(`${MOST_PLAYERS} cameras are open, and no more fit. Close one, then open ${camera.name}.`);
  }

  #onPlayers(open: ReadonlySet<string>, closed: string | null): void {
    this.#list.showOpen(open);
    if (closed === null) return;
    this.#notice.clear();
    this.#list.focusCard(closed);
  }

  #update(cameras: readonly Camera[]): void {
    this.#updatedAt = new Date();
    this.#banner.clear();
    this.#list.update(cameras);
    this.#wall.update(cameras);
  }

  #showFailure(error: unknown, retryInMs: number): void {
    const what = error instanceof Refused ? "cannot tell the cameras’ states just now" : "cannot be reached";
    const since =
      this.#updatedAt === null
        ? ""
        : ` The camera states below are from ${clockTime(this.#updatedAt)} and may have changed.`;
    this.#banner.show(`Upper Street ${what}.${since} Trying again in ${Math.ceil(retryInMs / 1_000)} seconds.`);
  }

  /** Players are closed only once the gateway has ended the session: a failed sign-out must not look like one. */
  async #signOut(button: HTMLButtonElement): Promise<void> {
    button.disabled = true;
    try {
      await this.#api.signOut();
    } catch (error) {
      if (!(error instanceof Refused && error.status === 401)) {
        button.disabled = false;
        this.#notice.show("You are still signed in: Upper Street could not be reached. Try to sign out again.");
        return;
      }
    }
    this.#onSignedOut();
  }
}
