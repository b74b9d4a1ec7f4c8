// The canvas of the map: wheel and pinch go nearer, dragging moves it, hovering shows the face, arrow keys step.

import type { TargetedKeyboardEvent, TargetedPointerEvent } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { hue } from "../../format";
import { Chip } from "../../parts/Chip";
import { Icon } from "../../parts/Icon";
import { fitted, Squares, towards, zoomed, type Shift } from "../../plot";
import { isDark, theme } from "../../state/app";
import type { FaceMap } from "../../shapes";
import { said } from "../../words";

interface Props {
  points: FaceMap["points"];
  names: Map<number, string>;
  /** The one person who is to stand out; null: everybody. */
  shown: number | null;
  open: (face: number) => void;
}

const REACH = 14; // px within which the pointer finds a point
const CLICK = 5; // px that a press may move and still be a click
const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function Plot({ points, names, shown, open }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState<[number, number]>([0, 0]);
  const [shift, setShift] = useState<Shift | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const squares = useMemo(() => new Squares(points), [points]);
  const [width, height] = size;

  useLayoutEffect(() => {
    const element = canvas.current!;
    const watcher = new ResizeObserver(() => setSize([element.clientWidth, element.clientHeight]));
    watcher.observe(element);
    setSize([element.clientWidth, element.clientHeight]);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => {
    if (width && height) setShift(shown === null ? fitted(points, width, height) : fitted(only(points, shown), width, height, Math.min(width, height) / 4));
  }, [width, height, points, shown]);
  useEffect(() => {
    if (!shift || !width) return undefined;
    const frame = requestAnimationFrame(() => draw(canvas.current!, points, shift, size, shown, at));
    return () => cancelAnimationFrame(frame);
  }, [shift, size, points, shown, at, theme.value]);

  const pointers = usePointers({
    move: (dx, dy) => setShift((now) => now && { ...now, x: now.x + dx, y: now.y + dy }),
    zoom: (factor, x, y) => setShift((now) => now && zoomed(now, factor, x, y)),
    hover: (x, y) => setAt(shift && squares.nearest((x - shift.x) / shift.scale, (y - shift.y) / shift.scale, REACH / shift.scale)),
    click: (x, y) => {
      const found = shift && squares.nearest((x - shift.x) / shift.scale, (y - shift.y) / shift.scale, REACH / shift.scale);
      if (found !== null) open(points.face[found]!);
    },
  });
  useEffect(() => {
    const element = canvas.current!;
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      const factor = Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016));
      setShift((now) => now && zoomed(now, factor, event.offsetX, event.offsetY));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, []);

  const centre = (factor: number): void => setShift((now) => now && zoomed(now, factor, width / 2, height / 2));
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLCanvasElement>): void => {
    const arrow = ARROWS[event.key];
    if (arrow && points.face.length) {
      const next = at === null ? 0 : towards(points, at, arrow[0], arrow[1]);
      if (next !== null) {
        setAt(next);
        setShift((now) => now && insight(now, points.x[next]!, points.y[next]!, width, height));
      }
    } else if (event.key === "Enter" && at !== null) open(points.face[at]!);
    else if (event.key === "+" || event.key === "=") centre(1.4);
    else if (event.key === "-") centre(1 / 1.4);
    else if (event.key === "0") setShift(fitted(points, width, height));
    else return;
    event.preventDefault();
  };

  const name = at === null ? "" : nameOf(points.person[at] ?? null, names);
  return (
    <div class="plot">
      <canvas ref={canvas} tabIndex={0} role="application" aria-roledescription={said("map.role")} aria-label={said("map.label", { n: points.face.length })} {...pointers} onKeyDown={onKeyDown} onBlur={() => setAt(null)} />
      <p class="unseen" role="status" aria-live="polite">{at === null ? "" : `${name}, ${said("search.known", { n: points.face[at]! })}`}</p>
      {at !== null && shift && <Hovered x={shift.x + points.x[at]! * shift.scale} y={shift.y + points.y[at]! * shift.scale} size={size} face={points.face[at]!} name={name} />}
      <div class="plot-tools">
        <button type="button" class="round" aria-label={said("map.nearer")} title={said("map.nearer")} onClick={() => centre(1.6)}><Icon name="more" /></button>
        <button type="button" class="round" aria-label={said("map.farther")} title={said("map.farther")} onClick={() => centre(1 / 1.6)}><Icon name="minus" /></button>
        <button type="button" class="round" aria-label={said("map.whole")} title={said("map.whole")} onClick={() => setShift(fitted(points, width, height))}><Icon name="whole" /></button>
      </div>
    </div>
  );
}

function nameOf(person: number | null, names: Map<number, string>): string {
  return person === null ? said("nobody") : names.get(person) || `#${person}`;
}

function only(points: FaceMap["points"], person: number): { x: number[]; y: number[] } {
  const mine = points.person.flatMap((one, n) => (one === person ? [n] : []));
  return { x: mine.map((n) => points.x[n]!), y: mine.map((n) => points.y[n]!) };
}

