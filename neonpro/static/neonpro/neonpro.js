/* The shell's own behaviour. Loaded in the head, before htmx and Alpine start. */
"use strict";

{
  const root = document.documentElement;
  const said = (name) => document.querySelector(`meta[name="neonpro-${name}"]`)?.content ?? "";

  // Unfold's theme starts with Alpine, after the first paint; a dark page must not flash white until then.
  let theme = "auto";
  try {
    theme = JSON.parse(localStorage.getItem("adminTheme")) || "auto";
  } catch {
    // No storage, or not ours: as the system has it.
  }
  if (theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches)) {
    root.classList.add("dark");
  }
  // From here on the class is Alpine's, which removes only what it added.
  document.addEventListener("alpine:init", () => root.classList.remove("dark"));

  // What htmx would need inline styles and eval for is never asked of it.
  htmx.config.includeIndicatorStyles = false;
  htmx.config.allowEval = false;
  htmx.config.allowScriptTags = false;
  htmx.config.historyCacheSize = 0;

  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb === "get") {
      return;
    }
    event.detail.headers["X-CSRFToken"] = said("csrf");
    if (said("clinic")) {
      event.detail.parameters[said("clinic-field")] = said("clinic");
    }
  });

  const ready = (work) =>
    document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", work) : work();

  // A menu is a <details>: Escape and a click elsewhere close it.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (menu !== except) {
        menu.open = false;
      }
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details[data-menu]")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") {
      return;
    }
    const menu = document.activeElement?.closest("details[data-menu][open]");
    closeMenus();
    menu?.querySelector("summary").focus();
  });

  ready(() => {
    // A plain file field has no text field of Unfold's beside it, which Unfold's script would write the name into.
    document.querySelectorAll("input.np-file").forEach((field) => {
      field.hasChangeListener = true;
    });

    const command = document.getElementById("command");
    if (command) {
      const field = command.querySelector("input");
      const results = command.querySelector("#command-results");
      const open = () => {
        if (!command.open) {
          command.showModal();
        }
        field.select();
      };
      // Also while a row's checkbox or a field has the focus: no browser uses the keys for text.
      document.addEventListener("keydown", (event) => {
        if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          open();
        }
      });
      document.querySelectorAll("[data-opens-command]").forEach((button) => button.addEventListener("click", open));
      command.addEventListener("click", (event) => event.target === command && command.close());
      // What was searched for, and who was found, does not stay in the page.
      command.addEventListener("close", () => {
        field.value = "";
        results.replaceChildren();
      });
      command.addEventListener("keydown", (event) => {
        const links = [...results.querySelectorAll("a")];
        const at = links.indexOf(document.activeElement);
        if (event.key === "Escape") {
          // At once: the browser would only empty the field first.
          command.close();
        } else if (event.key === "ArrowDown" && links.length) {
          links[Math.min(at + 1, links.length - 1)].focus();
        } else if (event.key === "ArrowUp" && at >= 0) {
          (links[at - 1] ?? field).focus();
        } else {
          return;
        }
        event.preventDefault();
      });
      field.form.addEventListener("submit", (event) => {
        event.preventDefault();
        results.querySelector("a")?.click();
      });
      // Somebody opened another clinic in another tab, say. Reloading is not ours to do: a form may be half filled in.
      for (const failure of ["htmx:responseError", "htmx:sendError"]) {
        command.addEventListener(failure, () => {
          results.innerHTML = "";
          results.append(document.getElementById("command-failed").content.cloneNode(true));
        });
      }
    }

    document.querySelectorAll("[data-goes-back]").forEach((button) => {
      button.hidden = false;
      button.addEventListener("click", () => history.back());
    });
  });
}
