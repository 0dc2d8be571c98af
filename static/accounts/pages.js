// Niceties for the pages of accounts; each page is complete without them.

// Browsers focus what says autofocus before the first frame; this is for those that do so for fields alone.
requestAnimationFrame(() => {
  const summary = document.querySelector(".error-summary");
  if (summary && document.activeElement !== summary) {
    summary.focus();
  }
});

for (const form of document.querySelectorAll("form[method=post]")) {
  sendOnce(form);
}

const wait = document.getElementById("resend-wait");
if (wait && Number(wait.dataset.resendIn) > 0) {
  countDown(wait, Date.now() + Number(wait.dataset.resendIn) * 1000);
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

/** A double click must not send a code twice: the second one would find it used. */
function sendOnce(form) {
  let isSent = false;
  form.addEventListener("submit", (event) => {
    if (isSent) {
      event.preventDefault();
    }
    isSent = true;
  });
  window.addEventListener("pageshow", () => {
    isSent = false;
  });
}

/** Count the seconds until the server will send again; until then the buttons say so by being off. */
function countDown(place, end) {
  const buttons = document.querySelectorAll("[data-resend]");
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    for (const button of buttons) {
      button.disabled = left > 0;
    }
    if (left <= 0) {
      clearInterval(timer);
      // Only the end is spoken: every second would drown out everything else.
      place.setAttribute("role", "status");
      place.textContent = place.dataset.now;
      return;
    }
    place.textContent = left === 1 ? place.dataset.one : place.dataset.many.replace("#", left);
  };
  const timer = setInterval(tick, 1000);
  tick();
}
