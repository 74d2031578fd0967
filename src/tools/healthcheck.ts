/**
 * `deno task healthcheck [URL]`: exits 0 where a broker's /healthz answers 200 within five seconds, else 1 with
 * the reason. For a container's HEALTHCHECK.
 */

const [url = "http://127.0.0.1:6060"] = Deno.args;

try {
  const response = await fetch(new URL("/healthz", url), { signal: AbortSignal.timeout(5000) });
  await response.body?.cancel();
  if (response.status !== 200) throw new Error(`it answered ${response.status}`);
} catch (error) {
  console.error(`no health at ${url}: ${error instanceof Error ? error.message : String(error)}`);
  Deno.exit(1);
}
