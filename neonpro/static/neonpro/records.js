/* The editor of the medical record saves while somebody writes, and says so. Nothing typed is kept in the browser's own
   storage: it is clinical, and the machine is everybody's. What cannot be saved stays on the page, and leaving asks. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-prints]").forEach((button) => button.addEventListener("click", () => window.print()));

  const form = document.querySelector("form[data-autosave]");
  if (!form) {
    return;
  }
  const status = document.getElementById("np-saved");
  const revision = form.elements.namedItem("revision");
  const PAUSE = 2500;
  let dirty = false;
  let running = false;
  let stopped = false;
  let timer = 0;

  const say = (text, state) => {
    status.textContent = text;
    status.dataset.state = state;
  };

  const save = async () => {
    clearTimeout(timer);
    if (!dirty || running || stopped) {
      return;
    }
    running = true;
    dirty = false;
    try {
      const answer = await fetch(form.dataset.autosave, {
        method: "POST",
        body: new FormData(form),
        credentials: "same-origin",
        redirect: "manual",
        headers: { Accept: "application/json" },
      });
      const told = await answer.json();
      if (told.saved) {
        revision.value = told.revision;
        say(told.message, "saved");
      } else {
        dirty = true;
        // Saved elsewhere meanwhile: to go on trying would change nothing.
        stopped = Boolean(told.stale);
        say(told.error, "failed");
      }
    } catch {
      dirty = true;
      say(form.dataset.offline, "failed");
      timer = setTimeout(save, 4 * PAUSE);
    } finally {
      running = false;
    }
    if (dirty && status.dataset.state === "saved") {
      timer = setTimeout(save, PAUSE);
    }
  };

  form.addEventListener("input", () => {
    dirty = true;
    if (!stopped && status.dataset.state !== "failed") {
      say(form.dataset.unsaved, "unsaved");
    }
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE);
  });
  form.addEventListener("change", save);
  document.addEventListener("visibilitychange", () => document.hidden && save());
  // A save of the whole form must not meet one of the script's: that would look like somebody else's.
  form.addEventListener("submit", (event) => {
    if (running) {
      event.preventDefault();
      const { submitter } = event;
      const wait = setInterval(() => {
        if (!running) {
          clearInterval(wait);
          form.requestSubmit(submitter);
        }
      }, 50);
      return;
    }
    clearTimeout(timer);
    stopped = true;
    dirty = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (dirty) {
      event.preventDefault();
    }
  });
});
