/**
 * The two configuration files of an integration test: every event goes to one URL, unless a test
 * says otherwise. Ports are chosen by the system.
 */
import { hookEventNames } from "../../src/domain/HookEvent.ts";
import type { Files } from "./BrokerProcess.ts";

/** What a test changes. TOML text is taken as it is. */
export interface Wanted {
  /** Keys before the listeners, such as `auth.users`. */
  readonly broker?: string;
  /**
   * Each listener's keys beside `addr`, by the listener's name, which is a TCP listener's unless it
   * begins with `tls.`, `ws.` or `wss.`; default: `external` with none.
   */
  readonly listeners?: Readonly<Record<string, string>>;
  readonly urls: ReadonlyArray<string>;
  /** Keys of web-hook.toml; retries are quick and without chance unless they say otherwise. */
  readonly webHook?: string;
  /** Rules instead of "every event under its own name". */
  readonly rules?: string;
}

/** The node of every event in these tests: not the default, so that it is seen to be read. */
export const NODE = 7;

export const brokerFiles = (wanted: Wanted): Files => ({
  broker: [
    ...(/^(\[?log\b)/m.test(wanted.broker ?? "") ? [] : ['log.format = "pretty"']),
    wanted.broker ?? "",
    `node.id = ${NODE}`,
    ...Object.entries(wanted.listeners ?? { external: "" }).map(([name, keys]) =>
      `[listener.${name.includes(".") ? name : `tcp.${name}`}]\naddr = "127.0.0.1:0"\n${keys}`
    ),
  ].join("\n"),
  webHook: [
    `http_urls = ${JSON.stringify(wanted.urls)}`,
    wanted.webHook ?? 'worker_threads = 1\nordering = "client"',
    wanted.rules ?? hookEventNames.map((name) => `rule.${name} = [{ action = "${name}" }]`)
      .join("\n"),
  ].join("\n"),
});
