/** Tests in a real browser; a machine without one leaves them out, and says so. */
import { aroundAllNeeding, granted, testNeeding } from "../permissions.ts";
import { Chromium, isInstalled } from "./Chromium.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

const isMissing = granted(NEEDED) && !isInstalled();
if (isMissing) {
  console.log(
    `left out: tests of ${
      new URL(Deno.mainModule).pathname
    } that need chromium (apt-get install chromium)`,
  );
}

let browser: Chromium | undefined;

if (!isMissing) {
  aroundAllNeeding(NEEDED, {
    before: async () => void (browser = await Chromium.start()),
    after: async () => await browser?.stop(),
  });
}

/** Registers a test that is given the browser of its file. */
export const testInChromium = (name: string, test: (of: Chromium) => Promise<void>): void => {
  if (isMissing) return Deno.test({ name, ignore: true, fn: () => {} });
  testNeeding(NEEDED, name, async () => {
    if (browser === undefined) throw new Error("chromium has not started");
    await test(browser);
  });
};
