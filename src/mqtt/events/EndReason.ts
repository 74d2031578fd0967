/** The end reasons that the broker itself gives. shared/contract.md, "Events" */
export const EndReason = {
  Disconnect: "Disconnect",
  RemoteClose: "RemoteClose",
  KeepaliveTimeout: "KeepaliveTimeout",
  ReadWriteError: "ReadWriteError",
  Kicked: "Kicked",
  SessionExpiration: "SessionExpiration",
  Shutdown: "Shutdown",
} as const;
