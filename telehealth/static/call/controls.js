/**
 * The buttons of the call page: `actions` by the names in `data-action`, `toggle(source)` for those of
 * `data-toggle`, and `pressed()` before either: any press lets a browser play sound.
 */
export function controls(actions, { toggle, pressed }) {
  const dialog = document.querySelector('#end-session');
  const stage = document.querySelector('#call-stage');
  const asking = {
    end() {
      dialog.showModal();
      // A modal dialog makes it inert; this tells whoever looks at the tree.
      stage.ariaHidden = 'true';
    },
    'confirm-end'() {
      dialog.close();
      actions.end();
    },
  };
  dialog?.addEventListener('close', () => (stage.ariaHidden = null));
  document.addEventListener('click', ({ target }) => {
    pressed();
    const pressedOn = target.closest('[data-action], [data-toggle]')?.dataset ?? {};
    if (pressedOn.toggle) toggle(pressedOn.toggle);
    else (asking[pressedOn.action] ?? actions[pressedOn.action])?.();
  });
}
