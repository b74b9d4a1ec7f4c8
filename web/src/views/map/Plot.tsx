// The canvas of the face map: wheel and pinch zoom, dragging pans, hovering shows the face, arrow keys move the focus.

import type { TargetedKeyboardEvent, TargetedPointerEvent } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Chip } from "../../components/Chip";
import { Icon } from "../../components/Icon";
import { hue } from "../../format";
import { fit, nearestInDirection, PointIndex, zoomAt, type Transform } from "../../plot";
import { isDark, theme } from "../../state/app";
import type { MapPoints } from "../../types";
import { t } from "../../words";

interface Props {
  points: MapPoints;
  names: Map<number, string>;
  /** The person whose points stand out; null: everybody's. */
  highlighted: number | null;
  open: (face: number) => void;
}

type Size = [width: number, height: number];

const HOVER_RADIUS = 14; // px
const CLICK_TOLERANCE = 5; // px that a press may move and still be a click
const ZOOM_STEP = 1.4;
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function Plot({ points, names, highlighted, open }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(canvas);
  const [transform, setTransform] = useState<Transform | null>(null);
  const [active, setActive] = useState<number | null>(null); // the point that is hovered or has the focus
  const index = useMemo(() => new PointIndex(points), [points]);
  const [width, height] = size;

  const change = (how: (now: Transform) => Transform): void => setTransform((now) => now && how(now));
  const zoom = (factor: number, x = width / 2, y = height / 2): void => change((now) => zoomAt(now, factor, x, y));
  const showAll = (): void => setTransform(fit(points, width, height));

  useEffect(() => {
    if (!width || !height) return;
    if (highlighted === null) showAll();
    else setTransform(fit(pointsOf(points, highlighted), width, height, Math.min(width, height) / 4));
  }, [width, height, points, highlighted]);
  useEffect(() => {
    if (!transform || !width) return undefined;
    const frame = requestAnimationFrame(() => draw(canvas.current!, { points, transform, size, highlighted, active }));
    return () => cancelAnimationFrame(frame);
  }, [transform, size, points, highlighted, active, theme.value]);
  useWheelZoom(canvas, zoom);

  const pointAt = (x: number, y: number): number | null => {
    if (!transform) return null;
    const { scale } = transform;
    return index.nearest((x - transform.x) / scale, (y - transform.y) / scale, HOVER_RADIUS / scale);
  };
  const pointerHandlers = usePointers({
    pan: (dx, dy) => change((now) => ({ ...now, x: now.x + dx, y: now.y + dy })),
    zoom,
    hover: (x, y) => setActive(pointAt(x, y)),
    click: (x, y) => {
      const point = pointAt(x, y);
      if (point !== null) open(points.face[point]!);
    },
  });
  const moveActive = (dx: number, dy: number): void => {
    const next = active === null ? 0 : nearestInDirection(points, active, dx, dy);
    if (next === null) return;
    setActive(next);
    change((now) => panIntoView(now, points.x[next]!, points.y[next]!, size));
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLCanvasElement>): void => {
    const arrow = ARROWS[event.key];
    if (arrow && points.face.length) moveActive(...arrow);
    else if (event.key === "Enter" && active !== null) open(points.face[active]!);
    else if (event.key === "+" || event.key === "=") zoom(ZOOM_STEP);
    else if (event.key === "-") zoom(1 / ZOOM_STEP);
    else if (event.key === "0") showAll();
    else return;
    event.preventDefault();
  };

  const name = active === null ? "" : nameOf(points.person[active] ?? null, names);
  return (
    <div class="plot">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-roledescription={t("map.role")}
        aria-label={t("map.label", { n: points.face.length })}
        {...pointerHandlers}
        onKeyDown={onKeyDown}
        onBlur={() => setActive(null)}
      />
      <p class="visually-hidden" role="status" aria-live="polite">
        {active === null ? "" : `${name}, ${t("face.number", { n: String(points.face[active]) })}`}
      </p>
      {active !== null && transform && (
        <HoverCard
          x={transform.x + points.x[active]! * transform.scale}
          y={transform.y + points.y[active]! * transform.scale}
          size={size}
          face={points.face[active]!}
          name={name}
        />
      )}
      <Tools zoom={zoom} showAll={showAll} />
    </div>
  );
}

