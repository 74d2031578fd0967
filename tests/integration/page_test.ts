/** The live page in a real browser, over the real process. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import type { Wanted } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import type { Looks } from "../support/browser/Chromium.ts";
import { FAINT_TEXTS, MARK_CONTROLS } from "../support/browser/inspect.ts";
import type { Page } from "../support/browser/Page.ts";
import { testInChromium } from "../support/browser/testInChromium.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import { Receiver, refusingUrl } from "../support/Receiver.ts";

interface Live {
  readonly broker: BrokerProcess;
  readonly receiver: Receiver;
  readonly api: string;
}

/** A URL of its own for topics below `down/`. */
const WITH_DOWN = (down: string) =>
  `rule.client_connected = [{ action = "client_connected" }]
rule.message_publish = [{ action = "message_publish" },
  { action = "message_publish", topics = ["down/#"], urls = ["${down}"] }]`;

const withBroker = async (
  test: (of: Live) => Promise<void>,
  { keys = "", ...wanted }: Partial<Wanted> & { readonly keys?: string } = {},
): Promise<void> => {
  const receiver = Receiver.start();
  const broker = await BrokerProcess.start(
    brokerFiles({
      broker: `http_api.addr = "127.0.0.1:0"\n${keys}`,
      urls: [receiver.url("/hook")],
      ...wanted,
    }),
    ["http_api", "external"],
  );
  try {
    await test({ broker, receiver, api: `http://127.0.0.1:${broker.port("http_api")}/` });
  } finally {
    await broker.stop();
    await receiver.close();
  }
};

const client = async (
  { broker }: Pick<Live, "broker">,
  clientId: string,
): Promise<{ publish: (topic: string, payload: string) => Promise<void>; close: () => void }> => {
  const mqtt = await RawMqtt.open(broker.port(), 4);
  await mqtt.send({ cmd: "connect", clientId, clean: true, keepalive: 0 });
  await mqtt.take("connack");
  return {
    publish: (topic, payload) =>
      mqtt.send({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: false }),
    close: () => mqtt.close(),
  };
};

const opened = async (
  browser: { page: (looks?: Looks) => Promise<Page> },
  url: string,
  looks: Looks = {},
): Promise<Page> => {
  const page = await browser.page(looks);
  await page.open(url);
  await page.until(`document.querySelector("#line").dataset.state === "live"`);
  return page;
};

const rowWith = (table: string, text: string) =>
  `[...document.querySelectorAll("#${table} tbody tr")].find((row) => row.innerText.includes(${
    JSON.stringify(text)
  }))`;

/** That a page asked nobody else, and had nothing to complain of. */
const assertClean = (page: Page, api: string): void => {
  assert.deepEqual(page.console, []);
  assert.deepEqual(
    [...new Set(page.requests.map((url) => new URL(url).origin))].filter((origin) =>
      origin !== new URL(api).origin && origin !== "null"
    ),
    [],
  );
  assert.ok(page.requests.length > 5);
};

testInChromium(
  "The page teaches whoever has no client and no rule yet",
  (browser) =>
    withBroker(async ({ broker, api }) => {
      const answer = await fetch(api);
      await answer.body?.cancel();
      const policy = answer.headers.get("content-security-policy") ?? "";
      assert.match(policy, /^default-src 'none';/);
      assert.doesNotMatch(policy, /unsafe|https?:/);
      const page = await opened(browser, api);
      await page.until(`document.querySelector("#clients-empty pre") !== null`);
      assert.equal(
        await page.text("#clients-empty pre"),
        `mosquitto_pub -h 127.0.0.1 -p ${broker.port()} -t hello/world -m hi -q 1`,
      );
      assert.match(
        await page.text("#urls-empty"),
        /No rule: no event is sent[^]*rule\.message_publish/,
      );
      assert.match(await page.text("#events-empty"), /No rule/);
      assert.equal(await page.text("#clients-now"), "0");
      assert.equal(await page.evaluate(`document.querySelector("#trouble").hidden`), true);
      assertClean(page, api);
    }, { rules: "" }),
);

