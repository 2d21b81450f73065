// An agent's call in a real Chromium with fake audio devices: assets/agent-call.js against the engine's WebRTC. The customer's tone is heard in the
// page and the page's tone by the customer, by frequency and level; mute, keys, and each way to end.
// Needs: see cdp.mjs. Usage: node tests/browser/agent_call.mjs URL WAV
// URL: what tests/browser_call.rs serves: the call's API, and what the customer hears at /customer. WAV: 440 Hz at a quarter of full scale.
import { setTimeout as sleep } from "node:timers/promises";
import { drive } from "./cdp.mjs";

const [url, wav] = process.argv.slice(2);
if (!wav) { console.error("usage: agent_call.mjs URL WAV"); process.exit(2); }

const CUSTOMER = { hz: 1000, level: 8000 / 32768 / Math.SQRT2 };
const AGENT = { hz: 440, level: 0.25 / Math.SQRT2 };
const args = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${wav}`,
  "--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection"];

const decibels = (level, expected) => 20 * Math.log10(level / expected);
const near = (level, expected) => Math.abs(decibels(level, expected)) < 3;

await drive({ args }, async ({ page, check, faults }) => {
  // What the customer's telephone hears: the share of the agent's tone in the last second, its level, the keys.
  const customer = async () => (await fetch(new URL("/customer", url))).json();
  const customerUntil = async (what, seconds) => {
    let last;
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(200)) { last = await customer(); if (what(last)) { return [true]; } }
    return [false, JSON.stringify(last)];
  };
  const states = () => page.read("JSON.stringify(window.states)");
  const start = (constraints) => page.read(`start(${JSON.stringify(constraints)})`);
  const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

  await page.go(url);
  check("the page is there", await page.until("window.start !== undefined", 10));
  await start(raw);
  check("the call stands", await page.until("call.state === 'talking'", 20), await states());
  check("asking, connecting, talking", await states() === '["asking","connecting","talking"]', await states());

  await page.read("listen()");
  const heard = `(() => { const { hz, level } = measure(); return Math.abs(hz - ${CUSTOMER.hz}) < 15 && Math.abs(20 * Math.log10(level / ${CUSTOMER.level})) < 3; })()`;
  check("the page hears the customer's tone", await page.until(heard, 15), JSON.stringify(await page.read("measure()")));
  check("the customer hears the page's tone", ...await customerUntil(({ share, level }) => share > 0.9 && near(level, AGENT.level), 15));

  const [inPage, atCustomer] = [await page.read("measure()"), await customer()];
  console.log(`     in the page ${inPage.hz.toFixed(0)} Hz, ${decibels(inPage.level, CUSTOMER.level).toFixed(1)} dB off; at the customer ` +
    `${(100 * atCustomer.share).toFixed(1)} % ${AGENT.hz} Hz, ${decibels(atCustomer.level, AGENT.level).toFixed(1)} dB off`);

  await page.read("call.mute()");
  check("muted: the customer hears nothing", ...await customerUntil(({ level }) => level < 0.002, 10));
  await page.read("call.mute(false)");
  check("and again something", ...await customerUntil(({ share, level }) => share > 0.9 && near(level, AGENT.level), 10));

  check("keys can be sent", await page.read("call.sendKey('5') && call.sendKey('#') && !call.sendKey('x')"));
  check("they arrive, in order, once", ...await customerUntil(({ keys }) => keys === "5#", 10));
  check("the page is told that it was never silent", (await customer()).events.startsWith("Connected"), (await customer()).events);

  await page.read("call.hangUp()");
  check("the page hangs up", await page.read("call.state") === "ended" && (await states()).endsWith('"ended:hung-up"]'), await states());
  check("the engine hears of it", ...await customerUntil(({ events }) => events.endsWith("HungUp"), 10));

  await start(raw);
  check("a second call stands", await page.until("call.state === 'talking'", 20), await states());
  await fetch(new URL("/drop", url), { method: "POST" });
  check("the engine hangs up, the page hears of it", await page.until("call.state === 'ended'", 15) && (await states()).endsWith('"ended:remote"]'), await states());

  await start(undefined);
  check("a third call stands, with the microphone as agents have it", await page.until("call.state === 'talking'", 20), await states());
  await page.go("about:blank");
  check("a page that goes away hangs up", ...await customerUntil(({ events }) => /(HungUp|Vanished)$/.test(events), 20));

  await page.go(url);
  await page.until("window.start !== undefined", 10);
  check("no error was logged", faults.length === 0, faults.join("; "));
  await fetch(new URL("/refuse", url), { method: "POST" });
  await start(raw);
  check("a call that is gone is said so", await page.until("call.state === 'ended'", 15) && (await states()).endsWith('"ended:refused"]'), await states());
});
