// [data-list]: j and k move through its [data-item] links; Enter is the browser's own.
import { isForThePage } from "./typing.js";

document.addEventListener("keydown", (event) => {
  if (!isForThePage(event) || (event.key !== "j" && event.key !== "k")) return;
  const items = [...document.querySelectorAll("[data-list] [data-item]")].filter((item) => item.checkVisibility());
  if (items.length === 0) return;
  event.preventDefault();
  const focused = items.indexOf(document.activeElement);
  const place = focused >= 0 ? focused : items.findIndex((item) => item.hasAttribute("aria-current"));
  const next = place < 0 ? 0 : place + (event.key === "j" ? 1 : -1);
  const item = items[Math.min(Math.max(next, 0), items.length - 1)];
  item.focus();
  item.scrollIntoView({ block: "nearest" });
});
