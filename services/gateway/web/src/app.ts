/** Which page is shown: the sign-in form or the cameras. */

import { Announcer } from "./announce.ts";
import { Api, type Person } from "./api.ts";
import { Board } from "./board.ts";
import { el } from "./dom.ts";
import type { Page } from "./page.ts";
import { Poll } from "./poll.ts";
import { SignIn } from "./signin.ts";

const EXPIRED = "Your session has ended, and the pictures were closed. Sign in again to go on.";
const SIGNED_OUT = "You have signed out, and the pictures were closed.";
const FIRST_QUESTION = { everyMs: 2_000, capMs: 15_000 };

class App {
  readonly #root: HTMLElement;
  readonly #announcer: Announcer;
  #page: Page | null = null;

  constructor(root: HTMLElement, announcer: HTMLElement) {
    this.#root = root;
    this.#announcer = new Announcer(announcer);
  }

  /** Asks who is signed in until the gateway answers, then shows that person's page. */
  start(): void {
    const words = el("p", { class: "start", role: "status", "data-testid": "start" }, "Connecting to Upper Street");
    this.#root.replaceChildren(words);
    const question = new Poll({
      ...FIRST_QUESTION,
      ask: async () => {
        const person = await new Api().me();
        question.stop();
        if (person === null) this.#showSignIn("");
        else this.#showBoard(person);
      },
      onFailure: (_, retryInMs) => {
        words.textContent = `Upper Street cannot be reached. Trying again in ${Math.ceil(retryInMs / 1_000)} seconds.`;
      },
    });
    question.start();
  }

  #showSignIn(reason: string): void {
    this.#show(new SignIn(new Api(), reason, () => this.#leaveSignIn()));
  }

  #leaveSignIn(): void {
    this.#page?.dispose();
    this.#page = null;
    this.start();
  }

  #showBoard(person: Person): void {
    const api = new Api();
    const board = new Board(api, this.#announcer, person, () => this.#showSignIn(SIGNED_OUT));
    // A late answer to a session that is over must not end the next one.
    api.onExpired = () => {
      if (this.#page === board) this.#showSignIn(EXPIRED);
    };
    this.#show(board);
  }

  #show(page: Page): void {
    this.#page?.dispose();
    this.#page = page;
    this.#root.replaceChildren(page.element);
    document.title = `${page.title} – Upper Street`;
    page.start();
  }
}

const root = document.getElementById("app");
const announcer = document.getElementById("announcer");
if (root !== null && announcer !== null) new App(root, announcer).start();
