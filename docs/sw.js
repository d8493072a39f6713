/**
 * Keeps one whole version of the course for reading without a connection; see assets/offline.js, which starts it.
 *
 * The build fills in VERSION, a hash of the list of all files with their hashes (offline.json). A version is kept whole
 * or not at all, every file compared with its hash, and pages are served from it alone, so that no page ever meets a file
 * of another version. A new version is kept beside it and waits until the reader asks for it or has closed every page.
 */

const VERSION = "";
const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const PREFIX = `course ${worker.registration.scope} `;
const KEPT = PREFIX + VERSION;
const LIST = new URL("offline.json", worker.registration.scope).href;

/** What a server sends for a page's file: its folder. Some servers answer index.html with a redirect. @param {string} path */
const address = (path) => new URL(path.replace(/(^|\/)index\.html$/, "$1"), worker.registration.scope).href;

/** @param {BufferSource} data */
async function hash(data) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes at an address as the server has them now: what the browser kept of it is not even asked about. @param {string} url */
async function fetched(url) {
  const answer = await fetch(url, { cache: "reload" });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return { data: await answer.arrayBuffer(), type: answer.headers.get("content-type") ?? "" };
}

/** Puts every file of this version into its cache: from the version before, where it is the same, else from the server. */
async function keep() {
  const list = await fetched(LIST);
  if ((await hash(list.data)) !== VERSION) throw new Error("The list of files is of another version.");
  /** @type {{files: Record<string, string>}} */
  const { files } = JSON.parse(new TextDecoder().decode(list.data));
  const cache = await caches.open(KEPT);
  const waiting = Object.entries(files);
  const work = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const [path, sha256] = next;
      const url = address(path);
      if ((await cache.match(url))?.headers.get("x-hash") === sha256) continue;
      const before = await caches.match(url);
      if (before?.headers.get("x-hash") === sha256) {
        await cache.put(url, before);
        continue;
      }
      const { data, type } = await fetched(url);
      if ((await hash(data)) !== sha256) throw new Error(`${url} is of another version.`);
      const headers = { "x-hash": sha256, ...(type && { "content-type": type }) };
      await cache.put(url, new Response(data, { headers }));
    }
  };
  await Promise.all(Array.from({ length: 6 }, () => work().finally(() => waiting.splice(0)))); // one fails, all stop
  await cache.put(LIST, new Response(list.data, { headers: { "content-type": "application/json" } }));
}

/** What this version has at an address, whatever the query; a folder without its slash is sent there. @param {Request} request */
async function answer(request) {
  const url = new URL(request.url);
  url.search = url.hash = "";
  /** @param {string} href */
  const kept = (href) => caches.match(href, { cacheName: KEPT }); // does not make an empty one where it was removed
  const found = await kept(address(url.href));
  if (found) return found;
  if (!(await kept(`${url.href}/`))) return fetch(request);
  const folder = new URL(request.url);
  folder.pathname += "/";
  return Response.redirect(folder);
}

/** Forgets versions of this folder of the site that no page shows any more. Other folders have workers of their own. */
async function tidy() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== KEPT) await caches.delete(name);
  }
}

worker.addEventListener("install", (event) => event.waitUntil(keep()));
worker.addEventListener("activate", (event) => event.waitUntil(tidy()));
worker.addEventListener("message", (event) => {
  if (event.data === "take over") worker.skipWaiting();
});
worker.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(worker.registration.scope)) event.respondWith(answer(event.request));
});
