// The front page: says what a page knows once the number is proven.

const verification = document.querySelector("phone-verification");
const confirmation = document.getElementById("confirmation");

verification.addEventListener("verified", (event) => {
  document.getElementById("verified-phone").textContent = event.detail.phone;
  confirmation.hidden = false;
});

document.getElementById("start-over").addEventListener("click", () => {
  confirmation.hidden = true;
  verification.reset();
  verification.querySelector("input").focus();
});
