// How pictures come in: chosen, dropped, pasted, or taken with the camera.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { complain } from "../state/app";
import { said } from "../words";
import { Dialog } from "./Dialog";
import { Icon } from "./Icon";

type Take = (pictures: File[]) => void;

/** Files that may be pictures; browsers do not know the type of some, such as HEIC. */
export function picturesIn(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])].filter((file) => file.type === "" || /^(image|video)\//.test(file.type));
}

export function ChooseButton({ take, label, several = true, main = false }: { take: Take; label: string; several?: boolean; main?: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class={main ? "main" : ""} onClick={() => input.current!.click()}>
        <Icon name="upload" />
        {label}
      </button>
      <input
        ref={input}
        type="file"
        accept="image/*,.heic,.heif,.avif"
        multiple={several}
        hidden
        tabIndex={-1}
        aria-label={label}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          if (files.length) take(files);
        }}
      />
    </>
  );
}

/** Lets pictures be dropped anywhere on the page and pasted; says so while one is held above it. */
export function DropAnywhere({ take, hint }: { take: Take; hint: string }) {
  const [over, setOver] = useState(false);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    let depth = 0;
    const holds = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    const enter = (event: DragEvent): void => {
      if (!holds(event)) return;
      depth += 1;
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (!holds(event)) return;
      depth = Math.max(depth - 1, 0);
      if (!depth) setOver(false);
    };
    const above = (event: DragEvent): void => {
      if (holds(event)) event.preventDefault();
    };
    const drop = (event: DragEvent): void => {
      if (!holds(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      const files = picturesIn(event.dataTransfer);
      if (files.length) latest.current(files);
    };
    const paste = (event: ClipboardEvent): void => {
      const files = picturesIn(event.clipboardData);
      if (!files.length) return;
      event.preventDefault();
      latest.current(files);
    };
    const listeners: [string, (event: never) => void][] = [
      ["dragenter", enter], ["dragleave", leave], ["dragover", above], ["drop", drop], ["paste", paste],
    ];
    for (const [name, listener] of listeners) addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of listeners) removeEventListener(name, listener as EventListener);
    };
  }, []);
  return over ? <div class="drop-hint" aria-hidden="true"><span><Icon name="upload" size={28} />{hint}</span></div> : null;
}

export function CameraButton({ take, label }: { take: Take; label: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  if (!("mediaDevices" in navigator)) return null; // browsers give the camera only to safe addresses
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        <Icon name="camera" />
        {label}
      </button>
      {open && <Camera take={take} close={() => setOpen(false)} />}
    </>
  );
}

function Camera({ take, close }: { take: Take; close: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [problem, setProblem] = useState("");
  const [ready, setReady] = useState(false);
  useEffect(() => {
    let stream: MediaStream | null = null;
    let left = false;
    navigator.mediaDevices
      .getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } } })
      .then((found) => {
        stream = found;
        if (left) found.getTracks().forEach((track) => track.stop());
        else video.current!.srcObject = found;
      })
      .catch(() => setProblem(said("camera.none")));
    return () => {
      left = true;
      stream?.getTracks().forEach((track) => track.stop());
    };
  }, []);
  const capture = (): void => {
    const [shown, canvas] = [video.current!, document.createElement("canvas")];
    [canvas.width, canvas.height] = [shown.videoWidth, shown.videoHeight];
    canvas.getContext("2d")!.drawImage(shown, 0, 0);
    canvas.toBlob((blob) => {
      if (!blob) return complain(new Error(said("camera.none")));
      take([new File([blob], "camera.jpg", { type: "image/jpeg" })]);
      close();
    }, "image/jpeg", 0.92);
  };
  return (
    <Dialog title={said("camera.title")} close={close}>
      {problem ? (
        <p class="note" role="alert">{problem}</p>
      ) : (
        <video class="camera" ref={video} autoPlay muted playsInline onLoadedData={() => setReady(true)} />
      )}
      <div class="actions">
        <button type="button" class="main" disabled={!ready} onClick={capture}>
          <Icon name="camera" />
          {said("camera.take")}
        </button>
      </div>
    </Dialog>
  );
}
