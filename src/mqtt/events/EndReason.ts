/** The end reasons that the broker itself gives. docs/events.md, "Reasons" */
export const EndReason = {
  Disconnect: "Disconnect",
  RemoteClose: "RemoteClose",
  KeepaliveTimeout: "KeepaliveTimeout",
  ReadWriteError: "ReadWriteError",
  Kicked: "Kicked",
  ByAdminKick: "ByAdminKick",
  SessionExpiration: "SessionExpiration",
  Shutdown: "Shutdown",
} as const;
