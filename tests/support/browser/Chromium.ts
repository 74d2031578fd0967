/**
 * Debian's Chromium by its DevTools protocol, for tests of the live page in a real browser. Without a package:
 * playwright-core under Deno wants every permission there is, since it looks below /proc as it is loaded.
 * https://chromedevtools.github.io/devtools-protocol/
 */
import { Page } from "./Page.ts";
import { Session } from "./Session.ts";

const PROGRAM = "/usr/bin/chromium";

const FLAGS = [
  "--headless",
  "--no-sandbox", // tests may run as root
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];

/** Whether this machine has it. To be asked with permission to read. */
export const isInstalled = (): boolean => {
  try {
    return Deno.statSync(PROGRAM).isFile;
  } catch {
    return false;
  }
};

/** A page as somebody's machine shows it. */
export interface Looks {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: "light" | "dark";
  readonly reducedMotion?: boolean;
}

/** A browser with a profile of its own, which goes with it. */
export class Chromium {
  readonly #child: Deno.ChildProcess;
  readonly #profile: string;
  readonly #session: Session;

  private constructor(child: Deno.ChildProcess, profile: string, session: Session) {
    this.#child = child;
    this.#profile = profile;
    this.#session = session;
  }

  static async start(): Promise<Chromium> {
    const profile = await Deno.makeTempDir({ prefix: "hookline-chromium-" });
    const child = new Deno.Command(PROGRAM, {
      args: [...FLAGS, `--user-data-dir=${profile}`, "about:blank"],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    return new Chromium(child, profile, await Session.open(await addressOf(child)));
  }

  /** A new page that shows nothing yet; each has cookies and storage of its own. */
  async page(looks: Looks = {}): Promise<Page> {
    const { browserContextId } = await this.#session.send("Target.createBrowserContext", {});
    const { targetId } = await this.#session.send("Target.createTarget", {
      url: "about:blank",
      browserContextId,
    });
    const { sessionId } = await this.#session.send("Target.attachToTarget", {
      targetId,
      flatten: true,
    });
    const page = new Page(this.#session.of(String(sessionId)));
    await page.begin(looks);
    return page;
  }

  async stop(): Promise<void> {
    this.#session.close();
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await removeWhenLeft(this.#profile);
  }
}

/** Its other processes may write for a moment after its end. */
const removeWhenLeft = async (folder: string, tries = 50): Promise<void> => {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (tries === 0 || error instanceof Deno.errors.NotFound) throw error;
    await new Promise((resolve) => setTimeout(resolve, 100));
    await removeWhenLeft(folder, tries - 1);
  }
};

/** Where it says that it can be spoken to; what it says behind that is read and forgotten. */
const addressOf = async (child: Deno.ChildProcess): Promise<string> => {
  const found = Promise.withResolvers<string>();
  const read = async () => {
    let text = "";
    for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
      if (text.length < 100_000) text += part;
      const [, address] = /DevTools listening on (ws:\S+)/.exec(text) ?? [];
      if (address !== undefined) found.resolve(address);
    }
    found.reject(new Error(`chromium ended:\n${text}`));
  };
  void read();
  return await found.promise;
};
