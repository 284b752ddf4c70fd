/** Tells screen readers what changed, politely; what is said in the same moment is said together. */

const GATHER_MS = 400;
/** More than this at once is noise: the newest are said. */
const AT_ONCE = 4;

export class Announcer {
  readonly #region: HTMLElement;
  #pending: string[] = [];
  #timer: number | undefined;

  constructor(region: HTMLElement) {
    this.#region = region;
  }

  say(sentence: string): void {
    this.#pending = [...this.#pending, sentence].slice(-AT_ONCE);
    this.#timer ??= window.setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    this.#timer = undefined;
    // A paragraph each: an equal sentence said again is a change too.
    this.#region.replaceChildren(
      ...this.#pending.map((sentence) => {
        const line = document.createElement("p");
        line.textContent = sentence;
        return line;
      }),
    );
    this.#pending = [];
  }
}
