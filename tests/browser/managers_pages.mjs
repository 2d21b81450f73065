// The managers' pages in a real Chromium: figures are drawn, fit a phone, speak both languages, and log no error.
// Needs: see cdp.mjs. Usage: node tests/browser/managers_pages.mjs URL [SCREENSHOT_DIR]
// URL: a month of calls, as the test `managers::in_a_real_browser` serves it.
import { drive } from "./cdp.mjs";

const [url, shots] = process.argv.slice(2);
if (!url) { console.error("usage: managers_pages.mjs URL [SCREENSHOT_DIR]"); process.exit(2); }

// Path, what must stand on it in Chinese and in English, and how many charts are drawn at least.
const PAGES = [
  ["satisfaction", "最弱的项目", "Weakest items", 3],
  ["weak-items", "建议整改的项目", "Proposed", 0],
  ["reports", "客户回访周报", "Weekly follow-up report", 0],
];

await drive({ shots }, async ({ page, check, faults }) => {
  for (const [path, zh, en, charts] of PAGES) {
    for (const [lang, words] of [["zh", zh], ["en", en]]) {
      await page.size(1280, 900);
      await page.go(new URL(`${path}?lang=${lang}`, url));
      check(`${path} in ${lang}`, await page.until(`document.body.textContent.includes(${JSON.stringify(words)})`, 15));
      if (charts > 0) {
        const drawn = "[...document.querySelectorAll('figure.chart canvas')].filter((c) => c.width > 0 && c.height > 0).length";
        check(`${path} in ${lang}: charts are drawn`, await page.until(`${drawn} >= ${charts}`, 15), String(await page.read(drawn)));
      }
      check(`${path} in ${lang}: nothing wider than a phone`, await page.fits());
      await page.look(`${path}-${lang}`, 1280, 1500);
    }
    await page.look(`${path}-phone`, 390, 1600);
    await page.look(`${path}-dark`, 1280, 1500, true);
    await page.look(`${path}-print`, 800, 1130, false, "print");
  }
  await page.go(new URL("satisfaction?lang=en", url));
  await page.until("document.querySelector('a[href^=\"/satisfaction/calls\"]') !== null", 15);
  await page.go(new URL(await page.read("document.querySelector('a[href^=\"/satisfaction/calls\"]').href"), url));
  check("a figure leads to its calls", await page.until("document.querySelector('a[href^=\"/follow-ups/\"]') !== null", 15));
  await page.go(new URL(await page.read("document.querySelector('a[href^=\"/follow-ups/\"]').href"), url));
  check("and a call to its story", await page.until("document.querySelector('main.story') !== null", 15));
  check("no error was logged", faults.length === 0, faults.join("; "));
});
