// A picture with a box around each face; boxes can be selected.

import { useState } from "preact/hooks";
import type { Box } from "../types";
import { Icon } from "./Icon";

export interface FaceBox {
  key: number;
  box: Box;
  label: string;
  selected: boolean;
  name?: string;
}

interface Props {
  source: string;
  alt: string;
  /** Width and height that the boxes are measured in; null: those of the loaded picture. */
  size: readonly [number, number] | null;
  boxes: FaceBox[];
  select?: ((key: number) => void) | undefined;
  /** Text shown if the picture cannot be loaded or drawn. */
  fallback: string;
}

type LoadState = "loading" | "ready" | "failed";

export function FaceBoxes({ source, alt, size, boxes, select, fallback }: Props) {
  const [natural, setNatural] = useState<[number, number] | null>(null);
  const [loaded, setLoaded] = useState<{ source: string; state: LoadState } | null>(null);
  const state = loaded?.source === source ? loaded.state : "loading";
  const [width, height] = size ?? natural ?? [1, 1];
  const style = {
    aspectRatio: `${width} / ${height}`,
    "--ratio": String(width / height),
    "--wide": `${Math.max(width, 100)}px`,
  };
  return (
    <div class="face-boxes" data-state={state} style={style}>
      {state === "failed" ? (
        <p class="face-boxes-failed">
          <Icon name="photos" size={32} />
          {fallback}
        </p>
      ) : (
        <img
          src={source}
          alt={alt}
          draggable={false}
          onLoad={(event) => {
            setNatural([event.currentTarget.naturalWidth, event.currentTarget.naturalHeight]);
            setLoaded({ source, state: "ready" });
          }}
          onError={() => setLoaded({ source, state: "failed" })}
        />
      )}
      {(state !== "loading" || size !== null) &&
        boxes.map((face) => <Outline key={face.key} face={face} width={width} height={height} select={select} />)}
    </div>
  );
}

interface OutlineProps {
  face: FaceBox;
  width: number;
  height: number;
  select: Props["select"];
}

function Outline({ face, width, height, select }: OutlineProps) {
  const [x1, y1, x2, y2] = face.box;
  const percent = (value: number, whole: number): string => `${(100 * value) / whole}%`;
  const style = {
    left: percent(x1, width),
    top: percent(y1, height),
    width: percent(x2 - x1, width),
    height: percent(y2 - y1, height),
  };
  const name = face.name && <span class="outline-name">{face.name}</span>;
  if (!select) {
    return (
      <span class="outline" data-selected={face.selected} style={style}>
        {name}
      </span>
    );
  }
  return (
    <button
      type="button"
      class="outline"
      data-selected={face.selected}
      style={style}
      aria-pressed={face.selected}
      aria-label={face.label}
      title={face.label}
      onClick={() => select(face.key)}
    >
      {name}
    </button>
  );
}
