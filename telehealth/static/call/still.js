/**
 * What a camera shows, as a track that gives a picture whenever it is told to. A browser sets its
 * encoder up with the first picture it gets, throws that away and sends the second; from the camera
 * alone, each of the two may take a tenth of a second to come.
 */
export class Still {
  #shown;
  #context;

  /** @param {HTMLVideoElement} shown plays the camera, and has a picture */
  constructor(shown) {
    const canvas = document.createElement('canvas');
    canvas.width = shown.videoWidth;
    canvas.height = shown.videoHeight;
    this.#shown = shown;
    this.#context = canvas.getContext('2d', { alpha: false });
    this.track = canvas.captureStream().getVideoTracks()[0];
  }

  /** Give the picture of this moment. */
  give() {
    this.#context.drawImage(this.#shown, 0, 0);
  }
}
