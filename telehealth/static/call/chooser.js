/** Fill the choices of camera, microphone and speaker, and follow what is chosen there. */
export function chooser(sheet, devices, useSpeaker) {
  const selects = [...sheet.querySelectorAll('[data-device]')];
  const speaks = 'setSinkId' in HTMLMediaElement.prototype;

  async function fill() {
    const choices = await devices.choices();
    for (const select of selects) {
      const source = select.dataset.device;
      const mine = choices.filter((choice) => choice.source === source);
      const kept = select.value;
      select.replaceChildren(
        ...mine.map(({ id, label, used }, index) => {
          const name = label || `${select.dataset.nameless} ${index + 1}`;
          return new Option(name, id, false, source === 'speaker' ? id === kept : used);
        }),
      );
      select.closest('.field').hidden = !mine.length || (source === 'speaker' && !speaks);
    }
  }

  for (const select of selects) {
    select.addEventListener('change', () => {
      if (select.dataset.device === 'speaker') useSpeaker(select.value);
      else devices.choose(select.dataset.device, select.value);
    });
  }
  sheet.addEventListener('toggle', ({ newState }) => newState === 'open' && fill());
  devices.on('changed', () => sheet.matches(':popover-open') && fill());
}
