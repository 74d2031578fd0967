import assert from "node:assert/strict";
import { machineMemory, makeIsMemoryShort } from "../../../src/ops/memory.ts";

const MEMINFO = "MemTotal:       16000000 kB\nMemFree:         2253612 kB\n";
const GB = 1_000_000_000;

for (
  const [what, files, expected] of [
    ["what the machine has", { "/proc/meminfo": MEMINFO }, 16_384_000_000],
    ["nothing of a system without /proc", {}, Infinity],
    ["the limit of its cgroup", {
      "/proc/meminfo": MEMINFO,
      "/proc/self/cgroup": "0::/user.slice/broker.service\n",
      "/sys/fs/cgroup/user.slice/broker.service/memory.max": "2000000000\n",
    }, 2 * GB],
    ["the limit of a cgroup around its own", {
      "/proc/meminfo": MEMINFO,
      "/proc/self/cgroup": "0::/a/b\n",
      "/sys/fs/cgroup/a/memory.max": "3000000000\n",
      "/sys/fs/cgroup/a/b/memory.max": "max\n",
    }, 3 * GB],
    ["the limit of a container, at the root of what it sees", {
      "/proc/meminfo": MEMINFO,
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/memory.max": "1000000000\n",
    }, GB],
    ["the limit of a cgroup of version 1", {
      "/proc/meminfo": MEMINFO,
      "/proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/1\n",
      "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "4000000000\n",
    }, 4 * GB],
    ["what the machine has, where version 1 writes no limit as a large one", {
      "/proc/meminfo": MEMINFO,
      "/proc/self/cgroup": "4:memory:/\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }, 16_384_000_000],
  ] as const
) {
  Deno.test(`machineMemory knows ${what}`, () => {
    const there: Readonly<Record<string, string>> = files;
    assert.equal(machineMemory((path) => there[path]), expected);
  });
}

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
