import assert from "node:assert/strict";
import { repository, taskWords } from "../../support/BrokerProcess.ts";
import { testNeeding } from "../../support/permissions.ts";
import { machineMemory, makeIsMemoryShort } from "../../../src/ops/memory.ts";

const GB = 1_000_000_000;

const machine = (total: number, constrained: number) =>
  machineMemory({ total: () => total, constrained: () => constrained });

Deno.test("machineMemory is what the machine has, or its cgroup where that is less", () => {
  assert.equal(machine(16 * GB, 0), 16 * GB);
  assert.equal(machine(16 * GB, 2 * GB), 2 * GB);
  assert.equal(machine(16 * GB, 2 ** 63), 16 * GB); // how version 1 writes that there is no limit
});

Deno.test("machineMemory knows nothing where it may not ask", () => {
  const refuse = () => {
    throw new Deno.errors.NotCapable();
  };
  assert.equal(machineMemory({ total: refuse, constrained: refuse }), Infinity);
});

testNeeding(
  ["run", "read"],
  "deno task start lets the broker know how much memory there is",
  async () => {
    const { words: [deno, , ...options] } = taskWords("start", []);
    const module = new URL("../../../src/ops/memory.ts", import.meta.url);
    const script = `import { machineMemory } from ${
      JSON.stringify(module)
    };console.log(machineMemory())`;
    const program = new Deno.Command(deno, {
      args: ["run", ...options.slice(0, -1), "-"],
      cwd: repository,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    await new Blob([script]).stream().pipeTo(program.stdin);
    const { stdout } = await program.output();
    const known = Number(new TextDecoder().decode(stdout));
    assert.ok(known > 2 ** 26 && known < 2 ** 50, String(known));
  },
);

Deno.test("makeIsMemoryShort's answer is yes from the limit on, or from three quarters of what there is", () => {
  const inUse = { rss: 0, heapUsed: 0 };
  const question = (limit: number) =>
    makeIsMemoryShort(limit, { machine: 8 * GB, heapLimit: 4 * GB, inUse: () => inUse });
  const own = question(GB);
  const machines = question(0);
  const answers = (rss: number, heapUsed: number) => {
    Object.assign(inUse, { rss, heapUsed });
    return [own(), machines()];
  };
  assert.deepEqual(answers(GB - 1, 0), [false, false]);
  assert.deepEqual(answers(GB, 0), [true, false]);
  assert.deepEqual(answers(6 * GB - 1, 0), [true, false]);
  assert.deepEqual(answers(6 * GB, 0), [true, true]);
  // At its limit the heap ends the process, whatever the machine has.
  assert.deepEqual(answers(0, 3 * GB - 1), [false, false]);
  assert.deepEqual(answers(0, 3 * GB), [true, true]);
  assert.deepEqual(answers(0, 0), [false, false]);
});

Deno.test("makeIsMemoryShort asks the process itself", () => {
  assert.equal(makeIsMemoryShort(1)(), true);
  assert.equal(makeIsMemoryShort(2 ** 50)(), false);
});
