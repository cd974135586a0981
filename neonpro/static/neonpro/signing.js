/* Signing several entries: one request each, so that the page can say how far it is and what became of each.
   The certificate and its password stay in the form and are sent with every request; nothing keeps them. */
"use strict";

{
  const start = () => {
    const form = document.getElementById("np-sign");
    if (!form) {
      return;
    }
    const text = document.getElementById("np-progress-text");
    const bar = document.getElementById("np-progress");
    const button = form.querySelector("button[type=submit]:not([form])");

    const say = (words, values = {}) => {
      text.textContent = words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
    };

    const mark = (row, ok, words, address) => {
      const tag = document.createElement("span");
      tag.className = `np-tag ${ok ? "np-tag-success" : "np-tag-danger"}`;
      tag.textContent = ok ? form.dataset.signed : form.dataset.refused;
      const said = document.createElement(address ? "a" : "span");
      said.textContent = ` ${words}`;
      if (address) {
        said.href = address;
        said.className = "np-link";
      }
      const cell = row.querySelector(".np-result");
      cell.replaceChildren(tag, said);
      if (ok) {
        const box = row.querySelector("input");
        box.checked = false;
        box.disabled = true;
      }
    };

    const one = async (record) => {
      const body = new FormData(form);
      body.delete("record");
      body.append("record", record);
      const answer = await fetch(form.action, {
        method: "POST",
        body,
        headers: { Accept: "application/json" },
        credentials: "same-origin",
      });
      if (!answer.ok) {
        throw new Error("no answer");
      }
      return answer.json();
    };

    form.addEventListener("submit", async (event) => {
      if (event.submitter && event.submitter.form !== form) {
        return;
      }
      const boxes = [...form.querySelectorAll("input[name=record]:checked")];
      const file = form.elements.certificate_file;
      const password = form.elements.password;
      // What is missing is said by the server, on the page.
      if (!file.files.length || !password.value) {
        return;
      }
      event.preventDefault();
      if (!boxes.length) {
        say(form.dataset.none);
        return;
      }
      button.disabled = true;
      bar.hidden = false;
      bar.max = boxes.length;
      bar.value = 0;
      let done = 0;
      try {
        for (const [place, box] of boxes.entries()) {
          say(form.dataset.busy, { n: place + 1, total: boxes.length });
          const { wrong, results } = await one(box.value);
          if (wrong) {
            say(wrong);
            bar.hidden = true;
            password.value = "";
            password.focus();
            return;
          }
          for (const result of results) {
            mark(box.closest("tr"), !result.problem, result.problem || result.done, result.url);
            done += result.problem ? 0 : 1;
          }
          bar.value = place + 1;
        }
        say(form.dataset.finished, { done, total: boxes.length });
        bar.hidden = true;
        password.value = "";
        file.value = "";
      } catch {
        say(form.dataset.lost);
        bar.hidden = true;
      } finally {
        button.disabled = false;
      }
    });
  };
  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", start) : start();
}
