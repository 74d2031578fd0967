import denoJson from "../../deno.json" with { type: "json" };

/** This program's version, from deno.json. */
export const VERSION: string = denoJson.version;
