#!/usr/bin/env node
// `hookline [OPTIONS]` starts the broker with the least permissions that its files need (deno task
// permissions), `hookline TASK` a task beside it: init, receiver, dead-letters and the like. Signals are
// handed on, and the exit status is that of what was started.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";

const inPackage = (path) => fileURLToPath(new URL(path, import.meta.url));

// Deno itself: the bin of its package would wait for it and hand nothing on.
const deno = createRequire(import.meta.url)("deno/install_api.cjs")
  .runInstall();

// The lock is of deno.json alone; with the package.json beside it, it would be out of date.
const env = { ...process.env, DENO_NO_PACKAGE_JSON: "1" };

const { tasks } = JSON.parse(readFileSync(inPackage("deno.json"), "utf8"));
const TASKS = [
  "init",
  "receiver",
  "healthcheck",
  "permissions",
  "hash-password",
  "dead-letters",
];

/** The words behind `deno` for a task of deno.json, with its own options or these. */
const words = (task, args, options) => {
  const own = tasks[task].command.split(" ").slice(1);
  const [, ...flags] = own.slice(0, -1);
  const program = inPackage(own.at(-1));
  return [
    "run",
    "--config",
    inPackage("deno.json"),
    ...(options ?? flags),
    program,
    ...args,
  ];
};

const broker = (args) => {
  const stdio = ["ignore", "pipe", "inherit"];
  const { status, stdout } = spawnSync(deno, words("permissions", args), {
    env,
    stdio,
  });
  if (status !== 0) process.exit(status ?? 1); // it has said why
  return words("start", args, stdout.toString().trimEnd().split("\n"));
};

const [first, ...rest] = process.argv.slice(2);
const child = spawn(
  deno,
  TASKS.includes(first) ? words(first, rest) : broker(process.argv.slice(2)),
  { env, stdio: "inherit" },
);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
child.on(
  "exit",
  (code, signal) => process.exit(code ?? 128 + constants.signals[signal]),
);
