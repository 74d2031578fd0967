import type { ClientInfo } from "../../domain/ClientInfo.ts";
import { isServerTopic } from "../../domain/TopicFilter.ts";
import type { Access } from "../ports/Access.ts";

/** Whether a client may publish to a topic, by PUBLISH or as its will. What begins with `$SYS/` is the server's to tell. */
export const mayPublish = (
  access: Pick<Access, "authorize">,
  client: ClientInfo,
  topic: string,
): boolean => !isServerTopic(topic) && access.authorize(client, "publish", topic);
