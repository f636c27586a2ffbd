import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { go, hrefOf, route } from "../router.ts";
import { session } from "../session.ts";
import { useStack } from "../stack.ts";
import { chooseFiles } from "./drop.tsx";
import { Icon } from "./icons.tsx";

const narrow = matchMedia("(max-width: 46rem)");

export function Header() {
  const { uploads } = useStack();
  return (
    <header class="header">
      <a class="brand" href={hrefOf({ view: "library" })} aria-label="Smart Media Uploader: library">
        <img src="favicon.svg" alt="" width="32" height="32" />
        <span>Smart Media Uploader</span>
      </a>
      <SearchBox />
      <button
        type="button"
        class="button primary add"
        onClick={() => chooseFiles(uploads)}
        onPointerEnter={uploads.preload}
        aria-label="Add files"
      >
        <Icon name="add" />
        <span>Add files</span>
      </button>
      <Account />
    </header>
  );
}

function SearchBox() {
  const now = route.value;
  const text = useSignal(now.view === "search" ? now.query : "");
  useEffect(() => {
    if (now.view === "search") text.value = now.query;
    else text.value = "";
  }, [now]);
  function submit(event: Event): void {
    event.preventDefault();
    if (text.value.trim()) go({ view: "search", query: text.value.trim() });
  }
  return (
    <form role="search" onSubmit={submit}>
      <Icon name="search" />
      <input
        type="search"
        name="q"
        aria-label="Search what was said in your recordings"
        placeholder={narrow.matches ? "Search" : "Search what was said"}
        autocomplete="off"
        enterkeyhint="search"
        value={text}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
        }}
      />
    </form>
  );
}

function Account() {
  const { signOut } = useStack();
  const open = useSignal(false);
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open.value) return undefined;
    const close = (event: Event): void => {
      if (!menu.current?.contains(event.target as Node)) open.value = false;
    };
    document.addEventListener("pointerdown", close);
    document.addEventListener("focusin", close);
    return () => {
      document.removeEventListener("pointerdown", close);
      document.removeEventListener("focusin", close);
    };
  }, [open.value]);
  function escape(event: KeyboardEvent): void {
    if (event.key !== "Escape" || !open.value) return;
    open.value = false;
    menu.current?.querySelector("button")?.focus();
  }
  return (
    <div class="menu" ref={menu} onKeyDown={escape}>
      <button
        type="button"
        class="button square"
        aria-label="Account"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        <Icon name="user" />
      </button>
      {open.value && (
        <div class="items">
          <p class="who">
            <span class="small soft">Signed in as</span>
            <br />
            {session.value?.user}
          </p>
          <button type="button" onClick={signOut}>
            Sign out
          </button>
        </div>
      )}
    </div>
  );
}