/** Moved just so far that the point is in view. */
function insight(shift: Shift, x: number, y: number, width: number, height: number): Shift {
  const [left, top, edge] = [shift.x + x * shift.scale, shift.y + y * shift.scale, 40];
  const by = (where: number, whole: number): number => (where < edge ? edge - where : where > whole - edge ? whole - edge - where : 0);
  return { ...shift, x: shift.x + by(left, width), y: shift.y + by(top, height) };
}

function Hovered({ x, y, size, face, name }: { x: number; y: number; size: [number, number]; face: number; name: string }) {
  const [width, height] = [116, 150];
  const left = Math.min(Math.max(x + 14, 4), Math.max(size[0] - width - 4, 4));
  const top = y + height + 14 > size[1] ? Math.max(y - height - 10, 4) : y + 14;
  return (
    <div class="hovered" style={{ transform: `translate(${left}px, ${top}px)` }} aria-hidden="true">
      <Chip face={face} />
      <span class="clip">{name}</span>
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, points: FaceMap["points"], shift: Shift, [width, height]: [number, number], shown: number | null, at: number | null): void {
  const fine = Math.min(devicePixelRatio || 1, 2);
  if (canvas.width !== width * fine || canvas.height !== height * fine) {
    canvas.width = width * fine;
    canvas.height = height * fine;
  }
  const pen = canvas.getContext("2d")!;
  pen.setTransform(fine, 0, 0, fine, 0, 0);
  pen.clearRect(0, 0, width, height);
  const dark = isDark();
  const many = points.face.length;
  const side = many > 30_000 ? 2.2 : many > 3_000 ? 3.4 : 6;
  for (const [person, mine] of byPerson(points)) {
    const faint = shown !== null && person !== shown;
    pen.fillStyle = faint || person === null ? (dark ? "#6b6d73" : "#b9b4a9") : `hsl(${hue(person)} ${dark ? "60% 68%" : "52% 46%"})`;
    pen.globalAlpha = faint ? 0.28 : person === null ? 0.6 : 0.85;
    pen.beginPath();
    for (const n of mine) {
      const [x, y] = [shift.x + points.x[n]! * shift.scale, shift.y + points.y[n]! * shift.scale];
      if (x < -side || y < -side || x > width + side || y > height + side) continue;
      if (side > 3) {
        pen.moveTo(x + side / 2, y);
        pen.arc(x, y, side / 2, 0, 7);
      } else pen.rect(x - side / 2, y - side / 2, side, side);
    }
    pen.fill();
  }
  if (at === null) return;
  pen.globalAlpha = 1;
  pen.lineWidth = 2;
  pen.strokeStyle = dark ? "#fff" : "#111";
  pen.beginPath();
  pen.arc(shift.x + points.x[at]! * shift.scale, shift.y + points.y[at]! * shift.scale, side / 2 + 4, 0, 7);
  pen.stroke();
}

const sorted = new WeakMap<FaceMap["points"], Map<number | null, number[]>>();

function byPerson(points: FaceMap["points"]): Map<number | null, number[]> {
  let found = sorted.get(points);
  if (!found) {
    found = new Map<number | null, number[]>();
    for (let n = 0; n < points.face.length; n += 1) {
      const person = points.person[n] ?? null;
      const mine = found.get(person);
      if (mine) mine.push(n);
      else found.set(person, [n]);
    }
    sorted.set(points, found);
  }
  return found;
}

interface Moves {
  move: (dx: number, dy: number) => void;
  zoom: (factor: number, x: number, y: number) => void;
  hover: (x: number, y: number) => void;
  click: (x: number, y: number) => void;
}

/** One pointer moves the map, two go nearer and farther, one that stays clicks. */
function usePointers({ move, zoom, hover, click }: Moves) {
  const down = useRef(new Map<number, [number, number]>());
  const moved = useRef(0);
  type Event = TargetedPointerEvent<HTMLCanvasElement>;
  const where = (event: Event): [number, number] => [event.offsetX, event.offsetY];
  const up = (event: Event): void => {
    const single = down.current.size === 1 && down.current.delete(event.pointerId);
    down.current.delete(event.pointerId);
    if (single && event.type === "pointerup" && moved.current < CLICK) click(...where(event));
  };
  return {
    onPointerDown: (event: Event): void => {
      event.currentTarget.setPointerCapture(event.pointerId);
      if (!down.current.size) moved.current = 0;
      down.current.set(event.pointerId, where(event));
    },
    onPointerMove: (event: Event): void => {
      const [before, now] = [down.current.get(event.pointerId), where(event)];
      if (!before) return hover(...now);
      moved.current += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
      const other = [...down.current].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const far = (point: [number, number]): number => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
        zoom(far(now) / far(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      } else if (moved.current >= CLICK) move(now[0] - before[0], now[1] - before[1]);
      down.current.set(event.pointerId, now);
    },
    onPointerUp: up,
    onPointerCancel: up,
    onPointerLeave: (event: Event): void => {
      if (!down.current.has(event.pointerId)) hover(-1e9, -1e9);
    },
  };
}
