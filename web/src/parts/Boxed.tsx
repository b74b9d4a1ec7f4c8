// A picture with its faces outlined; each outline can be pressed.

import { useState } from "preact/hooks";
import type { Box } from "../shapes";
import { Icon } from "./Icon";

export interface Outline {
  key: number;
  box: Box;
  label: string;
  chosen: boolean;
  named?: string;
}

interface Props {
  source: string;
  alt: string;
  /** Width and height that the boxes are measured in; null: those of the picture as it comes. */
  size: readonly [number, number] | null;
  outlines: Outline[];
  choose?: ((key: number) => void) | undefined;
  /** Shown in place of a picture that does not come or that the browser cannot draw. */
  instead: string;
}

export function Boxed({ source, alt, size, outlines, choose, instead }: Props) {
  const [natural, setNatural] = useState<[number, number] | null>(null);
  const [state, setState] = useState<{ of: string; what: "ready" | "gone" } | null>(null);
  const now = state?.of === source ? state.what : "coming";
  const [width, height] = size ?? natural ?? [1, 1];
  const shown = now !== "coming" || size !== null;
  return (
    <div class="boxed" data-state={now} style={{ aspectRatio: `${width} / ${height}`, "--ratio": String(width / height), "--wide": `${Math.max(width, 100)}px` }}>
      {now === "gone" ? (
        <p class="boxed-gone">
          <Icon name="photos" size={32} />
          {instead}
        </p>
      ) : (
        <img
          src={source}
          alt={alt}
          draggable={false}
          onLoad={(event) => {
            setNatural([event.currentTarget.naturalWidth, event.currentTarget.naturalHeight]);
            setState({ of: source, what: "ready" });
          }}
          onError={() => setState({ of: source, what: "gone" })}
        />
      )}
      {shown && outlines.map((outline) => <Outlined key={outline.key} outline={outline} width={width} height={height} choose={choose} />)}
    </div>
  );
}

function Outlined({ outline, width, height, choose }: { outline: Outline; width: number; height: number; choose: Props["choose"] }) {
  const [x1, y1, x2, y2] = outline.box;
  const part = (value: number, whole: number): string => `${(100 * value) / whole}%`;
  const style = { left: part(x1, width), top: part(y1, height), width: part(x2 - x1, width), height: part(y2 - y1, height) };
  const name = outline.named && <span class="outline-name">{outline.named}</span>;
  if (!choose) {
    return (
      <span class="outline" data-chosen={outline.chosen} style={style}>
        {name}
      </span>
    );
  }
  return (
    <button type="button" class="outline" data-chosen={outline.chosen} style={style} aria-pressed={outline.chosen} aria-label={outline.label} title={outline.label} onClick={() => choose(outline.key)}>
      {name}
    </button>
  );
}
