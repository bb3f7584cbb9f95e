// [data-live="topic:id …"] is told when one of its topics changes: its hx-trigger="live" fetches it through its own
// page. The socket carries names, never content. After a break it goes on where it was; without one the page says so.
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;
const SILENCE_MS = 40_000;
const APART_MS = 100;
const SIGNED_OUT = 4401;
const address = document.body.dataset.liveUrl;
const words = document.querySelector("[data-live-state]");

let socket = null;
let cursor = document.body.dataset.liveCursor ?? "";
let wait = FIRST_WAIT_MS;
let listening = "";
let looking = null;
let lastWord = 0;
let retry = 0;
let ended = false;

const elements = () => [...document.querySelectorAll("[data-live]")];
const topicsOf = (element) => element.dataset.live.split(" ").filter(Boolean);

if (address) {
  connect();
  setInterval(watch, 5_000);
  addEventListener("online", hurry);
  addEventListener("offline", show);
  addEventListener("pageshow", (event) => { if (event.persisted) hurry(); });
  addEventListener("pagehide", () => socket?.close());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      hurry();
      catchUp();
    }
    look();
  });
  document.addEventListener("htmx:afterSettle", listen);
}

function connect() {
  clearTimeout(retry);
  if (ended) return;
  const url = new URL(address, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const mine = new WebSocket(url);
  socket = mine;
  listening = "";
  looking = null;
  lastWord = Date.now();
  mine.addEventListener("open", () => { if (mine === socket) listen(); });
  mine.addEventListener("message", (event) => { if (mine === socket) hear(JSON.parse(event.data)); });
  mine.addEventListener("close", (event) => { if (mine === socket) lost(event.code); });
}

function lost(code) {
  socket = null;
  if (code === SIGNED_OUT) {
    ended = true;
    show();
    return;
  }
  const again = wait * (0.5 + Math.random());
  wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  retry = setTimeout(connect, again);
  show();
}

// A sleeping laptop's socket dies without a word, and its timers stood still.
function watch() {
  if (socket && Date.now() - lastWord > SILENCE_MS) {
    const silent = socket;
    lost(0);
    silent.close();
  }
}

function hurry() {
  wait = FIRST_WAIT_MS;
  if (!socket) connect();
  else watch();
}

function isOpen() {
  return socket?.readyState === WebSocket.OPEN;
}

function listen() {
  if (!isOpen()) return;
  const topics = [...new Set(elements().flatMap(topicsOf))].sort();
  if (listening !== topics.join(" ")) {
    // What was not listened to before may have changed since the page was made; the cursor covers that.
    listening = topics.join(" ");
    socket.send(JSON.stringify({ listen: topics, cursor }));
  }
  look();
}

function look() {
  const question = document.querySelector("[data-looking]")?.dataset.looking;
  const id = document.hidden ? null : question ?? null;
  if (!isOpen() || looking === id) return;
  looking = id;
  socket.send(JSON.stringify({ looking: id }));
}

function hear(message) {
  lastWord = Date.now();
  if (message.reload) {
    // The log does not reach back so far: every part is fetched anew, and what is being typed stays.
    [cursor, listening] = ["", ""];
    listen();
    return;
  }
  if (message.listening) {
    wait = FIRST_WAIT_MS;
    show();
  }
  if (message.changed) told(new Set(message.changed));
  if (message.lost?.length || message.refused?.length) told(new Set([...(message.lost ?? []), ...(message.refused ?? [])]));
  if (message.cursor) cursor = message.cursor;
}

function told(changed) {
  for (const element of elements()) {
    if (topicsOf(element).some((topic) => changed.has(topic))) seen(element);
  }
}

// While nobody looks only what shows outside the page is kept up: the title's count. The rest is asked for once, when
// somebody looks again.
const unseen = new Set();

function seen(element) {
  if (document.hidden && !element.hasAttribute("data-live-always")) unseen.add(element.id);
  else fetchAgain(element);
}

function catchUp() {
  const ids = [...unseen];
  unseen.clear();
  for (const id of ids) {
    const element = document.getElementById(id);
    if (element?.matches("[data-live]")) fetchAgain(element);
  }
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches?.("[data-keep]")) event.preventDefault();
});

// One request at a time for each part, and a breath between two: what changed meanwhile is asked for once, afterwards.
const at = new WeakMap();

function fetchAgain(element) {
  const state = at.get(element) ?? { busy: false, again: false, last: 0 };
  at.set(element, state);
  if (state.busy) {
    state.again = true;
    return;
  }
  state.busy = true;
  const left = Math.max(0, state.last + APART_MS - performance.now());
  setTimeout(() => {
    if (!element.isConnected) {
      // Another took its place while it waited for its turn.
      state.again = true;
      done(element);
      return;
    }
    state.last = performance.now();
    window.htmx.process(element); // it listens some moments after it was put there, and may be told before
    element.dispatchEvent(new Event("live"));
    setTimeout(() => done(element), 10_000); // an answer that never comes must not keep the part still for ever
  }, left);
}

function done(element) {
  const state = at.get(element);
  if (!state?.busy) return;
  state.busy = false;
  if (!state.again) return;
  state.again = false;
  const now = element.isConnected ? element : document.getElementById(element.id); // another may stand in its place
  if (now?.matches("[data-live]")) fetchAgain(now);
}

// One that waited behind somebody's click asks as the part asks since then, not as it did when it was told.
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, triggeringEvent } = event.detail;
  if (triggeringEvent?.type === "live") event.detail.path = elt.getAttribute("hx-get");
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { xhr, requestConfig } = event.detail;
  const element = requestConfig.elt; // of one that was replaced by its answer, the event is told to its parent
  if (!element.matches?.("[data-live]")) return;
  // Not there any more for this viewer: the page itself says what that means.
  if (xhr.status === 403 || xhr.status === 404) location.reload();
  const failed = xhr.status === 0 || xhr.status >= 500;
  const state = at.get(element);
  if (failed && state) state.again = true;
  setTimeout(() => done(element), failed ? 1000 : 0);
});

function show() {
  if (!words) return;
  const state = ended ? "Signed out" : isOpen() && listening ? "Live" : navigator.onLine ? "Reconnecting" : "Offline";
  if (words.dataset.liveState === state) return;
  words.dataset.liveState = state;
  words.hidden = false;
  words.querySelector("[data-words]").textContent = state;
  words.querySelector("[data-reload-link]").hidden = state === "Live";
}
