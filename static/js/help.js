// dialog[data-help]: ? and [data-open-help] show the keys.
import { isForThePage } from "./typing.js";

const dialog = document.querySelector("dialog[data-help]");
const openers = document.querySelectorAll("[data-open-help]");
if (dialog) {
  for (const opener of openers) {
    opener.hidden = false;
    opener.addEventListener("click", () => {
      opener.closest("details")?.removeAttribute("open");
      dialog.showModal();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || !isForThePage(event)) return;
    event.preventDefault();
    dialog.showModal();
  });
}
