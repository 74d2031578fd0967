import type { DropReason } from "../account/Metrics.ts";
import type { FailureReason } from "../attempt/DeliveryError.ts";

/** What whoever reads that an event was lost can do about it; in the words of web-hook.toml. */
export const lossAdvice = (reason: FailureReason | DropReason): string => {
  switch (reason) {
    case "status_401":
    case "status_403":
      return "the receiver wants to know who sends: give its [[endpoint]] the token in headers";
    case "status_404":
      return "nothing is there: is the URL's path right?";
    case "status_410":
    case "gone":
      return "the receiver wants nothing more: nothing is sent there before a reload or restart";
    case "status_413":
      return "larger than the receiver takes: raise its limit, or lower max_packet_size";
    case "status_3xx":
      return "redirects are not followed: is this the URL that the receiver has now?";
    case "status_400":
    case "status_4xx":
      return "the receiver does not take it: its own log says why";
    case "queue_full":
      return "deliveries are slower than events: a faster receiver, or a larger queue_capacity";
    case "endpoint_share":
      return "the URL fails, and its share of the queue is full: see to the receiver, or raise endpoint_share";
    case "outbox_full":
      return "as much waits on disk as may: see to the receiver, or raise outbox_max_bytes";
    case "shutdown":
      return "the process stopped first: shutdown_timeout says how long it goes on delivering";
    case "tls":
      return "the receiver's certificate is not trusted: its [[endpoint]] may have a ca_file";
    case "refused":
      return "nobody listens there: does the receiver run, and is the port right?";
    case "file":
      return "the file can't be written: its folder, permissions and disk say why";
    case "invalid_request":
      return "no request can be made of this URL and these headers";
    default:
      return "it failed for retry_max_elapsed_time: see to the receiver, or raise that";
  }
};
