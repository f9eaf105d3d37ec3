// Waits for the phone: long-polls the status, then goes on. Without this script the page refreshes itself.
const wait = document.getElementById("wait");
const { status: statusUrl, resume: resumeUrl, done, waiting, offline, nearly } = wait.dataset;
const left = document.getElementById("left");
const bar = document.getElementById("bar");
const status = document.getElementById("status");
const deadline = Date.now() + Number(wait.dataset.left) * 1000;
const SHORTEST_TURN = 1000;
const LONGEST_TURN = 40_000;
const NEARLY = 20;

let leaving = false;
let warned = false;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const say = (text) => {
  if (status.textContent !== text) status.textContent = text;
};

const leave = () => {
  if (leaving) return;
  leaving = true;
  location.replace(resumeUrl);
};

// A phone suspends a page in the background: the deadline is compared with the clock, not counted.
const tick = () => {
  const seconds = Math.max(0, Math.ceil((deadline - Date.now()) / 1000));
  left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  bar.value = seconds;
  wait.classList.toggle("nearly", seconds <= NEARLY);
  if (seconds <= NEARLY && !warned) {
    warned = true;
    say(nearly);
  }
  if (seconds === 0) leave();
};

const ask = async () => {
  const answer = await fetch(statusUrl, {
    headers: { accept: "application/json" },
    cache: "no-store",
    signal: AbortSignal.timeout(LONGEST_TURN),
  });
  // The interaction is over or not this browser's: the server says what to show.
  if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) return "done";
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return (await answer.json()).status;
};

const poll = async () => {
  while (!leaving) {
    const started = Date.now();
    try {
      if ((await ask()) === "done") {
        say(done);
        leave();
        return;
      }
      if (!warned) say(waiting);
    } catch {
      say(offline);
      await pause(SHORTEST_TURN);
    }
    await pause(Math.max(0, SHORTEST_TURN - (Date.now() - started)));
  }
};

// Coming back with the browser's back button must not show a number that is over.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.replace(resumeUrl);
});
setInterval(tick, 500);
tick();
poll();
