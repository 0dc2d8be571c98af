// Reloads the first page of the inbox when a new message has arrived. Without it, the reload button does the same.

const EVERY_MS = 3000;
const inbox = document.getElementById("inbox");
const filter = document.getElementById("to");

async function lookForNews() {
  if (document.hidden || document.activeElement === filter) {
    return;
  }
  const response = await fetch(window.location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) {
    return;
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("inbox");
  if (fresh && fresh.dataset.newest !== inbox.dataset.newest) {
    inbox.replaceChildren(...fresh.childNodes);
    inbox.dataset.newest = fresh.dataset.newest;
  }
}

if (inbox.dataset.page === "1") {
  setInterval(() => lookForNews().catch(() => {}), EVERY_MS);
}
