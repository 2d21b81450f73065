// The status page in a real Chromium: it comes alive, moves without a reload, says so when the connection is lost, and logs no error.
// Needs: see cdp.mjs. Usage: node tests/browser/status_page.mjs URL [SCREENSHOT_DIR]
// URL: a status page on which a call ends within 20 s after "a call's clock goes on", as the test `the_page_in_a_real_browser` serves it.
import { drive } from "./cdp.mjs";

const [url, shots] = process.argv.slice(2);
if (!url) { console.error("usage: status_page.mjs URL [SCREENSHOT_DIR]"); process.exit(2); }

await drive({ shots }, async ({ page, check, faults }) => {
  const live = "document.documentElement.classList.contains('live')";
  const width = () => page.read("document.documentElement.scrollWidth").then(String);
  await page.size(1280, 900);
  await page.go(new URL("?lang=zh", url));
  check("the page comes alive", await page.until(live, 15));
  await page.read("window.sameDocument = true");
  const closed = "document.querySelector('#run .figure b')?.textContent";
  const clock = "document.querySelector('#calls td.num:last-child')?.textContent";
  const [closedBefore, clockBefore] = [await page.read(closed), await page.read(clock)];
  check("a call's clock goes on", await page.until(`${clock} !== ${JSON.stringify(clockBefore)}`, 10), clockBefore);
  check("a call that ends moves the run", await page.until(`${closed} !== ${JSON.stringify(closedBefore)}`, 20), closedBefore);
  check("without a reload", await page.read("window.sameDocument === true"));
  check("nothing wider than a phone", await page.fits(), await width());
  await page.look("home-zh", 1280, 860);
  await page.look("home-zh-dark", 1280, 860, true);
  await page.look("home-zh-phone", 390, 1500);
  await page.look("home-zh-print", 800, 1130, false, "print");
  const story = await page.read("document.querySelector('#complaints a:last-of-type')?.href ?? document.querySelector('#calls a')?.href");
  check("no error was logged", faults.length === 0, faults.join("; "));

  await page.offline(true);
  check("a lost connection is shown", await page.until("document.documentElement.classList.contains('lost')", 60));
  await page.look("home-zh-lost", 1280, 860);
  await page.offline(false);
  check("and found again", await page.until(live, 90));

  await page.go(new URL("?lang=en", url));
  await page.until(live, 15);
  await page.look("home-en", 1280, 860);
  if (story) {
    await page.go(story);
    check("a follow-up opens", await page.until("document.querySelector('.timeline, .empty') !== null", 15), story);
    check("it fits a phone", await page.fits(), await width());
    await page.look("follow-up", 900, 1500);
    await page.look("follow-up-phone", 390, 1500, true);
  }
});
