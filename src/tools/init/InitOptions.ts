/** The command line of `deno task init`. */
import { parseArgs } from "node:util";
import { nearest } from "../../config/nearest.ts";

export interface InitOptions {
  /** Where to write to. */
  readonly config: string;
  readonly webHook: string;
  /** Files to begin from, instead of questions. */
  readonly from: string | undefined;
  readonly fromWebHook: string | undefined;
  readonly urls: ReadonlyArray<string>;
  readonly events: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** User names with the environment variable of their passwords. */
  readonly users: ReadonlyArray<string>;
  /** What is not given takes its default: nothing is asked. */
  readonly yes: boolean;
  /** Files that are there are overwritten. */
  readonly force: boolean;
}

export const INIT_USAGE = `Usage: deno task init [options]

Asks for a URL, events, TLS and users, writes broker.toml and web-hook.toml with comments, and checks
them. What is given here is not asked.

  --url URL            where events go; may be given several times
  --events LIST        all, presence, messages, or names of events with commas between
  --cert FILE          certificate for TLS, PEM; with --key
  --key FILE           its private key, PEM
  --user NAME=env:VAR  a user; the password is the variable's value when the broker starts.
                       Several times for several. Passwords are typed at the questions only
  --from FILE          take the broker's settings from this file: an rmqtt.toml, say
  --from-web-hook FILE the same for web-hook settings
  --config FILE        where to write the broker's settings (default: broker.toml)
  --web-hook FILE      where to write the web-hook settings (default: web-hook.toml)
  --yes                ask nothing: what is not given takes its default
  --force              overwrite files that are there, without asking
  --help               print this text and exit`;

const options = {
  url: { type: "string", multiple: true },
  events: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  user: { type: "string", multiple: true },
  from: { type: "string" },
  "from-web-hook": { type: "string" },
  config: { type: "string", default: "broker.toml" },
  "web-hook": { type: "string", default: "web-hook.toml" },
  yes: { type: "boolean", default: false },
  force: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** What was asked for, or in a line what is wrong with it. */
export const parseInitOptions = (
  args: ReadonlyArray<string>,
): InitOptions | "help" | { readonly fault: string } => {
  try {
    const { values } = parseArgs({ args: [...args], options });
    if (values.help) return "help";
    if ((values.cert === undefined) !== (values.key === undefined)) {
      return { fault: "--cert and --key go together" };
    }
    if (values.from !== undefined && (values.cert ?? values.user) !== undefined) {
      return { fault: "--cert, --key and --user are for a new broker.toml: --from says all" };
    }
    if (values["from-web-hook"] !== undefined && (values.url ?? values.events) !== undefined) {
      return { fault: "--url and --events are for a new web-hook.toml: --from-web-hook says all" };
    }
    return {
      config: values.config,
      webHook: values["web-hook"],
      from: values.from,
      fromWebHook: values["from-web-hook"],
      urls: values.url ?? [],
      events: values.events,
      cert: values.cert,
      key: values.key,
      users: values.user ?? [],
      yes: values.yes,
      force: values.force,
    };
  } catch (error) {
    const fault = error instanceof Error ? error.message.split("\n")[0] ?? "" : String(error);
    const [, unknown] = /'(--[^']*)'/.exec(fault) ?? [];
    const near = unknown && nearest(unknown, Object.keys(options).map((name) => `--${name}`));
    return { fault: fault + (near && near !== unknown ? ` Did you mean ${near}?` : "") };
  }
};