testInChromium(
  "The page shows what clients do as they do it",
  (browser) =>
    withBroker(async (live) => {
      const page = await opened(browser, live.api);
      const { publish, close } = await client(live, "sensor-1");
      await page.until(`document.querySelector("#clients-now").innerText === "1"`);
      await publish("sensors/1", "on");
      await page.until(rowWith("events", "sensors/1"));
      const row = await page.evaluate<string>(`${rowWith("events", "sensors/1")}.innerText`);
      assert.match(
        row,
        /message_publish\s+sensor-1\s+sensors\/1\s+http:\S+\/hook\s+delivered\s+[\d.]+/,
      );
      await page.until(`/[1-9]\\S* in all/.test(document.querySelector("#out-note").innerText)`);
      await page.until(rowWith("urls", "delivers"));
      await page.until(rowWith("clients", "sensor-1"), 10_000);
      await page.until(
        `document.querySelector("#chart polyline.message").getAttribute("points") !== ""`,
      );
      await page.until(
        `/^Events per second/.test(document.querySelector("#chart-text").textContent)`,
      );

      await page.click("#pause");
      assert.equal(await page.text("#line"), "paused");
      // What another page shows in two messages of its stream, this one has had by the second.
      const other = await opened(browser, live.api);
      for (const topic of ["sensors/2", "sensors/2b"]) {
        await publish(topic, "on");
        await other.until(rowWith("events", topic));
      }
      await page.click("#pause");
      await publish("sensors/3", "on");
      await page.until(rowWith("events", "sensors/3"));
      assert.equal(await page.evaluate(`Boolean(${rowWith("events", "sensors/2")})`), false);
      assertClean(page, live.api);
      close();
    }),
);

testInChromium(
  "The page says in words which URL is down, what was tried, and what failed there",
  async (browser) => {
    const down = refusingUrl();
    await withBroker(async (live) => {
      const page = await opened(browser, live.api);
      const { publish, close } = await client(live, "c");
      for (let n = 0; n < 3; n++) await publish(`down/${n}`, "x");
      await page.until(
        `/refuses connections since .* events? waits?\\./.test(document.querySelector("#trouble").innerText)`,
      );
      assert.ok((await page.text("#trouble")).includes(down));
      await page.until(rowWith("urls", "down"));
      await page.evaluate(`${rowWith("urls", "refuses")}.querySelector(".open").click()`);
      await page.until(
        `/attempts? made at .*nothing listens there/.test(document.querySelector(".tried").innerText || "")
      || /attempts? made at .*nothing listens there/.test([...document.querySelectorAll(".tried")].map((e) => e.innerText).join(" "))`,
      );
      await page.until(
        `/message_publish of c on down\\/\\d/.test(document.querySelector("#urls").innerText)`,
      );
      await page.evaluate(`${rowWith("urls", "refuses")}.querySelector(".do button").click()`);
      await page.until(
        `/refused/.test(${rowWith("urls", "refuses")}.querySelector(".result").innerText)`,
      );
      // The other one is well, and says so when it is tested.
      await page.evaluate(`${rowWith("urls", "/hook")}.querySelector(".do button").click()`);
      await page.until(
        `/^200 in /.test(${rowWith("urls", "/hook")}.querySelector(".result").innerText)`,
      );
      assert.equal(
        live.receiver.matching((request) => request.headers.has("webhook-test")).length,
        1,
      );
      assertClean(page, live.api);
      close();
    }, { rules: WITH_DOWN(down), webHook: "worker_threads = 1\nbreaker_failures = 1" });
  },
);

testInChromium(
  "The page pauses a URL once that is typed, and resumes it",
  (browser) =>
    withBroker(async (live) => {
      const page = await opened(browser, live.api);
      await page.until(rowWith("urls", "/hook"));
      const pause = `${rowWith("urls", "/hook")}.querySelector(".do button + button")`;
      await page.evaluate(`${pause}.click()`);
      await page.type("no");
      await page.press("Enter");
      assert.equal(await page.evaluate(`document.querySelector("#confirm").open`), true);
      await page.press("Escape");
      // Asked again before the page has heard that the first question was closed.
      await page.evaluate(
        `${pause}.click(); document.querySelector("#confirm").close("no"); ${pause}.click()`,
      );
      await page.type("pause");
      await page.evaluate(`document.querySelector("#confirm button.main").click()`);
      await page.until(rowWith("urls", "paused"));
      await page.until(`document.querySelector("#trouble").innerText.includes("is paused since")`);
      await page.until(`${pause}.innerText === "Resume"`);
      await page.evaluate(`${pause}.click()`);
      await page.until(`!(${rowWith("urls", "paused")})`);
      assertClean(page, live.api);
    }),
);

