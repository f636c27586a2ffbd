// A modal dialog by the browser's own element: it keeps the focus inside, and Escape closes it.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  title: string;
  close: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, close, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    const before = document.activeElement;
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={close}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

interface Question {
  title: string;
  body: string;
  yes: string;
  confirm: () => void;
  close: () => void;
}

export function Confirm({ title, body, yes, confirm, close }: Question) {
  return (
    <Dialog title={title} close={close}>
      <p class="body">{body}</p>
      <div class="actions">
        <button type="button" class="button" onClick={close}>
          Keep
        </button>
        <button
          type="button"
          class="button filled-danger"
          onClick={() => {
            close();
            confirm();
          }}
        >
          {yes}
        </button>
      </div>
    </Dialog>
  );
}
