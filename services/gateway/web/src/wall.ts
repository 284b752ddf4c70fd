/** The grid of players: one fills it, up to four share it. */

import type { Announcer } from "./announce.ts";
import type { Api } from "./api.ts";
import type { Camera } from "./camera.ts";
import { el, setData } from "./dom.ts";
import { Player } from "./player.ts";

export const MOST_PLAYERS = 4;

export class Wall {
  readonly element = el("section", { class: "wall", "data-testid": "wall", "aria-label": "Players" });
  readonly #players = new Map<string, Player>();
  readonly #api: Api;
  readonly #announcer: Announcer;
  /** Told which cameras are open whenever that changes, and which one was closed by hand. */
  readonly #onChange: (open: ReadonlySet<string>, closed: string | null) => void;

  constructor(api: Api, announcer: Announcer, onChange: (open: ReadonlySet<string>, closed: string | null) => void) {
    this.#api = api;
    this.#announcer = announcer;
    this.#onChange = onChange;
    window.addEventListener("pagehide", this.#suspend);
    window.addEventListener("pageshow", this.#resume);
    this.#changed(null);
  }

  /** Opens a player, or goes to the one that is open. Returns false when the grid is full. */
  open(camera: Camera): boolean {
    let player = this.#players.get(camera.id);
    if (player === undefined) {
      if (this.#players.size >= MOST_PLAYERS) return false;
      player = new Player(camera, {
        api: this.#api,
        announcer: this.#announcer,
        onClose: (closed) => this.#close(closed),
        // Beside another player there is room for the small layer, which costs the service and the link a fifth.
        layer: this.#players.size === 0 ? "main" : "tile",
      });
      this.#players.set(camera.id, player);
      this.element.append(player.element);
      player.open();
      this.#changed(null);
    }
    player.element.focus({ preventScroll: true });
    player.element.scrollIntoView({ block: "nearest" });
    return true;
  }

  update(cameras: readonly Camera[]): void {
    for (const camera of cameras) this.#players.get(camera.id)?.update(camera);
  }

  /** Ends every session; the wall is not used again. */
  dispose(): void {
    window.removeEventListener("pagehide", this.#suspend);
    window.removeEventListener("pageshow", this.#resume);
    this.#suspend();
    this.#players.clear();
    this.element.replaceChildren();
  }

  #close(player: Player): void {
    player.suspend();
    player.element.remove();
    this.#players.delete(player.id);
    this.#changed(player.id);
  }

  readonly #suspend = (): void => {
    for (const player of this.#players.values()) player.suspend();
  };

  /** The page came back out of the browser's history with its players still in it. */
  readonly #resume = (): void => {
    for (const player of this.#players.values()) player.open();
  };

  #changed(closed: string | null): void {
    setData(this.element, "count", String(this.#players.size));
    this.element.hidden = this.#players.size === 0;
    this.#onChange(new Set(this.#players.keys()), closed);
  }
}
