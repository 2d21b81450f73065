// Now with its buttons, the summary and the rates in a real Chromium; both languages, wide and phone; no error is logged.
// Needs what cdp.mjs needs.
// Usage: node tests/browser/now_pages.mjs URL COOKIE [SCREENSHOT_DIR]
// URL: the server's root. COOKIE: name=value of a manager's session, as src/web/tests/now.rs serves it: nothing is paused yet. At the end everything is drained.
import { drive } from "./cdp.mjs";

const [url, cookie, shots] = process.argv.slice(2);
if (!cookie) { console.error("usage: now_pages.mjs URL COOKIE [SCREENSHOT_DIR]"); process.exit(2); }

await drive({ shots }, async ({ page, check, faults }) => {
  const [name, ...value] = cookie.split("=");
  await page.send("Network.setCookie", { url, name, value: value.join("="), httpOnly: true, sameSite: "Strict" });
  await page.size(1280, 900);
  const open = async (path, ready) => { await page.go(new URL(path, url)); return page.until(`document.readyState === "complete" && (${ready})`, 15); };
  const stored = () => page.read("fetch('/api/v1/control').then((answer) => answer.json()).then((json) => json.campaigns[0].state)");
  const press = (action) => page.read(`(window.before = true, document.querySelector('#control li form button[value=${action}], .confirm button[value=${action}]')?.click())`);
  const after = (ready) => page.until(`!window.before && document.readyState === "complete" && (${ready})`, 15);
  const live = "document.documentElement.classList.contains('live')";

  check("the page of now comes alive", await open("/?lang=zh", live));
  for (const section of ["run", "pace", "control", "calls", "complaints", "queue", "agents", "trunks", "rates"]) {
    check(`it has the section ${section}`, await page.read(`(document.querySelector('#${section}')?.textContent.trim().length ?? 0) > 4`));
  }
  check("nothing wider than a phone", await page.fits(), String(await page.read("document.documentElement.scrollWidth")));
  await page.look("now-zh", 1280, 1500);
  await page.look("now-zh-dark", 1280, 1500, true);
  await page.look("now-zh-phone", 390, 2600);
  await page.size(1280, 900);

  for (const [path, what] of [["/summary", "document.querySelectorAll('.sentence').length === 3 && document.querySelector('#needs li') !== null"],
    ["/rates", "document.querySelectorAll('.rates li').length > 8 && document.querySelectorAll('table').length >= 4"]]) {
    for (const lang of ["zh", "en"]) {
      check(`${path} reads in ${lang}`, await open(`${path}?lang=${lang}`, what));
      check(`${path} fits a phone in ${lang}`, await page.fits(), String(await page.read("document.documentElement.scrollWidth")));
      await page.look(`${path.slice(1)}-${lang}`, 1280, 1700);
      await page.look(`${path.slice(1)}-${lang}-phone`, 390, 3000, true);
      await page.size(1280, 900);
    }
    await page.look(`${path.slice(1)}-print`, 800, 1130, false, "print");
    await page.size(1280, 900);
  }
  await open("/?lang=en", live);
  await page.look("now-en", 1280, 1500);
  await page.size(1280, 900);
  await open("/?lang=zh", live);
  await press("pause");
  check("pause is pressed, and the page says so", await after("document.querySelector('#control .held') !== null"));
  check("the store knows", (await stored()) === "paused", await stored());
  check("the page comes alive again", await page.until(live, 15));
  await page.look("now-zh-paused", 1280, 1500);
  await page.size(1280, 900);
  // what another manager does is seen without a reload
  await page.read("window.sameDocument = true");
  const csrf = await page.read("document.querySelector('meta[name=csrf]').content");
  const resumed = await page.read(`fetch('/control', { method: 'POST', redirect: 'manual', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'action=resume&csrf=${csrf}' }).then(() => true)`);
  check("resumed elsewhere, it moves by itself", resumed && await page.until("document.querySelector('#control .held') === null && window.sameDocument === true", 20));
  check("the store knows that too", (await stored()) === "running", await stored());
  await press("drain");
  check("a drain is asked for once more", await after("document.querySelector('.confirm input[name=confirmed]') !== null"));
  check("and not done before", (await stored()) === "running", await stored());
  check("the question fits a phone", await page.fits());
  await page.look("drain-zh", 1280, 500);
  await page.size(1280, 900);
  await press("drain");
  check("drained when confirmed", await after("document.querySelector('#control .held') !== null") && (await stored()) === "draining", await stored());

  check("no error was logged", faults.length === 0, faults.join("; "));
});
