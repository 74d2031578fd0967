/** What so many open pages ask a broker for, without a browser: the stream, and clients each five seconds. */

const [url, count] = Deno.args;

const read = async () => {
  const response = await fetch(`${url}/api/v1/events/stream`);
  for await (const _ of response.body ?? []);
};

const poll = async () => {
  const response = await fetch(`${url}/api/v1/clients?_limit=50`);
  await response.arrayBuffer();
};

for (let n = 0; n < Number(count); n++) {
  void read();
  void poll();
  setInterval(poll, 5000);
}
console.log("reading on 0");
