/** What the app shows one of at a time. */

export interface Page {
  readonly element: HTMLElement;
  /** Goes before the product's name in the browser's tab. */
  readonly title: string;
  /** Called once the element is on the page. */
  start(): void;
  /** Ends every session, timer and listener of the page. */
  dispose(): void;
}
