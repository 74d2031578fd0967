/** aedes as its README starts it: on node's TCP server, with all defaults. Prints its port. */
import { createServer } from "node:net";
import { createAedes } from "../shared/aedes.ts";

const broker = await createAedes();
const server = createServer({ noDelay: true }, broker.handle);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") console.log(`listening on ${address.port}`);
});
