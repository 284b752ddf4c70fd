/** A line across the page for what the operator must know now; empty and gone otherwise. */

import { el, setData, setText } from "./dom.ts";

export class Banner {
  readonly element: HTMLElement;
  readonly #text = el("p");

  constructor() {
    // The alert region is there from the start: screen readers miss regions that come together with their text.
    this.element = el("div", { class: "banner", role: "alert", "data-testid": "banner" }, this.#text);
    this.clear();
  }

  show(sentence: string): void {
    setData(this.element, "shown", "yes");
    setText(this.#text, sentence);
  }

  clear(): void {
    setData(this.element, "shown", "no");
    setText(this.#text, "");
  }
}
