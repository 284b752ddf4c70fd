/** Times of day as operators write them: local, 24 hours. */

const WITH_SECONDS = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", hourCycle: "h23" });
const TO_THE_MINUTE = new Intl.DateTimeFormat("en-GB", { timeStyle: "short", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });

export function clockTime(when: Date): string {
  return WITH_SECONDS.format(when);
}

export function minuteTime(when: Date): string {
  return TO_THE_MINUTE.format(when);
}

/** "14:03" on the same day, else "21 November, 14:03". */
export function dayAndTime(when: Date, now: Date): string {
  const time = minuteTime(when);
  return when.toDateString() === now.toDateString() ? time : `${DAY.format(when)}, ${time}`;
}
