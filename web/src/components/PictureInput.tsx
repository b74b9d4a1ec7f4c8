// How pictures come in: chosen, dropped, pasted or taken with the camera.

import { useEffect, useRef, useState } from "preact/hooks";
import { reportError } from "../state/app";
import { t } from "../words";
import { Dialog } from "./Dialog";
import { Icon } from "./Icon";

type Take = (pictures: File[]) => void;

/** Files that may be pictures; browsers do not know the type of some, such as HEIC. */
export function pictureFiles(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])].filter((file) => file.type === "" || /^(image|video)\//.test(file.type));
}

interface ChooseProps {
  take: Take;
  label: string;
  several?: boolean;
  main?: boolean;
}

export function ChooseButton({ take, label, several = true, main = false }: ChooseProps) {
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

/** Accepts pictures that are dropped anywhere on the page or pasted; shows `hint` while one is dragged over it. */
export function DropAnywhere({ take, hint }: { take: Take; hint: string }) {
  const [over, setOver] = useState(false);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    let depth = 0; // dragenter and dragleave come for every element that is crossed
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    const onEnter = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const onLeave = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      depth = Math.max(depth - 1, 0);
      if (!depth) setOver(false);
    };
    const onOver = (event: DragEvent): void => {
      if (hasFiles(event)) event.preventDefault();
    };
    const onDrop = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      const files = pictureFiles(event.dataTransfer);
      if (files.length) latest.current(files);
    };
    const onPaste = (event: ClipboardEvent): void => {
      const files = pictureFiles(event.clipboardData);
      if (!files.length) return;
      event.preventDefault();
      latest.current(files);
    };
    const listeners: [string, (event: never) => void][] = [
      ["dragenter", onEnter],
      ["dragleave", onLeave],
      ["dragover", onOver],
      ["drop", onDrop],
      ["paste", onPaste],
    ];
    for (const [name, listener] of listeners) addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of listeners) removeEventListener(name, listener as EventListener);
    };
  }, []);
  if (!over) return null;
  return (
    <div class="drop-hint" aria-hidden="true">
      <span>
        <Icon name="upload" size={28} />
        {hint}
      </span>
    </div>
  );
}

export function CameraButton({ take, label }: { take: Take; label: string }) {
  const [open, setOpen] = useState(false);
  if (!("mediaDevices" in navigator)) return null; // browsers allow the camera only over https or on localhost
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
    let closed = false;
    navigator.mediaDevices
      .getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } } })
      .then((opened) => {
        stream = opened;
        if (closed) opened.getTracks().forEach((track) => track.stop());
        else video.current!.srcObject = opened;
      })
      .catch(() => setProblem(t("camera.none")));
    return () => {
      closed = true;
      stream?.getTracks().forEach((track) => track.stop());
    };
  }, []);
  const capture = (): void => {
    const source = video.current!;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [source.videoWidth, source.videoHeight];
    canvas.getContext("2d")!.drawImage(source, 0, 0);
    canvas.toBlob(
      (blob) => {
        if (!blob) return reportError(new Error(t("camera.none")));
        take([new File([blob], "camera.jpg", { type: "image/jpeg" })]);
        close();
      },
      "image/jpeg",
      0.92,
    );
  };
  return (
    <Dialog title={t("camera.title")} close={close}>
      {problem ? (
        <p class="note" role="alert">
          {problem}
        </p>
      ) : (
        <video class="camera" ref={video} autoPlay muted playsInline onLoadedData={() => setReady(true)} />
      )}
      <div class="actions">
        <button type="button" class="main" disabled={!ready} onClick={capture}>
          <Icon name="camera" />
          {t("camera.take")}
        </button>
      </div>
    </Dialog>
  );
}
