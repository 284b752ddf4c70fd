/** What can go wrong between this page and the gateway, and how to say it to a person. */

/** The gateway answered with an error. */
export class Refused extends Error {
  readonly status: number;
  readonly kind: string;
  readonly retryAfterS: number | null;

  constructor(status: number, kind: string, detail: string, retryAfterS: number | null = null) {
    super(detail);
    this.status = status;
    this.kind = kind;
    this.retryAfterS = retryAfterS;
  }
}

/** No answer came: the network, the gateway or something between is not there. */
export class Unreachable extends Error {}

/** This browser cannot show a picture safely. */
export class Unsupported extends Error {}

/** The session is open, and no picture comes. */
export class NoPicture extends Error {}

/** Whether the same try again may end otherwise without anybody doing something. */
export function isWorthRetrying(error: unknown): boolean {
  if (error instanceof Unsupported) return false;
  if (!(error instanceof Refused)) return true;
  return error.status >= 500 || error.status === 408 || error.status === 429;
}

/** One or two sentences for the cover of a player. */
export function watchingProblem(error: unknown): string {
  if (error instanceof Unsupported) return error.message;
  if (error instanceof Unreachable) return "Upper Street cannot be reached.";
  if (error instanceof NoPicture) return "The relay sends no picture.";
  if (error instanceof Refused) return WATCHING.get(error.kind) ?? sentence(error.message);
  return "The connection could not be made.";
}

const WATCHING: ReadonlyMap<string, string> = new Map([
  ["unauthenticated", "Your session has ended."],
  ["denied", "You may not watch this camera."],
  ["not-found", "This camera is no longer there."],
  ["throttled", "Too many viewers were opened in a short time."],
  ["unavailable", "No relay is free to send the picture."],
  ["internal", "Upper Street has a fault."],
]);

/** One or two sentences for the sign-in form. */
export function signInProblem(error: unknown): string {
  if (error instanceof Unreachable) {
    return "Upper Street cannot be reached from this device. Check its network, then try again.";
  }
  if (!(error instanceof Refused)) return "Something went wrong on this page. Reload it, then try again.";
  switch (error.status) {
    case 400:
    case 401:
    case 422:
      return "The name or the password is wrong. Check both, then try again.";
    case 403:
      return "You may not sign in from this address.";
    case 429:
      return `There were too many tries. ${waitSentence(error.retryAfterS)}`;
    default:
      return "Upper Street is not available just now. Try again in a minute.";
  }
}

function waitSentence(retryAfterS: number | null): string {
  if (retryAfterS === null) return "Wait a minute, then try again.";
  if (retryAfterS > 90) return `Wait ${Math.ceil(retryAfterS / 60)} minutes, then try again.`;
  return `Wait ${Math.max(1, Math.ceil(retryAfterS))} seconds, then try again.`;
}

function sentence(detail: string): string {
  if (detail === "") return "The connection was refused.";
  const start = detail.charAt(0).toUpperCase() + detail.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
