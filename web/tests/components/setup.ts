// Stands in for the server in tests of components.

import { cleanup } from "@testing-library/preact";
import { afterEach, vi } from "vitest";

/** Answers requests by the start of their path, without "/api/v1"; returns the requests that were made. */
export function mockServer(answers: Record<string, unknown>): { method: string; path: string; body: unknown }[] {
  const requests: { method: string; path: string; body: unknown }[] = [];
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
    const path = address.replace("/api/v1", "");
    requests.push({
      method: init.method ?? "GET",
      path,
      body: typeof init.body === "string" ? JSON.parse(init.body) : null,
    });
    const match = Object.keys(answers).find((start) => path.startsWith(start));
    if (match === undefined) return Promise.resolve(new Response("{}", { status: 404 }));
    return Promise.resolve(new Response(JSON.stringify(answers[match]), { status: 200 }));
  });
  return requests;
}

export const face = (id: number, person: number | null = null, name = "") => ({
  id,
  photo: id,
  number: 0,
  box: [10, 10, 50, 50] as [number, number, number, number],
  landmarks: null,
  score: 0.99,
  quality: { score: 0.9, sharpness: null, yaw: null, pitch: null, roll: null },
  time: null,
  taken: null,
  person,
  name,
});

export const person = (id: number, name = "") => ({ id, name, faces: id, photos: id, hidden: false, cover: id });

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});
