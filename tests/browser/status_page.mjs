// The status page in a real Chromium: it comes alive, moves without a reload, says so when the connection is lost, and logs no error.
// Needs: chromium, Node 22 or newer (Node 20 with --experimental-websocket). Nothing is installed, nothing is fetched but the page.
// Usage: node tests/browser/status_page.mjs URL [SCREENSHOT_DIR]
// URL: a status page on which a call ends within 20 s after "a call's clock goes on", as the test `the_page_in_a_real_browser` serves it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const [url, shots] = process.argv.slice(2);
if (!url) { console.error("usage: status_page.mjs URL [SCREENSHOT_DIR]"); process.exit(2); }
const profile = mkdtempSync(join(tmpdir(), "huifang-browser-"));
const chromium = spawn(process.env.CHROMIUM ?? "chromium", [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--hide-scrollbars", `--user-data-dir=${profile}`, "--remote-debugging-port=0", "about:blank",
], { stdio: ["ignore", "ignore", "pipe"] });
const faults = [];
let failed = false;

function check(what, good, detail = "") {
  console.log(`${good ? "ok  " : "FAIL"} ${what}${detail && !good ? `: ${detail}` : ""}`);
  failed ||= !good;
}

async function browser() {
  let text = "";
  for await (const chunk of chromium.stderr) {
    text += chunk;
    const found = text.match(/ws:\/\/[^\s]+/);
    if (found) { chromium.stderr.on("data", () => {}); return found[0]; }
  }
  throw new Error("chromium did not start");
}

class Page {
  #next = 1; #waiting = new Map(); #socket; #session;
  static async open(endpoint) {
    const page = new Page();
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
    if (method === "Runtime.consoleAPICalled" && params.type === "error") { faults.push(params.args.map((a) => a.value ?? a.description).join(" ")); }
    if (method === "Runtime.exceptionThrown") { faults.push(params.exceptionDetails.text); }
    if (method === "Log.entryAdded" && params.entry.level === "error") { faults.push(`${params.entry.text} ${params.entry.url ?? ""}`); }
  }
  send(method, params = {}) {
    const id = this.#next++;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId: this.#session }));
    return new Promise((ok, no) => this.#waiting.set(id, { ok, no }));
  }
  async read(expression) { return (await this.send("Runtime.evaluate", { expression, returnByValue: true })).result.value; }
  async until(expression, seconds) {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(200)) { if (await this.read(expression)) { return true; } }
    return false;
  }
  async look(name, width, height, dark = false, media = "") {
    if (!shots) { return; }
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.send("Emulation.setEmulatedMedia", { media, features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    await sleep(150);
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
    writeFileSync(join(shots, `${name}.png`), Buffer.from(data, "base64"));
  }
  close() { this.#socket.close(); }
}

try {
  const page = await Page.open(await browser());
  await page.send("Emulation.setDeviceMetricsOverride", { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false });
  await page.send("Page.navigate", { url: new URL("?lang=zh", url).href });
  check("the page comes alive", await page.until("document.documentElement.classList.contains('live')", 15));
  await page.read("window.sameDocument = true");
  const closed = "document.querySelector('#run .figure b')?.textContent";
  const clock = "document.querySelector('#calls td.num:last-child')?.textContent";
  const [closedBefore, clockBefore] = [await page.read(closed), await page.read(clock)];
  check("a call's clock goes on", await page.until(`${clock} !== ${JSON.stringify(clockBefore)}`, 10), clockBefore);
  check("a call that ends moves the run", await page.until(`${closed} !== ${JSON.stringify(closedBefore)}`, 20), closedBefore);
  check("without a reload", await page.read("window.sameDocument === true"));
  check("nothing wider than a phone", (await page.send("Emulation.setDeviceMetricsOverride", { width: 360, height: 780, deviceScaleFactor: 1, mobile: true }),
    await page.read("document.documentElement.scrollWidth <= 360")), String(await page.read("document.documentElement.scrollWidth")));
  await page.look("home-zh", 1280, 860);
  await page.look("home-zh-dark", 1280, 860, true);
  await page.look("home-zh-phone", 390, 1500);
  await page.look("home-zh-print", 800, 1130, false, "print");
  const story = await page.read("document.querySelector('#complaints a:last-of-type')?.href ?? document.querySelector('#calls a')?.href");
  check("no error was logged", faults.length === 0, faults.join("; "));

  await page.send("Network.emulateNetworkConditions", { offline: true, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  check("a lost connection is shown", await page.until("document.documentElement.classList.contains('lost')", 60));
  await page.look("home-zh-lost", 1280, 860);
  await page.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  check("and found again", await page.until("document.documentElement.classList.contains('live')", 90));

  await page.send("Page.navigate", { url: new URL("?lang=en", url).href });
  await page.until("document.documentElement.classList.contains('live')", 15);
  await page.look("home-en", 1280, 860);
  if (story) {
    await page.send("Page.navigate", { url: story });
    check("a follow-up opens", await page.until("document.querySelector('.timeline, .empty') !== null", 15), story);
    check("it fits a phone", (await page.send("Emulation.setDeviceMetricsOverride", { width: 360, height: 780, deviceScaleFactor: 1, mobile: true }),
      await page.read("document.documentElement.scrollWidth <= 360")), String(await page.read("document.documentElement.scrollWidth")));
    await page.look("follow-up", 900, 1500);
    await page.look("follow-up-phone", 390, 1500, true);
  }
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
