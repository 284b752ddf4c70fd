/** The camera list: cards that keep their place and focus while their states change, and a filter by name. */

import type { Announcer } from "./announce.ts";
import type { Api } from "./api.ts";
import { Card } from "./card.ts";
import type { Camera } from "./camera.ts";
import { el, setText } from "./dom.ts";
import { stateSign, summary } from "./states.ts";
import { Stills } from "./stills.ts";

/** More changes than this in one poll are announced as a number. */
const NAMED_CHANGES = 3;

const BY_NAME = new Intl.Collator("en-GB", { numeric: true });

export class CameraList {
  readonly element: HTMLElement;
  readonly #announcer: Announcer;
  readonly #open: (camera: Camera) => void;
  readonly #stills: Stills;
  readonly #cards = new Map<string, Card>();
  readonly #list = el("ul", { class: "cards", role: "list" });
  readonly #search = el("input", {
    id: "camera-search",
    class: "input",
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    "data-testid": "camera-search",
  });
  readonly #summary = el("p", { class: "summary", "data-testid": "camera-summary" }, "Loading cameras");
  readonly #found = el("p", { class: "found", role: "status", "data-testid": "camera-found" });

  constructor(api: Api, announcer: Announcer, open: (camera: Camera) => void) {
    this.#announcer = announcer;
    this.#open = open;
    this.#stills = new Stills(api);
    this.#search.addEventListener("input", () => this.#filter());
    this.element = el(
      "section",
      { class: "cameras", id: "cameras", tabindex: "-1", "aria-labelledby": "cameras-title" },
      el(
        "div",
        { class: "cameras-head" },
        el("div", {}, el("h2", { id: "cameras-title" }, "Cameras"), this.#summary),
        el(
          "div",
          { class: "search" },
          el("label", { for: "camera-search" }, "Find a camera by name or id"),
          this.#search,
        ),
      ),
      this.#found,
      this.#list,
    );
  }

  update(cameras: readonly Camera[]): void {
    this.#announceChanges(cameras);
    const now = new Date();
    const sorted = [...cameras].sort((a, b) => BY_NAME.compare(a.name, b.name) || BY_NAME.compare(a.id, b.id));
    this.#removeAllBut(new Set(sorted.map((camera) => camera.id)));
    sorted.forEach((camera, place) => {
      const card = this.#cards.get(camera.id) ?? this.#add(camera);
      card.update(camera, now);
      const there = this.#list.children[place];
      if (there !== card.element) this.#list.insertBefore(card.element, there ?? null);
    });
    setText(this.#summary, summary(sorted.map((camera) => camera.state)));
    this.#filter();
  }

  showOpen(open: ReadonlySet<string>): void {
    for (const card of this.#cards.values()) card.showOpen(open.has(card.id));
  }

  focusCard(id: string): void {
    const card = this.#cards.get(id);
    if (card !== undefined && !card.element.hidden) card.focus();
    else this.#search.focus();
  }

  dispose(): void {
    this.#stills.dispose();
  }

  #add(camera: Camera): Card {
    const card = new Card(camera, this.#open);
    this.#cards.set(camera.id, card);
    this.#stills.add(card);
    return card;
  }

  #removeAllBut(kept: ReadonlySet<string>): void {
    for (const card of [...this.#cards.values()]) {
      if (kept.has(card.id)) continue;
      this.#stills.remove(card);
      this.#cards.delete(card.id);
      card.element.remove();
    }
  }

  #filter(): void {
    const wanted = this.#search.value.trim().toLowerCase();
    let found = 0;
    for (const card of this.#cards.values()) {
      const { name, id } = card.camera;
      const matches = name.toLowerCase().includes(wanted) || id.toLowerCase().includes(wanted);
      card.element.hidden = !matches;
      if (matches) found += 1;
    }
    setText(this.#found, this.#foundSentence(wanted, found));
  }

  #foundSentence(wanted: string, found: number): string {
    if (this.#cards.size === 0) return "There are no cameras that you may watch.";
    if (wanted === "") return "";
    if (found === 0) return `No camera matches “${this.#search.value.trim()}”.`;
    return `${found} of ${this.#cards.size} cameras match.`;
  }

  #announceChanges(cameras: readonly Camera[]): void {
    const changed = cameras.filter((camera) => {
      const before = this.#cards.get(camera.id)?.camera;
      return before !== undefined && before.state !== camera.state;
    });
    if (changed.length > NAMED_CHANGES) {
      this.#announcer.say(`${changed.length} cameras have changed state`);
      return;
    }
    for (const { name, state } of changed) this.#announcer.say(`${name}: ${stateSign(state).word.toLowerCase()}`);
  }
}
