// Drives a headless Chromium over its debugging protocol (CDP): shared by the browser tests of this folder.
// Needs: chromium (or $CHROMIUM), Node 22 or newer (Node 20 with --experimental-websocket). Nothing is installed, nothing is fetched but the pages.
//
//   await drive({ args: [..more switches of Chromium..], shots: directory or undefined }, async ({ page, check, faults }) => { ... });
//
// drive() starts the browser, gives one page to the body, cleans up, and ends the process: 0 when all checks were good. Each check prints a line.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-port=0"];

export async function drive({ args = [], shots } = {}, body) {
  const profile = mkdtempSync(join(tmpdir(), "huifang-browser-"));
  const chromium = spawn(process.env.CHROMIUM ?? "chromium", [...SWITCHES, `--user-data-dir=${profile}`, ...args, "about:blank"],
    { stdio: ["ignore", "ignore", "pipe"] });
  let failed = false;
  const check = (what, good, detail = "") => {
    console.log(`${good ? "ok  " : "FAIL"} ${what}${detail && !good ? `: ${detail}` : ""}`);
    failed ||= !good;
  };
  try {
    const page = await Page.open(await endpoint(chromium), shots);
    await body({ page, check, faults: page.faults });
    page.close();
  } catch (error) {
    check("the browser can be driven", false, String(error));
  } finally {
    const gone = new Promise((ok) => chromium.once("exit", ok));
    chromium.kill();
    await gone;
    // Children of the browser may still be writing; what they leave goes with the temporary directory that the test gives us.
    try { rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }); } catch { /* see above */ }
  }
  process.exit(failed ? 1 : 0);
}

// The address of the debugging protocol, which Chromium prints.
async function endpoint(chromium) {
  let text = "";
  for await (const chunk of chromium.stderr) {
    text += chunk;
    const found = text.match(/ws:\/\/[^\s]+/);
    if (found) { chromium.stderr.on("data", () => {}); return found[0]; }
  }
  throw new Error("chromium did not start");
}

// One tab.
export class Page {
  #next = 1; #waiting = new Map(); #socket; #session; #shots;
  // What the page logged as an error, and exceptions that nobody caught.
  faults = [];

  static async open(endpoint, shots) {
    const page = new Page();
    page.#shots = shots;
    page.#socket = new WebSocket(endpoint);
    await new Promise((ok, no) => { page.#socket.onopen = ok; page.#socket.onerror = no; });
    page.#socket.onmessage = ({ data }) => page.#hear(JSON.parse(data));
    const { targetId } = await page.send("Target.createTarget", { url: "about:blank" });
    page.#session = (await page.send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    for (const domain of ["Page", "Runtime", "Log", "Network"]) { await page.send(`${domain}.enable`); }
    return page;
  }

  #hear({ id, result, error, method, params }) {
    if (id) { const { ok, no } = this.#waiting.get(id); this.#waiting.delete(id); error ? no(new Error(error.message)) : ok(result); }
    if (method === "Runtime.consoleAPICalled" && params.type === "error") { this.faults.push(params.args.map((a) => a.value ?? a.description).join(" ")); }
    if (method === "Runtime.exceptionThrown") { this.faults.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text); }
    if (method === "Log.entryAdded" && params.entry.level === "error") { this.faults.push(`${params.entry.text} ${params.entry.url ?? ""}`); }
  }

  // A command of the protocol.
  send(method, params = {}) {
    const id = this.#next++;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId: this.#session }));
    return new Promise((ok, no) => this.#waiting.set(id, { ok, no }));
  }

  go(url) { return this.send("Page.navigate", { url: String(url) }); }

  // The value of an expression in the page, also of a promise.
  async read(expression) {
    const { result } = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true, userGesture: true });
    return result.value;
  }

  // Whether the expression becomes true within so many seconds.
  async until(expression, seconds) {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(200)) { if (await this.read(expression)) { return true; } }
    return false;
  }

  size(width, height) {
    return this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
  }

  // Whether nothing is wider than a phone of so many pixels.
  async fits(width = 360) {
    await this.size(width, 780);
    return this.read(`document.documentElement.scrollWidth <= ${width}`);
  }

  // A picture of the page, if pictures are wanted.
  async look(name, width, height, dark = false, media = "") {
    if (!this.#shots) { return; }
    await this.size(width, height);
    await this.send("Emulation.setEmulatedMedia", { media, features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    await sleep(150);
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
    writeFileSync(join(this.#shots, `${name}.png`), Buffer.from(data, "base64"));
  }

  // The network goes away, or comes back.
  offline(offline) {
    return this.send("Network.emulateNetworkConditions", { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  }

  close() { this.#socket.close(); }
}
