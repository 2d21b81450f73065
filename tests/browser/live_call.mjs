// The whole way in a real Chromium: an unhappy customer rings in the page, the agent takes the call there, both hear each other's tone, the complaint is written
// up and stands on the desk. Customers are `huifang callee --tones`, the engine is `huifang serve`.
// Needs: see cdp.mjs. Usage: node tests/browser/live_call.mjs URL WAV [SCREENSHOT_DIR]
// URL: the engine's. WAV: the agent's voice, a tone of 440 Hz. A line `DO dial` on standard output asks for the customer to be called; its answer is a line.
import { createInterface } from "node:readline";
import { drive } from "./cdp.mjs";

const [url, wav, shots] = process.argv.slice(2);
if (!wav) { console.error("usage: live_call.mjs URL WAV [SCREENSHOT_DIR]"); process.exit(2); }
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const engine = async (what) => { console.log(`DO ${what}`); return (await answers.next()).value; };
const CUSTOMER = { hz: 1000, level: 8000 / 32768 / Math.SQRT2 };
const NOTE = "客户要求当面解释账单，已道歉，明天上午回电。";
const args = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${wav}`,
  "--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection"];

await drive({ args, shots }, async ({ page, check, faults }) => {
  const stands = (state, seconds = 10) => page.until(`document.querySelector('#stand .stand')?.dataset.state === ${JSON.stringify(state)}`, seconds);
  const stage = (stage, seconds = 10) => page.until(`(document.querySelector('#call .call')?.dataset.stage ?? '') === ${JSON.stringify(stage)}`, seconds);
  const text = (selector) => page.read(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`);
  const key = async (name, code) => {
    for (const type of ["rawKeyDown", "keyUp"]) { await page.send("Input.dispatchKeyEvent", { type, key: name, code: name, windowsVirtualKeyCode: code }); }
  };

  await page.size(1280, 900);
  await page.go(new URL("/agent?lang=zh", url));
  check("the form is there", await page.until("document.querySelector('#password') !== null", 15));
  await page.read("document.querySelector('#name').value = 'li.na'; document.querySelector('#password').value = 'right as rain'; document.querySelector('form.sign-in').submit()");
  check("the agent is signed in", await page.until("document.querySelector('main.agent') !== null && document.documentElement.classList.contains('live')", 20));
  await key("F2", 113);
  check("and on duty", await stands("available"));

  // Echo cancellers treat a tone as noise: agents' microphones keep theirs, the test's tone goes through as it is. The page's own script is not changed.
  await page.read(`(() => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = () => ask({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const Real = RTCPeerConnection;
    window.RTCPeerConnection = class extends Real { constructor(...all) { super(...all); window.peer = this; } };
  })()`);
  await engine("dial");
  check("the caller is on the screen", await page.until("document.querySelector('#caller h1')?.textContent.length > 0", 60), await text("#caller"));
  check("and rings", await stage("ringing", 30));
  await page.look("live-ringing", 1280, 900);
  await page.size(1280, 900);
  await page.read("document.querySelector('#call [data-do=take]').click()");
  check("the agent takes the call in the page", await stage("talking", 20), await text("#trouble"));
  check("and is talking", await stands("talking"));

  await page.read(`(() => {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 16384;
    context.createMediaStreamSource(new MediaStream(peer.getReceivers().map((r) => r.track))).connect(analyser);
    window.measure = () => {
      const samples = new Float32Array(analyser.fftSize), bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatTimeDomainData(samples);
      analyser.getFloatFrequencyData(bins);
      const level = Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length);
      return { hz: bins.indexOf(Math.max(...bins)) * context.sampleRate / analyser.fftSize, level };
    };
  })()`);
  const heard = `(() => { const { hz, level } = measure(); return Math.abs(hz - ${CUSTOMER.hz}) < 15 && Math.abs(20 * Math.log10(level / ${CUSTOMER.level})) < 3; })()`;
  // The customer answers with this tone only once it has heard the agent's: one check for both ways.
  check("the customer hears the agent's tone, and the agent the customer's", await page.until(heard, 20), JSON.stringify(await page.read("measure()")));
  await page.look("live-talking", 1280, 1100);
  await page.size(1280, 900);

  check("the complaint's form is on the page", await page.until("document.querySelector('#work textarea[name=note]') !== null", 10));
  await page.read("document.querySelector('#work textarea[name=note]').focus()");
  await page.send("Input.insertText", { text: NOTE });
  check("what is typed is saved", await page.until("document.querySelector('#work .draft').textContent.includes('草稿已保存')", 10), await text("#work .draft"));
  await key("F9", 120);
  check("the agent hangs up", await stands("wrap_up", 15));
  await page.send("Page.reload");
  check("a reload keeps the note", await page.until(`document.querySelector('#work textarea[name=note]')?.value === ${JSON.stringify(NOTE)}`, 15),
    String(await page.read("document.querySelector('#work textarea[name=note]')?.value")));
  await page.read("document.querySelector('#work button[value=listen_and_record]').click()");
  check("the note is in the history", await page.until(`document.querySelector('#work .history')?.textContent.includes(${JSON.stringify(NOTE)})`, 10), await text("#work .notice"));
  await page.look("live-wrap-up", 1280, 1300);
  await page.size(1280, 900);
  await key("F2", 113);
  check("the agent is free again", await stands("available"));

  await page.go(new URL("/complaints?lang=zh", url));
  check("the complaint stands on the desk", await page.until("document.querySelectorAll('.complaints tbody tr').length === 1", 15));
  check("no error was logged", faults.length === 0, faults.join("; "));
});
