/** The choice of camera, microphone and speaker; `speak(id)` is called with another speaker. */
export function chooser(sheet, devices, speak) {
  const selects = [...sheet.querySelectorAll('select')];
  const canSpeak = 'setSinkId' in HTMLMediaElement.prototype;

  async function fill() {
    const choices = await devices.choices();
    for (const select of selects) {
      const { kind, nameless } = select.dataset;
      const mine = choices.filter((choice) => choice.kind === kind);
      const speaker = kind === 'audiooutput';
      const chosen = speaker ? select.value : mine.find(({ used }) => used)?.id;
      const options = mine.map(
        ({ id, label }, index) =>
          new Option(label || `${nameless} ${index + 1}`, id, false, id === chosen),
      );
      select.replaceChildren(...options);
      select.closest('.field').hidden = !mine.length || (speaker && !canSpeak);
    }
  }

  sheet.addEventListener('change', ({ target }) => {
    const { source } = target.dataset;
    if (source) devices.choose(source, target.value);
    else speak(target.value);
  });
  sheet.addEventListener('toggle', ({ newState }) => newState === 'open' && fill());
  devices.on('changed', () => sheet.matches(':popover-open') && fill());
}
