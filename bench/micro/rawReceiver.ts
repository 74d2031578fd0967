/**
 * The other end of transport.bench.ts, in a process of its own: answers each read with one response,
 * without looking at it, so that it costs as little as a receiver can. Prints its port.
 */
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const { port } = listener.addr as Deno.NetAddr; // a TCP listener's address
console.log(port);

const response = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\ndate: Tue, 24 Nov 2026 04:16:23 GMT\r\ncontent-type: text/plain\r\n" +
    "content-length: 2\r\n\r\nok",
);

const serve = async (conn: Deno.TcpConn): Promise<void> => {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(16 * 1024); // a request of the bench is one read
  try {
    while (await conn.read(buffer) !== null) await conn.write(response);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error; // the bench is over
  }
  conn.close();
};

for await (const conn of listener) serve(conn);
