/** The memory that is in use after a garbage collection, for tests that hold it to a bound. Needs no permission. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const collectGarbage: () => void = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
})();

/** Bytes of the heap and of array buffers beside it. */
export const memoryInUse = (): number => {
  collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
};
