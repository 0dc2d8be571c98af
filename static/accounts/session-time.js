// Warns before a session ends by itself, and lets the person stay. How long it lasts is the server's to say.

const warning = document.getElementById("session-warning");
const text = document.getElementById("session-warning-text");
const status = warning.querySelector("[role=status]");
const stay = warning.querySelector("[data-stay]");
const { warn, over, one, many, failed } = warning.dataset;
// Every second would drown out everything else.
const SPOKEN_AT = [20, 10];
const GO_AGAIN_MS = 60_000;

let end = 0;
let timer = null;
let isDismissed = false;
let isLeaving = false;
take({ left: Number(warning.dataset.left), isFinal: warning.dataset.final === "true" });

stay.addEventListener("submit", (event) => {
  event.preventDefault();
  ask({ method: "POST", body: new FormData(stay) });
});
// Escape says "I am here" as well as the button does.
warning.addEventListener("cancel", (event) => {
  if (!stay.hidden) {
    event.preventDefault();
    stay.requestSubmit();
  }
});
warning.querySelector("[data-close]").addEventListener("submit", () => {
  isDismissed = true;
});
// Timers stand still while a device sleeps and when a page comes back from the history.
document.addEventListener("visibilitychange", plan);
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) {
    goOn();
  }
});

/** Ask the server how much time is left. It counts a POST as use, a GET not: another tab may be in use. */
async function ask(options = {}) {
  try {
    const response = await fetch(stay.action, { cache: "no-store", ...options });
    const { left, is_final: isFinal } = await response.json();
    take({ left, isFinal });
  } catch {
    if (options.method) {
      text.textContent = failed;
      status.textContent = failed;
    }
  }
}

function take({ left, isFinal }) {
  end = Date.now() + left * 1000;
  stay.hidden = isFinal;
  warning.querySelector("[data-final-note]").hidden = !isFinal;
  warning.querySelector("[data-close]").hidden = !isFinal;
  if (left > Number(warn)) {
    warning.close();
  }
  plan();
}

function plan() {
  if (isLeaving) {
    return;
  }
  clearTimeout(timer);
  timer = setTimeout(step, Math.max(0, end - Date.now() - Number(warn) * 1000));
}

async function step() {
  if (secondsLeft() <= Number(warn) && !warning.open && !isDismissed) {
    await ask();
  }
  const left = secondsLeft();
  if (left > Number(warn)) {
    plan();
    return;
  }
  if (left <= 0) {
    await leave();
    return;
  }
  show(left);
  clearTimeout(timer);
  timer = setTimeout(step, 1000);
}

function show(left) {
  const sentence = left === 1 ? one : many.replace("#", left);
  text.textContent = sentence;
  if (!warning.open && !isDismissed) {
    warning.showModal();
    status.textContent = sentence;
  } else if (SPOKEN_AT.includes(left)) {
    status.textContent = sentence;
  }
}

/** The server has the last word on the end too. What the page shows must not stay for whoever comes next. */
async function leave() {
  // To go twice would drop the answer to the first time, and with it why the session ended.
  if (isLeaving) {
    return;
  }
  isLeaving = true;
  await ask();
  if (secondsLeft() > 0) {
    goOn();
    return;
  }
  location.replace(over);
  // Still here by then: somebody stopped it.
  timer = setTimeout(goOn, GO_AGAIN_MS);
}

function goOn() {
  isLeaving = false;
  plan();
}

function secondsLeft() {
  return Math.ceil((end - Date.now()) / 1000);
}
