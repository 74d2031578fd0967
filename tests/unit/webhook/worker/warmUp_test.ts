import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { warmUp } from "../../../../src/webhook/worker/warmUp.ts";
import { testNeeding } from "../../../support/permissions.ts";

// That nothing is left open, neither listener nor connection, the test runner sees to.
testNeeding(
  ["net"],
  "warmUp makes its requests by one connection and leaves nothing open",
  async () => {
    let connections = 0;
    const listen = Deno.listen;
    // What it listens on is its own: only here can its connections be counted.
    Deno.listen = ((options: Deno.ListenOptions & { transport?: "tcp" }) => {
      const listener = listen(options);
      const accept = listener.accept.bind(listener);
      listener.accept = () => accept().then((socket) => (connections++, socket));
      return listener;
    }) as typeof Deno.listen; // it is asked for TCP alone
    try {
      await Effect.runPromise(warmUp);
    } finally {
      Deno.listen = listen;
    }
    assert.equal(connections, 1);
  },
);

testNeeding(
  ["net", "read"],
  "warmUp keeps no worker from starting where nothing can listen",
  async () => {
    const listen = Deno.listen;
    Deno.listen = (() => {
      throw new Deno.errors.AddrNotAvailable("no loopback interface");
    }) as typeof Deno.listen;
    try {
      await Effect.runPromise(warmUp);
    } finally {
      Deno.listen = listen;
    }
  },
);
