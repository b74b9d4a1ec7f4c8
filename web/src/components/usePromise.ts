import { useEffect, useState } from "preact/hooks";
import { reportError } from "../state/app";

/** A promise's value; null until it is there. */
export function usePromise<T>(promise: Promise<T>): T | null {
  const [settled, setSettled] = useState<{ promise: Promise<T>; value: T } | null>(null);
  useEffect(() => {
    let ignore = false;
    promise.then(
      (value) => !ignore && setSettled({ promise, value }),
      (error: unknown) => !ignore && reportError(error),
    );
    return () => {
      ignore = true;
    };
  }, [promise]);
  return settled?.promise === promise ? settled.value : null;
}
