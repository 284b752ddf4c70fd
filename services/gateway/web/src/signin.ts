/** The sign-in page. */

import type { Api } from "./api.ts";
import { el, setText } from "./dom.ts";
import type { Page } from "./page.ts";
import { Refused, signInProblem } from "./problems.ts";

export class SignIn implements Page {
  readonly element: HTMLElement;
  readonly title = "Sign in";
  readonly #api: Api;
  readonly #onSignedIn: () => void;
  readonly #problem = el("div", {
    class: "problem",
    role: "alert",
    id: "sign-in-problem",
    "data-testid": "sign-in-error",
  });
  readonly #name = field("sign-in-name", { autocomplete: "username", autocapitalize: "none", spellcheck: "false" });
  readonly #password = field("sign-in-password", { type: "password", autocomplete: "current-password" });
  readonly #submit = el(
    "button",
    { type: "submit", class: "button primary", "data-testid": "sign-in-submit" },
    "Sign in",
  );

  /** `reason` says why somebody who was signed in is here again; empty otherwise. */
  constructor(api: Api, reason: string, onSignedIn: () => void) {
    this.#api = api;
    this.#onSignedIn = onSignedIn;
    const form = el(
      "form",
      { class: "sign-in-form", novalidate: true, "aria-labelledby": "sign-in-title" },
      el("h2", { id: "sign-in-title" }, "Sign in"),
      this.#problem,
      el("label", { for: "sign-in-name" }, "Name"),
      this.#name,
      el("label", { for: "sign-in-password" }, "Password"),
      this.#password,
      this.#submit,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send();
    });
    const notice = el("p", { class: "reason", role: "status", "data-testid": "sign-in-reason" }, reason);
    notice.hidden = reason === "";
    this.element = el(
      "main",
      { class: "sign-in" },
      el(
        "div",
        { class: "sign-in-head" },
        el("h1", { class: "brand" }, "Upper Street"),
        el("p", {}, "Live pictures from public-space cameras, for control rooms and police."),
      ),
      notice,
      form,
      el("p", { class: "small" }, "Every look at a camera is recorded with your name and the time."),
    );
  }

  start(): void {
    this.#name.focus();
  }

  dispose(): void {
    this.#password.value = "";
  }

  async #send(): Promise<void> {
    if (this.#submit.disabled) return;
    const name = this.#name.value.trim();
    const password = this.#password.value;
    if (name === "") return this.#show("Enter your name.", this.#name);
    if (password === "") return this.#show("Enter your password.", this.#password);
    this.#busy(true);
    try {
      await this.#api.signIn(name, password);
    } catch (error) {
      const isWrong = error instanceof Refused && [400, 401, 422].includes(error.status);
      if (isWrong) this.#password.value = "";
      this.#busy(false);
      return this.#show(signInProblem(error), isWrong ? this.#password : null);
    }
    this.#onSignedIn();
  }

  #busy(isBusy: boolean): void {
    this.#submit.disabled = isBusy;
    setText(this.#submit, isBusy ? "Signing in" : "Sign in");
    if (isBusy) this.#show("", null);
  }

  #show(problem: string, about: HTMLInputElement | null): void {
    setText(this.#problem, problem);
    document.title = `${problem === "" ? "" : "Error: "}Sign in – Upper Street`;
    for (const input of [this.#name, this.#password]) {
      if (input === about) {
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", this.#problem.id);
      } else {
        input.removeAttribute("aria-invalid");
        input.removeAttribute("aria-describedby");
      }
    }
    about?.focus();
  }
}

function field(id: string, attributes: Readonly<Record<string, string>>): HTMLInputElement {
  return el("input", { id, name: id, class: "input", "data-testid": id, type: "text", required: true, ...attributes });
}
