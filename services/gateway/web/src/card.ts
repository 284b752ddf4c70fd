/** One camera in the list: its latest still, its name and its state, all one button that opens a player. */

import type { Still } from "./api.ts";
import type { Camera } from "./camera.ts";
import { clockTime } from "./clock.ts";
import { el, setData, setText } from "./dom.ts";
import { mayShowStill, stateSentence, stateSign } from "./states.ts";
import { STILL_TOO_OLD_MS } from "./stillplan.ts";

export class Card {
  readonly id: string;
  readonly element: HTMLLIElement;
  readonly #button: HTMLButtonElement;
  readonly #canvas = el("canvas", { class: "still", "aria-hidden": "true", hidden: true });
  readonly #placeholder = el("span", { class: "placeholder", "aria-hidden": "true" });
  readonly #stillTime = el("span", { class: "still-time", "aria-hidden": "true" });
  readonly #openTag = el("span", { class: "open-tag", hidden: true }, "Open");
  readonly #name = el("span", { class: "card-name" });
  readonly #state: HTMLElement;
  #camera: Camera;
  /** When the still that is shown was captured, on this page's monotonic clock; null while none is shown. */
  #capturedMs: number | null = null;

  constructor(camera: Camera, open: (camera: Camera) => void) {
    this.id = camera.id;
    this.#camera = camera;
    this.#state = el("span", { class: "card-state sign", "data-testid": `camera-state-${camera.id}` });
    this.#button = el(
      "button",
      { type: "button", class: "card", "data-testid": `camera-card-${camera.id}` },
      // The words come first for those who hear them; the style sheet puts the picture above.
      el("span", { class: "card-words" }, this.#name, el("span", { class: "card-id" }, camera.id), this.#state),
      el("span", { class: "card-picture" }, this.#canvas, this.#placeholder, this.#stillTime, this.#openTag),
    );
    this.#button.addEventListener("click", () => open(this.#camera));
    this.element = el("li", { class: "card-item", "data-camera": camera.id }, this.#button);
    this.update(camera, new Date());
  }

  get camera(): Camera {
    return this.#camera;
  }

  get wantsStill(): boolean {
    return mayShowStill(this.#camera.state);
  }

  update(camera: Camera, now: Date): void {
    this.#camera = camera;
    const sign = stateSign(camera.state);
    setText(this.#name, camera.name);
    setText(this.#state, stateSentence(camera, now));
    setData(this.#state, "symbol", sign.symbol);
    setData(this.#state, "tone", sign.tone);
    setData(this.#state, "state", camera.state);
    if (!this.wantsStill) this.#dropStill();
    setText(this.#placeholder, this.wantsStill ? "No still yet" : PLACEHOLDERS[camera.state] ?? "No picture");
  }

  /** Paints a still, unless the camera has been withheld or gone down since it was asked for, or it is too old. */
  showStill(picture: ImageBitmap, still: Still, nowMs: number): void {
    if (!this.wantsStill || still.ageMs > STILL_TOO_OLD_MS) return;
    this.#canvas.width = picture.width;
    this.#canvas.height = picture.height;
    this.#canvas.getContext("2d")?.drawImage(picture, 0, 0);
    this.#canvas.hidden = false;
    this.#placeholder.hidden = true;
    this.#capturedMs = nowMs - still.ageMs;
    setText(this.#stillTime, `Still from ${clockTime(still.capturedAt ?? new Date())}`);
  }

  dropOldStill(nowMs: number): void {
    if (this.#capturedMs !== null && nowMs - this.#capturedMs > STILL_TOO_OLD_MS) this.#dropStill();
  }

  showOpen(isOpen: boolean): void {
    this.#openTag.hidden = !isOpen;
    this.#button.classList.toggle("is-open", isOpen);
  }

  focus(): void {
    this.#button.focus();
  }

  /** Takes the pixels away, not only the sight of them. */
  #dropStill(): void {
    if (this.#capturedMs === null) return;
    this.#capturedMs = null;
    this.#canvas.width = 0;
    this.#canvas.height = 0;
    this.#canvas.hidden = true;
    this.#placeholder.hidden = false;
    setText(this.#stillTime, "");
  }
}

const PLACEHOLDERS: Readonly<Partial<Record<Camera["state"], string>>> = {
  withheld: "Picture withheld",
  moved: "Picture withheld",
  connecting: "Connecting",
};
