// A face's small picture, fetched only when it stays in view.

import { useEffect, useState } from "preact/hooks";
import { chip } from "../api";
import { Icon } from "./Icon";

const CALM = 70; // ms; a picture that leaves the view sooner, while scrolling fast, is never asked for
const fetched = new Set<string>();
let scrolled = -CALM; // when the page was last scrolled
if (typeof addEventListener === "function") {
  addEventListener("scroll", () => (scrolled = performance.now()), { passive: true, capture: true });
}

const isCalm = (): boolean => performance.now() - scrolled >= CALM;
const REMEMBERED = 20_000;

/** The address once it is worth fetching: at once if it was fetched before or nothing moves, else after a moment. */
export function useCalm(address: string): string | undefined {
  const [ready, setReady] = useState(fetched.has(address) || isCalm() ? address : "");
  useEffect(() => {
    if (fetched.has(address) || isCalm()) {
      setReady(address);
      return undefined;
    }
    const timer = setTimeout(() => setReady(address), CALM);
    return () => clearTimeout(timer);
  }, [address]);
  return ready === address ? address : undefined;
}

export function remember(address: string): void {
  if (fetched.size > REMEMBERED) fetched.clear();
  fetched.add(address);
}

interface Props {
  face: number | null;
  alt?: string;
  side?: number;
}

export function Chip({ face, alt = "", side = 192 }: Props) {
  const address = face === null ? "" : chip(face, side);
  const source = useCalm(address);
  const [gone, setGone] = useState("");
  if (face === null || gone === address) {
    return (
      <span class="chip chip-none" role={alt ? "img" : undefined} aria-label={alt || undefined}>
        <Icon name="face" size={28} />
      </span>
    );
  }
  return (
    <img
      class="chip"
      src={source}
      alt={alt}
      width={side}
      height={side}
      decoding="async"
      draggable={false}
      data-ready={source ? undefined : "no"}
      onLoad={() => remember(address)}
      onError={() => setGone(address)}
    />
  );
}