function useSize(canvas: { current: HTMLCanvasElement | null }): Size {
  const [size, setSize] = useState<Size>([0, 0]);
  useLayoutEffect(() => {
    const element = canvas.current!;
    const measure = (): void => setSize([element.clientWidth, element.clientHeight]);
    const watcher = new ResizeObserver(measure);
    watcher.observe(element);
    measure();
    return () => watcher.disconnect();
  }, []);
  return size;
}

function useWheelZoom(
  canvas: { current: HTMLCanvasElement | null },
  zoom: (factor: number, x: number, y: number) => void,
): void {
  const latest = useRef(zoom);
  latest.current = zoom;
  useEffect(() => {
    const element = canvas.current!;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const factor = Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)); // deltaMode 1: lines
      latest.current(factor, event.offsetX, event.offsetY);
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, []);
}

function Tools({ zoom, showAll }: { zoom: (factor: number) => void; showAll: () => void }) {
  return (
    <div class="plot-tools">
      <button type="button" class="round" aria-label={t("map.in")} title={t("map.in")} onClick={() => zoom(1.6)}>
        <Icon name="more" />
      </button>
      <button type="button" class="round" aria-label={t("map.out")} title={t("map.out")} onClick={() => zoom(1 / 1.6)}>
        <Icon name="minus" />
      </button>
      <button type="button" class="round" aria-label={t("map.all")} title={t("map.all")} onClick={showAll}>
        <Icon name="whole" />
      </button>
    </div>
  );
}

function nameOf(person: number | null, names: Map<number, string>): string {
  return person === null ? t("unassigned") : names.get(person) || `#${person}`;
}

function pointsOf(points: MapPoints, person: number): { x: number[]; y: number[] } {
  const places = points.person.flatMap((other, n) => (other === person ? [n] : []));
  return { x: places.map((n) => points.x[n]!), y: places.map((n) => points.y[n]!) };
}

/** Moved just so far that the point is in view. */
function panIntoView(transform: Transform, x: number, y: number, [width, height]: Size): Transform {
  const margin = 40;
  const shift = (at: number, end: number): number => Math.max(margin - at, 0) || Math.min(end - margin - at, 0);
  return {
    ...transform,
    x: transform.x + shift(transform.x + x * transform.scale, width),
    y: transform.y + shift(transform.y + y * transform.scale, height),
  };
}

interface HoverCardProps {
  x: number;
  y: number;
  size: Size;
  face: number;
  name: string;
}

const CARD: Size = [116, 150]; // px; as in the style sheet

function HoverCard({ x, y, size, face, name }: HoverCardProps) {
  const left = Math.min(Math.max(x + 14, 4), Math.max(size[0] - CARD[0] - 4, 4));
  const top = y + CARD[1] + 14 > size[1] ? Math.max(y - CARD[1] - 10, 4) : y + 14;
  return (
    <div class="hover-card" style={{ transform: `translate(${left}px, ${top}px)` }} aria-hidden="true">
      <Chip face={face} />
      <span class="clip">{name}</span>
    </div>
  );
}

interface Drawing {
  points: MapPoints;
  transform: Transform;
  size: Size;
  highlighted: number | null;
  active: number | null;
}