testInChromium(
  "All of the page is reached and used by keys alone",
  (browser) =>
    withBroker(async (live) => {
      const { publish, close } = await client(live, "victim");
      const page = await opened(browser, live.api);
      for (let n = 0; n < 3; n++) await publish(`t/${n}`, "x");
      await page.until(`document.querySelectorAll("#events .event").length >= 3`);
      await page.until(rowWith("clients", "victim"));
      const controls = await page.evaluate<number>(MARK_CONTROLS);
      const reached = new Set<string>();
      for (let n = 0; n < controls + 5; n++) {
        await page.press("Tab");
        const place = await page.evaluate<string | null>(
          `document.activeElement.dataset.place ?? null`,
        );
        if (place !== null) reached.add(place);
        const outline = await page.evaluate<string>(
          `getComputedStyle(document.activeElement).outlineStyle`,
        );
        if (place !== null) assert.notEqual(outline, "none", `no focus is shown at ${place}`);
      }
      assert.equal(reached.size, controls);

      await page.evaluate(`document.querySelector("#chart").focus()`);
      await page.until(
        `Number(document.querySelector("#chart polyline.message").getAttribute("points").split(" ").length) > 3`,
      );
      await page.press("ArrowLeft", "ArrowLeft");
      assert.match(await page.text("#chart-time"), /^at \d\d:\d\d:\d\d$/);
      assert.match(
        await page.evaluate(`document.querySelector("#chart").getAttribute("aria-valuetext")`),
        /message_ \S+ a second/,
      );
      await page.press("Escape");
      assert.equal(await page.text("#chart-time"), "last 5 minutes");

      await page.evaluate(`document.querySelector("#events .event").focus()`);
      await page.press("ArrowDown", "Enter");
      await page.until(
        `/victim[^]*attempt 1/.test(document.querySelector("#events .more:not([hidden])").innerText)`,
      );
      await publish("t/later", "x");
      await page.until(
        `/Stands still, [1-9]/.test(document.querySelector("#events-go-on").innerText)`,
      );
      await page.press("Escape");
      await page.until(rowWith("events", "t/later"));

      await page.evaluate(`${rowWith("clients", "victim")}.querySelector("button").focus()`);
      await page.press("Enter");
      await page.until(`document.querySelector("#confirm").open`);
      await page.press("Escape");
      await page.until(`!document.querySelector("#confirm").open`);
      await page.press("Enter");
      await page.until(`document.querySelector("#confirm").open`);
      await page.press("Tab", "Enter");
      const [gone] = await live.receiver.waitFor({
        action: "client_disconnected",
        clientid: "victim",
      });
      assert.equal(gone?.body.reason, "ByAdminKick");
      await page.until(`document.querySelector("#said").innerText === "victim is kicked"`);
      await page.until(`document.querySelector("#clients-now").innerText === "0"`);
      assertClean(page, live.api);
      close();
    }),
);

