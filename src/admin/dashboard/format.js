// Numbers as people read them.

const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat("en");

export const count = (n) => (n == null ? "–" : n < 100000 ? whole.format(n) : short.format(n));
export const rate = (n) => (n == null ? "–" : n < 10 && n > 0 ? n.toFixed(1) : count(Math.round(n)));
export function percent(share) {
  if (share == null || Number.isNaN(share)) return "–";
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  return `${(share * 100).toFixed(share < 0.1 && share > 0 ? 1 : 0)} %`;
}

/** Microseconds. */
export function time(us) {
  if (us == null) return "–";
  if (us === 0) return "0 s";
  if (us < 1000) return `${Math.round(us)} µs`;
  const [n, unit] = us < 1e6 ? [us / 1e3, "ms"] : us < 120e6 ? [us / 1e6, "s"] : us < 7200e6 ? [us / 60e6, "min"] : [us / 3600e6, "h"];
  return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${unit}`;
}

export function bytes(n) {
  if (n == null) return "–";
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (n >= 1000 && at < units.length - 1) { n /= 1000; at += 1; }
  return `${n < 10 && at ? n.toFixed(1) : Math.round(n)} ${units[at]}`;
}

/** The time of day, from seconds or a text. */
export const clock = (at) => new Date(typeof at === "number" ? at * 1000 : at).toLocaleTimeString("en-GB");
