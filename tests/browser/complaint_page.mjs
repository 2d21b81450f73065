// The complaint desk in a real Chromium: what is typed is never lost, the steps go through to the end, filters filter, it fits a phone, and no error is logged.
// Needs what cdp.mjs needs.
// Usage: node tests/browser/complaint_page.mjs URL COOKIE COMPLAINT [SCREENSHOT_DIR]
// URL: the server's root. COOKIE: name=value of a manager's session. COMPLAINT: id of an open one that nobody has touched, as src/web/tests/complaints.rs serves it.
import { setTimeout as sleep } from "node:timers/promises";
import { drive } from "./cdp.mjs";

const [url, cookie, complaint, shots] = process.argv.slice(2);
if (!complaint) { console.error("usage: complaint_page.mjs URL COOKIE COMPLAINT [SCREENSHOT_DIR]"); process.exit(2); }
const SAID = "客户反映取车时未说明更换的备件价格，要求解释。";

await drive({ shots }, async ({ page, check, faults }) => {
  const [name, ...value] = cookie.split("=");
  await page.send("Network.setCookie", { url, name, value: value.join("="), httpOnly: true, sameSite: "Strict" });
  await page.size(1280, 900);
  const open = async (path, ready) => { await page.go(new URL(path, url)); return page.until(`document.readyState === "complete" && (${ready})`, 15); };
  const count = (selector) => page.read(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
  const text = (selector) => page.read(`document.querySelector(${JSON.stringify(selector)})?.textContent.trim() ?? ""`);
  const note = "document.querySelector('textarea[name=note]').value";
  const choose = (field, word) => page.read(`(() => { const f = document.querySelector('select[name=${field}]'); f.value = "${word}";
    f.dispatchEvent(new Event("input", { bubbles: true })); f.dispatchEvent(new Event("change", { bubbles: true })); })()`);
  const type = async (words) => { await page.read("document.querySelector('textarea[name=note]').focus()"); await page.send("Input.insertText", { text: words }); };
  // htmx takes a form over a moment after it has swapped it in; a click before that would send it the way without a script
  const press = async (act) => { await page.until("!document.querySelector('.htmx-added')", 10); await page.read(`document.querySelector('button[value=${act}]')?.click()`); };
  const reload = async () => { await page.read("window.before = true"); await page.send("Page.reload"); return page.until("!window.before && document.readyState === 'complete' && !!document.querySelector('form[data-draft][data-seen]')", 15); };

  check("the desk lists complaints", await open("/complaints?lang=zh", "document.querySelectorAll('.complaints tbody tr').length > 2"), String(await count(".complaints tbody tr")));
  await page.look("complaints-zh", 1280, 860);
  await page.look("complaints-zh-dark", 1280, 860, true);
  check("it fits a phone", await page.fits(), String(await page.read("document.documentElement.scrollWidth")));
  await page.look("complaints-zh-phone", 390, 900);
  await page.size(1280, 900);
  await page.read("document.querySelector('select[name=standing]').value = 'overdue'; document.querySelector('form.filters').requestSubmit()");
  check("overdue ones are shown alone", await page.until("location.search.includes('standing=overdue') && document.readyState === 'complete' && document.querySelectorAll('.complaints tbody tr').length > 0 && [...document.querySelectorAll('.complaints tbody tr')].every((row) => row.querySelector('td.bad'))", 10));
  await open("/complaints?standing=closed&lang=zh", "document.querySelector('.empty') !== null");
  check("no closed one yet", (await count(".complaints tbody tr")) === 0);

  check("a complaint opens at its first step", await open(`/complaints/${complaint}?lang=zh`, "document.querySelectorAll('.rail li.done').length === 1"));
  check("nobody is named in clear", !(await page.read("document.body.textContent")).includes("刘洋"));
  await type(SAID);
  check("what was typed outlives an instant reload", (await reload()) && (await page.read(note)) === SAID, String(await page.read(note)));
  check("it is saved on the server", await page.until("document.querySelector('.draft').textContent.includes('草稿已保存') && !Object.keys(sessionStorage).some((key) => key.startsWith('huifang-draft'))", 10), await text(".draft"));
  check("and comes back from there", (await reload()) && (await page.read(note)) === SAID && (await text(".draft")).includes("已恢复"), await text(".draft"));
  await page.look("complaint-zh", 1280, 1100);

  await press("analyse");
  check("nature and cause are asked for", await page.until("document.querySelector('.notice[role=alert]')?.textContent.includes('性质')", 10));
  check("a refusal loses nothing", (await page.read(note)) === SAID);
  await choose("nature", "valid");
  await choose("cause", "price");
  for (const [i, act] of ["analyse", "solution", "tell_customer", "act"].entries()) {
    if (i > 0) { await type(`${act}：已处理。`); }
    await press(act);
    check(`step ${i + 2} is done`, await page.until(`document.querySelectorAll('.rail li.done').length === ${i + 2} && document.querySelector('.notice.good')`, 10), await text(".notice"));
    check("and the note was sent", (await page.read(note)) === "", String(await page.read(note)));
  }
  check("the history names who did it", (await text(".history li:first-child")).includes("manager"), await text(".history li:first-child"));
  await page.look("complaint-zh-acted", 1280, 1400);
  await type("已电话告知结果。");
  await press("report_back");
  check("the result was told", await page.until("document.querySelector('button[value=settled]') !== null", 10), await text(".notice"));
  await type("客户表示满意。");
  await press("settled");
  check("it is settled", await page.until("document.querySelectorAll('.rail li.done').length === 6", 10), await text(".notice"));
  await press("close");
  check("a root cause is wanted", await page.until("document.querySelector('.notice[role=alert]')?.textContent.includes('根本原因')", 10), await text(".notice"));
  await choose("root_cause", "staff_explanation");
  await press("close");
  check("it is closed", await page.until("document.querySelector('#complaint-work h2 .state')?.textContent === '已结案'", 10), await text(".notice"));
  check("a complaint fits a phone", await page.fits(), String(await page.read("document.documentElement.scrollWidth")));
  await page.look("complaint-zh-phone", 390, 1900);
  await page.size(1280, 900);
  await open("/complaints?standing=closed&lang=en", "document.querySelectorAll('.complaints tbody tr').length === 1");
  const other = await page.read("fetch('/api/v1/complaints').then((answer) => answer.json()).then((list) => list.complaints[0].id)");
  check("the page speaks English", await open(`/complaints/${other}?lang=en`, "document.querySelector('button[value=analyse]')?.textContent.includes('Analyse')"));
  await page.look("complaint-en", 1280, 1100, true);
  check("no error was logged", faults.length === 0, faults.join("; "));

  await page.offline(true);
  await type("typed while the server was away");
  check("a draft that cannot be saved says so", await page.until("document.querySelector('.draft.bad') !== null", 10), await text(".draft"));
  await page.offline(false);
  check("and is saved as soon as it can be", await page.until("document.querySelector('.draft').textContent.includes('Draft saved')", 15), await text(".draft"));
  await sleep(0);
});
