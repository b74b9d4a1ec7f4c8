// Numbers and times as people read them.

/** A distance, two places; three where two would hide that it is there. */
export function distance(value: number | null): string {
  if (value === null) return "–";
  return value > 0 && value < 0.01 ? value.toFixed(3) : value.toFixed(2);
}

/** A probability as a percentage that never claims certainty. */
export function probability(value: number | null): string {
  if (value === null) return "–";
  if (value >= 0.9995) return ">99.9%";
  if (value < 0.0005) return "<0.1%";
  return value >= 0.995 || value < 0.01 ? `${(value * 100).toFixed(1)}%` : `${Math.round(value * 100)}%`;
}

export function count(value: number, language: string): string {
  return new Intl.NumberFormat(language).format(value);
}

/** What comes from the server as seconds since 1970, or as text; null where it is neither. */
export function moment(value: number | string | null | undefined): Date | null {
  if (value === null || value === undefined || value === "") return null;
  const date = typeof value === "number" ? new Date(value * 1000) : new Date(value);
  return Number.isNaN(date.getTime()) ? null : date;
}

export function day(value: number | string | null | undefined, language: string): string {
  const date = moment(value);
  return date ? new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(date) : "";
}

export function time(value: number | string | null | undefined, language: string): string {
  const date = moment(value);
  return date ? new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(date) : "";
}

/** Seconds into a video as 1:02:03 or 2:03. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** The last part of a path. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).pop() || path;
}

/** A colour's hue for a person, far from those of the numbers beside it: steps of the golden angle. */
export function hue(person: number): number {
  return (person * 137.508) % 360;
}