testInChromium(
  "The page shows what a filter lets through, and says what is wrong with one",
  (browser) =>
    withBroker(async (live) => {
      const { publish, close } = await client(live, "c");
      const page = await opened(browser, live.api);
      const set = (name: string, value: string) =>
        page.evaluate(`(() => {
        const field = document.querySelector("#filter [name=" + ${JSON.stringify(name)} + "]");
        field.value = ${JSON.stringify(value)};
        field.dispatchEvent(new Event("change", { bubbles: true }));
      })()`);
      await set("topic", "a/+/");
      await page.until(`document.querySelector("#line").dataset.state === "live"`);
      await set("topic", "a/#b");
      await page.until(`/topic filter/.test(document.querySelector("#filter-fault").innerText)`);
      await set("topic", "a/#");
      await page.until(`document.querySelector("#filter-fault").hidden`);
      await page.until(`performance.getEntriesByType("resource").length > 0`);
      for (let n = 0; !(await page.evaluate<boolean>(`Boolean(${rowWith("events", "a/")})`)); n++) {
        await publish("b", "x");
        await publish(`a/${n}`, "x");
        await live.receiver.waitFor({ topic: `a/${n}` });
      }
      assert.equal(
        await page.evaluate(
          `[...document.querySelectorAll("#events .event td:nth-child(4)")].every((td) => td.innerText.startsWith("a/"))`,
        ),
        true,
      );
      close();
      assert.deepEqual(page.console.filter((line) => !line.includes("422")), []);
    }),
);

testInChromium(
  "The page can be read: contrast, a phone's width, reduced motion, light and dark",
  async (browser) => {
    const down = refusingUrl();
    await withBroker(async (live) => {
      const { publish, close } = await client(live, `client-${"x".repeat(120)}`);
      for (const scheme of ["light", "dark"] as const) {
        for (const width of [1200, 390]) {
          const page = await opened(browser, live.api, { width, scheme });
          await publish("down/1", "x");
          await publish(`topic/${"y/".repeat(80)}`, "x");
          await page.until(rowWith("events", "delivered"));
          await page.until(rowWith("urls", "down"));
          await page.until(rowWith("clients", "client-"));
          await page.evaluate(`document.querySelector("#urls .open").click()`);
          await page.evaluate(`document.querySelector("#events .event").click()`);
          await page.until(`document.querySelector("#events .more:not([hidden])")`);
          assert.deepEqual(await page.evaluate(FAINT_TEXTS), [], `${scheme}, ${width}`);
          const wide = await page.evaluate<number>(`document.documentElement.scrollWidth`);
          assert.ok(wide <= width, `${wide} of ${width}`);
          assertClean(page, live.api);
        }
      }
      const page = await opened(browser, live.api);
      assert.ok(await page.evaluate<number>(`document.getAnimations().length`) > 0);
      await page.look("dark", true);
      assert.equal(await page.evaluate(`document.getAnimations().length`), 0);
      assert.equal(
        await page.evaluate(`getComputedStyle(document.querySelector("#bar")).backgroundColor`),
        "rgb(22, 27, 34)",
      );
      await page.look("light", true);
      assert.equal(
        await page.evaluate(`getComputedStyle(document.querySelector("#bar")).backgroundColor`),
        "rgb(255, 255, 255)",
      );
      close();
    }, { rules: WITH_DOWN(down), webHook: "worker_threads = 1\nbreaker_failures = 1" });
  },
);

testInChromium(
  "The page asks for the token once, and again where it is wrong",
  (browser) =>
    withBroker(async ({ api }) => {
      const page = await browser.page();
      await page.open(api);
      await page.until(`document.querySelector("#ask-token").open`);
      await page.type("wrong");
      await page.press("Enter");
      await page.until(
        `document.querySelector("#ask-token .fault").innerText === "That is not it."`,
      );
      await page.type("s3cret");
      await page.press("Enter");
      await page.until(`document.querySelector("#line").dataset.state === "live"`);
      assert.equal(await page.evaluate(`sessionStorage.getItem("hookline-token")`), "s3cret");
      assert.equal(await page.evaluate(`localStorage.length`), 0);
      await page.open(api);
      await page.until(`document.querySelector("#line").dataset.state === "live"`);
      assert.equal(await page.evaluate(`document.querySelector("#ask-token").open`), false);
      assert.deepEqual(page.requests.filter((url) => url.includes("s3cret")), []);
      assert.deepEqual(page.console.filter((line) => !line.includes("401")), []);
    }, { keys: 'http_api.token = "s3cret"' }),
);

/** What a device may call itself, to have it run or to break what shows it. */
const HOSTILE = [
  `<img src=x onerror="window.pwned=1">`,
  `"><script>window.pwned=2</script>`,
  `'-window.pwned=3-'`,
  `javascript:window.pwned=4`,
  `</td></tr></table><iframe srcdoc="<script>parent.pwned=5</script>">`,
  `{{constructor.constructor('pwned=6')()}}`,
  `a\u202eb\u2028c\u0001d\n\ndata: {}`,
  `%2e%2e/../x?y#z`,
  "..",
];

