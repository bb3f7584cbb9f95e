// [data-find]: / goes there, Escape leaves.
import { isForThePage } from "./typing.js";

document.addEventListener("keydown", (event) => {
  const field = [...document.querySelectorAll("[data-find]")].find((one) => one.checkVisibility());
  if (!field) return;
  if (event.key === "/" && isForThePage(event)) {
    event.preventDefault();
    field.focus();
    field.select();
  } else if (event.key === "Escape" && document.activeElement === field) {
    field.blur();
  }
});
