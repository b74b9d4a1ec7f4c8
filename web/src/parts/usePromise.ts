// A promise's value once it is there.

import { useEffect, useState } from "preact/hooks";
import { complain } from "../state/app";

export function usePromise<T>(promise: Promise<T>): T | null {
  const [value, setValue] = useState<{ of: Promise<T>; value: T } | null>(null);
  useEffect(() => {
    let left = false;
    promise.then((found) => !left && setValue({ of: promise, value: found }), (error: unknown) => !left && complain(error));
    return () => {
      left = true;
    };
  }, [promise]);
  return value?.of === promise ? value.value : null;
}
