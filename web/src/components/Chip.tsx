// A face's chip, fetched only when it stays in view.

import { useEffect, useState } from "preact/hooks";
import { chip } from "../api";
import { Icon } from "./Icon";

const DELAY = 70; // ms; a picture that leaves the view sooner, during fast scrolling, is never fetched
const MAX_REMEMBERED = 20_000;

const fetched = new Set<string>();
let lastScroll = -DELAY;
if (typeof addEventListener === "function") {
  addEventListener("scroll", () => (lastScroll = performance.now()), { passive: true, capture: true });
}

const isStill = (): boolean => performance.now() - lastScroll >= DELAY;

/** The address once it should be fetched: at once if it was fetched before or nothing scrolls, else after DELAY. */
export function useDelayedSource(address: string): string | undefined {
  const [ready, setReady] = useState(fetched.has(address) || isStill() ? address : "");
  useEffect(() => {
    if (fetched.has(address) || isStill()) {
      setReady(address);
      return undefined;
    }
    const timer = setTimeout(() => setReady(address), DELAY);
    return () => clearTimeout(timer);
  }, [address]);
  return ready === address ? address : undefined;
}

export function rememberFetched(address: string): void {
  if (fetched.size > MAX_REMEMBERED) fetched.clear();
  fetched.add(address);
}

interface Props {
  face: number | null;
  alt?: string;
  side?: number;
}

export function Chip({ face, alt = "", side = 192 }: Props) {
  const address = face === null ? "" : chip(face, side);
  const source = useDelayedSource(address);
  const [failed, setFailed] = useState("");
  if (face === null || failed === address) {
    return (
      <span class="chip chip-none" role={alt ? "img" : undefined} aria-label={alt || undefined}>
        <Icon name="face" size={28} />
      </span>
    );
  }
  return (
    <img
      key={address} // a new element: an emptied src would report an error for the new address
      class="chip"
      src={source}
      alt={alt}
      width={side}
      height={side}
      decoding="async"
      draggable={false}
      data-ready={source ? undefined : "no"}
      onLoad={() => rememberFetched(address)}
      onError={() => setFailed(address)}
    />
  );
}
