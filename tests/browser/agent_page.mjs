// The agent's page in a real Chromium: signing in, going on duty by a key, the caller on the screen at the reservation, reload and language during a ring, turning down,
// talking, writing up, going off duty; on a phone too, and without an error in the console.
// Usage: node tests/browser/agent_page.mjs URL [SCREENSHOT_DIR]
// The test `the_agent_s_page_in_a_real_browser` serves it, reads lines `DO what`, does that as the engine would, and answers each with a line.
import { createInterface } from "node:readline";
import { drive } from "./cdp.mjs";

const [url, shots] = process.argv.slice(2);
if (!url) { console.error("usage: agent_page.mjs URL [SCREENSHOT_DIR]"); process.exit(2); }
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const engine = async (what) => { console.log(`DO ${what}`); return (await answers.next()).value; };
const KEYS = { F2: 113, F4: 115, F7: 118, F8: 119, F9: 120 };
const SHOWN_MS = 300; // from the reservation's commit to the caller on the screen
const POPS = 10;

await drive({ shots, args: ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"] }, async ({ page, check, faults }) => {
  const key = async (name, shift = false) => {
    const event = { key: name, code: name, windowsVirtualKeyCode: KEYS[name], modifiers: shift ? 8 : 0 };
    await page.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...event });
    await page.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  };
  const stands = (state) => page.until(`document.querySelector('#stand .stand')?.dataset.state === ${JSON.stringify(state)}`, 8);
  const stage = (stage) => page.until(`(document.querySelector('#call .call')?.dataset.stage ?? '') === ${JSON.stringify(stage)}`, 8);
  const text = (selector) => page.read(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`);
  const live = () => page.until("document.documentElement.classList.contains('live')", 15);
  const click = (selector) => page.read(`document.querySelector(${JSON.stringify(selector)}).click()`);

  await page.size(1280, 900);
  await page.go(new URL("/agent?lang=zh", url));
  check("who is not signed in goes to the form", await page.until("document.querySelector('#password') !== null", 15));
  await page.look("sign-in", 1280, 700);
  await page.read("document.querySelector('#name').value = 'li.na'; document.querySelector('#password').value = 'wrong'; document.querySelector('form.sign-in').submit()");
  check("a wrong password is told", await page.until("document.querySelector('.notice') !== null", 15));
  faults.length = 0; // Chromium logs the 401 of the form
  await page.read("document.querySelector('#password').value = 'right as rain'; document.querySelector('form.sign-in').submit()");
  check("the right one opens the desk", await page.until("location.pathname === '/agent' && document.querySelector('main.agent') !== null", 15));
  check("it comes alive", await live());
  check("nobody is on duty by chance", await stands("offline"));
  await page.look("agent-offline-zh", 1280, 800);
  await key("F2");
  check("F2 goes on duty", await stands("available"));
  await key("F4");
  check("F4 takes a break", await stands("break"));
  await key("F2");
  check("and comes back", await stands("available"));

  await page.read(`window.sameDocument = true; window.popped = 0; window.gone = 0;
    new MutationObserver(() => {
      const there = document.querySelector('#caller h1')?.textContent.includes('何雪');
      if (there && !window.popped) { window.popped = Date.now(); }
    }).observe(document.querySelector('#caller'), { childList: true, subtree: true })`);
  const took = [];
  for (let n = 0; n < POPS; n++) {
    await page.read("window.popped = 0");
    const committed = Number(await engine("reserve"));
    await page.until("window.popped > 0", 5);
    took.push(await page.read("window.popped") - committed);
    if (n + 1 < POPS) { await engine("give up"); await stage(""); await stands("available"); }
  }
  took.sort((a, b) => a - b);
  console.log(`     the caller was on the screen ${took.join(", ")} ms after the reservation`);
  // All, on a machine that has nothing else to do; a busy one may hold up a few.
  check("the caller is on the screen within 300 ms of the reservation", took[Math.floor(POPS / 2)] <= SHOWN_MS, took.join(", "));
  check("as what is asked of the customer goes on", await stage("asked"));
  await page.look("agent-asked-zh", 1280, 900);
  const caller = await text("#caller");
  for (const word of ["何雪", "轩逸", "苏A9S118", "+86", "Q1 总体满意度", "不满意", "评分低"]) { check(`it says ${word}`, caller.includes(word), caller); }
  check("what was bad is marked", await page.read("document.querySelectorAll('#caller .given .unhappy').length") === 2);

  check("what they said is played", await page.read("(async () => { const said = document.querySelector('#said audio'); await said.play(); return said.duration })()") === 2);
  check("what went before is there", (await text("#history")).includes("交车"), await text("#history"));

  await engine("ring");
  check("it rings", await stage("ringing"));
  check("the title says so", await page.until("document.title.startsWith('☎')", 3));
  check("the line shows the caller", await page.until("document.querySelector('#line .own') !== null", 3));
  await page.look("agent-ringing-zh", 1280, 900);
  await page.look("agent-ringing-zh-dark", 1280, 900, true);
  await page.size(1280, 900);
  await page.read("document.querySelector('#work').lastElementChild && (document.querySelector('#work').lastElementChild.marked = true)");
  await engine("answer");
  check("an answer given meanwhile appears", await page.until("document.querySelectorAll('#caller .given .unhappy').length === 3", 5));
  check("and what is being written is left alone", await page.read("!document.querySelector('#work').lastElementChild || document.querySelector('#work').lastElementChild.marked === true"));
  check("all of it without a reload", await page.read("window.sameDocument === true"));

  await click("nav a[hx-boost]");
  check("the other language comes in the ring", await page.until("document.documentElement.lang === 'en' && document.querySelector('#call .now b')?.textContent === 'Incoming call'", 8));
  check("without a reload", await page.read("window.sameDocument === true"));
  check("and goes on moving", await live());
  await page.send("Page.reload");
  await page.until("window.sameDocument === undefined && document.querySelector('main.agent') !== null", 15);
  check("a reload keeps the language", await page.read("document.documentElement.lang") === "en");
  check("and the caller", (await text("#caller h1")).includes("何雪") && await stage("ringing"));
  check("and the duty", await stands("ringing"));
  await live();
  await page.look("agent-ringing-en", 1280, 900);
  check("nothing is wider than a phone", await page.fits(), String(await page.read("document.documentElement.scrollWidth")));
  await page.look("agent-ringing-phone", 390, 1500);
  await page.size(1280, 900);

  await key("F9");
  let word = "";
  const hears = async (wanted) => { for (const end = Date.now() + 8000; Date.now() < end && !word.includes(wanted);) { word = await engine("word"); } };
  await hears("Reject");
  check("F9 turns it down", word.includes("Reject"), word);
  await engine("turned down");
  check("and it is gone", await stage("") && !(await text("#caller")).includes("何雪"));
  check("the next one may come", await stands("available"));

  await engine("reserve");
  await engine("ring");
  await engine("talk");
  check("the two talk", await stage("talking"));
  check("the lamp says so", await stands("talking"));
  await key("F4");
  check("a break is kept for later", await page.until("document.querySelector('#stand .sub') !== null", 5));
  await page.look("agent-talking-en", 1280, 900);
  await page.size(1280, 900);
  await key("F2");
  check("and taken back", await page.until("document.querySelector('#stand .sub') === null", 5));
  await key("F9");
  await hears("HangUp");
  check("F9 hangs up", word.includes("HangUp"), word);
  await engine("over");
  check("writing up has its time", await stands("wrap_up") && await page.until("/^0:[0-5][0-9]$|^1:00$/.test(document.querySelector('#stand .clock')?.textContent)", 3), await text("#stand"));
  check("who it was stays", (await text("#caller h1")).includes("何雪"));
  await page.look("agent-wrap-up-en", 1280, 900);
  await page.look("agent-wrap-up-phone", 390, 1500, true);
  await page.size(1280, 900);
  await key("F2");
  check("F2 ends it", await stands("available"));
  await key("F4", true);
  check("Shift+F4 goes off duty", await stands("offline"));
  check("no error was logged", faults.length === 0, faults.join("; "));
});
