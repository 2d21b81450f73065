// The agent's page: clocks, buttons and keys, the ring, and the call in the page. What is shown comes from the server (src/web/pages/agent.rs); this only counts,
// sends, and rings. Sections are swapped by htmx at any time: nothing here holds on to an element.
const main = () => document.querySelector("main.agent");
const banner = () => document.querySelector("#call .call");
let behind = 0; // milliseconds that this machine's clock is behind the server's
let live = null; // the call in this page: what startCall gave
let muted = false;
let sound = null;
const title = document.title;

// ---- clocks

function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

function tick() {
  const now = Date.now() + behind;
  for (const clock of document.querySelectorAll("time.clock")) {
    const { since, until } = clock.dataset;
    const text = until ? span(Date.parse(until) - now + 999) : span(now - Date.parse(since));
    if (clock.textContent !== text) { clock.textContent = text; }
  }
}

// ---- what is sent

function trouble(text) {
  const place = document.getElementById("trouble");
  place.textContent = text ?? "";
  place.hidden = !text;
}

// Sends JSON; gives the answer's JSON, or throws what the server says is wrong.
async function post(path, body = {}) {
  const csrf = document.querySelector("meta[name=csrf]")?.content ?? "";
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF": csrf }, body: JSON.stringify(body) });
  if (answer.status === 401) { location.assign("/sign-in?next=/agent"); }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(problem.detail ?? answer.statusText), { status: answer.status });
  }
  return answer.status === 204 ? {} : answer.json();
}

async function say(path, body) {
  try {
    trouble();
    return await post(path, body);
  } catch (error) {
    trouble(error.status === 409 ? main().dataset.tooLate : `${main().dataset.failed} ${error.message}`);
    return null;
  }
}

const ofTransfer = (word) => `/api/v1/agent/transfers/${banner().dataset.transfer}/${word}`;

// ---- the call in the page

async function take() {
  if (live) { return; }
  trouble();
  const { startCall } = await import("/assets/agent-call.js");
  let refusal = null; // what the server said, which startCall keeps to itself
  const call = startCall(banner().dataset.transfer, {
    post: (path, body) => post(path, body).catch((error) => { refusal = error; throw error; }),
  });
  live = call;
  muted = false;
  call.onstate = (state, why) => {
    if (state === "ended") {
      if (live === call) { live = null; }
      ended(why, refusal);
    }
    show();
  };
  show();
}

// Why a call in the page is over, where the agent has not ended it.
function ended(why, refusal) {
  const said = main().dataset;
  const words = {
    microphone: said.noMicrophone,
    unsupported: said.noMicrophone,
    refused: refusal?.status === 409 ? said.tooLate : `${said.failed} ${refusal?.message ?? ""}`,
    lost: said.lost,
  };
  if (words[why]) { trouble(words[why]); }
}

function hangUp() {
  if (live) { return live.hangUp(); } // it tells the server too
  return say(ofTransfer("hang-up"));
}

const doings = {
  take,
  reject: () => say(ofTransfer("reject")),
  "hang-up": hangUp,
  mute: () => { if (live) { muted = !muted; live.mute(muted); show(); } },
  key: (button) => live?.sendKey(button.dataset.digit),
};

// ---- the ring

function ring() {
  if (!sound || sound.state !== "running") { return; }
  for (const [at, hertz] of [[0, 587], [0.18, 740], [0.36, 880]]) {
    const tone = sound.createOscillator(), level = sound.createGain(), from = sound.currentTime + at;
    tone.frequency.value = hertz;
    level.gain.setValueAtTime(0, from);
    level.gain.linearRampToValueAtTime(0.15, from + 0.02);
    level.gain.exponentialRampToValueAtTime(0.001, from + 0.16);
    tone.connect(level).connect(sound.destination);
    tone.start(from);
    tone.stop(from + 0.17);
  }
}

let lastRing = 0;
let shownStage = "";
let autoTaken = "";

// After each swap: what the server cannot know (muted, connecting), the title, the ring, and taking the call where that was agreed.
function show() {
  const call = banner();
  const stage = call?.dataset.stage ?? "";
  const connecting = stage === "ringing" && live !== null;
  call?.classList.toggle("connecting", connecting);
  call?.querySelector("[data-do=take]")?.toggleAttribute("disabled", connecting);
  const words = call?.querySelector(".now b");
  if (connecting && words) { words.textContent = main().dataset.connecting; }
  call?.querySelector("[data-do=mute]")?.setAttribute("aria-pressed", String(muted));
  if (stage === "ringing" && call.dataset.auto === "true" && autoTaken !== call.dataset.transfer) {
    autoTaken = call.dataset.transfer;
    take();
  }
  if (stage !== shownStage) {
    shownStage = stage;
    lastRing = 0;
    document.title = stage === "ringing" ? `☎ ${main().dataset.ringing}` : title;
  }
}

function pulse() {
  tick();
  const call = banner();
  if (call?.dataset.stage === "ringing" && call.dataset.page === "true" && !live && Date.now() - lastRing > 2500) {
    lastRing = Date.now();
    ring();
  }
}

// ---- hands

function press(button) {
  if (!button || button.disabled) { return; }
  const { wish, do: doing } = button.dataset;
  if (wish) { say("/api/v1/agent/state", { state: wish }); }
  if (doing) { doings[doing](button); }
}

document.addEventListener("click", (event) => {
  sound ??= new AudioContext(); // browsers let a page sound only after a touch
  if (sound.state === "suspended") { sound.resume(); }
  const button = event.target.closest("main.agent [data-wish], main.agent [data-do]");
  if (button) { press(button); }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) { return; }
  const key = (event.shiftKey ? "Shift+" : "") + event.key;
  const button = document.querySelector(`main.agent [data-key="${CSS.escape(key)}"]`);
  if (button) { event.preventDefault(); press(button); }
});

addEventListener("beforeunload", (event) => { if (live) { event.preventDefault(); } });

// The stream is refused once the session is over: then only signing in helps.
document.addEventListener("htmx:sseError", () => {
  fetch("/api/v1/agent", { headers: { Accept: "application/json" } })
    .then((answer) => { if (answer.status === 401) { location.assign("/sign-in?next=/agent"); } })
    .catch(() => {});
});

// The other language comes without a reload: a call in the page goes on.
document.addEventListener("htmx:afterSwap", () => {
  const desk = main();
  if (desk && document.documentElement.lang !== desk.lang) { document.documentElement.lang = desk.lang; }
  tick();
  show();
});

behind = Date.parse(main()?.dataset.now ?? "") - Date.now() || 0;
tick();
show();
setInterval(pulse, 250);
