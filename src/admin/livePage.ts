/**
 * The live page: its files as they are, each from its own path of this origin and from nowhere else. They hold
 * nothing that is anybody's secret, so that they are for everybody; what they show is asked for with the token.
 */
import apiJs from "./page/api.js" with { type: "text" };
import chartJs from "./page/chart.js" with { type: "text" };
import clientsJs from "./page/clients.js" with { type: "text" };
import confirmJs from "./page/confirm.js" with { type: "text" };
import domJs from "./page/dom.js" with { type: "text" };
import eventsJs from "./page/events.js" with { type: "text" };
import formatJs from "./page/format.js" with { type: "text" };
import historyJs from "./page/history.js" with { type: "text" };
import indexHtml from "./page/index.html" with { type: "text" };
import mainJs from "./page/main.js" with { type: "text" };
import streamJs from "./page/stream.js" with { type: "text" };
import styleCss from "./page/style.css" with { type: "text" };
import troubleJs from "./page/trouble.js" with { type: "text" };
import urlsJs from "./page/urls.js" with { type: "text" };

const SCRIPTS: Readonly<Record<string, string>> = {
  "api.js": apiJs,
  "chart.js": chartJs,
  "clients.js": clientsJs,
  "confirm.js": confirmJs,
  "dom.js": domJs,
  "events.js": eventsJs,
  "format.js": formatJs,
  "history.js": historyJs,
  "main.js": mainJs,
  "stream.js": streamJs,
  "trouble.js": troubleJs,
  "urls.js": urlsJs,
};

/** Nothing but files of this origin; no inline script could run, whatever a device calls itself. CSP Level 3 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const file = (text: string, type: string) => (): Response =>
  new Response(text, {
    headers: {
      "content-type": `${type}; charset=utf-8`,
      "content-security-policy": POLICY,
      "cache-control": "no-cache",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    },
  });

/** What is answered at each path. */
export const PAGE_FILES: ReadonlyMap<string, () => Response> = new Map([
  ["/", file(indexHtml, "text/html")],
  ["/page/style.css", file(styleCss, "text/css")],
  ...Object.entries(SCRIPTS).map(([name, text]) =>
    [`/page/${name}`, file(text, "text/javascript")] as const
  ),
]);