function draw(canvas: HTMLCanvasElement, { points, transform, size, highlighted, active }: Drawing): void {
  const [width, height] = size;
  const pen = clearCanvas(canvas, width, height);
  const dark = isDark();
  const count = points.face.length;
  const side = count > 30_000 ? 2.2 : count > 3_000 ? 3.4 : 6;
  const screen = (n: number): Size => [
    transform.x + points.x[n]! * transform.scale,
    transform.y + points.y[n]! * transform.scale,
  ];
  for (const [person, places] of byPerson(points)) {
    const faint = highlighted !== null && person !== highlighted;
    const grey = dark ? "#6b6d73" : "#b9b4a9";
    pen.fillStyle = faint || person === null ? grey : `hsl(${hue(person)} ${dark ? "60% 68%" : "52% 46%"})`;
    pen.globalAlpha = faint ? 0.28 : person === null ? 0.6 : 0.85;
    pen.beginPath();
    for (const n of places) {
      const [x, y] = screen(n);
      if (x < -side || y < -side || x > width + side || y > height + side) continue;
      if (side > 3) {
        pen.moveTo(x + side / 2, y);
        pen.arc(x, y, side / 2, 0, 7);
      } else pen.rect(x - side / 2, y - side / 2, side, side); // squares draw faster
    }
    pen.fill();
  }
  if (active === null) return;
  pen.globalAlpha = 1;
  pen.lineWidth = 2;
  pen.strokeStyle = dark ? "#fff" : "#111";
  pen.beginPath();
  pen.arc(...screen(active), side / 2 + 4, 0, 7);
  pen.stroke();
}

function clearCanvas(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const density = Math.min(devicePixelRatio || 1, 2);
  if (canvas.width !== width * density || canvas.height !== height * density) {
    canvas.width = width * density;
    canvas.height = height * density;
  }
  const pen = canvas.getContext("2d")!;
  pen.setTransform(density, 0, 0, density, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

const grouped = new WeakMap<MapPoints, Map<number | null, number[]>>();

/** The points of each person, computed once for each map. */
function byPerson(points: MapPoints): Map<number | null, number[]> {
  let groups = grouped.get(points);
  if (!groups) {
    groups = new Map<number | null, number[]>();
    for (let n = 0; n < points.face.length; n += 1) {
      const person = points.person[n] ?? null;
      const group = groups.get(person);
      if (group) group.push(n);
      else groups.set(person, [n]);
    }
    grouped.set(points, groups);
  }
  return groups;
}

interface PointerActions {
  pan: (dx: number, dy: number) => void;
  zoom: (factor: number, x: number, y: number) => void;
  hover: (x: number, y: number) => void;
  click: (x: number, y: number) => void;
}

/** One pointer pans, two zoom, and one that does not move clicks. */
function usePointers({ pan, zoom, hover, click }: PointerActions) {
  const pressed = useRef(new Map<number, Size>());
  const moved = useRef(0);
  type Event = TargetedPointerEvent<HTMLCanvasElement>;
  const position = (event: Event): Size => [event.offsetX, event.offsetY];
  const onUp = (event: Event): void => {
    const single = pressed.current.size === 1 && pressed.current.delete(event.pointerId);
    pressed.current.delete(event.pointerId);
    if (single && event.type === "pointerup" && moved.current < CLICK_TOLERANCE) click(...position(event));
  };
  return {
    onPointerDown: (event: Event): void => {
      event.currentTarget.setPointerCapture(event.pointerId);
      if (!pressed.current.size) moved.current = 0;
      pressed.current.set(event.pointerId, position(event));
    },
    onPointerMove: (event: Event): void => {
      const [before, now] = [pressed.current.get(event.pointerId), position(event)];
      if (!before) return hover(...now);
      moved.current += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
      const other = [...pressed.current].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const gap = (point: Size): number => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
        zoom(gap(now) / gap(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      } else if (moved.current >= CLICK_TOLERANCE) pan(now[0] - before[0], now[1] - before[1]);
      pressed.current.set(event.pointerId, now);
    },
    onPointerUp: onUp,
    onPointerCancel: onUp,
    onPointerLeave: (event: Event): void => {
      if (!pressed.current.has(event.pointerId)) hover(-1e9, -1e9);
    },
  };
}
