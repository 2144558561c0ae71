// Figures and times in words. All times are UTC, as windows are.

const whole = new Intl.NumberFormat("en-US");
const dayNames = { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" };
const day = new Intl.DateTimeFormat("en-GB", dayNames);
const dayYear = new Intl.DateTimeFormat("en-GB", { ...dayNames, year: "numeric" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
const clockSeconds = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZone: "UTC",
});

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

export const number = (value) => whole.format(value);

/// A number of things: `1 group`, `2 groups`.
export const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

/// A count of lines as the API gives it. What is withheld is never 0.
export function lines(count, k) {
  if (!count) return "none yet";
  if (count.withheld || count.lines === null) return under(k);
  return number(count.lines);
}

export const under = (k) => `under ${k}`;

/// A share that is never rounded up to certainty, nor down to nothing.
export function percent(share) {
  if (share === null || share === undefined) return "–";
  if (share < 1 && share > 0.999) return "> 99.9 %";
  if (share > 0 && share < 0.001) return "< 0.1 %";
  const digits = share >= 0.995 || share < 0.1 ? 1 : 0;
  return `${(share * 100).toFixed(share === 1 ? 0 : digits)} %`;
}

/// A confidence. One that is as good as 1 arrives as 1, and is not certainty.
export const confidence = (value) => (value === 1 ? "> 99.9 %" : percent(value));

export const time = (text) => clock.format(new Date(text));
export const seconds = (when) => clockSeconds.format(new Date(when));
export const date = (text) => day.format(new Date(text));
export const moment = (text) => `${date(text)}, ${seconds(text)}`;

/// `21:00 to 22:00, Mon 5 Jan`, or `Mon 5 Jan 2026`.
export function windowName(start, window) {
  const from = new Date(start);
  if (window === "24h") return dayYear.format(from);
  return `${clock.format(from)} to ${clock.format(new Date(from.getTime() + HOUR))}, ${day.format(from)}`;
}

/// How long in words, to the precision anybody cares about.
export function duration(milliseconds) {
  const s = Math.max(0, Math.round(milliseconds / 1000));
  if (s < 90) return count(s, "second");
  const minutes = Math.round(s / 60);
  if (minutes < 90) return count(minutes, "minute");
  const hours = Math.round(minutes / 60);
  if (hours < 36) return count(hours, "hour");
  return count(Math.round(hours / 24), "day");
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let place = 0;
  let scaled = value;
  while (scaled >= 1000 && place < units.length - 1) {
    scaled /= 1000;
    place += 1;
  }
  return `${place === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${units[place]}`;
}
