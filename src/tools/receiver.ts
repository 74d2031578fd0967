/**
 * `deno task receiver`: a webhook receiver to look at. It answers every request with 200 and prints
 * each event on one line. It is for trying things out: it must never grow into anything to rely on.
 */
import { parseArgs } from "node:util";
import { eventLine } from "./EventLine.ts";

const USAGE =
  "usage: deno task receiver [--port PORT]   (127.0.0.1, port 5656 unless told otherwise)";

const readPort = (): number | undefined => {
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: { port: { type: "string", default: "5656" }, help: { type: "boolean" } },
    });
    const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : NaN;
    if (!values.help && port <= 65535) return port;
    if (!values.help) console.error(`--port: expected 0 to 65535, found ${values.port}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
  return undefined;
};

const receive = async (request: Request): Promise<Response> => {
  const text = await request.text();
  const time = new Date().toISOString().slice(11, 23);
  try {
    console.log(`${time} ${eventLine(JSON.parse(text))}`);
  } catch {
    console.log(`${time} no JSON: ${request.method} of ${text.length} characters`);
  }
  return new Response(null, { status: 200 });
};

const port = readPort();
if (port === undefined) {
  console.error(USAGE);
  Deno.exit(64); // EX_USAGE
}
try {
  Deno.serve({
    hostname: "127.0.0.1",
    port,
    onListen: ({ hostname, port }) =>
      console.log(`receiver: http://${hostname}:${port} (any path)`),
  }, receive);
} catch (error) {
  if (!(error instanceof Deno.errors.AddrInUse)) throw error;
  console.error(`port ${port} is in use; choose another with --port`);
  Deno.exit(69); // EX_UNAVAILABLE
}
