/** `deno task start --check --try`: a sample to each URL, and what came back. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { runBroker } from "../support/BrokerProcess.ts";
import type { Exit } from "../support/BrokerProcess.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

const tls = (name: string): string => new URL(`../support/tls/${name}`, import.meta.url).pathname;

/** Tries a web-hook.toml; `folder` is removed afterwards. */
const tried = async (
  webHook: (folder: string) => string,
  look: (exit: Exit, folder: string) => void | Promise<void>,
): Promise<void> => {
  const folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
  try {
    await Deno.writeTextFile(`${folder}/broker.toml`, brokerFiles({ urls: [] }).broker);
    await Deno.writeTextFile(`${folder}/web-hook.toml`, webHook(folder));
    const files = ["--config", `${folder}/broker.toml`, "--web-hook", `${folder}/web-hook.toml`];
    await look(await runBroker("--check", "--try", ...files), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
};

/** What was said of the samples, a line each, without the milliseconds. */
const samples = ({ stdout }: Exit): ReadonlyArray<string> =>
  (stdout.split("\nsamples:\n")[1] ?? "").trimEnd().split("\n")
    .map((line) => line.trim().replace(/, \d+ ms\)/, ")"));

for (const client of ["pool", "fetch"]) {
  testNeeding(
    NEEDED,
    `--check --try sends each URL one sample by http_client = "${client}", and says what it answered`,
    async () => {
      const receiver = Receiver.start();
      receiver.answer("/denied", { _tag: "Status", status: 401 });
      receiver.answer("/moved", { _tag: "Status", status: 302, headers: { location: "/" } });
      const [good, denied, moved] = ["/", "/denied", "/moved"].map((path) => receiver.url(path));
      await tried(
        () =>
          `http_client = "${client}"
http_urls = ["${good}", "${denied}"]
[rule]
client_connected = [{ action = "online" }]
message_publish = [{}, { urls = ["${moved}"] }]
[[endpoint]]
url = "${good}"
headers = { authorization = "secret", webhook-test = "no" }
`,
        (exit) => {
          assert.deepEqual(samples(exit), [
            `${good}: answered 200 (client_connected)`,
            `${denied}: answered 401: does it want a header? See headers of [[endpoint]] (client_connected)`,
            `${moved}: answered 302: redirects are not followed, write the URL that it leads to (message_publish)`,
          ]);
          assert.equal(exit.code, 1);
          assert.equal(exit.stderr, "");
        },
      );
      assert.equal(receiver.requests.length, 3);
      const sample = receiver.requests.find(({ path }) => path === "/") ?? assert.fail();
      assert.equal(sample.headers.get("webhook-test"), "true");
      assert.equal(sample.headers.get("authorization"), "secret");
      assert.match(sample.headers.get("webhook-id") ?? "", /^test-/);
      assert.equal(sample.body.action, "online");
      assert.equal(sample.body.clientid, "kitchen");
      await receiver.close();
    },
  );

  testNeeding(
    NEEDED,
    `--check --try by "${client}" trusts ca_file, and says what else keeps a sample from its receiver`,
    async () => {
      const server = Deno.serve({
        hostname: "127.0.0.1",
        port: 0,
        onListen: () => {},
        cert: await Deno.readTextFile(tls("cert.pem")),
        key: await Deno.readTextFile(tls("key.pem")),
      }, () => new Response(null, { status: 204 }));
      const { port } = server.addr as Deno.NetAddr;
      const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const closed = free.addr.port;
      free.close();
      await tried(
        () =>
          `http_client = "${client}"
http_urls = ["https://localhost:${port}/", "https://127.0.0.1:${port}/", "http://127.0.0.1:${closed}/",
  "http://nowhere.invalid/"]
rule.client_connected = [{}]
[[endpoint]]
url = "https://localhost:${port}/"
ca_file = "${tls("ca.pem")}"
`,
        (exit) => {
          const [trusted, distrusted, refused, unknown] = samples(exit);
          assert.equal(trusted, `https://localhost:${port}/: answered 204 (client_connected)`);
          assert.match(distrusted ?? "", /issuer is not trusted.*ca_file/);
          assert.match(refused ?? "", /refused/i);
          assert.match(unknown ?? "", /not found|lookup|dns/i);
          assert.equal(exit.code, 1);
        },
      );
      await server.shutdown();
    },
  );
}

testNeeding(NEEDED, "--check --try writes nothing to files, and makes none", async () => {
  await tried(
    (folder) =>
      `http_urls = ["file://${folder}/there.log", "file://${folder}/new/deep/x.log", "file://${folder}/web-hook.toml/x.log"]
rule.client_connected = [{}]
`,
    (exit, folder) => {
      assert.deepEqual(samples(exit).slice(0, 2), [
        `file://${folder}/there.log: is not there yet, and can be made; nothing was written`,
        `file://${folder}/new/deep/x.log: is not there yet, and can be made; nothing was written`,
      ]);
      assert.match(samples(exit)[2] ?? "", /Not a directory/);
      assert.equal(exit.code, 1);
      const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
      assert.deepEqual(names.toSorted(), ["broker.toml", "web-hook.toml"]);
    },
  );
  await tried(
    (folder) => {
      Deno.writeTextFileSync(`${folder}/there.log`, "half a line");
      return `http_urls = ["file://${folder}/there.log", "file:///dev/null"]
rule.client_connected = [{}]
`;
    },
    (exit, folder) => {
      assert.deepEqual(samples(exit), [
        `file://${folder}/there.log: can be appended to; nothing was written`,
        "file:///dev/null: can be appended to; nothing was written",
      ]);
      assert.equal(exit.code, 0);
      assert.equal(Deno.readTextFileSync(`${folder}/there.log`), "half a line");
    },
  );
});

testNeeding(NEEDED, "--check --try has nothing to send where there is no rule", async () => {
  await tried(() => "", (exit) => {
    assert.match(exit.stdout, /\nsamples: none, no rule sends anything\n$/);
    assert.equal(exit.code, 0);
  });
});
