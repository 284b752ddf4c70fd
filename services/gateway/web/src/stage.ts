/** What a player looks like: the picture, its cover, the facts about it and its controls. Knows no session. */

import type { Layer } from "./api.ts";
import type { Cover } from "./cover.ts";
import { el, setData, setText } from "./dom.ts";
import type { StateSign } from "./states.ts";

export interface StageActions {
  readonly close: () => void;
  readonly retry: () => void;
  readonly chooseLayer: (layer: Layer) => void;
}

export interface Facts {
  readonly age: string;
  readonly connection: string;
  readonly firstPicture: string;
  readonly size: string;
}

export class Stage {
  readonly element: HTMLElement;
  readonly video: HTMLVideoElement;
  readonly #frame: HTMLElement;
  readonly #sign = el("p", { class: "sign" });
  readonly #age = el("p", { class: "age" });
  readonly #cover: HTMLElement;
  readonly #coverTitle = el("p", { class: "cover-title" });
  readonly #coverDetail = el("p", { class: "cover-detail" });
  readonly #retry: HTMLButtonElement;
  readonly #facts: Record<"connection" | "firstPicture" | "size", HTMLElement>;
  readonly #fullScreen: HTMLButtonElement;

  constructor(id: string, name: string, layer: Layer, actions: StageActions) {
    const titleId = `player-title-${id}`;
    // No controls, picture-in-picture or casting: each would show the picture without its cover.
    this.video = el("video", {
      "data-testid": `player-video-${id}`,
      "aria-labelledby": titleId,
      playsinline: true,
      disablepictureinpicture: true,
      disableremoteplayback: true,
    });
    this.video.muted = true;
    this.#retry = button("Try again now", `player-retry-${id}`, actions.retry);
    this.#cover = el(
      "div",
      { class: "cover", "data-testid": `player-cover-${id}` },
      el("div", { class: "cover-words" }, this.#coverTitle, this.#coverDetail, this.#retry),
    );
    this.#fullScreen = button("Full screen", `player-fullscreen-${id}`, () => this.#toggleFullScreen());
    const close = button("Close", `player-close-${id}`, actions.close);
    close.setAttribute("aria-label", `Close ${name}`);
    this.#sign.dataset["testid"] = `player-state-${id}`;
    this.#age.dataset["testid"] = `player-age-${id}`;
    this.#facts = {
      connection: el("dd", { "data-testid": `player-connection-${id}` }),
      firstPicture: el("dd", { "data-testid": `player-first-picture-${id}` }),
      size: el("dd", { "data-testid": `player-size-${id}` }),
    };
    this.#frame = el(
      "div",
      { class: "player-frame" },
      el(
        "header",
        { class: "player-head" },
        el("h2", { id: titleId, class: "player-name" }, name),
        el("div", { class: "player-live" }, this.#sign, this.#age),
        close,
      ),
      el("div", { class: "picture" }, this.video, this.#cover),
      el(
        "footer",
        { class: "player-foot" },
        el("dl", { class: "facts" }, ...this.#factRows()),
        el("div", { class: "controls" }, layerChoice(id, layer, actions.chooseLayer), this.#fullScreen),
      ),
    );
    this.element = el(
      "section",
      { class: "player", "data-testid": `player-${id}`, "aria-labelledby": titleId, tabindex: "-1" },
      this.#frame,
    );
    this.#frame.addEventListener("fullscreenchange", () => this.#nameFullScreen());
    this.#frame.addEventListener("keydown", (event) => this.#leaveByEscape(event));
  }

  showSign(sign: StateSign): void {
    setText(this.#sign, sign.word);
    setData(this.#sign, "symbol", sign.symbol);
    setData(this.#sign, "tone", sign.tone);
  }

  showCover(cover: Cover | null): void {
    if (cover !== null) {
      setText(this.#coverTitle, cover.title);
      setText(this.#coverDetail, cover.detail);
      this.#retry.hidden = !cover.mayRetry;
    }
    this.#cover.hidden = cover === null;
    setData(this.element, "covered", cover === null ? "no" : "yes");
  }

  showFacts(facts: Facts): void {
    setText(this.#age, facts.age);
    setText(this.#facts.connection, facts.connection);
    setText(this.#facts.firstPicture, facts.firstPicture);
    setText(this.#facts.size, facts.size);
  }

  #factRows(): HTMLElement[] {
    const row = (label: string, value: HTMLElement): HTMLElement => el("div", {}, el("dt", {}, label), value);
    return [
      row("Connection", this.#facts.connection),
      row("First picture", this.#facts.firstPicture),
      row("Size", this.#facts.size),
    ];
  }

  /** The frame goes full screen, never the video alone: the cover must stay above the picture. */
  #toggleFullScreen(): void {
    if (document.fullscreenElement === this.#frame) {
      void document.exitFullscreen();
    } else if (document.fullscreenEnabled) {
      this.#frame.requestFullscreen().catch(() => this.#fillPage(true));
    } else {
      this.#fillPage(!this.#fillsPage);
    }
  }

  get #fillsPage(): boolean {
    return this.#frame.classList.contains("fills-page");
  }

  /** In place of full screen where the browser knows it for videos alone, as on iPhones. */
  #fillPage(fills: boolean): void {
    this.#frame.classList.toggle("fills-page", fills);
    this.#nameFullScreen();
  }

  #leaveByEscape(event: KeyboardEvent): void {
    if (event.key === "Escape" && this.#fillsPage) this.#fillPage(false);
  }

  #nameFullScreen(): void {
    const isFull = this.#fillsPage || document.fullscreenElement === this.#frame;
    setText(this.#fullScreen, isFull ? "Leave full screen" : "Full screen");
  }
}

function button(label: string, testId: string, act: () => void): HTMLButtonElement {
  const element = el("button", { type: "button", class: "button", "data-testid": testId }, label);
  element.addEventListener("click", act);
  return element;
}

function layerChoice(id: string, layer: Layer, choose: (layer: Layer) => void): HTMLSelectElement {
  const select = el(
    "select",
    {
      class: "select",
      "data-testid": `player-layer-${id}`,
      "aria-label": "Picture size",
      title: "Picture size: small is for slow links",
    },
    el("option", { value: "main" }, "Full size"),
    el("option", { value: "tile" }, "Small"),
  );
  select.value = layer;
  select.addEventListener("change", () => choose(select.value === "tile" ? "tile" : "main"));
  return select;
}
