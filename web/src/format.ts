// Numbers and times for display.

/** A distance with two decimals; three if two would show 0.00 for a small one. */
export function distance(value: number | null): string {
  if (value === null) return "–";
  return value > 0 && value < 0.01 ? value.toFixed(3) : value.toFixed(2);
}

/** A probability as a percentage, never 0% or 100%. */
export function probability(value: number | null): string {
  if (value === null) return "–";
  if (value >= 0.9995) return ">99.9%";
  if (value < 0.0005) return "<0.1%";
  return value >= 0.995 || value < 0.01 ? `${(value * 100).toFixed(1)}%` : `${Math.round(value * 100)}%`;
}

/** A number with two significant digits. */
export function roundNumber(value: number, language: string): string {
  return new Intl.NumberFormat(language, { maximumSignificantDigits: 2 }).format(value);
}

/** A date from seconds since 1970 or from text; null if it is neither. */
export function parseDate(value: number | string | null | undefined): Date | null {
  if (value === null || value === undefined || value === "") return null;
  const date = typeof value === "number" ? new Date(value * 1000) : new Date(value);
  return Number.isNaN(date.getTime()) ? null : date;
}

export function day(value: number | string | null | undefined, language: string): string {
  const date = parseDate(value);
  return date ? new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(date) : "";
}

export function time(value: number | string | null | undefined, language: string): string {
  const date = parseDate(value);
  return date ? new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(date) : "";
}

/** Seconds into a video as 1:02:03 or 2:03. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (n: number): string => String(n).padStart(2, "0");
  return hours ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

/** The last part of a path. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).pop() || path;
}

/** A person's hue in degrees: steps of the golden angle keep neighbouring ids far apart. */
export function hue(person: number): number {
  return (person * 137.508) % 360;
}