testInChromium(
  "The page shows what devices call themselves as text, and nothing of it runs",
  (browser) =>
    withBroker(async (live) => {
      const page = await opened(browser, live.api);
      await page.evaluate(`document.querySelector("#filter [name=payload]").click()`);
      const elements =
        `document.querySelectorAll("img, iframe, script, style, object, embed, link, meta, base").length`;
      const before = await page.evaluate<number>(elements);
      const clients = [];
      for (const id of HOSTILE) clients.push(await client(live, id));
      await page.until(`document.querySelector("#clients-now").innerText === "${HOSTILE.length}"`);
      for (let n = 0;; n++) {
        // The stream with payloads may have been opened a moment later.
        for (const [i, { publish }] of clients.entries()) {
          await publish(`t/${HOSTILE[i]!.replaceAll(/[+#]/g, "_")}`, HOSTILE[i]!); // as many
        }
        await live.receiver.waitFor({ action: "message_publish" }, {
          count: HOSTILE.length * (n + 1),
        });
        if (
          await page.evaluate<boolean>(
            `document.querySelectorAll("#events .event").length >= ${HOSTILE.length}`,
          )
        ) break;
      }
      await page.evaluate(
        `for (const row of [...document.querySelectorAll("#events .event")]) row.click()`,
      );
      const shown = await page.evaluate<string>(`document.querySelector("#events").textContent`);
      assert.ok(shown.includes(HOSTILE[0]!) && shown.includes(HOSTILE[1]!)); // there are more
      await page.until(
        `document.querySelectorAll("#clients .client").length === ${HOSTILE.length}`,
        10_000,
      );
      const ids = await page.evaluate<ReadonlyArray<string>>(
        `[...document.querySelectorAll("#clients .name")].map((e) => e.textContent)`,
      );
      assert.deepEqual(new Set(ids), new Set(HOSTILE));
      for (const id of HOSTILE) {
        const answer = `document.querySelector("#said").textContent`;
        await page.evaluate(`[...document.querySelectorAll("#clients .client")]
        .find((row) => row.querySelector(".name").textContent === ${
          JSON.stringify(id)
        }).querySelector("button").click()`);
        await page.evaluate(`document.querySelector("#confirm button.main").click()`);
        await page.until(`${answer} === ${JSON.stringify(`${id} is kicked`)}`);
        await page.until(
          `![...document.querySelectorAll("#clients .name")].some((e) => e.textContent === ${
            JSON.stringify(id)
          })`,
        );
      }
      assert.equal(await page.evaluate(elements), before);
      assert.equal(await page.evaluate(`typeof window.pwned`), "undefined");
      assertClean(page, live.api);
      for (const { close } of clients) close();
    }, { keys: "http_api.payloads = true" }),
);

testInChromium(
  "The page says that the broker has gone, and goes on when it is there again",
  async (browser) => {
    const { port } = new URL(refusingUrl());
    const keys = { broker: `http_api.addr = "127.0.0.1:${port}"`, urls: ["http://127.0.0.1:9/"] };
    const first = await BrokerProcess.start(brokerFiles(keys), ["http_api", "external"]);
    const page = await opened(browser, `http://127.0.0.1:${port}/`);
    await first.stop("SIGKILL");
    await page.until(`document.querySelector("#line").dataset.state === "lost"`);
    assert.match(
      await page.text("#trouble"),
      /The broker has not answered since \d\d:\d\d: what is shown is of then\./,
    );
    const second = await BrokerProcess.start(brokerFiles(keys), ["http_api", "external"]);
    try {
      await page.until(`document.querySelector("#line").dataset.state === "live"`);
      await page.until(`document.querySelector("#trouble").hidden`);
      const { close } = await client({ broker: second }, "back");
      await page.until(rowWith("clients", "back"), 15_000);
      close();
    } finally {
      await second.stop();
    }
  },
);
