// What the server's REST answers with. See docs/rest.md; unknown numbers are null.

export type Box = [number, number, number, number];

export interface Face {
  id: number;
  photo: number;
  number: number;
  box: Box;
  score: number;
  quality: { score: number | null } | null;
  time: number | null;
  taken: number | null;
  person: number | null;
  name: string;
}

export interface Photo {
  id: number;
  paths: string[];
  width: number | null;
  height: number | null;
  video: boolean;
  taken: number | string | null;
  indexed: number | string | null;
  problem: string | null;
  problem_code: "" | "no-face" | "unreadable-photo";
  faces: Face[];
}

export interface Person {
  id: number;
  name: string;
  faces: number;
  photos: number;
  hidden: boolean;
  cover: number | null;
}

export interface Probe {
  name: string;
  number: number;
  box: Box | null;
  face: number | null;
  person: number | null;
  size: [number, number] | null;
}

export interface Match {
  rank: number;
  distance: number;
  probability: number | null;
  face: Face;
  path: string;
}

export interface Basis {
  model: string;
  metric: string;
  threshold: number | null;
  threshold_kind: "request" | "gallery" | "model" | "none";
  threshold_source: string;
  prior: number | null;
  calibration: string;
  searched: number;
  faces: number;
  false_matches: number | null;
}

export interface Answers {
  answers: { probe: Probe; hits: Match[] }[];
  info: Basis;
  problems: string[];
}

/** The faces in a picture, best first. */
export interface Detected {
  width: number;
  height: number;
  faces: { box: Box }[];
}

export interface Verdict {
  a: Probe;
  b: Probe;
  distance: number;
  threshold: number | null;
  same: boolean | null;
  probability: number | null;
  model: string;
  metric: string;
  threshold_kind: "request" | "gallery" | "model" | "none";
  threshold_source: string;
  prior: number | null;
}

export interface Candidate {
  person: number;
  name: string;
  distance: number;
  probability: number | null;
}

export interface Identities {
  identities: { probe: Probe; match: Candidate | null; candidates: Candidate[]; unknown: number | null }[];
}

export interface Gallery {
  where: string;
  model: string;
  dimension: number;
  metric: string;
  threshold: number | null;
  faces: number;
  photos: number;
  people: number;
  named: number;
  videos: number;
  unassigned: number;
  reviews: number;
  problems: number;
}

export interface Review {
  face: Face;
  person: Person;
  distance: number | null;
  probability: number | null;
}

export interface Entry {
  id: number;
  at: number | string;
  who: string;
  verb: string;
  detail: unknown;
  changes: { kind: string; values: Record<string, string | number> }[];
  undone: boolean;
}

export interface Changed {
  entry: number | null;
  person?: Person | null;
}

export type JobState = "waiting" | "running" | "done" | "failed" | "cancelled";

export interface Job {
  id: number | string;
  kind: string;
  state: JobState;
  done: number;
  total: number | null;
  message: string;
  result: Record<string, unknown> | null;
  problem: string | null;
}

export interface FaceMap {
  points: { face: number[]; x: number[]; y: number[]; person: (number | null)[] };
  method: string;
  made: number | string;
  stale: boolean;
}

export type Role = "read" | "write" | "admin";

export interface Session {
  /** null where a key is needed and none was given. */
  role: Role | null;
  keys: boolean;
  version: string;
  model: string;
}

export type Card = Record<string, unknown> & { name: string };
