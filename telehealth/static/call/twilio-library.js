const LIBRARY = new URL('../vendor/twilio-video-2.35.0.min.js', import.meta.url);

/** What an error of Twilio means for us, by its code; its classes have no names in the small library. */
const MEANING = {
  elsewhere: [53205],
  'no-entry': [20101, 20102, 20103, 20104, 20105, 20106, 20107],
  'no-room': [53103, 53106, 53118],
  full: [53105, 53119, 53206],
  'no-path': [53405],
  'no-video': [53400, 53401, 53402, 53403, 53404, 53407],
};
const REASONS = new Map(
  Object.entries(MEANING).flatMap(([reason, codes]) => codes.map((code) => [code, reason])),
);

class Unsupported extends Error {}

/** Why a connection did not come about or is over; whatever is not listed is a service out of reach. */
export function reasonOf(error) {
  return error instanceof Unsupported ? 'unsupported' : (REASONS.get(error?.code) ?? 'unreachable');
}

let library;

/** The library, loaded once: a classic script, since it is no module. */
export function load() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = LIBRARY;
    script.onload = () => {
      const { Video } = window.Twilio;
      if (Video.isSupported) resolve(Video);
      else reject(new Unsupported());
    };
    script.onerror = () => {
      library = undefined;
      reject(new TypeError('the library did not load'));
    };
    document.head.append(script);
  });
  return library;
}
