/** Fetches the stills of the cards in sight, while somebody can see the page. */

import type { Api } from "./api.ts";
import type { Card } from "./card.ts";
import { StillPlan } from "./stillplan.ts";

const TICK_MS = 250;

export class Stills {
  readonly #api: Api;
  readonly #plan = new StillPlan();
  readonly #cards = new Map<string, Card>();
  readonly #inSight = new Set<string>();
  readonly #observer: IntersectionObserver;
  readonly #stopped = new AbortController();
  readonly #ticker: number;

  constructor(api: Api) {
    this.#api = api;
    this.#observer = new IntersectionObserver((entries) => this.#onSight(entries));
    this.#ticker = window.setInterval(() => this.#tick(), TICK_MS);
  }

  add(card: Card): void {
    this.#cards.set(card.id, card);
    this.#observer.observe(card.element);
  }

  remove(card: Card): void {
    this.#observer.unobserve(card.element);
    this.#cards.delete(card.id);
    this.#inSight.delete(card.id);
    this.#plan.hide(card.id);
  }

  dispose(): void {
    window.clearInterval(this.#ticker);
    this.#observer.disconnect();
    this.#stopped.abort();
  }

  #onSight(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const id = target.getAttribute("data-camera") ?? "";
      if (isIntersecting && this.#cards.has(id)) this.#inSight.add(id);
      else this.#inSight.delete(id);
    }
    this.#tick();
  }

  #tick(): void {
    const now = performance.now();
    for (const card of this.#cards.values()) {
      card.dropOldStill(now);
      if (this.#inSight.has(card.id) && card.wantsStill && !document.hidden) this.#plan.show(card.id, now);
      else this.#plan.hide(card.id);
    }
    for (let id = this.#plan.take(now); id !== null; id = this.#plan.take(now)) void this.#fetch(id);
  }

  async #fetch(id: string): Promise<void> {
    try {
      const still = await this.#api.still(id, this.#stopped.signal);
      if (still === null) return;
      const picture = await createImageBitmap(still.jpeg);
      this.#cards.get(id)?.showStill(picture, still, performance.now());
      picture.close();
    } catch {
      // The card shows its last still's time, and drops it when it is too old; the next try is in five seconds.
    } finally {
      this.#plan.done(id, performance.now());
    }
  }
}
